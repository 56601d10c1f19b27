//! Conversations: the list with its last message and unread count, kept up to date by whatever writes messages.

use rusqlite::Row;

use super::messages::{MessageKind, MessageState, NewMessage, stored};
use super::{StoreError, Tx, exactly_one, page, table};
use crate::store::ids::{ContactId, ConversationId, Uint, account_id, at, maybe_at};
use crate::store::limits::PREVIEW_CHARS;
use undertone_protocol::account::AccountId;
use undertone_protocol::content::{Hlc, MessageId};
use undertone_protocol::time::Timestamp;

/// The newest message, as the list shows it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct LastMessage {
    /// Its id.
    pub message_id: MessageId,
    /// Its clock.
    pub clock: Hlc,
    /// Whether somebody else wrote it.
    pub incoming: bool,
    /// What it is.
    pub kind: MessageKind,
    /// How far it has come.
    pub state: MessageState,
    /// Its first characters.
    pub preview: String,
    /// What it has beside its text, when it has no text.
    pub parts: Option<Vec<u8>>,
    /// The beginning of [`NewMessage::extra`].
    pub extra: Option<Vec<u8>>,
}

/// A row of the conversation list.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ConversationRow {
    /// The row.
    pub id: ConversationId,
    /// The other side of a conversation of two.
    pub contact: Option<ContactId>,
    /// The account of the other side.
    pub account: Option<AccountId>,
    /// Its title.
    pub title: String,
    /// Whether the list leaves it out.
    pub hidden: bool,
    /// Incoming messages after the point of reading.
    pub unread: u64,
    /// Those of them that name this account or answer it.
    pub mentions: u64,
    /// When it was last active: the last message's time, or the conversation's making.
    pub active: Timestamp,
    /// Seconds after which what is written now disappears once it was read.
    pub timer: Option<u32>,
    /// How the user wants to see it in the list.
    pub settings: ConversationSettings,
    /// The newest message.
    pub last: Option<LastMessage>,
}

/// How the user wants to see a conversation in the list.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct ConversationSettings {
    /// Before those that are not pinned.
    pub pinned: bool,
    /// In the archive, and not in the list.
    pub archived: bool,
    /// The user is not to be told of messages before this time.
    pub muted_until: Option<Timestamp>,
    /// Shown as unread although it was read.
    pub marked_unread: bool,
    /// What the user has begun to write.
    pub draft: String,
}

/// Where a page of the list ends.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ConversationCursor {
    pinned: bool,
    active: Timestamp,
    id: ConversationId,
}

/// From which end a part of the list is read.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ListOrder {
    /// The first row first.
    Forward,
    /// The last row first.
    Backward,
}

impl ListOrder {
    const fn sql(self) -> &'static str {
        match self {
            Self::Forward => "c.pinned DESC, c.active_ms DESC, c.id",
            Self::Backward => "c.pinned, c.active_ms, c.id DESC",
        }
    }
}

impl ConversationCursor {
    fn columns(self) -> (i64, Uint, i64) {
        (i64::from(self.pinned), at(self.active), self.id.get())
    }
}

impl ConversationRow {
    /// The cursor that continues after this row.
    #[must_use]
    pub fn cursor(&self) -> ConversationCursor {
        ConversationCursor {
            pinned: self.settings.pinned,
            active: self.active,
            id: self.id,
        }
    }
}

table! {
    /// The conversation list.
    Conversations, conversations
}

const COLUMNS: &str =
    "SELECT c.id, c.contact, c.title, c.hidden, c.unread, c.active_ms, c.last_message, c.last_clock, c.last_incoming,
    c.preview, c.timer_s, c.pinned, c.archived, c.muted_until_ms, c.marked_unread, c.draft, c.mentions,
    l.kind, l.state, l.failure, CASE WHEN l.body = '' THEN l.parts END, substr(l.extra, 1, 4),
    (SELECT account FROM contact WHERE id = c.contact) FROM conversation c LEFT JOIN message l ON l.message_id = c.last_message";

fn read(row: &Row<'_>) -> rusqlite::Result<ConversationRow> {
    let message: Option<[u8; 16]> = row.get(6)?;
    let last = match message {
        None => None,
        Some(message) => Some(LastMessage {
            message_id: MessageId::from_bytes(message),
            clock: Hlc::from_packed(row.get::<_, Uint>(7)?.0),
            incoming: row.get(8)?,
            kind: row.get(17)?,
            state: MessageState::read(row.get(18)?, row.get(19)?)?,
            preview: row.get(9)?,
            parts: row.get(20)?,
            extra: row.get(21)?,
        }),
    };
    Ok(ConversationRow {
        id: row.get(0)?,
        contact: row.get(1)?,
        account: row.get::<_, Option<_>>(22)?.map(account_id).transpose()?,
        title: row.get(2)?,
        hidden: row.get(3)?,
        unread: row.get::<_, Uint>(4)?.0,
        mentions: row.get::<_, Uint>(16)?.0,
        active: row.get::<_, Uint>(5)?.into(),
        timer: row.get(10)?,
        settings: ConversationSettings {
            pinned: row.get(11)?,
            archived: row.get(12)?,
            muted_until: row.get::<_, Option<Uint>>(13)?.map(Into::into),
            marked_unread: row.get(14)?,
            draft: row.get(15)?,
        },
        last,
    })
}

impl Conversations<'_> {
    /// Adds a conversation. [`StoreError::Constraint`] when the contact has one.
    pub fn insert(
        &self,
        contact: Option<ContactId>,
        title: &str,
        now: Timestamp,
    ) -> Result<ConversationId, StoreError> {
        self.tx
            .insert(
                "INSERT INTO conversation (contact, title, created_ms, active_ms) VALUES (?1, ?2, ?3, ?3)",
                (contact, title, at(now)),
            )
            .map(ConversationId::new)
    }

    /// A conversation.
    pub fn get(&self, id: ConversationId) -> Result<Option<ConversationRow>, StoreError> {
        self.tx
            .one(&format!("{COLUMNS} WHERE c.id = ?1"), [id], read)
    }

    /// The conversation with a contact.
    pub fn of_contact(&self, contact: ContactId) -> Result<Option<ConversationRow>, StoreError> {
        self.tx
            .one(&format!("{COLUMNS} WHERE c.contact = ?1"), [contact], read)
    }

    /// A page of the list, or of the archive: pinned ones first, then the most recently active, without the hidden ones.
    pub fn list(
        &self,
        archived: bool,
        after: Option<ConversationCursor>,
        limit: usize,
    ) -> Result<Vec<ConversationRow>, StoreError> {
        self.list_within(archived, (after, None), ListOrder::Forward, limit)
    }

    /// What is behind a place of the list, or of the archive, and before another one, read from either end.
    pub fn list_within(
        &self,
        archived: bool,
        (after, before): (Option<ConversationCursor>, Option<ConversationCursor>),
        order: ListOrder,
        limit: usize,
    ) -> Result<Vec<ConversationRow>, StoreError> {
        // Without an end, one beyond every row. The comparisons of two columns are what the index can do.
        let (a_pinned, a_active, a_id) = after.map_or((2, Uint(0), 0), ConversationCursor::columns);
        let (b_pinned, b_active, b_id) =
            before.map_or((-1, Uint(0), 0), ConversationCursor::columns);
        let order = order.sql();
        self.tx.all(
            &format!(
                "{COLUMNS} WHERE c.hidden = 0 AND c.archived = ?1
                     AND (c.pinned, c.active_ms) <= (?2, ?3) AND (c.pinned, c.active_ms, -c.id) < (?2, ?3, -?4)
                     AND (c.pinned, c.active_ms) >= (?5, ?6) AND (c.pinned, c.active_ms, -c.id) > (?5, ?6, -?7)
                 ORDER BY {order} LIMIT ?8"
            ),
            (archived, a_pinned, a_active, a_id, b_pinned, b_active, b_id, page(limit)),
            read,
        )
    }

    /// Messages that were not read, of all conversations that are not hidden.
    pub fn unread(&self) -> Result<u64, StoreError> {
        let unread: Uint = self.tx.value(
            "SELECT coalesce(sum(unread), 0) FROM conversation WHERE hidden = 0",
            [],
        )?;
        Ok(unread.0)
    }

    /// Changes the title.
    pub fn set_title(&self, id: ConversationId, title: &str) -> Result<(), StoreError> {
        exactly_one(self.tx.run(
            "UPDATE conversation SET title = ?2 WHERE id = ?1",
            (id, title),
        )?)
    }

    /// What is written from now on disappears so many seconds after it was read, unless something newer is known. Whether anything
    /// changed.
    pub fn set_timer(
        &self,
        id: ConversationId,
        clock: Hlc,
        seconds: Option<u32>,
    ) -> Result<bool, StoreError> {
        let changed = self.tx.run(
            "UPDATE conversation SET timer_s = ?3, timer_clock = ?2 WHERE id = ?1 AND timer_clock < ?2",
            (id, stored(clock), seconds),
        )?;
        Ok(changed > 0)
    }

    /// How the user wants to see a conversation from now on.
    pub fn set_settings(
        &self,
        id: ConversationId,
        settings: &ConversationSettings,
    ) -> Result<(), StoreError> {
        exactly_one(self.tx.run(
            "UPDATE conversation SET pinned = ?2, archived = ?3, muted_until_ms = ?4, marked_unread = ?5, draft = ?6 WHERE id = ?1",
            (
                id,
                settings.pinned,
                settings.archived,
                maybe_at(settings.muted_until),
                settings.marked_unread,
                &settings.draft,
            ),
        )?)
    }

    /// Shows a conversation in the list, or leaves it out.
    pub fn set_hidden(&self, id: ConversationId, hidden: bool) -> Result<(), StoreError> {
        exactly_one(self.tx.run(
            "UPDATE conversation SET hidden = ?2 WHERE id = ?1",
            (id, hidden),
        )?)
    }

    /// The user has read everything up to and including this clock. Never moves back.
    pub fn mark_read(&self, id: ConversationId, up_to: Hlc) -> Result<(), StoreError> {
        self.tx.run(
            "UPDATE conversation SET read_clock = max(read_clock, ?2) WHERE id = ?1",
            (id, stored(up_to)),
        )?;
        self.recount(id)
    }

    /// A message was added: it may be the newest, and unread.
    pub(super) fn message_added(&self, message: &NewMessage) -> Result<(), StoreError> {
        let clock = stored(message.clock);
        let can_be_unread = matches!(
            message.kind,
            MessageKind::Text | MessageKind::Unsupported | MessageKind::ViewOnce
        );
        if message.sender.is_some() && can_be_unread {
            self.tx.run(
                "UPDATE conversation SET unread = unread + (?2 > read_clock), mentions = mentions + (?3 AND ?2 > read_clock)
                 WHERE id = ?1",
                (message.conversation, clock, message.mentions_me),
            )?;
        }
        self.tx.run(
            "UPDATE conversation SET last_message = ?2, last_clock = ?3, last_device = ?4, last_seq = ?5,
                 last_incoming = ?6, preview = ?7, active_ms = ?8
             WHERE id = ?1 AND (last_message IS NULL OR (?3, ?4, ?5) > (last_clock, last_device, last_seq))",
            (
                message.conversation,
                message.message_id.as_bytes(),
                clock,
                message.sender_device.as_bytes(),
                Uint(message.seq),
                message.sender.is_some(),
                preview(&message.body),
                at(message.clock.time()),
            ),
        )?;
        Ok(())
    }

    /// A message has another text: the list may show its beginning.
    pub(super) fn message_changed(
        &self,
        id: ConversationId,
        message: &MessageId,
        body: &str,
    ) -> Result<(), StoreError> {
        self.tx.run(
            "UPDATE conversation SET preview = ?3 WHERE id = ?1 AND last_message = ?2",
            (id, message.as_bytes(), preview(body)),
        )?;
        Ok(())
    }

    /// Messages were removed: finds the newest one and the unread count again. The conversation keeps its place in the list.
    pub(super) fn messages_removed(&self, id: ConversationId) -> Result<(), StoreError> {
        self.tx.run(
            "UPDATE conversation SET last_message = NULL, last_clock = NULL, last_device = NULL, last_seq = NULL,
                 last_incoming = NULL, preview = '' WHERE id = ?1",
            [id],
        )?;
        if let Some(newest) = self.tx.messages().before(id, None, 1)?.pop() {
            let active: Uint = self
                .tx
                .value("SELECT active_ms FROM conversation WHERE id = ?1", [id])?;
            self.message_added(&newest.message)?;
            self.tx.run(
                "UPDATE conversation SET active_ms = ?2 WHERE id = ?1",
                (id, active),
            )?;
        }
        self.recount(id)
    }

    pub(super) fn recount(&self, id: ConversationId) -> Result<(), StoreError> {
        exactly_one(self.tx.run(
            "UPDATE conversation SET (unread, mentions) = (SELECT count(*), coalesce(sum(mentions_me), 0) FROM message
                 WHERE message.conversation = ?1 AND clock > read_clock AND sender <> 0 AND kind IN (1, 2, 10)) WHERE id = ?1",
            [id],
        )?)
    }
}

/// The first characters of a text, for the list.
fn preview(body: &str) -> String {
    body.chars().take(PREVIEW_CHARS).collect()
}
