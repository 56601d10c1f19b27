//! The limits of the service, with their defaults. Those in [`ServiceConfig`] are the operator's to change.

use undertone_wire::limits::BASE_DIFFICULTY;

use super::Rate;
use crate::storage::Retention;

/// Queued envelopes of one mailbox.
pub const MAILBOX_MESSAGES: u32 = 10_000;

/// Bytes of queued envelopes of one mailbox.
pub const MAILBOX_BYTES: u64 = 64 * 1024 * 1024;

/// Bytes of an envelope up to which it may use the quarter of a mailbox that is reserved: texts and receipts still get
/// in when large envelopes have filled the rest.
pub const SMALL_ENVELOPE_BYTES: usize = 1024;

/// One part in this many of a mailbox is reserved for small envelopes.
pub const RESERVED_FOR_SMALL: u32 = 4;

/// Queued knocks of one mailbox: people ask rarely, and each costs its sender work.
pub const KNOCKS: u32 = 64;

/// Bits by which the knock work rises from an empty lane to a full one.
pub const KNOCK_DIFFICULTY_RISE: u32 = 8;

/// Messages that an invite admits when its owner set no quota.
pub const INVITE_QUOTA: u32 = 256;

/// A network (IPv6 /48) may do this many times what one source in it (IPv6 /64) may: it has 65,536 of them, and is one
/// customer as a rule.
pub const NETWORK_SHARE: u32 = 4;

/// One source prefix may put at most one part in this many of a mailbox's quota into it within [`SHARE_WINDOW_MS`].
pub const SOURCE_SHARE: u32 = 10;

/// Milliseconds of the window of [`SOURCE_SHARE`].
pub const SHARE_WINDOW_MS: u64 = 60 * 60 * 1000;

/// Pairs of mailbox and source or network that are counted at a time (about 100 bytes each). Beyond it, new pairs are not counted:
/// the mailbox's own quota still holds.
pub const SHARE_ENTRIES: usize = 200_000;

/// Cells of a table of rates (8 bytes each). Keys that fall into one cell share a rate.
pub const RATE_CELLS: usize = 1 << 16;

/// Prekeys of a kind at or below which the owner is told: half a batch of X25519 keys.
pub const LOW_X25519: u32 = 50;

/// Half a batch of ML-KEM keys.
pub const LOW_KEM: u32 = 25;

/// Rows of a kind that housekeeping removes at a time, so that it holds up nobody for longer than some milliseconds.
pub const SWEEP_ROWS: u32 = 1_000;

/// Owners who are online and of whom one tick notes that they were there today: 100,000 take some minutes of the day.
pub const SEEN_ROWS: usize = 1_000;

/// Rows of a kind that a batch removes for each that it stores: more than one, so that what has piled up becomes less
/// under any load.
pub const SWEEP_PER_ROW: u32 = 2;

/// Bytes of backlogs that one batch reads; whoever is left comes first in the next one. A thousand owners who come back
/// at once must not be a gigabyte in memory.
pub const BACKLOG_BYTES: usize = 32 * 1024 * 1024;

/// Milliseconds that `Closing` asks a client to wait, besides its jitter.
pub const CLOSING_RETRY_MS: u32 = 1_000;

/// Rates by default.
pub mod rates {
    /// Requests of one connection in a second: more than an eager client needs to catch up.
    pub const CONNECTION_REQUESTS: u32 = 500;

    /// Requests of one source in a second. A prefix may be a household, a school or a carrier's exit.
    pub const SOURCE_REQUESTS: u32 = 2_000;

    /// Requests of all connections in a second: above what one relay can do, so that it only bounds a flood.
    pub const ALL_REQUESTS: u32 = 250_000;

    /// Envelopes to one mailbox in a second, ephemeral ones included: a busy group's day in a minute.
    pub const MAILBOX_ENVELOPES: u32 = 500;

    /// Mailboxes that one source makes in an hour: one for each device of a school on its first day.
    pub const SOURCE_MAILBOXES: u32 = 500;

    /// Records that one source makes in an hour: two for each account.
    pub const SOURCE_RECORDS: u32 = 1_000;

    /// Prekeys that one source takes in an hour: four for each new contact's devices.
    pub const SOURCE_PREKEYS: u32 = 2_000;

    /// Blobs that one source makes in an hour.
    pub const SOURCE_BLOBS: u32 = 2_000;

    /// A connection may do this many seconds' worth at once.
    pub const CONNECTION_BURST: u32 = 4;

    /// A source, and the senders to a mailbox, may do this many seconds' worth at once.
    pub const SOURCE_BURST: u32 = 10;

    /// Everybody together may do this many seconds' worth at once.
    pub const ALL_BURST: u32 = 2;
}

/// What an operator can set; `config::Config` says how.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServiceConfig {
    /// Whether unknown mailbox keys may make a mailbox.
    pub accepts_new_mailboxes: bool,
    /// Leading zero bits of the work for an empty knock lane.
    pub base_difficulty: u32,
    /// See [`MAILBOX_MESSAGES`].
    pub mailbox_messages: u32,
    /// See [`MAILBOX_BYTES`].
    pub mailbox_bytes: u64,
    /// See [`KNOCKS`].
    pub knocks: u32,
    /// See [`INVITE_QUOTA`].
    pub invite_quota: u32,
    /// What is removed when.
    pub retention: Retention,
    /// See [`SOURCE_SHARE`]; 0 = sources are not limited.
    pub source_share: u32,
    /// Requests of one connection.
    pub connection_requests: Rate,
    /// Requests of one source prefix, in frames and over HTTP; an entry of a multi-recipient send counts as one.
    pub source_requests: Rate,
    /// Mailboxes that one source prefix makes.
    pub source_new_mailboxes: Rate,
    /// Records that one source prefix makes.
    pub source_new_records: Rate,
    /// Blobs that one source prefix makes.
    pub source_new_blobs: Rate,
    /// Prekeys that one source prefix takes.
    pub source_pops: Rate,
    /// Envelopes to one mailbox, ephemeral ones included.
    pub mailbox_envelopes: Rate,
    /// Requests of all connections together.
    pub all_requests: Rate,
}

impl Default for ServiceConfig {
    fn default() -> Self {
        Self {
            accepts_new_mailboxes: true,
            base_difficulty: BASE_DIFFICULTY,
            mailbox_messages: MAILBOX_MESSAGES,
            mailbox_bytes: MAILBOX_BYTES,
            knocks: KNOCKS,
            invite_quota: INVITE_QUOTA,
            retention: Retention::default(),
            source_share: SOURCE_SHARE,
            connection_requests: Rate::bursting(
                rates::CONNECTION_BURST,
                rates::CONNECTION_REQUESTS,
            ),
            source_requests: Rate::bursting(rates::SOURCE_BURST, rates::SOURCE_REQUESTS),
            source_new_mailboxes: Rate::hourly(rates::SOURCE_MAILBOXES),
            source_new_records: Rate::hourly(rates::SOURCE_RECORDS),
            source_new_blobs: Rate::hourly(rates::SOURCE_BLOBS),
            source_pops: Rate::hourly(rates::SOURCE_PREKEYS),
            mailbox_envelopes: Rate::bursting(rates::SOURCE_BURST, rates::MAILBOX_ENVELOPES),
            all_requests: Rate::bursting(rates::ALL_BURST, rates::ALL_REQUESTS),
        }
    }
}

impl ServiceConfig {
    /// Without any limit on rates or shares, for benchmarks and closed networks.
    #[must_use]
    pub fn without_rates() -> Self {
        Self {
            source_share: 0,
            connection_requests: Rate::unlimited(),
            source_requests: Rate::unlimited(),
            source_new_mailboxes: Rate::unlimited(),
            source_new_records: Rate::unlimited(),
            source_new_blobs: Rate::unlimited(),
            source_pops: Rate::unlimited(),
            mailbox_envelopes: Rate::unlimited(),
            all_requests: Rate::unlimited(),
            ..Self::default()
        }
    }
}
