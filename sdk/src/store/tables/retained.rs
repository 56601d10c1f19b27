//! Copies of what was sent, kept so that a recipient who missed something can be sent it again.

use rusqlite::Row;

use super::{StoreError, Tx, page, table};
use crate::store::ids::{MessageId, PeerDeviceId, RetainedId, SessionId, Timestamp, Uint, at};

/// A copy to be kept.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct NewRetained {
    /// The session it was encrypted in.
    pub session: SessionId,
    /// Its number there, as a resend request names it.
    pub n: u32,
    /// The recipient.
    pub peer_device: PeerDeviceId,
    /// The id in its content header.
    pub message_id: MessageId,
    /// The type in its content header.
    pub content_type: u16,
    /// The content; absent, a tombstone: it was deleted, and a request is answered with that.
    pub content: Option<Vec<u8>>,
    /// When it was encrypted.
    pub sent: Timestamp,
}

/// A kept copy.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct RetainedRow {
    /// The row.
    pub id: RetainedId,
    /// What is kept.
    pub item: NewRetained,
    /// When the recipient confirmed it.
    pub delivered: Option<Timestamp>,
}

table! {
    /// Copies of what was sent.
    Retained, retained
}

const COLUMNS: &str = "SELECT id, session, n, peer_device, message_id, content_type, content, sent_ms, delivered_ms FROM retained";

fn read(row: &Row<'_>) -> rusqlite::Result<RetainedRow> {
    Ok(RetainedRow {
        id: row.get(0)?,
        item: NewRetained {
            session: SessionId::from_bytes(row.get(1)?),
            n: row.get(2)?,
            peer_device: row.get(3)?,
            message_id: MessageId(row.get(4)?),
            content_type: row.get(5)?,
            content: row.get(6)?,
            sent: row.get::<_, Uint>(7)?.into(),
        },
        delivered: row.get::<_, Option<Uint>>(8)?.map(Into::into),
    })
}

impl Retained<'_> {
    /// Keeps a copy. [`StoreError::Constraint`] when (session, n) is taken: a number was used twice.
    pub fn insert(&self, item: &NewRetained) -> Result<RetainedId, StoreError> {
        self.tx
            .insert(
                "INSERT INTO retained (session, n, peer_device, message_id, content_type, content, sent_ms)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
                (
                    item.session.as_bytes(),
                    item.n,
                    item.peer_device,
                    item.message_id.0,
                    item.content_type,
                    &item.content,
                    at(item.sent),
                ),
            )
            .map(RetainedId::new)
    }

    /// What was sent as number `n` of a session.
    pub fn find(&self, session: &SessionId, n: u32) -> Result<Option<RetainedRow>, StoreError> {
        self.tx.one(
            &format!("{COLUMNS} WHERE session = ?1 AND n = ?2"),
            (session.as_bytes(), n),
            read,
        )
    }

    /// All copies of a message, one per recipient device and encryption.
    pub fn of_message(&self, message: &MessageId) -> Result<Vec<RetainedRow>, StoreError> {
        self.tx.all(
            &format!("{COLUMNS} WHERE message_id = ?1 ORDER BY id"),
            [message.0],
            read,
        )
    }

    /// A device confirmed a message. Whether a copy for it was unconfirmed until now.
    pub fn mark_delivered(
        &self,
        device: PeerDeviceId,
        message: &MessageId,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        Ok(self.tx.run(
            "UPDATE retained SET delivered_ms = ?3 WHERE message_id = ?2 AND peer_device = ?1 AND delivered_ms IS NULL",
            (device, message.0, at(now)),
        )? > 0)
    }

    /// What was sent to a device since `since` and not confirmed, oldest first.
    pub fn undelivered(
        &self,
        device: PeerDeviceId,
        since: Timestamp,
        limit: usize,
    ) -> Result<Vec<RetainedRow>, StoreError> {
        self.tx.all(
            &format!(
                "{COLUMNS} WHERE peer_device = ?1 AND sent_ms >= ?2 AND delivered_ms IS NULL AND content IS NOT NULL
                 ORDER BY id LIMIT ?3"
            ),
            (device, at(since), page(limit)),
            read,
        )
    }

    /// The message was deleted, or its time is over: its copies become tombstones.
    pub fn entomb(&self, message: &MessageId) -> Result<usize, StoreError> {
        self.tx.run(
            "UPDATE retained SET content = NULL WHERE message_id = ?1",
            [message.0],
        )
    }

    /// Deletes copies of what was sent before `before`. Returns how many.
    pub fn remove_older(&self, before: Timestamp) -> Result<usize, StoreError> {
        self.tx
            .run("DELETE FROM retained WHERE sent_ms < ?1", [at(before)])
    }
}
