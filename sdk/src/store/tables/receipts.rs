//! Receipts that are owed: collected here, and sent together.

use undertone_protocol::content::MessageId;

use super::{StoreError, Tx, page, table};
use crate::store::ids::{PeerDeviceId, at, maybe_at};
use undertone_protocol::time::Timestamp;

table! {
    /// Receipts that are owed.
    Receipts, receipts
}

/// Receipts that were taken to be sent, of one kind.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Owed {
    /// These arrived.
    pub delivered: Vec<MessageId>,
    /// These were read, which says that they arrived too.
    pub read: Vec<MessageId>,
}

impl Owed {
    /// Whether nothing is owed.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.delivered.is_empty() && self.read.is_empty()
    }
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

    /// That a message was read is to be told to the device that sent it; a receipt that it arrived need not go then.
    pub fn owe_read(&self, device: PeerDeviceId, message: &MessageId) -> Result<(), StoreError> {
        self.tx.run(
            "INSERT INTO receipt (peer_device, message_id, read) VALUES (?1, ?2, 1)
             ON CONFLICT DO UPDATE SET read = 1, due_ms = NULL",
            (device, message.as_bytes()),
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

    /// Takes up to `limit` receipts of one kind, that of the oldest, that are owed to a device, oldest first: they are in the caller's
    /// hands now.
    pub fn take(&self, device: PeerDeviceId, limit: usize) -> Result<Owed, StoreError> {
        let rows: Vec<(i64, [u8; 16], bool)> = self.tx.all(
            "SELECT id, message_id, read FROM receipt WHERE peer_device = ?1
                 AND read = (SELECT read FROM receipt WHERE peer_device = ?1 ORDER BY id LIMIT 1) ORDER BY id LIMIT ?2",
            (device, page(limit)),
            |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)),
        )?;
        if let Some((last, _, read)) = rows.last() {
            self.tx.run(
                "DELETE FROM receipt WHERE peer_device = ?1 AND id <= ?2 AND read = ?3",
                (device, last, read),
            )?;
        }
        let mut owed = Owed::default();
        for (_, message, read) in rows {
            let list = if read {
                &mut owed.read
            } else {
                &mut owed.delivered
            };
            list.push(MessageId::from_bytes(message));
        }
        Ok(owed)
    }
}
