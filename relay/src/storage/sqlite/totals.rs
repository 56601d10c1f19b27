//! What is stored, in numbers that are kept along: counting rows would take longer the more there are.

use rusqlite::Connection;

use super::error::storage_error;
use super::unsigned;
use crate::storage::types::{StorageError, Totals};

/// Invariant: `committed` equals what the database holds; `now` is that with the open batch.
pub(super) struct Counters {
    committed: Totals,
    now: Totals,
}

impl Counters {
    /// Counts once, when the store is opened.
    pub(super) fn read(db: &Connection) -> Result<Self, StorageError> {
        let one = |sql: &str| -> Result<u64, StorageError> {
            db.query_row(sql, [], |row| row.get(0))
                .map(unsigned)
                .map_err(storage_error)
        };
        let committed = Totals {
            mailboxes: one("SELECT count(*) FROM mailbox")?,
            messages: one("SELECT coalesce(sum(messages), 0) FROM mailbox")?,
            message_bytes: one("SELECT coalesce(sum(bytes), 0) FROM mailbox")?,
            prekeys: one("SELECT count(*) FROM prekey")?,
            records: one("SELECT count(*) FROM record WHERE value IS NOT NULL")?,
            blobs: one("SELECT count(*) FROM blob")?,
            blob_bytes: one("SELECT coalesce(sum(length), 0) FROM blob")?,
        };
        Ok(Self {
            committed,
            now: committed,
        })
    }

    pub(super) const fn now(&self) -> Totals {
        self.now
    }

    pub(super) const fn change(&mut self) -> &mut Totals {
        &mut self.now
    }

    pub(super) const fn keep(&mut self) {
        self.committed = self.now;
    }

    pub(super) const fn take_back(&mut self) {
        self.now = self.committed;
    }
}

impl Totals {
    /// `messages` queued envelopes of `bytes` together are gone.
    pub(super) fn unqueue(&mut self, messages: u64, bytes: u64) {
        self.messages = self.messages.saturating_sub(messages);
        self.message_bytes = self.message_bytes.saturating_sub(bytes);
    }

    /// There were `before` one-time prekeys of a mailbox and there are `after`.
    pub(super) fn recount_prekeys(&mut self, before: u32, after: u32) {
        self.prekeys = self.prekeys.saturating_sub(before.into()) + u64::from(after);
    }
}
