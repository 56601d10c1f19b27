//! Storage in memory, for the simulated world and tests. It keeps the same contract as the durable engines: an
//! uncommitted batch disappears, a committed one survives [`MemoryStorage::reopen`], which stands in for a restart.
//!
//! Invariant: everything is reached through journalled tables, so that a rollback is exact.

mod blobs;
mod kept;
mod mailboxes;
mod prekeys;
mod records;
mod table;

pub use self::kept::Kept;

use bytes::Bytes;
use undertone_wire::limits::IDEMPOTENCE_MS;
use undertone_wire::{BlobId, MailboxId, RecordId, StoreEpoch};

use self::mailboxes::Mailbox;
use self::records::Record;
use self::table::Table;
use super::types::{BlobEntry, Retention, Room, StorageError, Swept, Timestamp, Totals};
use super::{DAY_MS, Storage};

/// Storage in memory. A clone stands in for a backup.
#[derive(Clone)]
pub struct MemoryStorage {
    epoch: StoreEpoch,
    sequence_base: u64,
    mailboxes: Table<MailboxId, Mailbox>,
    payloads: Table<i64, Payload>,
    next_payload: i64,
    records: Table<RecordId, Record>,
    blobs: Table<BlobId, BlobEntry>,
    /// Bytes of values and envelopes beyond which the store is full.
    capacity: u64,
}

#[derive(Clone)]
struct Payload {
    envelope: Bytes,
    refs: u32,
}

impl MemoryStorage {
    /// An empty store, opened at `now`.
    #[must_use]
    pub fn new(epoch: StoreEpoch, now: Timestamp) -> Self {
        Self {
            epoch,
            sequence_base: now.sequence_base(),
            mailboxes: Table::new(),
            payloads: Table::new(),
            next_payload: 1,
            records: Table::new(),
            blobs: Table::new(),
            capacity: u64::MAX,
        }
    }

    /// Lets the store hold at most about this many bytes.
    pub fn set_capacity(&mut self, bytes: u64) {
        self.capacity = bytes;
    }

    /// What a restart at `now` does: the open batch is lost and sequences start anew.
    pub fn reopen(&mut self, now: Timestamp) {
        self.rollback();
        self.sequence_base = now.sequence_base();
    }

    /// What restoring a backup does besides.
    pub fn replace_epoch(&mut self, epoch: StoreEpoch) {
        self.epoch = epoch;
    }

    fn sweep_mailboxes(&mut self, now: Timestamp, retention: &Retention, budget: u32) -> Swept {
        let mut swept = Swept::default();
        let mut left = budget;
        let ids: Vec<MailboxId> = self.mailboxes.iter().map(|(id, _)| *id).collect();
        let cutoff = now.minutes().saturating_sub(retention.envelope_ms / 60_000);
        let forget = now.minutes().saturating_sub(IDEMPOTENCE_MS / 60_000 + 1);
        for id in ids {
            let due = self.mailboxes.get(&id).is_some_and(|mailbox| {
                mailbox.has_expired(cutoff) || mailbox.has_forgettable(forget)
            });
            if due && let Some(mailbox) = self.mailboxes.get_mut(&id) {
                mailbox.forget(forget);
                let expired = mailbox.expire(cutoff, left);
                left -= u32::try_from(expired.len()).unwrap_or(u32::MAX).min(left);
                swept.expired_messages += u32::try_from(expired.len()).unwrap_or(u32::MAX);
                for payload in expired.into_iter().flatten() {
                    self.release_payload(payload);
                }
            }
            let unseen = self
                .mailboxes
                .get(&id)
                .map_or(0, |mailbox| mailbox.seen_day);
            if now.0 / DAY_MS > unseen + retention.mailbox_ms / DAY_MS {
                self.remove_mailbox(id);
            }
        }
        swept.more = left == 0;
        swept
    }

    fn remove_mailbox(&mut self, id: MailboxId) {
        if let Some(mailbox) = self.mailboxes.remove(&id) {
            for payload in mailbox.payloads() {
                self.release_payload(payload);
            }
        }
    }

    fn release_payload(&mut self, id: i64) {
        let gone = self.payloads.get_mut(&id).is_some_and(|payload| {
            payload.refs = payload.refs.saturating_sub(1);
            payload.refs == 0
        });
        if gone {
            self.payloads.remove(&id);
        }
    }

    fn drop_unused_payloads(&mut self) {
        let unused: Vec<i64> = self
            .payloads
            .iter()
            .filter(|(_, payload)| payload.refs == 0)
            .map(|(id, _)| *id)
            .collect();
        for id in unused {
            self.payloads.remove(&id);
        }
    }

    fn used(&self) -> u64 {
        let queued: u64 = self.mailboxes.iter().map(|(_, m)| m.state.bytes).sum();
        let records: u64 = self.records.iter().map(|(_, record)| record.size()).sum();
        queued + records
    }
}

impl Storage for MemoryStorage {
    fn epoch(&self) -> StoreEpoch {
        self.epoch
    }

    fn begin(&mut self) -> Result<(), StorageError> {
        self.rollback();
        Ok(())
    }

    fn commit(&mut self) -> Result<(), StorageError> {
        self.drop_unused_payloads();
        self.mailboxes.commit();
        self.payloads.commit();
        self.records.commit();
        self.blobs.commit();
        Ok(())
    }

    fn rollback(&mut self) {
        self.mailboxes.rollback();
        self.payloads.rollback();
        self.records.rollback();
        self.blobs.rollback();
    }

    fn room(&mut self) -> Room {
        if self.capacity != u64::MAX && self.used() >= self.capacity {
            Room::Low
        } else {
            Room::Plenty
        }
    }

    fn totals(&mut self) -> Result<Totals, StorageError> {
        let mut totals = Totals {
            mailboxes: count(self.mailboxes.len()),
            blobs: count(self.blobs.len()),
            ..Totals::default()
        };
        for (_, mailbox) in self.mailboxes.iter() {
            totals.messages += u64::from(mailbox.state.messages);
            totals.message_bytes += mailbox.state.bytes;
            totals.prekeys += count(mailbox.prekeys.x25519.len() + mailbox.prekeys.kem.len());
        }
        for (_, record) in self.records.iter() {
            totals.records += u64::from(record.state.value.is_some());
        }
        totals.blob_bytes = self.blobs.iter().map(|(_, blob)| blob.length).sum();
        Ok(totals)
    }

    fn sweep(
        &mut self,
        now: Timestamp,
        retention: &Retention,
        budget: u32,
    ) -> Result<Swept, StorageError> {
        let swept = self.sweep_mailboxes(now, retention, budget);
        let cutoff = (now.0 / DAY_MS).saturating_sub(retention.record_ms / DAY_MS);
        let old: Vec<RecordId> = self
            .records
            .iter()
            .filter(|(_, record)| record.written_day < cutoff)
            .map(|(id, _)| *id)
            .collect();
        for id in old {
            self.records.remove(&id);
        }
        Ok(swept)
    }
}

fn count(n: usize) -> u64 {
    u64::try_from(n).unwrap_or(u64::MAX)
}
