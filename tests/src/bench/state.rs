//! Bytes that one session keeps, as they are given to the store: what sealing and the database add is not counted.

use std::collections::BTreeMap;

use undertone_cryptography::meeting::Meeting;
use undertone_protocol::session::{Session, SkippedKey};

use crate::bench::BenchError;
use crate::bench::primitives::rng;
use crate::bench::row::{Goal, Row};

/// Round trips of two epochs of the post-quantum ratchet, in which it holds all that it ever holds.
const ROUND_TRIPS: u32 = 42;
/// Skipped messages of a chain; together with those of the next one, [`SKIPPED`].
const SKIPPED_OF_A_CHAIN: u32 = 500;
/// Messages whose keys wait.
const SKIPPED: u32 = 1_000;

/// Keys of a session that cannot be done without: DHs and its public half, DHr, RK, TH and SID; header, tag and chain key of both
/// directions; the seeds of the next chains' headers, one of them expanded.
const KEYS: u32 = 64 + 32 + 32 + 32 + 16 + 2 * 96 + 32 + 64;
/// A key and a ciphertext of ML-KEM-768, of which one side holds either while they arrive.
const ML_KEM: u32 = 1_184 + 1_088;
/// Tag, number and message key.
const SKIPPED_KEY: u32 = 16 + 8 + 32;
/// A page of the store, into which a session with its post-quantum ratchet should fit.
const PAGE: f64 = 4_096.0;

/// The largest that a session becomes within two epochs.
pub(super) fn session_bytes() -> Result<Row, BenchError> {
    let (ours, _) = measure(0)?;
    let floor = KEYS + ML_KEM;
    Ok(Row::new(
        "session_bytes",
        "bytes",
        f64::from(ours),
        (
            f64::from(floor),
            format!("{KEYS} of keys, {ML_KEM} of ML-KEM-768"),
        ),
        BTreeMap::new(),
        Goal::AtMost(PAGE),
    ))
}

/// The same with as many skipped messages as one step may skip, whose rows hold the bytes that the session gives for them.
pub(super) fn session_bytes_1000_skipped() -> Result<Row, BenchError> {
    let (session, skipped) = measure(SKIPPED_OF_A_CHAIN)?;
    let keys = SKIPPED * SKIPPED_KEY;
    let floor = KEYS + ML_KEM + keys;
    Ok(Row::new(
        "session_bytes_1000_skipped",
        "bytes",
        f64::from(session + skipped),
        (
            f64::from(floor),
            format!("{KEYS} of keys, {ML_KEM} of ML-KEM-768, {SKIPPED} x {SKIPPED_KEY}"),
        ),
        BTreeMap::new(),
        Goal::AtMost(PAGE + f64::from(keys)),
    ))
}

/// The largest size of Bob's session, and that of the keys of messages which he then skips in each of two chains.
fn measure(skipped_of_a_chain: u32) -> Result<(u32, u32), BenchError> {
    let mut pair = Meeting::new(rng())?.pair()?;
    let mut largest = Sizes::default();
    for _ in 0..ROUND_TRIPS {
        pair.round_trip()?;
        largest.note(&mut pair.bob.session)?;
        largest.note(&mut pair.alice.session)?;
    }
    let mut skipped = 0;
    if skipped_of_a_chain > 0 {
        for _ in 0..2 {
            for _ in 0..skipped_of_a_chain {
                pair.alice_writes()?;
            }
            let last = pair.alice_writes()?;
            let keys = pair.bob.receive(&last)?;
            skipped += u32::try_from(keys.iter().map(kept).sum::<usize>())?;
            pair.round_trip()?;
            largest.note(&mut pair.bob.session)?;
        }
    }
    Ok((u32::try_from(largest.session + largest.material)?, skipped))
}

/// What the store is given of a skipped message: its tag, its number, its key.
fn kept(key: &SkippedKey) -> usize {
    key.tag().as_bytes().len() + 8 + key.expose().len()
}

/// The largest of the two parts in which a session is stored.
#[derive(Default)]
struct Sizes {
    session: usize,
    material: usize,
}

impl Sizes {
    fn note(&mut self, session: &mut Session) -> Result<(), BenchError> {
        self.session = self.session.max(session.to_bytes().len());
        if let Some(material) = session.take_changed_pq_material() {
            self.material = self.material.max(material.len());
        }
        Ok(())
    }
}
