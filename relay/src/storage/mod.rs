//! What the relay keeps, behind a trait for each of its four primitives, so that the engine can be replaced.
//!
//! [`memory`] serves the simulated world, [`sqlite`] is the embedded default; the conformance suite holds every engine
//! to the same contract.
//!
//! Invariants:
//! - Writes happen between [`Storage::begin`] and [`Storage::commit`]; reads in between see them; when `commit` has
//!   returned `Ok` they survive a crash and a power cut, and when it has not, none of them ever happened.
//! - Each operation touches one mailbox, one record or one blob (housekeeping aside), so that an engine may shard by it.
//! - There is one writer. Operations of one batch see each other in order, which is what makes compare-and-set and pop
//!   exact under contention.
//!
//! Not its concern: who may do what, quotas as a policy (the caller passes the bounds), clocks.

mod limits;
pub mod memory;
pub mod sqlite;
mod types;

use std::sync::Arc;

use bytes::Bytes;
use undertone_wire::bearer::BearerHash;
use undertone_wire::{BlobId, MailboxId, PopId, RecordId, StoreEpoch};

pub(crate) use limits::DAY_MS;
pub use limits::{MAILBOX_TTL_MS, RECORD_TTL_MS};
pub use types::{
    Append, AppendBounds, BlobAdvance, BlobCreate, BlobEntry, Incoming, MailboxState, PayloadId,
    Pop, PopAs, Popped, PrekeyCounts, PrekeyItem, PrekeyReplace, PrekeyReplacement, PrekeysLeft,
    Queued, RecordPut, RecordState, Retention, Room, SeqRange, StorageError, Swept, Timestamp,
    Token, TokenKind, Totals, Via,
};

/// A whole storage engine.
pub trait Storage: Mailboxes + Prekeys + Records + Blobs {
    /// Which life of the store this is; a restored backup has another one.
    fn epoch(&self) -> StoreEpoch;

    /// Opens a batch. What an earlier batch left uncommitted is rolled back.
    ///
    /// # Errors
    /// [`StorageError`].
    fn begin(&mut self) -> Result<(), StorageError>;

    /// Makes the batch durable.
    ///
    /// # Errors
    /// [`StorageError`]; the batch is rolled back then.
    fn commit(&mut self) -> Result<(), StorageError>;

    /// Gives the batch up; nothing of it happened.
    fn rollback(&mut self);

    /// Whether there is room to grow. Shrinking works without.
    fn room(&mut self) -> Room;

    /// What is stored, in numbers.
    ///
    /// # Errors
    /// [`StorageError`].
    fn totals(&mut self) -> Result<Totals, StorageError>;

    /// Removes what is past its time, at most about `budget` rows of each kind, the oldest first: queued envelopes
    /// (leaving a gap range), remembered message and pop ids, mailboxes nobody logged in to, records nobody wrote. Blobs
    /// are removed by their keeper.
    ///
    /// # Errors
    /// [`StorageError`].
    fn sweep(
        &mut self,
        now: Timestamp,
        retention: &Retention,
        budget: u32,
    ) -> Result<Swept, StorageError>;
}

/// Mailboxes: one totally ordered queue each.
///
/// Sequence numbers of a mailbox rise, are never given twice, and start anew at `max(last + 1, Unix seconds * 2^20)` at
/// each opening of the store, so that even a store restored from a backup never gives one that a client has seen.
pub trait Mailboxes {
    /// The mailbox, `None` when there is none.
    ///
    /// # Errors
    /// [`StorageError`].
    fn mailbox(&mut self, id: MailboxId) -> Result<Option<MailboxState>, StorageError>;

    /// Makes the mailbox unless it exists, and notes that its owner was there. `true` when it is new.
    ///
    /// # Errors
    /// [`StorageError`].
    fn open_mailbox(&mut self, id: MailboxId, now: Timestamp) -> Result<bool, StorageError>;

    /// Removes the mailbox with everything that hangs on it. Idempotent.
    ///
    /// # Errors
    /// [`StorageError`].
    fn delete_mailbox(&mut self, id: MailboxId) -> Result<(), StorageError>;

    /// Keeps a payload that several mailboxes will share; it lives as long as an entry refers to it. One that no entry
    /// refers to at the end of the batch is removed.
    ///
    /// # Errors
    /// [`StorageError`].
    fn share_payload(&mut self, envelope: &Bytes) -> Result<PayloadId, StorageError>;

    /// Appends to the queue, once for each message id while it is queued and for
    /// [`undertone_wire::limits::IDEMPOTENCE_MS`] after it was acked. A duplicate costs a write too, so that it takes as
    /// long as the first.
    ///
    /// # Errors
    /// [`StorageError`].
    fn append(
        &mut self,
        id: MailboxId,
        incoming: Incoming,
        bounds: AppendBounds,
    ) -> Result<Append, StorageError>;

    /// Queued entries after `after_seq` in order, until either bound is reached (at least one, if there is one).
    ///
    /// # Errors
    /// [`StorageError`].
    fn page(
        &mut self,
        id: MailboxId,
        after_seq: u64,
        max_messages: usize,
        max_bytes: usize,
    ) -> Result<Vec<Queued>, StorageError>;

    /// Removes everything up to `up_to_seq` and remembers the ids; how many they were. Idempotent; never reaches past the
    /// last sequence.
    ///
    /// # Errors
    /// [`StorageError`].
    fn ack(&mut self, id: MailboxId, up_to_seq: u64, now: Timestamp) -> Result<u32, StorageError>;

    /// Replaces the set of tokens. A hash that was there before keeps its count of uses; `used` is ignored otherwise.
    ///
    /// # Errors
    /// [`StorageError`].
    fn set_tokens(&mut self, id: MailboxId, tokens: &[Token]) -> Result<(), StorageError>;

    /// The tokens of the mailbox; empty when there is no mailbox.
    ///
    /// # Errors
    /// [`StorageError`].
    fn tokens(&mut self, id: MailboxId) -> Result<Arc<[Token]>, StorageError>;

    /// Counts one use of a token.
    ///
    /// # Errors
    /// [`StorageError`].
    fn use_token(&mut self, id: MailboxId, hash: &BearerHash) -> Result<(), StorageError>;
}

/// Prekeys: opaque items, of which a one-time one is handed out exactly once.
pub trait Prekeys {
    /// Replaces what is given and leaves the rest. Appending skips ids that are there.
    ///
    /// # Errors
    /// [`StorageError`].
    fn replace_prekeys(
        &mut self,
        id: MailboxId,
        replacement: &PrekeyReplacement,
    ) -> Result<PrekeyReplace, StorageError>;

    /// Takes one of each kind. The same pop id gets the same answer for
    /// [`undertone_wire::limits::IDEMPOTENCE_MS`]. Strangers get at most a quarter of the one-time items that were there
    /// after the last replacement.
    ///
    /// # Errors
    /// [`StorageError`].
    fn pop_prekeys(
        &mut self,
        id: MailboxId,
        pop: PopId,
        as_who: PopAs,
        now: Timestamp,
    ) -> Result<Pop, StorageError>;

    /// How many one-time items are left.
    ///
    /// # Errors
    /// [`StorageError`].
    fn prekey_counts(&mut self, id: MailboxId) -> Result<PrekeyCounts, StorageError>;
}

/// Records: one opaque value each, replaced by compare-and-set.
///
/// A deleted record keeps its version, so that no old signature ever brings an old value back.
pub trait Records {
    /// What stands now; version 0 when there never was one.
    ///
    /// # Errors
    /// [`StorageError`].
    fn record(&mut self, id: RecordId) -> Result<RecordState, StorageError>;

    /// Replaces (`Some`) or deletes (`None`) the value if `expected` is the version that stands. Repeating a put that
    /// stands already succeeds without another version.
    ///
    /// # Errors
    /// [`StorageError`].
    fn put_record(
        &mut self,
        id: RecordId,
        expected: u64,
        value: Option<&Bytes>,
        now: Timestamp,
    ) -> Result<RecordPut, StorageError>;
}

/// Blobs: the index. The bytes are their keeper's concern, who makes them durable before [`Blobs::advance_blob`].
pub trait Blobs {
    /// Reserves `entry.length` bytes if all reservations together stay within `quota` bytes.
    ///
    /// # Errors
    /// [`StorageError`].
    fn create_blob(
        &mut self,
        id: BlobId,
        entry: &BlobEntry,
        quota: u64,
    ) -> Result<BlobCreate, StorageError>;

    /// The entry, `None` when there is none.
    ///
    /// # Errors
    /// [`StorageError`].
    fn blob(&mut self, id: BlobId) -> Result<Option<BlobEntry>, StorageError>;

    /// Moves the offset from `from` to `to` (at most the length) and sets the expiry.
    ///
    /// # Errors
    /// [`StorageError`].
    fn advance_blob(
        &mut self,
        id: BlobId,
        from: u64,
        to: u64,
        expires: Timestamp,
    ) -> Result<BlobAdvance, StorageError>;

    /// Forgets the blob and its reservation. `false` when there is none.
    ///
    /// # Errors
    /// [`StorageError`].
    fn delete_blob(&mut self, id: BlobId) -> Result<bool, StorageError>;

    /// Blobs whose time is over, soonest first, at most `limit`.
    ///
    /// # Errors
    /// [`StorageError`].
    fn expired_blobs(&mut self, now: Timestamp, limit: usize) -> Result<Vec<BlobId>, StorageError>;

    /// Bytes reserved by all blobs.
    ///
    /// # Errors
    /// [`StorageError`].
    fn blob_bytes(&mut self) -> Result<u64, StorageError>;
}

#[cfg(test)]
mod tests;
