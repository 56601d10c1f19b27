//! The conformance suite: what every storage engine must do, run on each of them. A later engine implements [`Engine`]
//! and adds a line to [`suite`].

#![allow(
    clippy::wildcard_enum_match_arm,
    reason = "what a test did not expect fails it"
)]

mod allow_list;
mod batches;
mod blobs;
mod mailboxes;
mod model;
mod prekeys;
mod records;
mod sqlite_only;

use bytes::Bytes;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;
use tempfile::TempDir;
use undertone_wire::{MailboxId, MessageId, StoreEpoch};

use super::memory::MemoryStorage;
use super::sqlite::{Durability, SqliteOptions, SqliteStorage};
use super::{Append, AppendBounds, Incoming, Storage, Timestamp, Via};

/// An engine under test.
pub(super) trait Engine: Send {
    fn storage(&mut self) -> &mut dyn Storage;
    /// The process ends without warning and starts again at `now`.
    fn restart(&mut self, now: Timestamp);
}

pub(super) struct Memory(MemoryStorage);

impl Memory {
    pub(super) fn new() -> Self {
        let epoch = StoreEpoch::from_bytes([1; 16]);
        Self(MemoryStorage::new(epoch, START))
    }
}

impl Engine for Memory {
    fn storage(&mut self) -> &mut dyn Storage {
        &mut self.0
    }

    fn restart(&mut self, now: Timestamp) {
        self.0.reopen(now);
    }
}

pub(super) struct Sqlite {
    storage: Option<SqliteStorage>,
    options: SqliteOptions,
    folder: TempDir,
}

impl Sqlite {
    pub(super) fn new() -> Self {
        Self::with(Durability::Full)
    }

    pub(super) fn with(durability: Durability) -> Self {
        let mut engine = Self {
            storage: None,
            options: SqliteOptions {
                durability,
                max_bytes: None,
            },
            folder: tempfile::tempdir().unwrap(),
        };
        engine.restart(START);
        engine
    }

    pub(super) fn path(&self) -> std::path::PathBuf {
        self.folder.path().join("relay.db")
    }
}

impl Engine for Sqlite {
    fn storage(&mut self) -> &mut dyn Storage {
        self.storage.as_mut().unwrap()
    }

    fn restart(&mut self, now: Timestamp) {
        self.storage = None;
        let mut rng = ChaCha8Rng::seed_from_u64(1);
        self.storage =
            Some(SqliteStorage::open_with(&self.path(), self.options, now, &mut rng).unwrap());
    }
}

pub(super) const START: Timestamp = Timestamp(1_790_000_000_000);
pub(super) const MINUTE: u64 = 60_000;
pub(super) const DAY: u64 = 24 * 60 * MINUTE;
pub(super) const ROOMY: AppendBounds = AppendBounds {
    messages: 1_000,
    bytes: 1 << 20,
    knocks: 10,
};

pub(super) fn mailbox_id(n: u8) -> MailboxId {
    MailboxId::from_bytes([n; 16])
}

pub(super) fn message(n: u32, len: usize, at: Timestamp) -> Incoming {
    let id = MessageId::derive(MessageId::from_bytes([0; 16]), n);
    Incoming {
        message_id: id,
        envelope: Bytes::from(vec![n.to_be_bytes()[3]; len]),
        shared: None,
        via: Via::Token,
        arrived: at,
    }
}

/// One committed batch.
pub(super) fn batch<T>(engine: &mut dyn Engine, work: impl FnOnce(&mut dyn Storage) -> T) -> T {
    let storage = engine.storage();
    storage.begin().unwrap();
    let out = work(storage);
    storage.commit().unwrap();
    out
}

pub(super) fn append(storage: &mut dyn Storage, mailbox: u8, incoming: Incoming) -> Append {
    storage
        .append(mailbox_id(mailbox), incoming, ROOMY)
        .unwrap()
}

/// Message numbers in the queue, in order.
pub(super) fn queued(storage: &mut dyn Storage, mailbox: u8) -> Vec<u64> {
    storage
        .page(mailbox_id(mailbox), 0, usize::MAX, usize::MAX)
        .unwrap()
        .into_iter()
        .map(|queued| queued.seq)
        .collect()
}

macro_rules! suite {
    ($($module:ident :: $check:ident,)*) => {
        mod memory {
            $(#[test]
            fn $check() {
                super::$module::$check(&mut super::Memory::new());
            })*
        }

        mod sqlite {
            $(#[test]
            fn $check() {
                super::$module::$check(&mut super::Sqlite::new());
            })*
        }
    };
}

suite! {
    batches::a_committed_batch_survives_a_restart,
    batches::an_uncommitted_batch_never_happened,
    batches::a_rollback_is_exact,
    batches::totals_count_what_is_there,
    mailboxes::sequences_rise_and_start_anew_at_each_opening,
    mailboxes::a_clock_that_went_back_does_not_repeat_a_sequence,
    mailboxes::appending_is_idempotent_while_queued_and_ten_minutes_after,
    mailboxes::ids_are_remembered_across_a_restart,
    mailboxes::bounds_hold_for_messages_bytes_and_knocks,
    mailboxes::a_duplicate_is_known_even_when_full,
    mailboxes::acks_are_cumulative_idempotent_and_clamped,
    mailboxes::pages_respect_both_bounds,
    mailboxes::a_shared_payload_lives_as_long_as_an_entry,
    mailboxes::a_payload_nobody_took_is_gone,
    mailboxes::what_expires_leaves_a_range_until_it_is_acked,
    mailboxes::tokens_are_replaced_as_a_set_and_keep_their_use,
    mailboxes::deleting_removes_everything,
    mailboxes::unseen_mailboxes_are_removed,
    mailboxes::nothing_works_on_an_unknown_mailbox,
    prekeys::a_one_time_key_is_given_once,
    prekeys::contended_pops_give_each_key_once,
    prekeys::a_repeated_pop_gets_the_same_answer,
    prekeys::strangers_get_a_quarter,
    prekeys::replacing_leaves_what_is_not_given,
    prekeys::appending_skips_what_is_there_and_is_bounded,
    prekeys::without_a_page_or_a_kem_key_there_is_nothing,
    records::compare_and_set,
    records::s13_contended_compare_and_set_loses_no_update,
    records::a_repeated_put_is_the_same_put,
    records::a_deleted_record_keeps_its_version,
    records::old_records_are_removed,
    blobs::quota_is_reserved_at_creation,
    blobs::the_offset_moves_only_from_where_it_is,
    blobs::expired_blobs_are_listed_soonest_first,
}
