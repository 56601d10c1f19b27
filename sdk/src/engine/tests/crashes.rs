//! A device that loses its memory at any commit: nothing acknowledged is lost, nothing shows twice.

use super::world::{Crash, World};
use crate::store::{ContactState, MessageState};

/// The main job, with a crash of one device on the way. Returns whether the crash happened.
fn main_job(seed: u64, victim: usize, crash: Crash) -> bool {
    let mut world = World::new(seed);
    let (anna, ben) = (world.account("Anna"), world.account("Ben"));
    world.devices[victim].crash = Some(crash);
    world.go_online(anna);
    world.go_online(ben);
    world.run_for(120_000);
    let link = world.invite(ben);
    world.run_for(120_000);
    let of_anna = world.add(anna, &link, "first");
    world.say(anna, of_anna, "second");
    world.run_for(120_000);
    let of_ben = world
        .contact_in(ben, ContactState::Requested)
        .expect("a request");
    world.command(ben, |step| step.accept(of_ben)).unwrap();
    world.say(ben, of_ben, "third");
    world.run_for(120_000);
    world.say(anna, of_anna, "fourth");
    world.run_for(600_000);
    let expected = ["first", "second", "third", "fourth"];
    assert_eq!(
        world.texts(anna, of_anna),
        expected,
        "{crash:?} of {victim}"
    );
    assert_eq!(world.texts(ben, of_ben), expected, "{crash:?} of {victim}");
    for (device, contact) in [(anna, of_anna), (ben, of_ben)] {
        let history = world.history(device, contact);
        let undelivered = history
            .iter()
            .any(|(_, state)| !matches!(state, MessageState::Delivered | MessageState::Received));
        assert!(!undelivered, "{crash:?} of {victim}: {history:?}");
    }
    world.devices[victim].crashed
}

#[test]
fn a_crash_before_any_commit_loses_and_doubles_nothing() {
    for victim in 0..2 {
        let mut n = 0;
        while main_job(100 + u64::from(n), victim, Crash::BeforeCommit(n)) {
            n += 1;
        }
        assert!(n > 10, "the crash points end at {n}");
    }
}

#[test]
fn a_crash_after_any_commit_loses_and_doubles_nothing() {
    for victim in 0..2 {
        let mut n = 0;
        while main_job(300 + u64::from(n), victim, Crash::AfterCommit(n)) {
            n += 1;
        }
        assert!(n > 10, "the crash points end at {n}");
    }
}

#[test]
fn a_step_that_is_dropped_leaves_the_engine_usable() {
    let (mut world, [anna, ben], [of_anna, of_ben]) = World::acquainted(500);
    let conversation = world.conversation(anna, of_anna);
    let now = world.now(anna);
    let mut rng = <rand_chacha::ChaCha20Rng as rand_core::SeedableRng>::seed_from_u64(1);
    let mut step = world.engine(anna).begin(now, &mut rng).unwrap();
    step.send_text(conversation, "never").unwrap();
    drop(step);
    world.say(anna, of_anna, "after all");
    world.run_for(120_000);
    assert_eq!(world.texts(anna, of_anna), ["hello", "after all"]);
    assert_eq!(world.texts(ben, of_ben), ["hello", "after all"]);
}
