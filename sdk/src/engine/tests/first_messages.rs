//! How many first messages are remembered against replays.

use bytes::Bytes;
use undertone_protocol::prekeys::PrekeyKind;
use undertone_wire::frame::Body;

use super::super::limits::{MAX_ACCEPTED_FIRST_MESSAGES, PREKEY_ROTATE_EARLIEST_MS};
use super::world::{START_MS, World};
use crate::error::StepError;
use crate::store::{AcceptedFirstMessage, ContactState};
use undertone_protocol::time::Timestamp;

fn remembered(world: &mut World, device: usize) -> u64 {
    let count = |tx: &crate::store::Tx<'_>| tx.accepted_first_messages().count();
    world
        .command(device, |step| Ok::<_, StepError>(count(&step.tx)?))
        .unwrap()
}

pub(super) fn requests(world: &mut World, device: usize) -> usize {
    let contacts = world.engine(device).view().unwrap().contacts().unwrap();
    let requested = contacts
        .iter()
        .filter(|row| row.state == ContactState::Requested);
    requested.count()
}

/// From now on everybody gets the newest last-resort prekey of a device, and no one-time key.
pub(super) fn without_one_time_keys(world: &mut World, owner: usize) {
    let mut sent = world.devices[owner].sent.iter().rev();
    let last_resort: Bytes = sent
        .find_map(|(_, body)| {
            let Body::ReplacePrekeys(all) = body else {
                return None;
            };
            let item = &all.last_resort_kem;
            (!item.is_empty()).then(|| item.clone())
        })
        .unwrap();
    world.tamper = Some(Box::new(move |_, frame| {
        if let Some(Body::PoppedPrekeys(popped)) = &mut frame.body {
            popped.one_time_x25519 = Bytes::new();
            popped.kem = last_resort.clone();
            popped.kem_is_last_resort = true;
        }
        true
    }));
}

/// So many were accepted under the newest prekeys of a device.
fn accept(world: &mut World, device: usize, many: u64) {
    let fill = |step: &mut super::super::Step<'_>| {
        let newest = |kind| Ok::<_, StepError>(step.tx.prekeys().newest(kind)?.unwrap().0);
        let (signed, kem) = (
            newest(PrekeyKind::Signed)?,
            newest(PrekeyKind::KemLastResort)?,
        );
        for number in 0..many {
            let mut digest = [0; 32];
            digest[..8].copy_from_slice(&number.to_be_bytes());
            step.tx
                .accepted_first_messages()
                .insert(&AcceptedFirstMessage {
                    digest,
                    signed_prekey_id: signed,
                    kem_prekey_id: kem,
                    accepted: Timestamp(START_MS),
                })?;
        }
        Ok::<_, StepError>(())
    };
    world.command(device, fill).unwrap();
}

pub(super) fn stranger_writes(world: &mut World, to: usize, name: &str) {
    let stranger = world.account(name);
    world.go_online(stranger);
    world.settle();
    let link = world.invite(to);
    world.add(stranger, &link, "hello");
    world.settle();
}

#[test]
fn what_used_up_a_one_time_key_need_not_be_remembered() {
    let (mut world, [_, ben], _) = World::acquainted(120);
    assert_eq!(remembered(&mut world, ben), 0);
}

#[test]
fn what_could_be_replayed_is_bounded_and_new_prekeys_make_room() {
    let mut world = World::new(121);
    let ben = world.account("Ben");
    world.go_online(ben);
    world.settle();
    without_one_time_keys(&mut world, ben);
    accept(&mut world, ben, MAX_ACCEPTED_FIRST_MESSAGES - 1);
    stranger_writes(&mut world, ben, "Anna");
    assert_eq!(requests(&mut world, ben), 1);
    assert_eq!(remembered(&mut world, ben), MAX_ACCEPTED_FIRST_MESSAGES);
    stranger_writes(&mut world, ben, "Cleo");
    assert_eq!(requests(&mut world, ben), 1, "there is no room");

    // The prekeys are old enough to be replaced: after the next that finds no room there is some.
    world.run_for(PREKEY_ROTATE_EARLIEST_MS);
    stranger_writes(&mut world, ben, "Dora");
    assert_eq!(requests(&mut world, ben), 1);
    assert_eq!(remembered(&mut world, ben), MAX_ACCEPTED_FIRST_MESSAGES);
    without_one_time_keys(&mut world, ben);
    stranger_writes(&mut world, ben, "Emil");
    assert_eq!(requests(&mut world, ben), 2);
    assert_eq!(remembered(&mut world, ben), 1);
}

/// What follows a first message could not be read before it: it goes when the relay has taken that one, and no earlier.
#[test]
fn follow_ups_wait_until_the_relay_took_the_first_message() {
    let mut world = World::new(8);
    let (anna, ben) = (world.account("Anna"), world.account("Ben"));
    world.go_online(anna);
    world.go_online(ben);
    world.settle();
    let link = world.invite(ben);
    let before = world.devices[anna].sent.len();
    world.tamper = Some(Box::new(move |device, frame| {
        device != anna || !matches!(frame.body, Some(Body::Sent(_)))
    }));
    let of_anna = world.add(anna, &link, "hello");
    world.say(anna, of_anna, "and more");
    world.run_for(10 * 60_000);
    let sent = world.devices[anna].sent[before..].iter();
    let envelopes: Vec<_> = sent
        .filter_map(|(_, body)| match body {
            Body::Send(send) => Some(send.envelope.clone()),
            _ => None,
        })
        .collect();
    // The same bytes again, and nothing else.
    assert!(envelopes.len() > 1);
    assert!(envelopes.iter().all(|envelope| *envelope == envelopes[0]));
    assert_eq!(envelopes[0][0], 0x12);
    world.tamper = None;
    world.run_for(2 * 3_600_000);
    let request = world.contact_in(ben, ContactState::Requested).unwrap();
    assert_eq!(world.texts(ben, request), ["hello", "and more"]);
}

/// Nobody learns from a stranger's message that it arrived, and no relay that the stranger named is asked for anything.
#[test]
fn before_acceptance_nothing_is_fetched_or_answered() {
    let mut world = World::new(9);
    let (anna, ben) = (world.account("Anna"), world.account("Ben"));
    world.go_online(anna);
    world.go_online(ben);
    world.settle();
    let link = world.invite(ben);
    let of_anna = world.add(anna, &link, "hello");
    let before = world.devices[ben].sent.len();
    world.say(anna, of_anna, "and more");
    world.run_for(13 * 3_600_000);
    let request = world.contact_in(ben, ContactState::Requested).unwrap();
    assert_eq!(world.texts(ben, request).len(), 2);
    let asks = |body: &Body| {
        matches!(
            body,
            Body::Send(_) | Body::SendMany(_) | Body::GetRecord(_) | Body::PopPrekeys(_)
        )
    };
    let asked = |world: &World| {
        let sent = world.devices[ben].sent[before..].iter();
        sent.filter(|(_, body)| asks(body)).count()
    };
    assert_eq!(asked(&world), 0);
    // The control: accepting does all that.
    world.command(ben, |step| step.accept(request)).unwrap();
    world.run_for(60_000);
    assert!(asked(&world) > 1);
}
