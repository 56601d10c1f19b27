//! Bounds of the client's driver.

use std::time::Duration;

/// Calls that wait for the engine. A caller beyond it waits for room.
pub(super) const WAITING_CALLS: usize = 256;

/// Things that one step takes at most: a larger batch would hold back its first caller without committing cheaper.
pub(super) const BATCH: usize = 512;

/// Events that a slow listener may fall behind before it is told that it missed some.
pub const EVENTS: usize = 4_096;

/// Rows that a live list has at most: about ten screens. It bounds what a listener costs in memory, and what is read again after a commit.
pub const LIVE_ROWS: usize = 400;
const _: () = assert!(LIVE_ROWS < crate::store::limits::MAX_PAGE_ROWS);

/// An unauthenticated connection without requests is closed after this.
pub(super) const IDLE: Duration = Duration::from_secs(30);

/// Frames held for a connection that is being opened; the engine keeps fewer requests in flight.
pub(super) const HELD_FRAMES: usize = 1_024;

/// First and longest wait before the store is tried again after it failed.
pub(super) const STORE_RETRY_FIRST: Duration = Duration::from_secs(1);
/// See [`STORE_RETRY_FIRST`].
pub(super) const STORE_RETRY_LAST: Duration = Duration::from_secs(60);

/// What was committed is in the write-ahead log for at most this long, and with it what was deleted or replaced meanwhile: old
/// keys of sessions, texts. Each checkpoint costs two fsyncs.
pub(super) const CHECKPOINT_AFTER: Duration = Duration::from_secs(60);

/// How long closing waits for connections to say goodbye.
pub(super) const GOODBYE: Duration = Duration::from_secs(3);

/// The longest sleep without looking at the clock, which a suspended device stops.
pub(super) const LONGEST_SLEEP: Duration = Duration::from_secs(900);

/// Connections at one time. A lane beyond it waits for another to idle.
pub(super) const LANES: usize = 64;
