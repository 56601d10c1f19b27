//! Copies of what was sent, kept so that a recipient who missed something can be sent it again.

use rusqlite::Row;
use undertone_protocol::content::MessageId;
use undertone_protocol::session::{MessageNumber, SessionId};
use undertone_protocol::time::Timestamp;

use super::messages::MessageKind;
use super::{StoreError, Tx, page, table};
use crate::store::ids::{PeerDeviceId, RetainedId, Uint, at, packed, unpacked};

/// A copy to be kept.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct NewRetained {
    /// The session it was encrypted in.
    pub session: SessionId,
    /// Its number there, as a resend request names it.
    pub number: MessageNumber,
    /// The recipient.
    pub peer_device: PeerDeviceId,
    /// The id in its content header.
    pub message_id: MessageId,
    /// Whether that is a message of a conversation.
    pub shown: bool,
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

const COLUMNS: &str = "SELECT id, session, number, peer_device, message_id, shown, content, sent_ms, delivered_ms FROM retained";

fn read(row: &Row<'_>) -> rusqlite::Result<RetainedRow> {
    Ok(RetainedRow {
        id: row.get(0)?,
        item: NewRetained {
            session: SessionId::from_bytes(row.get(1)?),
            number: unpacked(row.get(2)?),
            peer_device: row.get(3)?,
            message_id: MessageId::from_bytes(row.get(4)?),
            shown: row.get(5)?,
            content: row.get(6)?,
            sent: row.get::<_, Uint>(7)?.into(),
        },
        delivered: row.get::<_, Option<Uint>>(8)?.map(Into::into),
    })
}

impl Retained<'_> {
    /// Keeps a copy. [`StoreError::Constraint`] when the session's number is taken: it was used twice.
    pub fn insert(&self, item: &NewRetained) -> Result<RetainedId, StoreError> {
        self.tx
            .insert(
                "INSERT INTO retained (session, number, peer_device, message_id, shown, content, sent_ms)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
                (
                    item.session.as_bytes(),
                    packed(item.number),
                    item.peer_device,
                    item.message_id.as_bytes(),
                    item.shown,
                    &item.content,
                    at(item.sent),
                ),
            )
            .map(RetainedId::new)
    }

    /// What was sent under a number of a session.
    pub fn find(
        &self,
        session: &SessionId,
        number: MessageNumber,
    ) -> Result<Option<RetainedRow>, StoreError> {
        self.tx.one(
            &format!("{COLUMNS} WHERE session = ?1 AND number = ?2"),
            (session.as_bytes(), packed(number)),
            read,
        )
    }

    /// All copies of a message, one per recipient device and encryption.
    pub fn of_message(&self, message: &MessageId) -> Result<Vec<RetainedRow>, StoreError> {
        self.tx.all(
            &format!("{COLUMNS} WHERE message_id = ?1 ORDER BY id"),
            [message.as_bytes()],
            read,
        )
    }

    /// A device confirmed a message. Whether a copy for it was unconfirmed until now. What is shown once is not kept for a device that
    /// has it: its copy becomes a tombstone.
    pub fn mark_delivered(
        &self,
        device: PeerDeviceId,
        message: &MessageId,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let changed = self.tx.run(
            "UPDATE retained SET delivered_ms = ?3,
                 content = CASE WHEN EXISTS (SELECT 1 FROM message WHERE message_id = ?2 AND kind = ?4) THEN NULL ELSE content END
             WHERE message_id = ?2 AND peer_device = ?1 AND delivered_ms IS NULL",
            (device, message.as_bytes(), at(now), MessageKind::ViewOnce),
        )?;
        Ok(changed > 0)
    }

    /// The newest messages of conversations that were sent to a device since `since` and not confirmed, newest first. What
    /// is not shown is never confirmed, and there is a lot of it: it counts only in the session `unread`.
    pub fn undelivered(
        &self,
        device: PeerDeviceId,
        unread: Option<&SessionId>,
        since: Timestamp,
        limit: usize,
    ) -> Result<Vec<RetainedRow>, StoreError> {
        self.tx.all(
            &format!(
                "{COLUMNS} WHERE peer_device = ?1 AND delivered_ms IS NULL AND (shown OR session = ?4) AND sent_ms >= ?2
                     AND content IS NOT NULL
                 ORDER BY id DESC LIMIT ?3"
            ),
            (device, at(since), page(limit), unread.map(|id| *id.as_bytes())),
            read,
        )
    }

    /// Forgets a copy: its content is queued again, and kept again when it is encrypted.
    pub fn remove(&self, id: RetainedId) -> Result<(), StoreError> {
        self.tx.run("DELETE FROM retained WHERE id = ?1", [id])?;
        Ok(())
    }

    /// The message was deleted, or its time is over: its copies become tombstones. Returns how many.
    pub fn entomb(&self, message: &MessageId) -> Result<usize, StoreError> {
        self.tx.run(
            "UPDATE retained SET content = NULL WHERE message_id = ?1",
            [message.as_bytes()],
        )
    }

    /// Copies of what was sent before `cut`, oldest first.
    pub fn older(&self, cut: Timestamp, limit: usize) -> Result<Vec<RetainedRow>, StoreError> {
        self.tx.all(
            &format!("{COLUMNS} WHERE sent_ms < ?1 ORDER BY sent_ms, id LIMIT ?2"),
            (at(cut), page(limit)),
            read,
        )
    }

    /// Deletes copies of what was sent before `before`. Returns how many.
    pub fn remove_older(&self, before: Timestamp) -> Result<usize, StoreError> {
        self.tx
            .run("DELETE FROM retained WHERE sent_ms < ?1", [at(before)])
    }
}
