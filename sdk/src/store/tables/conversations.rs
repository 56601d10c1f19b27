//! Conversations: the list with its last message and unread count, kept up to date by whatever writes messages.

use rusqlite::Row;

use super::{StoreError, Tx, exactly_one, page, table};
use crate::store::ids::{ContactId, ConversationId, Hlc, MessageId, Timestamp, Uint, at};
use crate::store::limits::PREVIEW_CHARS;

/// The newest message, as the list shows it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct LastMessage {
    /// Its id.
    pub message_id: MessageId,
    /// Its clock.
    pub clock: Hlc,
    /// Whether somebody else wrote it.
    pub incoming: bool,
    /// Its first characters.
    pub preview: String,
}

/// A row of the conversation list.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ConversationRow {
    /// The row.
    pub id: ConversationId,
    /// The other side of a conversation of two.
    pub contact: Option<ContactId>,
    /// Its title.
    pub title: String,
    /// Whether the list leaves it out.
    pub hidden: bool,
    /// Incoming messages after the point of reading.
    pub unread: u64,
    /// When it was last active: the last message's time, or the conversation's making.
    pub active: Timestamp,
    /// The newest message.
    pub last: Option<LastMessage>,
}

/// Where a page of the list ends.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ConversationCursor {
    active: Timestamp,
    id: ConversationId,
}

impl ConversationRow {
    /// The cursor that continues after this row.
    #[must_use]
    pub fn cursor(&self) -> ConversationCursor {
        ConversationCursor {
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
    "SELECT id, contact, title, hidden, unread, active_ms, last_message, last_clock, last_incoming,
    preview FROM conversation";

fn read(row: &Row<'_>) -> rusqlite::Result<ConversationRow> {
    let message: Option<[u8; 16]> = row.get(6)?;
    let last = match message {
        None => None,
        Some(message) => Some(LastMessage {
            message_id: MessageId(message),
            clock: Hlc::from_u64(row.get::<_, Uint>(7)?.0),
            incoming: row.get(8)?,
            preview: row.get(9)?,
        }),
    };
    Ok(ConversationRow {
        id: row.get(0)?,
        contact: row.get(1)?,
        title: row.get(2)?,
        hidden: row.get(3)?,
        unread: row.get::<_, Uint>(4)?.0,
        active: row.get::<_, Uint>(5)?.into(),
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
        self.tx.one(&format!("{COLUMNS} WHERE id = ?1"), [id], read)
    }

    /// The conversation with a contact.
    pub fn of_contact(&self, contact: ContactId) -> Result<Option<ConversationRow>, StoreError> {
        self.tx
            .one(&format!("{COLUMNS} WHERE contact = ?1"), [contact], read)
    }

    /// A page of the list, most recently active first, without the hidden ones.
    pub fn list(
        &self,
        after: Option<ConversationCursor>,
        limit: usize,
    ) -> Result<Vec<ConversationRow>, StoreError> {
        match after {
            None => self.tx.all(
                &format!("{COLUMNS} WHERE hidden = 0 ORDER BY active_ms DESC, id LIMIT ?1"),
                [page(limit)],
                read,
            ),
            Some(cursor) => self.tx.all(
                &format!(
                    "{COLUMNS} WHERE hidden = 0 AND active_ms <= ?1 AND (active_ms < ?1 OR id > ?2)
                     ORDER BY active_ms DESC, id LIMIT ?3"
                ),
                (at(cursor.active), cursor.id, page(limit)),
                read,
            ),
        }
    }

    /// Changes the title.
    pub fn set_title(&self, id: ConversationId, title: &str) -> Result<(), StoreError> {
        exactly_one(self.tx.run(
            "UPDATE conversation SET title = ?2 WHERE id = ?1",
            (id, title),
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
            (id, Uint(up_to.to_u64())),
        )?;
        self.recount(id)
    }

    /// A message was added: it may be the newest, and unread.
    pub(super) fn message_added(
        &self,
        id: ConversationId,
        row: i64,
        last: &LastMessage,
    ) -> Result<(), StoreError> {
        let clock = Uint(last.clock.to_u64());
        if last.incoming {
            self.tx.run(
                "UPDATE conversation SET unread = unread + (?2 > read_clock) WHERE id = ?1",
                (id, clock),
            )?;
        }
        exactly_one(self.tx.run(
            "UPDATE conversation SET
                 last_id = iif(newest, ?2, last_id), last_incoming = iif(newest, ?5, last_incoming),
                 preview = iif(newest, ?6, preview), active_ms = iif(newest, ?7, active_ms),
                 last_clock = iif(newest, ?3, last_clock), last_message = iif(newest, ?4, last_message)
             FROM (SELECT last_message IS NULL OR (?3, ?4) > (last_clock, last_message) AS newest
                   FROM conversation WHERE id = ?1)
             WHERE id = ?1",
            (id, row, clock, last.message_id.0, last.incoming, &last.preview, Uint(last.clock.to_u64() >> 16)),
        )?)
    }

    /// Messages were removed: finds the newest one and the unread count again.
    pub(super) fn messages_removed(&self, id: ConversationId) -> Result<(), StoreError> {
        let newest = self.tx.one(
            "SELECT id, clock, message_id, sender <> 0, body FROM message WHERE conversation = ?1
             ORDER BY clock DESC, message_id DESC LIMIT 1",
            [id],
            |row| {
                Ok((
                    row.get::<_, i64>(0)?,
                    row.get::<_, Uint>(1)?,
                    row.get::<_, [u8; 16]>(2)?,
                    row.get::<_, bool>(3)?,
                    row.get::<_, String>(4)?,
                ))
            },
        )?;
        match newest {
            None => self.tx.run(
                "UPDATE conversation SET last_id = NULL, last_clock = NULL, last_message = NULL, last_incoming = NULL,
                     preview = '' WHERE id = ?1",
                [id],
            )?,
            Some((row, clock, message, incoming, body)) => self.tx.run(
                "UPDATE conversation SET last_id = ?2, last_clock = ?3, last_message = ?4, last_incoming = ?5,
                     preview = ?6 WHERE id = ?1",
                (id, row, clock, message, incoming, preview(&body)),
            )?,
        };
        self.recount(id)
    }

    fn recount(&self, id: ConversationId) -> Result<(), StoreError> {
        exactly_one(self.tx.run(
            "UPDATE conversation SET unread = (SELECT count(*) FROM message
                 WHERE message.conversation = ?1 AND clock > read_clock AND sender <> 0) WHERE id = ?1",
            [id],
        )?)
    }
}

/// The first characters of a text, for the list.
pub(super) fn preview(body: &str) -> String {
    body.chars().take(PREVIEW_CHARS).collect()
}
