//! Messages that disappear: when, and which of them are due.

use super::messages::{COLUMNS, MessageRow, Messages, read, stored};
use super::{StoreError, exactly_one, page};
use crate::store::ids::{ConversationId, MessageRowId, Uint, at};
use undertone_protocol::content::{Hlc, MessageId};
use undertone_protocol::time::Timestamp;

/// A message whose timer has not begun.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Unstarted {
    /// The row.
    pub row: MessageRowId,
    /// Its id.
    pub message: MessageId,
    /// Its timer, in seconds.
    pub seconds: u32,
}

impl Messages<'_> {
    /// A page of what others wrote up to a clock and whose timers have not begun, oldest first.
    pub fn unstarted(
        &self,
        conversation: ConversationId,
        up_to: Hlc,
        limit: usize,
    ) -> Result<Vec<Unstarted>, StoreError> {
        self.tx.all(
            "SELECT id, message_id, timer_s FROM message WHERE conversation = ?1 AND clock <= ?2 AND sender <> 0
                 AND timer_s IS NOT NULL AND expires_ms IS NULL ORDER BY clock LIMIT ?3",
            (conversation, stored(up_to), page(limit)),
            |row| {
                Ok(Unstarted {
                    row: row.get(0)?,
                    message: MessageId::from_bytes(row.get(1)?),
                    seconds: row.get(2)?,
                })
            },
        )
    }

    /// A message's timer begins: when it disappears.
    pub fn set_expiry(&self, row: MessageRowId, expires: Timestamp) -> Result<(), StoreError> {
        exactly_one(self.tx.run(
            "UPDATE message SET expires_ms = ?2 WHERE id = ?1",
            (row, at(expires)),
        )?)
    }

    /// A page of the messages that are due. A time that is further off than the timer was written by a wrong clock.
    pub fn expired(&self, now: Timestamp, limit: usize) -> Result<Vec<MessageRow>, StoreError> {
        self.tx.all(
            &format!(
                "SELECT {COLUMNS} FROM message m WHERE m.expires_ms IS NOT NULL
                     AND (m.expires_ms <= ?1 OR m.expires_ms > ?1 + 1000 * m.timer_s) LIMIT ?2"
            ),
            (at(now), page(limit)),
            read,
        )
    }

    /// When the next message disappears.
    pub fn next_expiry(&self) -> Result<Option<Timestamp>, StoreError> {
        let next: Option<Uint> = self.tx.value(
            "SELECT min(expires_ms) FROM message WHERE expires_ms IS NOT NULL",
            [],
        )?;
        Ok(next.map(Into::into))
    }
}
