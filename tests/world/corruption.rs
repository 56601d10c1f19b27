//! F2, R12: a relay that corrupts every k-th envelope learns nothing from what the recipient does. The same schedule runs with
//! and without it; the recipient's operations are the same, each at the same time up to the wait that is drawn for it.

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha12Rng;

use crate::faults::Faults;
use crate::schedules;
use crate::tampering::{Harm, Operation, Tampering};
use crate::world::World;

/// Who is watched; two contacts write to him and he to both.
const WATCHED: usize = 0;
/// Messages that are written in a schedule.
const MESSAGES: usize = 60;
/// Between two messages so much time passes, in milliseconds: each is confirmed, and nobody's budget for answers is used up.
const PAUSE_MS: std::ops::Range<u64> = 60_000..240_000;
/// The random waits of one operation differ by no more, in milliseconds: a receipt's (50 to 400) and an answer's.
const DRAWN_MS: u64 = 400;

/// What the relay saw of one schedule, and how many envelopes came to harm.
fn watched(seed: u64, harm: Option<Harm>) -> (Vec<Operation>, u64) {
    let mut world = World::new(seed, 3, Faults::even());
    world.befriend_everybody();
    let tampering = Tampering::new(WATCHED, harm, ChaCha12Rng::seed_from_u64(!seed));
    world.tamper(tampering);
    let mut plan = ChaCha12Rng::seed_from_u64(seed);
    for _ in 0..MESSAGES {
        let contact = plan.random_range(1..3);
        if plan.random_bool(0.4) {
            world.say(WATCHED, contact);
        } else {
            world.say(contact, WATCHED);
        }
        world.run_for(plan.random_range(PAUSE_MS));
    }
    let tampering = world.behave();
    world.last_words();
    world.heal();
    world.assert_whole();
    let harmed = tampering.harmed();
    (tampering.operations, harmed)
}

/// The operations of two runs are alike, in their order, and nearly at the same times.
fn assert_alike(seed: u64, expected: &[Operation], found: &[Operation]) {
    for (expected, found) in expected.iter().zip(found) {
        assert!(
            expected.is_like(found) && expected.at.abs_diff(found.at) <= DRAWN_MS,
            "seed {seed}: {found:?} instead of {expected:?}"
        );
    }
    assert_eq!(expected.len(), found.len(), "seed {seed}");
}

#[test]
fn f2_what_a_client_does_is_the_same_when_every_fourth_envelope_is_corrupted() {
    for seed in schedules() {
        let (expected, _) = watched(seed, None);
        let (found, harmed) = watched(seed, Some(Harm::Body));
        assert!(harmed >= 10, "seed {seed}: {harmed}");
        assert_alike(seed, &expected, &found);
    }
}

/// Without its tag nobody can say whose an envelope is. Corrupting it tells as much as keeping it back does.
#[test]
fn f2_a_corrupted_tag_is_like_an_envelope_that_never_came() {
    for seed in schedules() {
        let (expected, _) = watched(seed, Some(Harm::Withheld));
        let (found, harmed) = watched(seed, Some(Harm::Tag));
        assert!(harmed >= 10, "seed {seed}: {harmed}");
        assert_alike(seed, &expected, &found);
    }
}
