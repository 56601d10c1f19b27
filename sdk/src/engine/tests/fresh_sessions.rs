//! Sessions that are given up for fresh ones: for authentic reasons, rarely, and with what the user writes.

use std::cell::RefCell;
use std::rc::Rc;

use bytes::Bytes;
use undertone_protocol::content::Body as Content;
use undertone_protocol::envelope::KIND_FIRST_MESSAGE;
use undertone_protocol::time::{DAY_MS, HOUR_MS};
use undertone_wire::frame::Body;
use undertone_wire::{ErrorCode, Failure};

use super::super::Event;
use super::world::World;
use crate::store::{MessageState, SessionStatus};

const MINUTE_MS: u64 = 60_000;

fn notices(world: &World, device: usize) -> usize {
    let is_notice = |event: &&Event| matches!(event, Event::HealingStalled { .. });
    world.devices[device]
        .events
        .iter()
        .filter(is_notice)
        .count()
}

#[test]
fn r10_a_stalled_session_is_replaced_with_the_next_message_that_the_user_writes() {
    let (mut world, [anna, ben], [of_anna, of_ben]) = World::acquainted(8_000);
    let before = world.sending(anna, of_anna).unwrap();
    let from = world.requests(anna);
    world.stall(anna, of_anna, 99);
    assert_eq!(notices(&world, anna), 0);
    // What is no message of hers, and what comes from him, begins nothing.
    world
        .command(anna, |step| {
            let nothing = step.compose_hidden(Content::Nothing)?;
            step.queue(of_anna, &nothing)
        })
        .unwrap();
    world.stall(anna, of_anna, 100);
    assert_eq!(notices(&world, anna), 1);
    world.restart(anna);
    world.say(ben, of_ben, "is answered by a receipt");
    world.run_for(2 * HOUR_MS);
    world.stall(anna, of_anna, 100);
    world.run_for(2 * HOUR_MS);
    assert_eq!(
        (world.pops(anna, from), world.first_messages(anna, from)),
        (0, 0)
    );

    world.say(anna, of_anna, "begins a fresh one");
    world.settle();
    assert_eq!(
        world.texts(ben, of_ben).last().unwrap(),
        "begins a fresh one"
    );
    assert_eq!(world.first_messages(anna, from), 1);
    world.run_for(MINUTE_MS);
    assert_eq!(
        world.history(anna, of_anna).last().unwrap().1,
        MessageState::Delivered
    );
    let after = world.sending(anna, of_anna).unwrap();
    assert_ne!(after, before);
    for (device, contact) in [(anna, of_anna), (ben, of_ben)] {
        let sessions = world.sessions(device, contact);
        assert!(sessions.contains(&(before, SessionStatus::Retired)));
        assert!(sessions.contains(&(after, SessionStatus::Active)));
    }
}

#[test]
fn a_session_that_still_works_is_replaced_once_an_hour_whatever_restarts() {
    let (mut world, [anna, ben], [of_anna, of_ben]) = World::acquainted(8_001);
    let from = world.requests(anna);
    world.run_for(2 * HOUR_MS);
    for n in 0..9 {
        world.stall(anna, of_anna, 100);
        world.restart(anna);
        world.settle();
        world.say(anna, of_anna, &n.to_string());
        world.run_for(25 * MINUTE_MS);
        assert_eq!(
            world.texts(ben, of_ben).len(),
            n + 2,
            "nothing waits for it"
        );
    }
    assert_eq!(
        world.first_messages(anna, from),
        3,
        "in 0, 75 and 150 minutes"
    );
}

#[test]
fn a_message_waits_seconds_for_prekeys_that_do_not_come() {
    let (mut world, [anna, ben], [of_anna, of_ben]) = World::acquainted(8_002);
    world.run_for(2 * HOUR_MS);
    world.stall(anna, of_anna, 100);
    world.tamper = Some(Box::new(|_, frame| {
        if matches!(frame.body, Some(Body::PoppedPrekeys(_))) {
            frame.body = Some(Body::Failure(Failure {
                code: ErrorCode::NotFound.into(),
                ..Failure::default()
            }));
        }
        true
    }));
    world.say(anna, of_anna, "goes in the old one");
    world.settle();
    assert_eq!(world.texts(ben, of_ben).len(), 1);
    world.run_for(30_000);
    assert_eq!(world.texts(ben, of_ben).len(), 2);
    world.say(anna, of_anna, "does not wait at all");
    world.settle();
    assert_eq!(world.texts(ben, of_ben).len(), 3);
}

#[test]
fn two_who_replace_their_session_at_once_come_to_one() {
    for seed in 8_010..8_020 {
        let (mut world, devices, contacts) = World::acquainted(seed);
        world.run_for(2 * HOUR_MS);
        for (device, contact) in devices.into_iter().zip(contacts) {
            world.stall(device, contact, 100);
            world.say(device, contact, "at once");
        }
        world.run_for(MINUTE_MS);
        for (device, contact) in devices.into_iter().zip(contacts) {
            world.say(device, contact, "after");
            world.run_for(MINUTE_MS);
        }
        let sending = [0, 1].map(|n| world.sending(devices[n], contacts[n]));
        assert_eq!(sending[0], sending[1], "seed {seed}");
        for (device, contact) in devices.into_iter().zip(contacts) {
            assert_eq!(world.texts(device, contact).len(), 5, "seed {seed}");
        }
    }
}

#[test]
fn a_fresh_session_that_the_peer_never_learned_of_is_renewed_though_it_writes_in_the_old_one() {
    let (mut world, [anna, ben], [of_anna, of_ben]) = World::acquainted(8_003);
    world.run_for(2 * HOUR_MS);
    let spoiled = Rc::new(RefCell::new(2));
    let left = spoiled.clone();
    world.tamper = Some(Box::new(move |device, frame| {
        if device == ben
            && let Some(Body::Deliver(deliver)) = &mut frame.body
            && deliver.envelope.first() == Some(&KIND_FIRST_MESSAGE)
            && *left.borrow() > 0
        {
            *left.borrow_mut() -= 1;
            let mut bytes = deliver.envelope.to_vec();
            bytes[2_000] ^= 1;
            deliver.envelope = Bytes::from(bytes);
        }
        true
    }));
    world.stall(anna, of_anna, 100);
    let from = world.requests(anna);
    world.say(anna, of_anna, "in a session that he does not know");
    world.settle();
    let mut first_messages = Vec::new();
    for day in 0..16 {
        world.say(ben, of_ben, &format!("day {day}"));
        world.run_for(DAY_MS);
        first_messages.push(world.first_messages(anna, from));
    }
    // The second of them is spoiled, too: the next comes a week later, since Ben was heard.
    assert_eq!(first_messages[1], 1);
    assert_eq!(first_messages[5], 2);
    assert_eq!(first_messages[9], 2);
    assert_eq!(first_messages[15], 3);
    assert_eq!(*spoiled.borrow(), 0);
    let texts = world.texts(ben, of_ben);
    assert!(texts.contains(&"in a session that he does not know".to_owned()));
    assert_eq!(world.texts(anna, of_anna).len(), texts.len());
}

#[test]
fn r12_a_relay_that_corrupts_every_third_message_causes_no_handshake() {
    let (mut world, devices, contacts) = World::acquainted(8_004);
    world.run_for(MINUTE_MS);
    let from = devices.map(|device| world.requests(device));
    let before = world.sending(devices[0], contacts[0]);
    let corrupted = Rc::new(RefCell::new((0_u32, false)));
    let state = corrupted.clone();
    world.tamper = Some(Box::new(move |_, frame| {
        let mut state = state.borrow_mut();
        if let Some(Body::Deliver(deliver)) = &mut frame.body
            && state.1
        {
            let mut bytes = deliver.envelope.to_vec();
            // Tag, header, commitment or body.
            let at = [5, 100, 220, 300][state.0 as usize % 4];
            bytes[at] ^= 1;
            deliver.envelope = Bytes::from(bytes);
            *state = (state.0 + 1, false);
        }
        true
    }));
    for minute in 0..600 {
        // Of more than that the post-quantum ratchet may stall, which is a reason (SPEC.md, 23.7).
        corrupted.borrow_mut().1 = minute % 3 == 0;
        let n = minute % 2;
        world.say(devices[n], contacts[n], &minute.to_string());
        world.run_for(MINUTE_MS);
    }
    assert!(corrupted.borrow().0 > 150);
    world.tamper = None;
    world.run_for(3 * DAY_MS);
    for n in 0..2 {
        let (device, from) = (devices[n], from[n]);
        assert_eq!(
            (world.pops(device, from), world.first_messages(device, from)),
            (0, 0)
        );
        assert_eq!(world.sending(device, contacts[n]), before);
        assert_eq!(notices(&world, device), 0);
        world.say(device, contacts[n], "still here");
        world.run_for(MINUTE_MS);
        assert_eq!(
            world.history(device, contacts[n]).last().unwrap().1,
            MessageState::Delivered
        );
    }
}
