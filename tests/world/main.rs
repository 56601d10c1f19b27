//! The simulated world: many engines with real encrypted stores, the real relay service on in-memory storage, a virtual
//! clock, and seeded faults. After each event the invariants are checked; the same seed gives the same log.
//!
//! ```text
//!  device ── engine ── step ──commit──▶ effects ──▶ network (delay, loss, cuts) ──▶ relay service
//!     ▲                  │ crash here, or here                                          │
//!     └── frames ◀───────┴──────────────────────────────◀── outputs ◀──commit── batch ◀─┘
//! ```
//!
//! Not its concern: sockets, TLS, threads. Those are tested with real processes (`tests/kill.rs`).
#![forbid(unsafe_code)]
#![allow(
    clippy::expect_used,
    clippy::panic,
    reason = "test support: a failed expectation is the test's failure"
)]

mod clock;
mod device;
mod faults;
mod invariants;
mod log;
mod network;
mod relay;
mod world;

use faults::Faults;
use world::World;

/// Schedules of the ordinary run. `UNDERTONE_WORLD_SCHEDULES` asks for more.
const SCHEDULES: u64 = 12;

fn schedules() -> std::ops::Range<u64> {
    let count = std::env::var("UNDERTONE_WORLD_SCHEDULES")
        .ok()
        .and_then(|count| count.parse().ok());
    let first = std::env::var("UNDERTONE_WORLD_SEED")
        .ok()
        .and_then(|seed| seed.parse().ok())
        .unwrap_or(1);
    first..first + count.unwrap_or(SCHEDULES)
}

/// Runs a schedule to its end: faults, then a healed network until everything has arrived.
fn run(seed: u64, people: usize, faults: Faults) -> World {
    let mut world = World::new(seed, people, faults);
    world.befriend_everybody();
    world.live(120);
    if faults.is_relay_lying() {
        // That the last message of a stream was withheld shows when another one follows.
        world.last_words();
    }
    world.heal();
    world.assert_whole();
    world
}

#[test]
fn a_calm_network_delivers_everything() {
    run(1, 3, Faults::none());
}

#[test]
fn cut_connections_and_lost_frames_lose_nothing() {
    for seed in schedules() {
        run(seed, 3, Faults::network());
    }
}

#[test]
fn r7_crashes_at_every_commit_lose_nothing_and_repeat_nothing() {
    for seed in schedules() {
        run(seed, 2, Faults::crashes());
    }
}

#[test]
fn r4_a_hostile_relay_can_be_late_but_not_unnoticed() {
    for seed in schedules() {
        run(seed, 2, Faults::hostile_deliveries());
    }
}

/// A rolled-back disk may cost messages, never a key: no (key, nonce) is used twice and nothing shows twice.
#[test]
fn c2_a_rolled_back_disk_repeats_no_nonce() {
    for seed in schedules() {
        let mut world = World::new(seed, 2, Faults::rollbacks());
        world.befriend_everybody();
        world.live(120);
    }
}

#[test]
fn the_same_seed_gives_the_same_log() {
    let log = |seed| {
        run(seed, 3, Faults::everything_honest())
            .into_log()
            .events()
            .to_vec()
    };
    let (first, second) = (log(7), log(7));
    assert_eq!(first, second);
    assert_ne!(first, log(8));
}
