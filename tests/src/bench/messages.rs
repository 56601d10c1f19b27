//! One message of an established session: 100 bytes of text in the lowest bucket.

use crate::bench::BenchError;
use crate::bench::measure::Contest;
use crate::bench::row::{Goal, Row};
use crate::bench::{primitives, sessions, vodozemac};

/// Messages a pass: fewer than a chain holds.
const MESSAGES: u32 = 900;

/// What no encryption into the 512-byte bucket can do without: a tag, a salt, an encrypted header of 163 bytes, a chain
/// step, the message key's expansion and the encryption of 256 padded bytes.
pub(super) fn needs_encryption(contest: Contest<'_>, times: u32) -> Contest<'_> {
    contest
        .needs(times, primitives::aes_block())
        .needs(times, primitives::salt())
        .needs(times, primitives::gcm_seal(163, 49))
        .needs(times, primitives::chain_step())
        .needs(times, primitives::expand_64())
        .needs(times, primitives::gcm_seal(256, 272))
}

/// What no decryption can do without: the tag of the number that moves into the window, and what encryption does, opened.
pub(super) fn needs_decryption(contest: Contest<'_>, times: u32) -> Contest<'_> {
    contest
        .needs(times, primitives::aes_block())
        .needs(times, primitives::gcm_open(163, 49))
        .needs(times, primitives::chain_step())
        .needs(times, primitives::expand_64())
        .needs(times, primitives::gcm_open(256, 272))
}

pub(super) fn encrypt_100() -> Result<Row, BenchError> {
    let mut theirs = vodozemac::Pair::established()?;
    let contest = Contest::new("encrypt_100", || sessions::encrypt(MESSAGES));
    needs_encryption(contest, 1)
        .peer(vodozemac::NAME, move || {
            vodozemac::encrypt(&mut theirs, MESSAGES)
        })
        .run(Goal::TimesFloor(1.3))
}

pub(super) fn decrypt_100() -> Result<Row, BenchError> {
    let contest = Contest::new("decrypt_100", || sessions::decrypt(MESSAGES));
    needs_decryption(contest, 1)
        .peer(vodozemac::NAME, || vodozemac::decrypt(MESSAGES))
        .run(Goal::TimesFloor(1.3))
}
