//! Limits of the session layer, each with its unit and reason.

use crate::time::DAY_MS;

/// Highest message number in a chain, counted from 0. A chain carries at most 999 messages, so that whatever is lost,
/// an honest peer never asks for more than [`MAX_SKIP`] skipped keys in one step.
pub const MAX_N: u32 = 998;

/// Highest length of a previous chain that a header may name: [`MAX_N`] + 1.
pub const MAX_PN: u32 = MAX_N + 1;

/// Message keys that one chain may skip (Double Ratchet specification, section 3.2, `MAX_SKIP`).
/// [`MAX_N`] and [`MAX_PN`], which every parsed header obeys, keep it: nothing else has to count.
pub const MAX_SKIP: u32 = 1_000;

const _: () = assert!(MAX_N <= MAX_SKIP && MAX_PN <= MAX_SKIP);

/// Skipped message keys kept for one session; the oldest go first, so that a flood by one contact evicts only his own.
pub const MAX_SKIPPED_PER_SESSION: usize = 2_000;

/// Skipped message keys kept on the device; the session that holds the most gives first.
pub const MAX_SKIPPED_PER_DEVICE: usize = 20_000;

/// Milliseconds after which a skipped message key is deleted: 30 days, as long as a relay keeps an envelope.
pub const SKIPPED_LIFETIME_MS: u64 = 30 * DAY_MS;

/// Ephemeral messages since the last message of the peer: more than that, and it is not there to see them.
pub const MAX_EPHEMERALS: u8 = 64;

/// Numbers of ephemeral messages that one storing of the session covers.
pub const EPHEMERAL_BLOCK: u32 = 256;

/// Tags looked ahead in the current receiving chain: an accelerator, never a bound on what can be received.
pub const WINDOW_CURRENT: u32 = 8;

/// Tags looked ahead in the next receiving chain.
pub const WINDOW_NEXT: u32 = 2;

/// Consumed tags remembered, so that replays of closed chains do not fill the park. 8 bytes each.
pub const CONSUMED_TAGS: usize = 65_536;

/// Envelopes matching nothing that may be scanned at once.
pub const SCAN_BURST: u32 = 500;

/// Envelopes matching nothing that may be scanned per second, once the burst is used up.
pub const SCAN_PER_SECOND: u32 = 50;

/// Envelopes parked until a session for them appears.
pub const MAX_PARKED: usize = 1_024;

/// Bytes of parked envelopes: 1 MiB.
pub const MAX_PARKED_BYTES: usize = 1_048_576;

/// Milliseconds an envelope stays parked: 7 days.
pub const PARKED_LIFETIME_MS: u64 = 7 * DAY_MS;

/// Largest envelope, in bytes: 64 KiB. Larger content travels as a blob.
pub const MAX_ENVELOPE: usize = 65_536;

/// Smallest envelope, in bytes.
pub const MIN_ENVELOPE: usize = 512;
