//! A contact that makes this device answer without showing its user anything, to see whether it is online (attack row T1),
//! and one that repeats what was true once.

use undertone_protocol::content::{Body as Content, MissingMessage};
use undertone_protocol::delivery::DeliverySecret;
use undertone_protocol::session::MessageNumber;
use undertone_wire::frame::Body;

use super::super::Step;
use super::super::compose::Composed;
use super::world::World;
use crate::error::StepError;
use crate::store::{ContactId, MessageState, PeerDeviceId};

const MINUTE_MS: u64 = 60_000;
const HOUR_MS: u64 = 60 * MINUTE_MS;

fn sends(world: &World, device: usize, from: usize) -> usize {
    world.devices[device].sent[from..]
        .iter()
        .filter(|(_, body)| matches!(body, Body::Send(_)))
        .count()
}

/// Anna does something that shows Ben nothing, every second for half an hour. Returns what Ben sent meanwhile.
fn probed(
    world: &mut World,
    [anna, ben]: [usize; 2],
    mut probe: impl FnMut(&mut Step<'_>) -> Result<(), StepError>,
) -> usize {
    let from = world.devices[ben].sent.len();
    for _ in 0..30 * 60 {
        world.command(anna, &mut probe).unwrap();
        world.run_for(1_000);
    }
    sends(world, ben, from)
}

fn device_of(step: &mut Step<'_>, contact: ContactId) -> PeerDeviceId {
    step.active_devices(contact).unwrap()[0]
}

fn text(step: &mut Step<'_>, contact: ContactId, text: &str) -> Composed {
    let conversation = step.contact(contact).unwrap().unwrap().conversation;
    let body = Content::Text(text.to_owned());
    step.compose_shown(conversation, body).unwrap()
}

#[test]
fn t1_a_repeated_acceptance_shows_nobody_who_is_online() {
    let (mut world, both, [of_anna, _]) = World::acquainted(900);
    let answers = probed(&mut world, both, |step| step.queue_acceptance(of_anna));
    assert_eq!(answers, 0);
    // The receipts go in the end: the first ones might have been lost.
    let from = world.devices[both[1]].sent.len();
    world.run_for(13 * HOUR_MS);
    assert!((1..=8).contains(&sends(&world, both[1], from)));
}

#[test]
fn t1_a_repeated_message_shows_nobody_who_is_online() {
    let (mut world, both, [of_anna, _]) = World::acquainted(901);
    let mut composed = None;
    world
        .command(both[0], |step| {
            let message = text(step, of_anna, "once");
            step.queue(of_anna, &message)?;
            composed = Some(message);
            Ok::<_, StepError>(())
        })
        .unwrap();
    world.run_for(MINUTE_MS);
    let composed = composed.unwrap();
    let answers = probed(&mut world, both, |step| step.queue(of_anna, &composed));
    assert_eq!(answers, 0);
}

#[test]
fn the_receipt_of_a_repetition_goes_with_what_goes_anyway() {
    let (mut world, [anna, ben], [of_anna, of_ben]) = World::acquainted(902);
    let acceptance = |step: &mut Step<'_>| step.queue_acceptance(of_anna);
    world.command(anna, acceptance).unwrap();
    world.run_for(MINUTE_MS);
    let from = world.devices[ben].sent.len();
    world.restart(ben);
    world.settle();
    world.say(ben, of_ben, "anyway");
    world.settle();
    assert_eq!(sends(&world, ben, from), 2, "the receipt and the text");
}

#[test]
fn numbers_that_nothing_is_known_of_are_answered_with_nothing() {
    let (mut world, both, [of_anna, _]) = World::acquainted(903);
    let mut n = 0;
    let answers = probed(&mut world, both, |step| {
        let device = device_of(step, of_anna);
        let session = step.core.sessions.sending(device).unwrap().session.id();
        n += 1;
        let number = MessageNumber { chain: 900, n };
        let missing = vec![MissingMessage { session, number }];
        let request = step.compose_hidden(Content::ResendRequest(missing))?;
        step.queue_for(of_anna, device, &request)
    });
    assert_eq!(answers, 0);
}

#[test]
fn what_was_sent_is_sent_again_at_most_once_a_minute_whenever_it_is_asked_for() {
    let (mut world, both, [of_anna, of_ben]) = World::acquainted(904);
    world.say(both[1], of_ben, "kept");
    world.run_for(MINUTE_MS);
    let mut asked = None;
    world
        .command(both[1], |step| {
            let device = device_of(step, of_ben);
            let session = step.core.sessions.sending(device).unwrap().session.id();
            let number = MessageNumber { chain: 0, n: 0 };
            let kept = (0..8).find_map(|chain| {
                let number = MessageNumber { chain, ..number };
                let kept = step.tx.retained().find(&session, number).unwrap()?;
                kept.item.content.map(|_| number)
            });
            asked = Some(MissingMessage {
                session,
                number: kept.unwrap(),
            });
            Ok::<_, StepError>(())
        })
        .unwrap();
    let asked = asked.unwrap();
    let answers = probed(&mut world, both, |step| {
        let device = device_of(step, of_anna);
        let request = step.compose_hidden(Content::ResendRequest(vec![asked]))?;
        step.queue_for(of_anna, device, &request)
    });
    assert!((8..=8 + 30).contains(&answers), "{answers}");
}

#[test]
fn t1_a_contact_that_writes_without_end_gets_a_receipt_a_minute_across_restarts() {
    let (mut world, [anna, ben], [of_anna, _]) = World::acquainted(905);
    let from = world.devices[ben].sent.len();
    for n in 0..600 {
        world.say(anna, of_anna, &n.to_string());
        world.run_for(1_000);
        if n % 50 == 0 {
            world.restart(ben);
            world.settle();
        }
    }
    let answers = sends(&world, ben, from);
    assert!((8..=8 + 10).contains(&answers), "{answers}");
    world.run_for(2 * MINUTE_MS);
    let history = world.history(anna, of_anna);
    assert!(
        history
            .iter()
            .all(|(_, state)| *state == MessageState::Delivered)
    );
}

#[test]
fn secrets_that_come_late_replace_no_newer_ones() {
    let (mut world, [anna, ben], [of_anna, of_ben]) = World::acquainted(906);
    let acceptance = |step: &mut Step<'_>, secret: u8| {
        let body = undertone_protocol::content::Acceptance {
            delivery_secret: DeliverySecret::from_bytes(&[secret; 32]),
            profile_key: undertone_protocol::profile::ProfileKey::from_bytes(&[secret; 32]),
            name: String::new(),
        };
        step.compose_hidden(Content::Acceptance(body))
    };
    world
        .command(anna, |step| {
            let earlier = acceptance(step, 1)?;
            let later = acceptance(step, 2)?;
            step.queue(of_anna, &later)?;
            step.queue(of_anna, &earlier)
        })
        .unwrap();
    world.run_for(MINUTE_MS);
    let known = world
        .command(ben, |step| {
            let contact = step.contact(of_ben)?.unwrap();
            Ok::<_, StepError>(*contact.secrets.delivery.as_ref().unwrap().expose())
        })
        .unwrap();
    assert_eq!(known, [2; 32]);
}
