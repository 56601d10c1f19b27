//! What an app sees of its account: owned values, copied out of the store when asked for.

use std::ops::Range;

use undertone_protocol::account::AccountId;
use undertone_protocol::content::{Hlc, MessageId, Post, Timer, type_of};
use undertone_protocol::time::Timestamp;

use super::rows::{LastMessage, preview};
use crate::engine::{DelayReason, IdentityAlarm, View};
use crate::store::{
    self, ContactId, ContactRow, ContactState, ConversationCursor, ConversationId, ConversationRow,
    GapRow, GapState, Hit, InviteId, InviteRow, MessageKind, MessageRow, MessageState, Missing,
    Position, SearchCursor, ShownProfile,
};

/// Somebody who wrote, was written to, or was blocked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Contact {
    /// For calls about them, on this device only.
    pub id: ContactId,
    /// Their account; its text is `ut1…`.
    pub account: AccountId,
    /// The name they gave, or that the user gave them. May be empty. Not verified: compare safety numbers.
    pub name: String,
    /// The name they gave themselves in their profile; empty before one was fetched.
    pub own_name: String,
    /// What they say about themselves; empty when they say nothing.
    pub about: String,
    /// Says which picture they show ([`Client::avatar`](crate::Client::avatar)): another value, perhaps another picture. `None` when they
    /// show none.
    pub avatar: Option<[u8; 16]>,
    /// How the two accounts stand.
    pub state: ContactState,
    /// When their newest known device list was signed; `None` before one was fetched. After 30 days it has expired, and after
    /// 45 nothing is sent until they come online and sign another one.
    pub device_list_signed: Option<Timestamp>,
    /// Since when this device knows them.
    pub since: Timestamp,
    /// Why what is sent to them waits, if it does; it goes on by itself.
    pub delay: Option<DelayReason>,
}

/// An entry of the conversation list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConversationSummary {
    /// For calls about it, on this device only.
    pub id: ConversationId,
    /// The other side.
    pub contact: Option<ContactId>,
    /// The account of the other side: what to call it while it has no name.
    pub account: Option<AccountId>,
    /// What to call it; may be empty.
    pub title: String,
    /// Messages that were not read.
    pub unread: u64,
    /// Those of them that name this account, or answer what it wrote.
    pub mentions: u64,
    /// When something last happened in it.
    pub active: Timestamp,
    /// Whether it is shown before those that are not pinned.
    pub pinned: bool,
    /// Whether it is in the archive, and not in the list.
    pub archived: bool,
    /// Until when the user is not to be told of its messages.
    pub muted_until: Option<Timestamp>,
    /// Whether the user marked it as unread.
    pub marked_unread: bool,
    /// What the user has begun to write.
    pub draft: String,
    /// How long after it was read what is written now disappears; `None`: it stays.
    pub timer: Option<Timer>,
    /// Its newest message.
    pub last: Option<LastMessage>,
    /// Whether the other side types now.
    pub typing: bool,
    /// Why what is sent there waits, if it does; it goes on by itself.
    pub delay: Option<DelayReason>,
    /// Continues the list after this entry.
    pub cursor: ConversationCursor,
}

/// A message of a conversation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// The same on every device of both sides.
    pub id: MessageId,
    /// Where it is.
    pub conversation: ConversationId,
    /// Who wrote it; `None` for this account.
    pub sender: Option<ContactId>,
    /// What it says; `None` when it was deleted, is a system row or shown once, and when its kind is newer than this version.
    pub post: Option<Post>,
    /// The type of its content (SPEC.md, 20.3) when that is newer than this version: a placeholder, until a version that reads it has
    /// opened the store.
    pub unsupported: Option<u8>,
    /// Whether its author took it back: only its place is left.
    pub deleted: bool,
    /// When it was edited last, by its author's clock. What it said before: [`Client::revisions`](crate::Client::revisions).
    pub edited: Option<Timestamp>,
    /// Whether it is shown once ([`Client::view_once`](crate::Client::view_once)), and was; `post` is `None` then.
    pub once: Option<Once>,
    /// What it tells, when it is no message that somebody wrote: no message can look like this.
    pub system: Option<SystemRow>,
    /// When it disappears; `None` also before it was read, and when it was read while no relay had confirmed the time. How long after that: `post.disappears_after`.
    pub disappears: Option<Timestamp>,
    /// What people think of it, one entry a person.
    pub reactions: Vec<Reaction>,
    /// How far it has come.
    pub state: MessageState,
    /// When it was written, by its sender's clock.
    pub sent: Timestamp,
    /// Its place in the conversation, the same on every device; pages continue from it.
    pub position: Position,
}

/// Something that is shown among the messages and is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SystemRow {
    /// What is written from now on disappears so long after it was read; `None`: it stays. Who set it is the row's sender.
    TimerSet(Option<Timer>),
    /// Something about the identity of the row's sender is new or wrong.
    IdentityChanged(IdentityAlarm),
}

/// How it stands with a message that is shown once.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Once {
    /// Its recipient has not looked at it.
    Unseen,
    /// He has; of an own one that is known only if he lets it be told.
    Seen,
}

/// What one person thinks of a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reaction {
    /// Who; `None` for this account.
    pub sender: Option<ContactId>,
    /// At least one, none twice.
    pub emoji: Vec<String>,
}

/// What a message said before it was edited.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Revision {
    /// Since when it said that, by its author's clock.
    pub since: Timestamp,
    /// What it said.
    pub post: Post,
}

/// Messages of one device that are known to be missing: later ones of it are there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Gap {
    /// How many.
    pub messages: u64,
    /// Whether they were asked for, or are given up.
    pub state: GapState,
    /// When it was noticed.
    pub found: Timestamp,
}

/// A message that a search found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SearchHit {
    /// The message.
    pub message: Message,
    /// The part of its text around the first match.
    pub snippet: String,
    /// The matches: byte ranges of `snippet` on character boundaries, ascending, not overlapping.
    pub highlights: Vec<Range<usize>>,
}

/// A page of search results.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SearchPage {
    /// The results.
    pub hits: Vec<SearchHit>,
    /// Continues behind this page; `None` at the end.
    pub next: Option<SearchCursor>,
}

/// An invitation that this account gave out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Invite {
    /// For revoking it.
    pub id: InviteId,
    /// What the user calls it.
    pub name: String,
    /// What to give to the other side: `https://RELAY/#ut1…`. Whoever has it can write.
    pub link: String,
    /// When it was made.
    pub created: Timestamp,
    /// Whether it was revoked.
    pub revoked: bool,
}

impl Contact {
    pub(super) fn new(row: ContactRow, shown: Option<ShownProfile>, view: &View<'_>) -> Self {
        let avatar = shown.as_ref().and_then(|shown| shown.picture_of);
        let (own_name, about) = shown
            .map(|shown| (shown.name, shown.about))
            .unwrap_or_default();
        Self {
            own_name,
            about,
            avatar: avatar.map(|digest| digest.0),
            delay: view.delay(row.id),
            since: row.created,
            id: row.id,
            account: row.account,
            name: row.name,
            state: row.state,
            device_list_signed: row.manifest_issued,
        }
    }
}

impl LastMessage {
    fn new(last: store::LastMessage) -> Self {
        let (parts, extra) = (last.parts.as_deref(), last.extra.as_deref());
        Self {
            id: last.message_id,
            is_own: !last.incoming,
            state: last.state,
            preview: preview(last.kind, last.preview, parts, extra),
        }
    }
}

impl ConversationSummary {
    pub(super) fn new(row: ConversationRow, view: &View<'_>) -> Self {
        let cursor = row.cursor();
        Self {
            id: row.id,
            contact: row.contact,
            account: row.account,
            mentions: row.mentions,
            typing: view.is_typing(row.id),
            delay: row.contact.and_then(|contact| view.delay(contact)),
            title: row.title,
            unread: row.unread,
            active: row.active,
            pinned: row.settings.pinned,
            archived: row.settings.archived,
            muted_until: row.settings.muted_until,
            marked_unread: row.settings.marked_unread,
            draft: row.settings.draft,
            timer: row.timer.and_then(Timer::from_seconds),
            last: row.last.map(LastMessage::new),
            cursor,
        }
    }
}

impl From<MessageRow> for Message {
    fn from(row: MessageRow) -> Self {
        let position = row.position();
        let message = row.message;
        let is_text = message.kind == MessageKind::Text;
        let extra = message.extra.as_deref();
        let is_unsupported = message.kind == MessageKind::Unsupported;
        Self {
            unsupported: is_unsupported.then(|| extra.and_then(type_of).unwrap_or_default()),
            system: SystemRow::of(message.kind, extra),
            id: message.message_id,
            conversation: message.conversation,
            sender: message.sender,
            post: is_text.then(|| post(message.body, message.parts.as_deref())),
            deleted: message.kind == MessageKind::Deleted,
            once: once(message.kind, message.state),
            edited: row.edited.map(Hlc::time),
            disappears: row.expires.filter(|at| at.0 > 0),
            reactions: row.reactions.into_iter().map(Reaction::from).collect(),
            state: message.state,
            sent: message.sent,
            position,
        }
    }
}

impl Message {
    /// Its text; `None` when it was deleted, and when its kind is newer than this version.
    #[must_use]
    pub fn text(&self) -> Option<&str> {
        self.post.as_ref().map(|post| post.text.as_str())
    }
}

impl From<store::Reaction> for Reaction {
    fn from(reaction: store::Reaction) -> Self {
        Self {
            sender: reaction.sender,
            emoji: reaction.emoji,
        }
    }
}

impl From<store::Revision> for Revision {
    fn from(revision: store::Revision) -> Self {
        Self {
            since: revision.clock.time(),
            post: post(revision.body, revision.parts.as_deref()),
        }
    }
}

impl SystemRow {
    /// What a row of a kind says by what it keeps; `None` when somebody wrote it.
    pub(crate) fn of(kind: MessageKind, extra: Option<&[u8]>) -> Option<Self> {
        match kind {
            MessageKind::Text
            | MessageKind::Unsupported
            | MessageKind::Deleted
            | MessageKind::Removed
            | MessageKind::ViewOnce
            | MessageKind::Viewed => None,
            MessageKind::TimerSet => {
                let seconds = extra.and_then(|bytes| bytes.first_chunk());
                let timer = seconds.map(|bytes| u32::from_be_bytes(*bytes));
                Some(Self::TimerSet(timer.and_then(Timer::from_seconds)))
            }
            MessageKind::IdentityChanged => {
                let alarm = extra.and_then(|bytes| IdentityAlarm::from_code(*bytes.first()?));
                alarm.map(Self::IdentityChanged)
            }
        }
    }
}

fn once(kind: MessageKind, state: MessageState) -> Option<Once> {
    match kind {
        MessageKind::ViewOnce if state == MessageState::Read => Some(Once::Seen),
        MessageKind::ViewOnce => Some(Once::Unseen),
        MessageKind::Viewed => Some(Once::Seen),
        MessageKind::Text
        | MessageKind::Unsupported
        | MessageKind::Deleted
        | MessageKind::Removed
        | MessageKind::TimerSet
        | MessageKind::IdentityChanged => None,
    }
}

/// What the store has of a post, which wrote it from one.
pub(super) fn post(text: String, parts: Option<&[u8]>) -> Post {
    Post::from_parts(&text, parts.unwrap_or_default()).unwrap_or_else(|_| Post::text(text))
}

impl Gap {
    /// Of a hole in a stream; what did not open is a hole as soon as anything follows it.
    pub(super) fn of(row: &GapRow) -> Option<Self> {
        let Missing::Stream { first, last, .. } = row.missing else {
            return None;
        };
        Some(Self {
            messages: last.saturating_sub(first).saturating_add(1),
            state: row.state,
            found: row.found,
        })
    }
}

impl From<Hit> for SearchHit {
    fn from(hit: Hit) -> Self {
        Self {
            message: hit.message.into(),
            snippet: hit.snippet,
            highlights: hit.highlights,
        }
    }
}

impl From<store::SearchPage> for SearchPage {
    fn from(page: store::SearchPage) -> Self {
        Self {
            hits: page.hits.into_iter().map(SearchHit::from).collect(),
            next: page.next,
        }
    }
}

impl Invite {
    pub(super) fn new(row: InviteRow, link: String) -> Self {
        Self {
            id: row.id,
            name: row.name,
            link,
            created: row.created,
            revoked: row.revoked.is_some(),
        }
    }
}
