//! Beginning a session, from both sides, a one-time prekey included.

use crate::bench::BenchError;
use crate::bench::measure::Contest;
use crate::bench::row::{Goal, Row};
use crate::bench::{primitives, sessions, vodozemac};

/// Handshakes a pass.
const HANDSHAKES: u32 = 8;

/// From a fetched bundle and a verified manifest to the bytes of the first message.
///
/// EK and the first ratchet key; DH1 to DH5 and the first root step; the post-quantum ratchet's first key, which the message carries; the
/// signatures over the signed prekey, the device and the two batches of one-time prekeys, whose keys the manifest has given, and the paths
/// of both prekeys in trees of 128 and 64 leaves; the prekey page's key and its opening; TH0 over KPK and ct, and the hash of the handshake
/// part.
/// vodozemac: three DHs, no KEM, no signature.
pub(super) fn initiator() -> Result<Row, BenchError> {
    let contest = Contest::new("setup_initiator", || sessions::initiate(HANDSHAKES))
        .needs(2, primitives::x25519_key_pair())
        .needs(6, primitives::x25519())
        .needs(1, primitives::ml_kem_1024_encapsulate())
        .needs(1, primitives::ml_kem_768_key_pair())
        .needs(4, primitives::ed25519_verify(160))
        .needs(1, primitives::sha256(1_600))
        .needs(14, primitives::sha256(88))
        .needs(1, primitives::hkdf(32, 45, 32))
        .needs(1, primitives::gcm_open(229, 16))
        .needs(1, primitives::sha256(3_400))
        .needs(1, primitives::sha256(1_918))
        .needs(1, primitives::gcm_seal(288, 32));
    handshake_keys(contest)
        .needs(1, primitives::salt())
        .needs(1, primitives::gcm_seal(163, 81))
        .needs(1, primitives::gcm_seal(1_923, 304))
        .peer(vodozemac::NAME, || vodozemac::setup_initiator(HANDSHAKES))
        .run(Goal::TimesFloor(1.1))
}

/// From the bytes of the first message to its plaintext and the session.
///
/// DH1 to DH5 and the first root step; the account's statement about the sending device. vodozemac: three DHs, no KEM, no
/// signature.
pub(super) fn responder() -> Result<Row, BenchError> {
    let contest = Contest::new("setup_responder", || sessions::respond(HANDSHAKES))
        .needs(6, primitives::x25519())
        .needs(1, primitives::ml_kem_1024_decapsulate_from_seed())
        .needs(1, primitives::ed25519_decode_and_verify(210))
        .needs(1, primitives::sha256(3_400))
        .needs(1, primitives::sha256(1_918))
        .needs(1, primitives::gcm_open(288, 32));
    handshake_keys(contest)
        .needs(1, primitives::gcm_open(163, 81))
        .needs(1, primitives::gcm_open(1_923, 304))
        .peer(vodozemac::NAME, || vodozemac::setup_responder(HANDSHAKES))
        .run(Goal::TimesFloor(1.1))
}

/// K0, the session's secrets, the first root step, the header keys of both directions, and the first message's keys.
fn handshake_keys(contest: Contest<'_>) -> Contest<'_> {
    contest
        .needs(1, primitives::hkdf(160, 56, 32))
        .needs(1, primitives::hkdf(224, 56, 112))
        .needs(1, primitives::hkdf(64, 53, 96))
        .needs(3, primitives::expand_64())
        .needs(1, primitives::chain_step())
        .needs(1, primitives::aes_block())
}
