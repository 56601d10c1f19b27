//! Steps of the Double Ratchet: one DH step for every message, and many chain steps for one message.

use crate::bench::BenchError;
use crate::bench::measure::Contest;
use crate::bench::messages::{needs_decryption, needs_encryption};
use crate::bench::row::{Goal, Row};
use crate::bench::{primitives, sessions, vodozemac};

/// Round trips a pass.
const ROUND_TRIPS: u32 = 16;
/// Messages that are missing before the one that arrives, which is the chain's last: numbers end at 998, and the chain's first
/// established the session.
const SKIPPED: u32 = 997;
/// Receptions a pass.
const RECEPTIONS: u32 = 4;

/// A round trip is two root steps on either side, a sending and a receiving one: each an agreement and a key derivation, one of
/// them with a new key pair. Both sides derive the header and tag keys of both chains.
pub(super) fn ping_pong() -> Result<Row, BenchError> {
    let mut pair = vodozemac::Pair::established()?;
    let contest = Contest::new("ping_pong", || sessions::ping_pong(ROUND_TRIPS))
        .needs(4, primitives::x25519())
        .needs(2, primitives::x25519_key_pair())
        .needs(4, primitives::hkdf(64, 53, 96))
        .needs(4, primitives::expand_64());
    needs_decryption(needs_encryption(contest, 2), 2)
        .peer(vodozemac::NAME, move || {
            vodozemac::ping_pong(&mut pair, ROUND_TRIPS)
        })
        .run(Goal::TimesFloor(1.1))
}

/// Every skipped message leaves its tag and its message key behind. vodozemac keeps 40 of them.
pub(super) fn skip_1000() -> Result<Row, BenchError> {
    let contest = Contest::new("skip_1000", || sessions::skip(SKIPPED, RECEPTIONS))
        .needs(SKIPPED, primitives::chain_step())
        .needs(1, primitives::aes_blocks(SKIPPED as usize));
    needs_decryption(contest, 1)
        .peer(vodozemac::NAME, || vodozemac::skip(SKIPPED, RECEPTIONS))
        .run(Goal::TimesFloor(1.5))
}
