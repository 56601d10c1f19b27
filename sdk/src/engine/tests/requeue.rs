//! Sessions that are given up, devices that are gone: what was not confirmed is sent in another way.

use undertone_protocol::relay_address::RelayAddress;
use undertone_protocol::time::DAY_MS;
use undertone_wire::frame::Body;

use super::super::Lane;
use super::world::{World, relay};
use crate::store::{ContactState, OutboxBody, PeerDeviceId};

fn only_device(world: &mut World, device: usize, contact: crate::store::ContactId) -> PeerDeviceId {
    world
        .command(device, |step| {
            step.tx
                .peer_devices()
                .of_contact(contact)
                .map(|rows| rows[0].id)
        })
        .unwrap()
}

#[test]
fn a_renewed_session_brings_all_that_its_relay_lost() {
    let mut world = World::new(720);
    let (anna, ben) = (world.account("Anna"), world.account("Ben"));
    world.go_online(anna);
    world.go_online(ben);
    world.settle();
    let link = world.invite(ben);
    world.go_offline(ben);
    world.settle();
    let before = world.storage.clone();
    let of_anna = world.add(anna, &link, "0");
    for n in 1..5 {
        world.say(anna, of_anna, &n.to_string());
    }
    world.settle();
    // Nobody is told that this happens.
    world.storage = before;
    for _ in 0..6 {
        world.run_for(DAY_MS);
    }
    world.go_online(ben);
    world.run_for(60_000);
    let request = world.contact_in(ben, ContactState::Requested).unwrap();
    assert_eq!(world.texts(ben, request), ["0", "1", "2", "3", "4"]);
}

#[test]
fn an_envelope_that_waits_is_content_again_when_its_session_is_given_up() {
    let (mut world, [anna, _], [of_anna, _]) = World::acquainted(721);
    let device = only_device(&mut world, anna, of_anna);
    // The relay takes it and its answer is lost.
    world.tamper = Some(Box::new(|_, frame| {
        !matches!(frame.body, Some(Body::Sent(_)))
    }));
    let ids = ["first", "second"].map(|text| world.say(anna, of_anna, text));
    world
        .command(anna, |step| {
            let rows = step.tx.outbox().envelopes(device, 10).unwrap();
            assert_eq!(rows.len(), 1, "the first was encrypted");
            step.readdress(device)
        })
        .unwrap();
    let waiting = world
        .command(anna, |step| step.tx.outbox().waiting(of_anna, 10))
        .unwrap();
    let found: Vec<_> = waiting.iter().map(|row| row.item.message_id).collect();
    assert_eq!(found, ids);
    assert!(
        waiting
            .iter()
            .all(|row| matches!(row.item.body, OutboxBody::Content(_)))
    );
}

#[test]
fn what_is_queued_for_another_device_is_queued_again_for_this_one_too() {
    let (mut world, [anna, ben], [of_anna, _]) = World::acquainted(722);
    let device = only_device(&mut world, anna, of_anna);
    world.go_offline(ben);
    world.settle();
    let message = world.say(anna, of_anna, "for both");
    world.settle();
    let copy = world
        .command(anna, |step| {
            let kept = step.tx.retained().of_message(&message)?.remove(0);
            let mut row = step
                .kept_row(
                    of_anna,
                    crate::store::Destination {
                        peer_device: device,
                        mailbox: step.core.me.mailbox,
                    },
                    kept.item,
                )
                .unwrap();
            // Waits for devices that are not known yet.
            row.destination = None;
            step.tx.outbox().insert(&row)?;
            step.requeue_undelivered(device, None)?;
            Ok::<_, crate::error::StepError>(step.tx.outbox().is_queued(device, &message)?)
        })
        .unwrap();
    assert!(copy);
}

#[test]
fn a_contact_that_claims_the_mailbox_of_another_gets_nothing_of_what_that_one_is_sent() {
    let (mut world, [anna, ben], [of_anna, of_ben]) = World::acquainted(723);
    let mallory = world.account("Mallory");
    world.go_online(mallory);
    world.settle();
    let link = world.invite(mallory);
    let of_mallory = world.add(anna, &link, "hello");
    world.settle();
    let bens = only_device(&mut world, anna, of_anna);
    let mallorys = only_device(&mut world, anna, of_mallory);
    let evil = RelayAddress::parse("http://127.0.0.1:9666").unwrap();
    world
        .command(anna, |step| {
            let mailbox = step.tx.peer_devices().get(bens)?.unwrap().keys.mailbox;
            let mut keys = step.tx.peer_devices().get(mallorys)?.unwrap().keys;
            keys.mailbox = mailbox;
            step.tx
                .peer_devices()
                .upsert(of_mallory, &keys, evil.as_str())
        })
        .unwrap();
    // His relay never answers.
    world.tamper = Some(Box::new(|device, frame| {
        device != 0 || !matches!(frame.body, Some(Body::Sent(_)))
    }));
    world.say(anna, of_mallory, "for Mallory");
    world.settle();
    world.tamper = None;
    let before = world.devices[anna].sent.len();
    world.say(anna, of_anna, "for Ben");
    world.run_for(2_000);
    let mut lanes = world.devices[anna].sent[before..]
        .iter()
        .filter(|(_, body)| matches!(body, Body::Send(_)))
        .map(|(lane, _)| lane.clone());
    assert_eq!(lanes.next(), Some(Lane::Anonymous(relay())));
    assert!(lanes.all(|lane| lane == Lane::Anonymous(relay())));
    assert_eq!(world.texts(ben, of_ben), ["hello", "for Ben"]);
}
