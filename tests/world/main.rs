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
mod corruption;
mod device;
mod faults;
mod invariants;
mod log;
mod network;
mod relay;
mod tampering;
mod world;

use faults::Faults;
use undertone_protocol::session::instrument;
use world::World;

/// Schedules of the ordinary run. `UNDERTONE_WORLD_SCHEDULES` asks for more.
const SCHEDULES: u64 = 6;

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
    live(world, faults)
}

fn live(mut world: World, faults: Faults) -> World {
    world.live(120);
    if faults.is_relay_lying() || faults.quarrel > 0.0 {
        // That the last message of a stream was withheld shows when another one follows; who made up has something to say.
        world.last_words();
    }
    world.heal();
    world.assert_whole();
    world
}

/// The post-quantum ratchet of some session of this test's schedules has completed two epochs among all that happened.
fn assert_epochs_were_completed() {
    let highest = instrument::take_highest();
    assert!(highest > 2, "epoch {highest}");
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
    assert_epochs_were_completed();
}

#[test]
fn r7_crashes_at_every_commit_lose_nothing_and_repeat_nothing() {
    for seed in schedules() {
        run(seed, 2, Faults::crashes());
    }
    assert_epochs_were_completed();
}

#[test]
fn r4_a_hostile_relay_can_be_late_but_not_unnoticed() {
    for seed in schedules() {
        run(seed, 2, Faults::hostile_deliveries());
    }
    assert_epochs_were_completed();
}

/// A rolled-back disk may cost messages, never a key: no (key, nonce) is used twice and nothing shows twice. What is said when
/// no disk is put back any more arrives.
#[test]
fn c2_a_rolled_back_disk_repeats_no_nonce() {
    for seed in schedules() {
        let mut world = World::new(seed, 2, Faults::rollbacks());
        world.befriend_everybody();
        world.live(120);
        world.let_bygones_be();
        world.last_words();
        world.heal();
        world.assert_said_is_shown();
    }
}

#[test]
fn people_who_add_each_other_at_once_lose_nothing() {
    for seed in schedules() {
        let mut world = World::new(seed, 3, Faults::crashes());
        world.befriend_at_once();
        live(world, Faults::crashes());
    }
}

#[test]
fn a_relay_that_is_restored_from_a_backup_loses_nothing_for_good() {
    for seed in schedules() {
        run(seed, 3, Faults::relay_restores());
    }
}

#[test]
fn clocks_that_jump_by_hours_change_no_order() {
    for seed in schedules() {
        run(seed, 3, Faults::clock_jumps());
    }
}

#[test]
fn clocks_that_jump_by_a_year_lose_nothing_and_change_no_order() {
    for seed in schedules() {
        run(seed, 3, Faults::wrong_clocks());
    }
}

#[test]
fn who_blocks_somebody_loses_nothing_of_anybody_else() {
    for seed in schedules() {
        run(seed, 3, Faults::quarrels());
    }
}

#[test]
fn whoever_changes_what_he_wrote_both_sides_have_the_same_picture() {
    let faults = [
        Faults::crashes(),
        Faults::network(),
        Faults::hostile_deliveries(),
    ];
    for (seed, faults) in schedules().zip(faults.iter().cycle()) {
        let mut world = World::new(seed, 3, *faults);
        world.befriend_everybody();
        world.live_with_changes(150);
        // That the last message of a stream was withheld shows when another one follows.
        world.last_words();
        world.agree();
        assert!(world.changed().iter().all(|count| *count > 0));
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
