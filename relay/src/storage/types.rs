//! What goes into and comes out of the storage traits.

use bytes::Bytes;
use undertone_wire::MessageId;
use undertone_wire::bearer::BearerHash;
use undertone_wire::limits::ENVELOPE_TTL_MS;

use super::{DAY_MS, MAILBOX_TTL_MS, RECORD_TTL_MS};

/// Unix milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Timestamp(pub u64);

impl Timestamp {
    /// Later by `ms` milliseconds.
    #[must_use]
    pub const fn plus(self, ms: u64) -> Self {
        Self(self.0.saturating_add(ms))
    }

    /// Milliseconds since `earlier`, 0 when it is not earlier.
    #[must_use]
    pub const fn since(self, earlier: Self) -> u64 {
        self.0.saturating_sub(earlier.0)
    }

    /// Whole minutes: as exact as anything on disk is.
    #[must_use]
    pub const fn minutes(self) -> u64 {
        self.0 / 60_000
    }

    /// Whole days.
    #[must_use]
    pub const fn days(self) -> u64 {
        self.0 / DAY_MS
    }

    /// Where a mailbox's sequence starts when the store is opened at this time.
    #[must_use]
    pub const fn sequence_base(self) -> u64 {
        (self.0 / 1000) << 20
    }
}

/// Why the storage failed. The operator must act, except for [`StorageError::Full`], where time may help too.
#[derive(Debug, thiserror::Error)]
pub enum StorageError {
    /// The disk or the configured size is used up; nothing was lost.
    #[error("the store is full")]
    Full,
    /// The store is damaged. Nothing was deleted; restore a backup.
    #[error("the store is damaged")]
    Corrupt,
    /// The store was written by a newer version of this program.
    #[error("the store has schema {found}, this program knows up to {known}")]
    NewerSchema {
        /// The store's schema version.
        found: u32,
        /// The newest one this program knows.
        known: u32,
    },
    /// The file exists and is not a relay's store.
    #[error("the file is not a relay's store")]
    NotAStore,
    /// Another process holds the store.
    #[error("the store is in use by another process")]
    InUse,
    /// The operating system or the engine reported something else.
    #[error("the store failed: {0}")]
    Io(String),
}

impl StorageError {
    /// What the operator does about it.
    #[must_use]
    pub fn advice(&self) -> &'static str {
        match self {
            Self::Full => "Free some space on the disk.",
            Self::Corrupt => "Nothing was deleted. Restore a backup into another directory.",
            Self::NewerSchema { .. } => "Run the version that wrote it, or a newer one.",
            Self::NotAStore => "Give the directory that a relay wrote.",
            Self::InUse => "Stop the other process first.",
            Self::Io(_) => "Check the disk, its quotas and the permissions.",
        }
    }
}

/// Whether the store may grow.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Room {
    /// Yes.
    Plenty,
    /// No: what is left is kept for acks and deletes.
    Low,
}

/// What is stored, in numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Totals {
    /// Mailboxes.
    pub mailboxes: u64,
    /// Queued entries.
    pub messages: u64,
    /// Bytes of queued envelopes, a shared one counted for each entry.
    pub message_bytes: u64,
    /// One-time prekeys.
    pub prekeys: u64,
    /// Records that have a value.
    pub records: u64,
    /// Blobs, finished or not.
    pub blobs: u64,
    /// Bytes reserved by blobs.
    pub blob_bytes: u64,
}

/// What a sweep did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Swept {
    /// Envelopes that expired unread.
    pub expired_messages: u32,
    /// Whether the budget was used up, so that there may be more.
    pub more: bool,
}

/// How long what nobody takes, visits or writes is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retention {
    /// Milliseconds until a queued envelope expires.
    pub envelope_ms: u64,
    /// Milliseconds after which a mailbox that nobody logged in to is removed.
    pub mailbox_ms: u64,
    /// Milliseconds after which a record that nobody wrote is removed.
    pub record_ms: u64,
}

impl Default for Retention {
    fn default() -> Self {
        Self {
            envelope_ms: ENVELOPE_TTL_MS,
            mailbox_ms: MAILBOX_TTL_MS,
            record_ms: RECORD_TTL_MS,
        }
    }
}

/// Sequence numbers from `first` to `last`, both included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SeqRange {
    /// The first.
    pub first: u64,
    /// The last.
    pub last: u64,
}

/// One mailbox.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct MailboxState {
    /// Highest sequence number given out, 0 = none.
    pub last_seq: u64,
    /// Acknowledged up to here.
    pub acked_seq: u64,
    /// Queued entries.
    pub messages: u32,
    /// Bytes of their envelopes.
    pub bytes: u64,
    /// How many of them came as knocks.
    pub knocks: u32,
    /// What expired and was not acknowledged since.
    pub expired: Option<SeqRange>,
}

/// How an envelope got in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Via {
    /// By a bearer.
    Token,
    /// By work.
    Knock,
}

/// A payload that several entries share.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct PayloadId(pub(crate) i64);

/// An envelope to append.
#[derive(Debug, Clone)]
pub struct Incoming {
    /// Its id.
    pub message_id: MessageId,
    /// Its bytes.
    pub envelope: Bytes,
    /// Where the same bytes are kept already.
    pub shared: Option<PayloadId>,
    /// How it got in.
    pub via: Via,
    /// When it arrived; kept in whole minutes.
    pub arrived: Timestamp,
}

/// How far an append may fill the queue: the state after it stays within these.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AppendBounds {
    /// Entries.
    pub messages: u32,
    /// Bytes.
    pub bytes: u64,
    /// Entries that came as knocks.
    pub knocks: u32,
}

/// What became of an append.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Append {
    /// Stored under this sequence number.
    Stored(u64),
    /// The id is queued or was acked a moment ago.
    Duplicate,
    /// It would exceed the bounds.
    Full,
    /// There is no such mailbox.
    NoMailbox,
}

/// An entry of a queue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Queued {
    /// Its sequence number.
    pub seq: u64,
    /// The sender's id for it.
    pub message_id: MessageId,
    /// Its bytes.
    pub envelope: Bytes,
}

/// Whom a token is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TokenKind {
    /// Contacts.
    Delivery,
    /// Strangers with an invite.
    Invite,
}

/// A registered token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Token {
    /// Hash of its bearer.
    pub hash: BearerHash,
    /// Whom it is for.
    pub kind: TokenKind,
    /// From when on it is worth nothing.
    pub expires: Option<Timestamp>,
    /// Messages that it admits in all.
    pub quota: Option<u32>,
    /// Messages that it has admitted.
    pub used: u32,
}

/// A one-time prekey.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PrekeyItem {
    /// Its id.
    pub id: [u8; 4],
    /// Its opaque bytes.
    pub item: Bytes,
}

/// What to replace.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct PrekeyReplacement {
    /// The page that comes with every pop.
    pub page: Option<Bytes>,
    /// The last-resort key.
    pub last_resort: Option<Bytes>,
    /// One-time X25519 keys; empty: as they are.
    pub x25519: Vec<PrekeyItem>,
    /// One-time ML-KEM keys; empty: as they are.
    pub kem: Vec<PrekeyItem>,
    /// Whether to add the one-time keys instead of replacing them.
    pub append: bool,
}

/// One-time prekeys that are there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct PrekeyCounts {
    /// X25519.
    pub x25519: u32,
    /// ML-KEM.
    pub kem: u32,
}

/// What became of a replacement.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PrekeyReplace {
    /// Done; this many are there now.
    Replaced(PrekeyCounts),
    /// There would be more than [`undertone_wire::limits::MAX_ONE_TIME_X25519`] or
    /// [`undertone_wire::limits::MAX_ONE_TIME_KEM`].
    TooMany,
    /// There is no such mailbox.
    NoMailbox,
}

/// Who takes prekeys.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PopAs {
    /// A holder of a delivery token.
    Contact,
    /// Anybody else.
    Stranger,
}

/// What a pop gives.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Popped {
    /// The page.
    pub page: Bytes,
    /// A one-time X25519 key, empty when used up.
    pub x25519: Bytes,
    /// An ML-KEM key.
    pub kem: Bytes,
    /// Whether `kem` is the last-resort one.
    pub last_resort: bool,
}

/// What is left after a pop.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PrekeysLeft {
    /// One-time keys.
    pub counts: PrekeyCounts,
    /// Whether this pop took the last one that strangers get.
    pub strangers_exhausted: bool,
}

/// What became of a pop.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Pop {
    /// Taken now.
    Taken(Popped, PrekeysLeft),
    /// The same pop id again.
    Repeated(Popped),
    /// Nothing is published, or no ML-KEM key is left and there is no last resort.
    Nothing,
    /// There is no such mailbox.
    NoMailbox,
}

/// A record as it stands.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct RecordState {
    /// Its version, 0 = there never was one.
    pub version: u64,
    /// Its value, `None` = deleted or never there.
    pub value: Option<Bytes>,
}

/// What became of a compare-and-set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RecordPut {
    /// This version stands now.
    Stored(u64),
    /// Another version stands.
    Conflict(RecordState),
}

/// A blob in the index.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BlobEntry {
    /// Bytes it will have; reserved from the start.
    pub length: u64,
    /// Bytes that are durable; finished when it equals `length`.
    pub received: u64,
    /// Hash of the secret that permits writing and deleting.
    pub secret_hash: [u8; 32],
    /// When it may be removed.
    pub expires: Timestamp,
}

/// What became of a creation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BlobCreate {
    /// Reserved.
    Created,
    /// The id is taken.
    Exists,
    /// The quota does not allow it.
    Full,
}

/// What became of an advance.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BlobAdvance {
    /// Moved.
    Advanced,
    /// The offset is not `from` (it is this), or `to` is before it or beyond the length.
    Conflict(u64),
    /// There is no such blob.
    NoBlob,
}
