//! A device that loses its memory at any commit: nothing acknowledged is lost, nothing shows twice.

use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng;

use super::world::{Crash, World};
use crate::store::{ContactState, MessageState};

#[test]
fn what_a_step_wrote_outlives_the_process() {
    let mut world = World::new(30);
    let anna = world.account("Anna");
    world
        .command(anna, |step| step.set_own_name("Anna of Ulm"))
        .unwrap();
    world.restart(anna);
    assert_eq!(world.engine(anna).core.me.name, "Anna of Ulm");
}

#[test]
fn what_a_dropped_step_wrote_is_forgotten() {
    let mut world = World::new(31);
    let anna = world.account("Anna");
    let now = world.now(anna);
    let mut rng = ChaCha20Rng::seed_from_u64(1);
    let engine = world.engine(anna);
    let mut step = engine.begin(now, &mut rng).unwrap();
    step.set_own_name("Nobody").unwrap();
    drop(step);
    let step = engine.begin(now, &mut rng).unwrap();
    assert_eq!(step.core.me.name, "Anna");
}

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
fn r7_a_crash_before_any_commit_loses_and_doubles_nothing() {
    for victim in 0..2 {
        let mut n = 0;
        while main_job(100 + u64::from(n), victim, Crash::BeforeCommit(n)) {
            n += 1;
        }
        assert!(n > 10, "the crash points end at {n}");
    }
}

#[test]
fn r7_a_crash_after_any_commit_loses_and_doubles_nothing() {
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
    let mut rng = ChaCha20Rng::seed_from_u64(1);
    let mut step = world.engine(anna).begin(now, &mut rng).unwrap();
    step.send_text(conversation, "never").unwrap();
    drop(step);
    world.say(anna, of_anna, "after all");
    world.run_for(120_000);
    assert_eq!(world.texts(anna, of_anna), ["hello", "after all"]);
    assert_eq!(world.texts(ben, of_ben), ["hello", "after all"]);
}

#[test]
fn connections_cut_and_devices_restarted_at_random_lose_and_double_nothing() {
    for seed in 600..625 {
        let (mut world, [anna, ben], [of_anna, of_ben]) = World::acquainted(seed);
        let mut written = 0;
        for _ in 0..300 {
            match world.dice(12) {
                0 => world.cut(anna),
                1 => world.cut(ben),
                2 if world.dice(4) == 0 => world.restart(anna),
                3 if world.dice(4) == 0 => world.restart(ben),
                4 => {
                    world.say(anna, of_anna, &format!("a{written}"));
                    written += 1;
                }
                5 => {
                    world.say(ben, of_ben, &format!("b{written}"));
                    written += 1;
                }
                6 => world.true_ms += world.dice(5_000),
                n => world.nudge(if n % 2 == 0 { anna } else { ben }),
            }
        }
        world.run_for(4 * 3_600_000);
        let (of_a, of_b) = (world.history(anna, of_anna), world.history(ben, of_ben));
        assert_eq!(of_a.len(), written + 1, "seed {seed}");
        let texts = |history: &[(String, MessageState)]| {
            history
                .iter()
                .map(|(text, _)| text.clone())
                .collect::<Vec<_>>()
        };
        assert_eq!(texts(&of_a), texts(&of_b), "seed {seed}");
        let open = of_a.iter().chain(&of_b).filter(|(_, state)| {
            !matches!(state, MessageState::Delivered | MessageState::Received)
        });
        assert_eq!(open.count(), 0, "seed {seed}: {of_a:?} {of_b:?}");
    }
}
