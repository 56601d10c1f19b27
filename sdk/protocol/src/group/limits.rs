//! Limits of group messages, each with its unit and reason.

use crate::limits::MAX_DEVICES;
use crate::time::{DAY_MS, HOUR_MS};

/// Members of a group.
pub const MAX_MEMBERS: usize = 1_024;

/// Highest sender index: every device of every member may be a sender.
#[expect(
    clippy::cast_possible_truncation,
    reason = "16,383, and a constant expression takes no fallible conversion"
)]
pub const MAX_SENDER_INDEX: u32 = (MAX_MEMBERS * MAX_DEVICES - 1) as u32;

/// Highest message number of a sender in one epoch, counted from 0. With [`MAX_SENDER_INDEX`] it bounds what is encrypted
/// under one header key: 2^30 messages, so that two of them share a salt with probability 2^-37 at most.
pub const MAX_GROUP_N: u32 = 65_535;

const _: () = assert!((MAX_SENDER_INDEX as u64 + 1) * (MAX_GROUP_N as u64 + 1) == 1 << 30);

/// Messages of one chain. Whoever copied a sender's state reads no more than these.
pub const CHAIN_MESSAGES: u32 = 100;

/// Milliseconds that a chain is sent with: the same for senders who write little.
pub const CHAIN_LIFETIME_MS: u64 = 24 * HOUR_MS;

/// Chains of one sender that a receiver keeps beside the newest.
pub const MAX_OLD_CHAINS: usize = 5;

/// Milliseconds after which a chain that another one replaced is deleted: what comes later is lost.
pub const OLD_CHAIN_LIFETIME_MS: u64 = 7 * DAY_MS;
