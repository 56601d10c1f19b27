//! Every limit of the embedded engine, with its unit and its reason.

use std::time::Duration;

/// How long a commit waits for a checkpoint's last step.
pub(super) const COMMIT_BUSY: Duration = Duration::from_secs(10);

/// How long the last step of a checkpoint waits for a gap between commits.
pub(super) const CHECKPOINT_BUSY: Duration = Duration::from_secs(2);

/// How long a wait for the other connection sleeps between two looks. SQLite's own waits grow to 100 ms, and a commit that
/// met the last step of a checkpoint, of 1 or 2 ms, took 10.
pub(super) const BUSY_LOOK: Duration = Duration::from_micros(200);

/// Bytes of write-ahead log from which on it is written back.
pub(super) const CHECKPOINT_BYTES: u64 = 8 * 1024 * 1024;

/// Bytes of write-ahead log at which commits wait for it: without, a busy writer leaves no gap for the last step, and
/// the log grows without end.
pub(super) const WAIT_BYTES: u64 = 4 * CHECKPOINT_BYTES;

/// Bytes of a page: a third cheaper per message than 4 KiB, measured.
pub(super) const PAGE_BYTES: i32 = 16 * 1024;

/// KiB of page cache.
pub(super) const CACHE_KIB: i64 = 64 * 1024;

/// Prepared statements that are kept: more than there are.
pub(super) const STATEMENTS: usize = 96;

/// One part in this many of the disk is kept free for acks and deletes, within [`RESERVE_BYTES`].
pub(super) const RESERVE_PART: u64 = 20;

/// Least and most bytes of free disk that are kept for acks and deletes.
pub(super) const RESERVE_BYTES: (u64, u64) = (2 * 1024 * 1024, 256 * 1024 * 1024);

/// The database may exceed its quota by one part in this many, for acks and deletes to work in.
pub(super) const HARD_LIMIT_ABOVE: u64 = 8;

/// Mailboxes that are kept in memory between batches (about 300 bytes each).
pub(super) const KEPT: usize = 50_000;

/// When there are more, one part in this many goes.
pub(super) const FORGOTTEN_AT_A_TIME: usize = 8;

/// Ids that are known to be nobody's (about 30 bytes each).
pub(super) const KEPT_UNKNOWN: usize = 10_000;

/// Rows that a mailbox which nobody visits still has, about: prekeys and tokens. Its envelopes expired before.
pub(super) const ROWS_OF_A_MAILBOX: u32 = 300;

/// Bytes that opening needs besides the database: the index of the log (32 KiB), the log's first pages.
pub(super) const OPENING_BYTES: usize = 64 * 1024;
