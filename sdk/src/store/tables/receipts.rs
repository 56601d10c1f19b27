//! Delivery receipts that are owed: collected here, and sent together.

use undertone_protocol::content::MessageId;

use super::{StoreError, Tx, page, table};
use crate::store::ids::{PeerDeviceId, at, maybe_at};
use undertone_protocol::time::Timestamp;

table! {
    /// Delivery receipts that are owed.
    Receipts, receipts
}

impl Receipts<'_> {
    /// A receipt for a message is owed to the device that sent it. With `due` it goes with something else, or then. Owing
    /// it twice is owing it once.
    pub fn owe(
        &self,
        device: PeerDeviceId,
        message: &MessageId,
        due: Option<Timestamp>,
    ) -> Result<(), StoreError> {
        self.tx.run(
            "INSERT INTO receipt (peer_device, message_id, due_ms) VALUES (?1, ?2, ?3) ON CONFLICT DO NOTHING",
            (device, message.as_bytes(), maybe_at(due)),
        )?;
        Ok(())
    }

    /// Devices to which receipts are owed, the longest waiting first.
    pub fn devices(&self) -> Result<Vec<PeerDeviceId>, StoreError> {
        self.tx.all(
            "SELECT peer_device FROM receipt GROUP BY peer_device ORDER BY min(id)",
            [],
            |row| row.get(0),
        )
    }

    /// Devices to which receipts are owed that may go by themselves: those without a time, and those whose time has come
    /// or is beyond `latest`, where only a wrong clock can have put it.
    pub fn due(&self, now: Timestamp, latest: Timestamp) -> Result<Vec<PeerDeviceId>, StoreError> {
        self.tx.all(
            "SELECT peer_device FROM receipt WHERE due_ms IS NULL OR due_ms <= ?1 OR due_ms > ?2
             GROUP BY peer_device ORDER BY min(id)",
            (at(now), at(latest)),
            |row| row.get(0),
        )
    }

    /// Whether any is owed to a device that waits for nothing.
    pub fn is_owed(&self, device: PeerDeviceId) -> Result<bool, StoreError> {
        self.tx.value(
            "SELECT EXISTS (SELECT 1 FROM receipt WHERE peer_device = ?1 AND due_ms IS NULL)",
            [device],
        )
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
            .map(|(_, message)| MessageId::from_bytes(message))
            .collect())
    }
}
