//! Steps that fail, with more of the same connection waiting behind them: nothing of what was lost is skipped.

use std::cell::RefCell;

use rand_core::SeedableRng;
use undertone_protocol::session::limits::SCAN_BURST;
use undertone_wire::Frame;
use undertone_wire::frame::Body;

use super::super::requests::Purpose;
use super::super::{Input, Lane};
use super::world::{World, relay};
use crate::error::{SendError, StepError};
use crate::store::{ContactId, MessageState, Store, StoreError, StoreKey, StoreOptions};

const TEXTS: [&str; 6] = ["hello", "0", "1", "2", "3", "4"];

/// Two contacts; five messages of the first are in the inbox of the second, who has not handled them.
fn five_waiting(seed: u64) -> (World, [usize; 2], [ContactId; 2]) {
    let (mut world, [anna, ben], [of_anna, of_ben]) = World::acquainted(seed);
    for n in &TEXTS[1..] {
        world.say(anna, of_anna, n);
    }
    for _ in 0..20 {
        world.nudge(anna);
    }
    assert_eq!(deliveries(&world, ben), 5);
    (world, [anna, ben], [of_anna, of_ben])
}

fn deliveries(world: &World, device: usize) -> usize {
    let is_delivery = |input: &&Input| matches!(input, Input::Frame { frame, .. } if matches!(frame.body, Some(Body::Deliver(_))));
    world.devices[device]
        .inbox
        .iter()
        .filter(is_delivery)
        .count()
}

fn rng() -> rand_chacha::ChaCha20Rng {
    rand_chacha::ChaCha20Rng::seed_from_u64(1)
}

#[test]
fn deliveries_behind_a_dropped_step_do_not_stand_in_for_its_own() {
    let (mut world, [_, ben], [_, of_ben]) = five_waiting(700);
    let lost: Vec<Input> = world.devices[ben].inbox.drain(..2).collect();
    let now = world.now(ben);
    let mut rng = rng();
    let mut step = world.engine(ben).begin(now, &mut rng).unwrap();
    for input in lost {
        step.handle(input).unwrap();
    }
    drop(step);
    // No time passes: nobody has asked for what is missing, the relay delivers it again.
    world.settle();
    assert_eq!(world.texts(ben, of_ben), TEXTS);
}

#[test]
fn deliveries_behind_a_step_for_which_the_disk_was_full_do_not_stand_in_for_its_own() {
    let (mut world, [anna, ben], [of_anna, of_ben]) = World::acquainted(701);
    world.restart_with_pages_left(ben, Some(40));
    world.settle();
    for n in &TEXTS[1..] {
        world.say(anna, of_anna, n);
    }
    for _ in 0..20 {
        world.nudge(anna);
    }
    let conversation = world.conversation(ben, of_ben);
    let lost: Vec<Input> = world.devices[ben].inbox.drain(..2).collect();
    let now = world.now(ben);
    let mut rng = rng();
    let mut step = world.engine(ben).begin(now, &mut rng).unwrap();
    for input in lost {
        step.handle(input).unwrap();
    }
    let long = "x".repeat(15_000);
    let full = (0..100).find_map(|_| step.send_text(conversation, &long).err());
    assert!(
        matches!(
            full,
            Some(SendError::Step(StepError::Store(StoreError::Full)))
        ),
        "{full:?}"
    );
    drop(step);
    world.settle();
    assert_eq!(world.texts(ben, of_ben), TEXTS);
}

#[test]
fn deliveries_behind_a_step_that_could_not_begin_do_not_stand_in_for_its_own() {
    let (mut world, [_, ben], [_, of_ben]) = five_waiting(702);
    world.devices[ben].inbox.drain(..2);
    // A store that is busy stands in for the device's own.
    let folder = tempfile::tempdir().unwrap();
    let mut busy = Store::open_with(
        &folder.path().join("busy"),
        &StoreKey::new(&[9; 32]),
        StoreOptions::default(),
    )
    .unwrap();
    std::mem::forget(busy.transaction().unwrap());
    let now = world.now(ben);
    let engine = world.engine(ben);
    let own = std::mem::replace(&mut engine.store, busy);
    assert!(engine.begin(now, &mut rng()).is_err());
    engine.store = own;

    world.settle();
    assert_eq!(world.texts(ben, of_ben), TEXTS);
}

#[test]
fn the_reload_is_lost_too_and_the_old_connection_is_closed_all_the_same() {
    let (mut world, [_, ben], [_, of_ben]) = five_waiting(703);
    let now = world.now(ben);
    for _ in 0..3 {
        world.devices[ben].inbox.pop_front();
        drop(world.engine(ben).begin(now, &mut rng()).unwrap());
    }
    world.settle();
    assert_eq!(world.texts(ben, of_ben), TEXTS);
}

#[test]
fn what_waits_for_the_scan_budget_outlives_its_connection() {
    const GARBLED: u32 = SCAN_BURST;
    let (mut world, [anna, ben], [of_anna, of_ben]) = World::acquainted(704);
    world.go_offline(ben);
    world.settle();
    for n in 0..GARBLED + 40 {
        world.say(anna, of_anna, &n.to_string());
    }
    world.settle();
    // Garbage takes the whole budget; what comes then lies beyond the tags that are known.
    let count = RefCell::new(0_u32);
    world.tamper = Some(Box::new(move |device, frame| {
        if device == ben
            && let Some(Body::Deliver(deliver)) = &mut frame.body
            && count.replace_with(|n| *n + 1) < GARBLED
        {
            let mut bytes = vec![0x11; 512];
            bytes[1..17].copy_from_slice(&deliver.message_id);
            deliver.envelope = bytes.into();
        }
        true
    }));
    world.go_online(ben);
    world.settle();
    world.tamper = None;
    assert_eq!(world.engine(ben).core.own.deferred.len(), 40);

    world.go_offline(ben);
    world.settle();
    world.go_online(ben);
    world.run_for(10_000);
    let texts = world.texts(ben, of_ben);
    for n in GARBLED..GARBLED + 40 {
        assert!(texts.contains(&n.to_string()), "{n} is missing");
    }
}

/// The id of a request that the device makes now.
fn last_id(world: &mut World, device: usize) -> u64 {
    let requests = &mut world.engine(device).core.requests;
    requests.begin(&Lane::Own, Purpose::Ack, 0)
}

#[test]
fn answers_on_the_connections_of_a_lost_memory_are_answers_to_nothing() {
    let (mut world, [anna, _], [of_anna, _]) = World::acquainted(705);
    world.tamper = Some(Box::new(move |device, _| device != anna));
    world.say(anna, of_anna, "in flight");
    let now = world.now(anna);
    drop(world.engine(anna).begin(now, &mut rng()).unwrap());
    // The next memory sends it again, and is not answered either.
    let from = world.devices[anna].sent.len();
    world
        .command(anna, |step| step.handle(Input::Timer))
        .unwrap();
    assert!(world.devices[anna].sent.len() > from);
    // Neither the ids of the lost memory nor those of this one, which has not been greeted, mean anything there.
    let id = last_id(&mut world, anna);
    let asked = world.devices[anna].sent.len();
    let greeted = Body::Pong(undertone_wire::Pong::default());
    let taken = Body::Sent(undertone_wire::Sent::default());
    for body in [greeted, taken] {
        for request_id in (1..100).chain(id.saturating_sub(100)..id + 100) {
            let frame = Frame {
                request_id,
                body: Some(body.clone()),
            };
            let lane = Lane::Anonymous(relay());
            world
                .command(anna, |step| step.handle(Input::Frame { lane, frame }))
                .unwrap();
        }
    }
    assert_eq!(world.devices[anna].sent.len(), asked, "nothing goes on");
    assert_eq!(world.history(anna, of_anna)[1].1, MessageState::Pending);
}

#[test]
fn no_request_has_the_id_of_one_before_the_memory_was_lost() {
    let (mut world, [anna, _], _) = World::acquainted(706);
    let before = last_id(&mut world, anna);
    let now = world.now(anna);
    drop(world.engine(anna).begin(now, &mut rng()).unwrap());
    world
        .command(anna, |step| step.handle(Input::Timer))
        .unwrap();
    assert!(last_id(&mut world, anna) > before);
    world.restart(anna);
    assert!(
        last_id(&mut world, anna) > 1_000,
        "an engine begins anywhere"
    );
}
