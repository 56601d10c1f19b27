//! Writing an export: what the store has, as lines.
//!
//! Invariant: the order of files and lines is that of accounts and timelines, never that of row numbers or of time of writing; what
//! is taken from a row is named here field by field, so that a column that holds a secret gets into no file by itself.

use std::path::Path;

use undertone_protocol::account::AccountId;
use undertone_protocol::content::{Post, Timer};

use super::ExportSummary;
use super::error::ExportError;
use super::files::{CONTACTS, HEAD, Lines, Partial, conversation_file};
use super::lines::{self, FORMAT, Head, Kind, Line, ME, PayloadLine, PostLine, Standing, VERSION};
use crate::client::SystemRow;
use crate::operation::{Operation, Watch};
use crate::store::{
    ContactId, ContactRow, ContactState, ConversationSettings, ExportedConversation,
    ExportedMessage, MessageKind, MessageRow, StoreError,
};

/// Who exports.
pub(crate) struct Exporter {
    pub(crate) account: AccountId,
    pub(crate) name: String,
    pub(crate) read_receipts: bool,
    pub(crate) typing_indicators: bool,
}

/// A contact and its conversation.
pub(crate) struct Conversation {
    pub(crate) contact: ContactRow,
    pub(crate) conversation: ExportedConversation,
}

/// An export that is being written.
pub(crate) struct Export {
    folder: Partial,
    contacts: Lines,
    summary: ExportSummary,
    total: u64,
    operation: Operation,
}

impl Export {
    /// Begins an export of about `total` messages that will be at `target`.
    pub(crate) fn begin(
        target: &Path,
        total: u64,
        operation: Operation,
    ) -> Result<Self, ExportError> {
        let folder = Partial::begin(target)?;
        let contacts = folder.lines(Path::new(CONTACTS))?;
        Ok(Self {
            folder,
            contacts,
            summary: ExportSummary::default(),
            total,
            operation,
        })
    }

    /// Writes a conversation, whose messages `next` gives page by page until there are none.
    pub(crate) fn conversation(
        &mut self,
        of: &Conversation,
        mut next: impl FnMut() -> Result<Vec<ExportedMessage>, StoreError>,
    ) -> Result<(), ExportError> {
        let account = of.contact.account.to_text();
        self.contacts
            .line(&Line::Contact(contact(&of.contact, &account)))?;
        let mut lines = self.folder.lines(&conversation_file(&account))?;
        lines.line(&Line::Conversation(conversation(
            &of.conversation,
            &account,
        )))?;
        let people = People {
            them: of.contact.id,
            account: &account,
        };
        loop {
            let seen = self.summary.messages + self.summary.left_out;
            self.operation.at(seen, self.total.max(seen))?;
            let page = next()?;
            if page.is_empty() {
                break;
            }
            for message in page {
                self.message(&mut lines, &people, message)?;
            }
        }
        lines.close()?;
        self.summary.contacts += 1;
        Ok(())
    }

    /// Puts everything in its place.
    pub(crate) fn finish(self, who: Exporter) -> Result<ExportSummary, ExportError> {
        self.contacts.close()?;
        let mut head = self.folder.lines(Path::new(HEAD))?;
        head.line(&Head {
            format: FORMAT.to_owned(),
            version: VERSION,
            account: who.account.to_text(),
            name: who.name,
            read_receipts: who.read_receipts,
            typing_indicators: who.typing_indicators,
            contacts: self.summary.contacts,
            messages: self.summary.messages,
        })?;
        head.close()?;
        let seen = self.summary.messages + self.summary.left_out;
        self.operation.at(seen, seen)?;
        self.folder.finish()?;
        Ok(self.summary)
    }

    fn message(
        &mut self,
        lines: &mut Lines,
        people: &People<'_>,
        exported: ExportedMessage,
    ) -> Result<(), ExportError> {
        let ExportedMessage {
            row,
            revisions,
            reactions,
        } = exported;
        // A file forgets nothing by itself.
        let is_once = matches!(
            row.message.kind,
            MessageKind::ViewOnce | MessageKind::Viewed
        );
        if row.message.timer.is_some() || is_once {
            self.summary.left_out += 1;
            return Ok(());
        }
        let id = hex::encode(row.message.message_id.as_bytes());
        let Some(message) = self.message_line(people, row)? else {
            return Ok(());
        };
        lines.line(&Line::Message(Box::new(message)))?;
        for revision in revisions {
            lines.line(&Line::Revision(Box::new(lines::Revision {
                of: id.clone(),
                clock: revision.clock.into(),
                post: self.post(revision.body, revision.parts.as_deref())?,
            })))?;
        }
        for reaction in reactions {
            lines.line(&Line::Reaction(lines::Reaction {
                to: id.clone(),
                from: people.name(reaction.sender)?,
                clock: reaction.clock.into(),
                emoji: reaction.emoji,
            }))?;
        }
        self.summary.messages += 1;
        Ok(())
    }

    fn message_line(
        &self,
        people: &People<'_>,
        row: MessageRow,
    ) -> Result<Option<lines::Message>, ExportError> {
        let message = row.message;
        let (mut timer, mut identity) = (None, None);
        match SystemRow::of(message.kind, message.extra.as_deref()) {
            Some(SystemRow::TimerSet(set)) => timer = set.map(Timer::seconds),
            Some(SystemRow::IdentityChanged(alarm)) => identity = Some(alarm.into()),
            None => {}
        }
        let kind = match message.kind {
            MessageKind::Text => Kind::Text,
            MessageKind::Unsupported => Kind::Unsupported,
            MessageKind::Deleted => Kind::Deleted,
            MessageKind::TimerSet => Kind::TimerSet,
            MessageKind::IdentityChanged => Kind::IdentityChanged,
            // No page has the first; of the others there is nothing that may be kept.
            MessageKind::Removed | MessageKind::ViewOnce | MessageKind::Viewed => return Ok(None),
        };
        let post = match kind {
            Kind::Text => Some(self.post(message.body, message.parts.as_deref())?),
            Kind::Deleted | Kind::Unsupported | Kind::TimerSet | Kind::IdentityChanged => None,
        };
        Ok(Some(lines::Message {
            id: hex::encode(message.message_id.as_bytes()),
            from: people.name(message.sender)?,
            device: hex::encode(message.sender_device.as_bytes()),
            seq: message.seq,
            clock: message.clock.into(),
            sent: message.sent.0,
            stored: message.stored.0,
            state: message.state.into(),
            kind,
            post,
            edited: row.edited.map(Into::into),
            timer,
            identity,
        }))
    }

    fn post(&self, text: String, parts: Option<&[u8]>) -> Result<PostLine, ExportError> {
        // What the store has was written from a post.
        let post =
            Post::from_parts(&text, parts.unwrap_or_default()).unwrap_or_else(|_| Post::text(text));
        let payload = match &post.payload {
            Some(payload) => Some(PayloadLine {
                mime_type: payload.mime_type.clone(),
                sha256: self.folder.media(&payload.bytes)?,
            }),
            None => None,
        };
        Ok(PostLine::of(post, payload))
    }
}

/// Who can have written something in a conversation.
struct People<'a> {
    them: ContactId,
    account: &'a str,
}

impl People<'_> {
    fn name(&self, sender: Option<ContactId>) -> Result<String, StoreError> {
        match sender {
            None => Ok(ME.to_owned()),
            Some(contact) if contact == self.them => Ok(self.account.to_owned()),
            Some(_) => Err(StoreError::Corrupt),
        }
    }
}

fn contact(row: &ContactRow, account: &str) -> lines::Contact {
    let blocked = row.state == ContactState::Blocked;
    let state = row.blocked_from.filter(|_| blocked).unwrap_or(row.state);
    lines::Contact {
        account: account.to_owned(),
        name: row.name.clone(),
        standing: match state {
            ContactState::Requested => Standing::Request,
            ContactState::Invited | ContactState::Accepted | ContactState::Blocked => {
                Standing::Known
            }
        },
        blocked,
        relay: row.manifest_relay.clone(),
        manifest_key: hex::encode(row.manifest_key),
        since: row.created.0,
    }
}

fn conversation(exported: &ExportedConversation, account: &str) -> lines::Conversation {
    let ConversationSettings {
        pinned,
        archived,
        muted_until,
        marked_unread,
        draft,
    } = &exported.row.settings;
    lines::Conversation {
        with: account.to_owned(),
        created: exported.created.0,
        read: exported.read.into(),
        pinned: *pinned,
        archived: *archived,
        muted_until: muted_until.map(|at| at.0),
        marked_unread: *marked_unread,
        draft: draft.clone(),
        timer: exported.row.timer,
    }
}
