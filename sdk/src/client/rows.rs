//! Rows of lists and timelines: all that a user interface draws of a conversation or a message.
//!
//! Invariant: rows are read in a number of queries that does not depend on how many they are, and no row costs another one.
//! Not its concern: which rows, and when (`live`).

use std::collections::{BTreeSet, HashMap};

use undertone_protocol::account::AccountId;
use undertone_protocol::content::{MessageId, type_of};

use super::model::{Gap, Message, SystemRow, post};
use crate::engine::View;
use crate::store::{
    ContactId, ConversationId, GapId, GapRow, MessageKind, MessageState, NamedContact, Position,
    QuotedRow, StoreError, TimelineEntry,
};

/// The beginning of a message, as a list or a quote shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Preview {
    /// The first characters of its text.
    Text(String),
    /// A contact card without text.
    Card {
        /// The name on it.
        name: String,
    },
    /// A place without text.
    Place {
        /// What it is called; may be empty.
        label: String,
    },
    /// Something of the application's own without text.
    Payload {
        /// What it is.
        mime_type: String,
    },
    /// Its author took it back, or it was deleted here.
    Deleted,
    /// It is shown once, or was ([`Message::once`]).
    Once,
    /// It is no message that somebody wrote.
    System(SystemRow),
    /// It is of a kind that is newer than this version.
    Unsupported {
        /// The type of its content (SPEC.md, 20.3).
        content_type: u8,
    },
}

/// The newest message of a conversation, as the list shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LastMessage {
    /// Which.
    pub id: MessageId,
    /// Whether this account wrote it.
    pub is_own: bool,
    /// How far it has come.
    pub state: MessageState,
    /// Its beginning.
    pub preview: Preview,
}

/// Somebody, with a name to show.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Person {
    /// Who; `None` for this account.
    pub contact: Option<ContactId>,
    /// The account, for whoever has no name; `None` when the contact is gone.
    pub account: Option<AccountId>,
    /// The name; may be empty.
    pub name: String,
}

/// What became of a message that another one answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Original {
    /// It is here as it was written.
    Here,
    /// It is here, and says something else than at first.
    Edited,
    /// It was deleted.
    Deleted,
    /// It is not in this conversation here; what is shown of it is what the answer says.
    Missing,
}

/// What a message answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Quote {
    /// Which message. [`Timeline::jump_to`](crate::Timeline::jump_to) shows it.
    pub message: MessageId,
    /// Who wrote it; `None` when that is nobody known here.
    pub author: Option<Person>,
    /// Its beginning: as it is here, else as the answer quotes it.
    pub preview: Preview,
    /// What became of it.
    pub original: Original,
}

/// An emoji, and who thinks so.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EmojiCount {
    /// The emoji.
    pub emoji: String,
    /// Who; at least one.
    pub people: Vec<Person>,
    /// Whether this account is among them.
    pub is_own: bool,
}

/// A message with all that is drawn of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MessageItem {
    /// The message.
    pub message: Message,
    /// Who wrote it; of a system row, whom it is about.
    pub sender: Person,
    /// What it answers.
    pub quote: Option<Quote>,
    /// What people think of it, in the order in which it was first said.
    pub reactions: Vec<EmojiCount>,
}

/// What a row of a timeline shows.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum TimelineItem {
    /// A message, or something that happened ([`Message::system`]).
    Message(Box<MessageItem>),
    /// Messages are missing here. The row goes when they come.
    Gap(Gap),
}

/// What a row of a timeline is, whatever it shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum RowId {
    /// A message.
    Message(MessageId),
    /// A gap.
    Gap(GapId),
}

/// A row of a timeline.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TimelineRow {
    /// The same as long as the row is there.
    pub id: RowId,
    /// Its place.
    pub position: Position,
    /// What it shows.
    pub item: TimelineItem,
}

/// The beginning of a message, from what the store has of it. `parts` only when there is no text.
pub(super) fn preview(
    kind: MessageKind,
    body: String,
    parts: Option<&[u8]>,
    extra: Option<&[u8]>,
) -> Preview {
    match kind {
        MessageKind::Text => textless(body, parts),
        MessageKind::Deleted | MessageKind::Removed => Preview::Deleted,
        MessageKind::ViewOnce | MessageKind::Viewed => Preview::Once,
        MessageKind::Unsupported => Preview::Unsupported {
            content_type: extra.and_then(type_of).unwrap_or_default(),
        },
        MessageKind::TimerSet | MessageKind::IdentityChanged => {
            SystemRow::of(kind, extra).map_or(Preview::Text(body), Preview::System)
        }
    }
}

/// The text, or what there is instead of it.
fn textless(body: String, parts: Option<&[u8]>) -> Preview {
    if !body.is_empty() {
        return Preview::Text(body);
    }
    let post = post(body, parts);
    if let Some(card) = post.card {
        Preview::Card { name: card.name }
    } else if let Some(place) = post.location {
        Preview::Place { label: place.label }
    } else if let Some(payload) = post.payload {
        Preview::Payload {
            mime_type: payload.mime_type,
        }
    } else {
        Preview::Text(post.text)
    }
}

/// The rows of entries of a conversation, in their order.
pub(super) fn timeline_rows(
    view: &View<'_>,
    conversation: ConversationId,
    entries: Vec<TimelineEntry>,
) -> Result<Vec<TimelineRow>, StoreError> {
    let entries: Vec<Entry> = entries.into_iter().map(Entry::from).collect();
    let messages: Vec<&Message> = entries.iter().filter_map(Entry::message).collect();
    let known = Known::load(view, conversation, &messages)?;
    let rows = entries.into_iter().filter_map(|entry| match entry {
        Entry::Message(message) => Some(known.message_row(*message)),
        Entry::Gap(position, row) => gap_row(position, &row),
    });
    Ok(rows.collect())
}

/// What becomes a row.
enum Entry {
    Message(Box<Message>),
    Gap(Position, GapRow),
}

impl From<TimelineEntry> for Entry {
    fn from(entry: TimelineEntry) -> Self {
        match entry {
            TimelineEntry::Message(row) => Self::Message(Box::new(row.into())),
            TimelineEntry::Gap(row, position) => Self::Gap(position, row),
        }
    }
}

impl Entry {
    fn message(&self) -> Option<&Message> {
        match self {
            Self::Message(message) => Some(message),
            Self::Gap(..) => None,
        }
    }
}

fn gap_row(position: Position, row: &GapRow) -> Option<TimelineRow> {
    Some(TimelineRow {
        id: RowId::Gap(row.id),
        position,
        item: TimelineItem::Gap(Gap::of(row)?),
    })
}

/// What the messages of a page need beside themselves.
struct Known {
    own: AccountId,
    own_name: String,
    quoted: HashMap<MessageId, QuotedRow>,
    people: Vec<NamedContact>,
}

impl Known {
    /// In one query for what is quoted, and one for who is named.
    fn load(
        view: &View<'_>,
        conversation: ConversationId,
        messages: &[&Message],
    ) -> Result<Self, StoreError> {
        let replies = || {
            let posts = messages.iter().filter_map(|message| message.post.as_ref());
            posts.filter_map(|post| post.reply.as_ref())
        };
        let targets: Vec<MessageId> = replies().map(|reply| reply.message).collect();
        let quoted = view.quoted(conversation, &targets)?;
        let senders = messages.iter().filter_map(|message| message.sender);
        let reactions = messages.iter().flat_map(|message| &message.reactions);
        let contacts: BTreeSet<ContactId> = senders
            .chain(reactions.filter_map(|reaction| reaction.sender))
            .chain(quoted.iter().filter_map(|row| row.sender))
            .collect();
        let contacts: Vec<ContactId> = contacts.into_iter().collect();
        let accounts: Vec<AccountId> = replies().map(|reply| reply.author).collect();
        Ok(Self {
            own: view.account(),
            own_name: view.name().to_owned(),
            people: view.names(&contacts, &accounts)?,
            quoted: quoted.into_iter().map(|row| (row.message, row)).collect(),
        })
    }

    fn person(&self, contact: Option<ContactId>) -> Person {
        let (account, name) = match contact {
            None => (Some(self.own), self.own_name.clone()),
            Some(id) => {
                let found = self.people.iter().find(|one| one.id == id);
                let name = found.map(|one| one.name.clone());
                (found.map(|one| one.account), name.unwrap_or_default())
            }
        };
        Person {
            contact,
            account,
            name,
        }
    }

    /// `None` when nobody here has the account.
    fn owner(&self, account: AccountId) -> Option<Person> {
        if account == self.own {
            return Some(self.person(None));
        }
        let found = self.people.iter().find(|one| one.account == account)?;
        Some(self.person(Some(found.id)))
    }

    fn message_row(&self, message: Message) -> TimelineRow {
        TimelineRow {
            id: RowId::Message(message.id),
            position: message.position,
            item: TimelineItem::Message(Box::new(MessageItem {
                sender: self.person(message.sender),
                quote: self.quote(&message),
                reactions: self.reactions(&message),
                message,
            })),
        }
    }

    /// Who has the message sees that, and nothing of one that was deleted.
    fn quote(&self, message: &Message) -> Option<Quote> {
        let reply = message.post.as_ref()?.reply.as_ref()?;
        let Some(row) = self.quoted.get(&reply.message) else {
            return Some(Quote {
                message: reply.message,
                author: self.owner(reply.author),
                preview: Preview::Text(reply.quote.clone()),
                original: Original::Missing,
            });
        };
        let original = match row.kind {
            MessageKind::Deleted | MessageKind::Removed => Original::Deleted,
            MessageKind::Text
            | MessageKind::Unsupported
            | MessageKind::ViewOnce
            | MessageKind::Viewed
            | MessageKind::TimerSet
            | MessageKind::IdentityChanged => match row.edited {
                true => Original::Edited,
                false => Original::Here,
            },
        };
        let (parts, extra) = (row.parts.as_deref(), row.extra.as_deref());
        Some(Quote {
            message: reply.message,
            author: Some(self.person(row.sender)),
            preview: preview(row.kind, row.body.clone(), parts, extra),
            original,
        })
    }

    fn reactions(&self, message: &Message) -> Vec<EmojiCount> {
        let mut counts: Vec<EmojiCount> = Vec::new();
        for reaction in &message.reactions {
            for emoji in &reaction.emoji {
                let person = self.person(reaction.sender);
                let is_own = reaction.sender.is_none();
                match counts.iter_mut().find(|count| count.emoji == *emoji) {
                    Some(count) => {
                        count.people.push(person);
                        count.is_own |= is_own;
                    }
                    None => counts.push(EmojiCount {
                        emoji: emoji.clone(),
                        people: vec![person],
                        is_own,
                    }),
                }
            }
        }
        counts
    }
}
