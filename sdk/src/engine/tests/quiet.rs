//! Messages that say nothing, to whoever writes and gets no answer (attack row R11).

use undertone_protocol::content::{Body as Content, MissingMessage};
use undertone_protocol::session::{MessageNumber, SessionId};
use undertone_protocol::time::{DAY_MS, HOUR_MS};

use super::world::World;
use crate::error::StepError;
use crate::store::ContactId;

/// Something that is answered with nothing, and shown to nobody.
fn mumble(world: &mut World, device: usize, contact: ContactId, times: u32) {
    for n in 0..times {
        world
            .command(device, |step| {
                let missing = MissingMessage {
                    session: SessionId::from_bytes([9; 16]),
                    number: MessageNumber { chain: 9, n },
                };
                let request = step.compose_hidden(Content::ResendRequest(vec![missing]))?;
                step.queue(contact, &request)
            })
            .unwrap();
        world.run_for(1_000);
    }
}

fn owes_step(world: &mut World, device: usize, contact: ContactId) -> bool {
    let peer = world.peer_device(device, contact);
    let owes = world.command(device, |step| {
        let sending = step.core.sessions.sending(peer);
        Ok::<_, StepError>(sending.unwrap().session.owes_step())
    });
    owes.unwrap()
}

#[test]
fn r11_fifty_messages_without_an_answer_are_answered_with_nothing_after_hours_and_once() {
    let (mut world, [anna, ben], [of_anna, of_ben]) = World::acquainted(8_100);
    world.run_for(HOUR_MS);
    let from = world.requests(ben);
    mumble(&mut world, anna, of_anna, 40);
    for _ in 0..6 {
        world.run_for(DAY_MS);
    }
    assert_eq!(world.sends(ben, from), 0, "nobody wrote anything");
    mumble(&mut world, anna, of_anna, 30);
    world.run_for(HOUR_MS / 2);
    assert_eq!(world.sends(ben, from), 0, "it shows nobody who is online");
    world.restart(ben);
    world.run_for(26 * HOUR_MS);
    assert_eq!(world.sends(ben, from), 1);
    assert!(!owes_step(&mut world, ben, of_ben));
    assert!(owes_step(&mut world, anna, of_anna));
    // She owes him a step now, for a message that says nothing: it ends there.
    let from = [anna, ben].map(|device| world.requests(device));
    for _ in 0..14 {
        world.run_for(DAY_MS);
    }
    assert_eq!(
        [world.sends(anna, from[0]), world.sends(ben, from[1])],
        [0, 0]
    );
    assert_eq!(world.texts(anna, of_anna).len(), 1);
}

#[test]
fn r11_one_message_of_the_user_is_answered_with_nothing_after_days() {
    let (mut world, [anna, ben], [of_anna, of_ben]) = World::acquainted(8_101);
    world.run_for(HOUR_MS);
    let from = world.requests(ben);
    world.say(anna, of_anna, "no receipt for this");
    world.settle();
    let device = world.peer_device(ben, of_ben);
    world.command(ben, |step| step.owe_nothing(device)).unwrap();
    world.run_for(3 * DAY_MS);
    assert_eq!(world.sends(ben, from), 0);
    world.run_for(DAY_MS + 2 * HOUR_MS);
    assert_eq!(world.sends(ben, from), 1);
    assert!(!owes_step(&mut world, ben, of_ben));
}

#[test]
fn a_receipt_is_answer_enough() {
    let (mut world, [anna, ben], [of_anna, of_ben]) = World::acquainted(8_102);
    world.say(anna, of_anna, "with a receipt");
    world.run_for(60_000);
    assert!(!owes_step(&mut world, ben, of_ben));
    let from = world.requests(ben);
    for _ in 0..6 {
        world.run_for(DAY_MS);
    }
    assert_eq!(world.sends(ben, from), 0);
}

#[test]
fn who_was_blocked_meanwhile_gets_nothing() {
    let (mut world, [anna, ben], [of_anna, of_ben]) = World::acquainted(8_103);
    world.run_for(HOUR_MS);
    mumble(&mut world, anna, of_anna, 60);
    world.command(ben, |step| step.block(of_ben)).unwrap();
    let from = world.requests(ben);
    for _ in 0..3 {
        world.run_for(DAY_MS);
    }
    assert_eq!(world.sends(ben, from), 0);
}
