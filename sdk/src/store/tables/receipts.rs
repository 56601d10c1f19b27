//! Delivery receipts that are owed: collected here, and sent together on the next message or when they are due.

use super::{StoreError, Tx, page, table};
use crate::store::ids::{MessageId, PeerDeviceId, Timestamp, Uint, at};

table! {
    /// Delivery receipts that are owed.
    Receipts, receipts
}

impl Receipts<'_> {
    /// A receipt for a message is owed to the device that sent it, at the latest at `due`. Owing it twice is owing it once.
    pub fn owe(
        &self,
        device: PeerDeviceId,
        message: &MessageId,
        due: Timestamp,
    ) -> Result<(), StoreError> {
        self.tx.run(
            "INSERT INTO receipt (peer_device, message_id, due_ms) VALUES (?1, ?2, ?3) ON CONFLICT DO NOTHING",
            (device, message.0, at(due)),
        )?;
        Ok(())
    }

    /// Devices to which a receipt is due by `now`.
    pub fn due(&self, now: Timestamp) -> Result<Vec<PeerDeviceId>, StoreError> {
        self.tx.all(
            "SELECT peer_device FROM receipt WHERE due_ms <= ?1 GROUP BY peer_device ORDER BY min(id)",
            [at(now)],
            |row| row.get(0),
        )
    }

    /// When the next receipt is due.
    pub fn next_due(&self) -> Result<Option<Timestamp>, StoreError> {
        let next: Option<Uint> = self.tx.value("SELECT min(due_ms) FROM receipt", [])?;
        Ok(next.map(Into::into))
    }

    /// Takes up to `limit` receipts that are owed to a device, oldest first: they are in the caller's hands now.
    pub fn take(&self, device: PeerDeviceId, limit: usize) -> Result<Vec<MessageId>, StoreError> {
        let rows: Vec<(i64, [u8; 16])> = self.tx.all(
            "SELECT id, message_id FROM receipt WHERE peer_device = ?1 ORDER BY id LIMIT ?2",
            (device, page(limit)),
            |row| Ok((row.get(0)?, row.get(1)?)),
        )?;
        if let Some((last, _)) = rows.last() {
            self.tx.run(
                "DELETE FROM receipt WHERE peer_device = ?1 AND id <= ?2",
                (device, last),
            )?;
        }
        Ok(rows
            .into_iter()
            .map(|(_, message)| MessageId(message))
            .collect())
    }
}
