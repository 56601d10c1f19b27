//! First messages: what they use up, what is remembered of them against replays, and whom they may come from.

use bytes::Bytes;
use undertone_protocol::content::{Body as Content, Introduction};
use undertone_protocol::delivery::DeliverySecret;
use undertone_protocol::device::{DeviceKeys, DeviceStatement};
use undertone_protocol::envelope::KIND_FIRST_MESSAGE;
use undertone_protocol::first_message::FirstMessage;
use undertone_protocol::prekeys::{PrekeyBundle, PrekeyKind};
use undertone_protocol::profile::ProfileKey;
use undertone_protocol::session::{Initiator, Session};
use undertone_wire::frame::Body;
use undertone_wire::{Deliver, Frame};

use super::super::limits::{MAX_ACCEPTED_FIRST_MESSAGES, PREKEY_ROTATE_EARLIEST_MS};
use super::super::{Event, IdentityAlarm, Input, Lane};
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

/// The last first message that a device sent.
fn first_message_of(world: &World, device: usize) -> Bytes {
    let mut sent = world.devices[device].sent.iter().rev();
    sent.find_map(|(_, body)| {
        let Body::Send(send) = body else { return None };
        let first = send.envelope.first() == Some(&KIND_FIRST_MESSAGE);
        first.then(|| send.envelope.clone())
    })
    .unwrap()
}

/// The relay delivers something, as the `nth` beyond all that it really has.
fn deliver(world: &mut World, to: usize, nth: u8, envelope: Bytes) {
    let deliver = Deliver {
        seq: 1 << 60 | u64::from(nth),
        message_id: Bytes::copy_from_slice(&[nth; 16]),
        envelope,
    };
    let frame = Frame {
        request_id: 0,
        body: Some(Body::Deliver(deliver)),
    };
    let lane = Lane::Own;
    world
        .command(to, |step| step.handle(Input::Frame { lane, frame }))
        .unwrap();
    world.settle();
}

/// Anna has written to Ben, who is online; nothing that his relay has for him arrives.
fn withheld(seed: u64) -> (World, [usize; 2]) {
    let mut world = World::new(seed);
    let (anna, ben) = (world.account("Anna"), world.account("Ben"));
    world.go_online(anna);
    world.go_online(ben);
    world.settle();
    let link = world.invite(ben);
    world.tamper = Some(Box::new(move |device, frame| {
        device != ben || !matches!(frame.body, Some(Body::Deliver(_)))
    }));
    world.add(anna, &link, "hello");
    world.settle();
    (world, [anna, ben])
}

#[test]
fn what_does_not_open_uses_up_no_key() {
    let (mut world, [anna, ben]) = withheld(122);
    let genuine = first_message_of(&world, anna);
    // One byte of the ciphertext, of the identity block, and of the body.
    for (nth, at) in (0..).zip([100, 1_700, 4_000]) {
        let mut changed = genuine.to_vec();
        changed[at] ^= 1;
        deliver(&mut world, ben, nth, Bytes::from(changed));
        assert_eq!(requests(&mut world, ben), 0);
    }
    deliver(&mut world, ben, 10, genuine);
    assert_eq!(requests(&mut world, ben), 1);
}

#[test]
fn a_key_that_was_used_is_gone() {
    let (mut world, [anna, ben]) = withheld(123);
    let genuine = first_message_of(&world, anna);
    let ids = FirstMessage::parse(&genuine).unwrap().prekey_ids();
    let one_time = ids.one_time.unwrap();
    let held = |world: &mut World| {
        let read = |step: &mut super::super::Step<'_>| {
            let prekeys = step.tx.prekeys();
            Ok::<_, StepError>([
                prekeys.private(PrekeyKind::Signed, ids.signed)?.is_some(),
                prekeys.private(PrekeyKind::OneTime, one_time)?.is_some(),
                prekeys.private(PrekeyKind::KemOneTime, ids.kem)?.is_some(),
            ])
        };
        world.command(ben, read).unwrap()
    };
    assert_eq!(held(&mut world), [true, true, true]);
    deliver(&mut world, ben, 0, genuine);
    assert_eq!(held(&mut world), [true, false, false]);
}

#[test]
fn a_replay_under_last_resort_keys_changes_nothing() {
    let mut world = World::new(124);
    let ben = world.account("Ben");
    world.go_online(ben);
    world.settle();
    without_one_time_keys(&mut world, ben);
    let anna = world.account("Anna");
    world.go_online(anna);
    world.settle();
    let link = world.invite(ben);
    world.add(anna, &link, "hello");
    world.settle();
    let request = world.contact_in(ben, ContactState::Requested).unwrap();
    world.command(ben, |step| step.decline(request)).unwrap();
    let replay = first_message_of(&world, anna);
    deliver(&mut world, ben, 0, replay);
    assert_eq!(requests(&mut world, ben), 0);
}

/// What a thief of a device's account key can write: a first message in the name of the device, with keys of his own.
fn in_the_name_of(world: &mut World, device: usize, to: usize) -> Bytes {
    let mut sent = world.devices[to].sent.iter();
    let published = sent.find_map(|(_, body)| {
        let Body::ReplacePrekeys(all) = body else {
            return None;
        };
        (!all.page.is_empty()).then(|| all.clone())
    });
    let published = published.unwrap();
    let recipient = &world.engine(to).core.me;
    let bundle = PrekeyBundle {
        page: &published.page,
        one_time: None,
        kem: &published.last_resort_kem,
    };
    let bundle = bundle
        .verify(
            recipient.manifest.as_ref().unwrap(),
            &recipient.device_id(),
            Timestamp(START_MS),
        )
        .unwrap();
    let write = |step: &mut super::super::Step<'_>| {
        let mut keys = DeviceKeys::generate(&mut step.rng).unwrap();
        let nothing = step.compose_hidden(Content::Nothing)?;
        let me = &step.core.me;
        keys.id = me.device_id();
        let manifest = me.manifest_ref().unwrap();
        let initiator = Initiator {
            account: me.account,
            device: keys.public(),
            identity_key: &keys.identity,
            manifest,
            statement: DeviceStatement::sign(
                &me.account_key,
                &keys.public(),
                &manifest,
                step.now.wall,
            ),
        };
        let introduction = Introduction {
            manifest_write_key: me.manifest_key.public_key(),
            delivery_secret: DeliverySecret::from_bytes(me.delivery.current().expose()),
            profile_key: ProfileKey::from_bytes(me.profile.expose()),
            relay_address: me.relay.clone(),
            name: me.name.clone(),
            content: undertone_protocol::content::Content {
                header: nothing.header,
                body: Content::Text("it is me".to_owned()),
            },
        };
        let begun = Session::initiate(&mut step.rng, &initiator, &bundle, &introduction).unwrap();
        Ok::<_, StepError>(Bytes::from(begun.first_message))
    };
    world.command(device, write).unwrap()
}

/// R12: whoever has an account's key may name devices, but not change the keys of one that is known.
#[test]
fn a_known_device_with_other_keys_is_told_and_not_heard() {
    let (mut world, [anna, ben], [_, of_ben]) = World::acquainted(125);
    let forged = in_the_name_of(&mut world, anna, ben);
    deliver(&mut world, ben, 0, forged);
    let forked = Event::IdentityAlarm {
        contact: of_ben,
        alarm: IdentityAlarm::ManifestForked,
    };
    assert!(world.devices[ben].events.contains(&forked));
    assert_eq!(world.texts(ben, of_ben), ["hello"]);
    let device = world.command(ben, |step| {
        let rows = step.tx.peer_devices().of_contact(of_ben)?;
        Ok::<_, StepError>(rows[0].id)
    });
    let sessions = &world.engine(ben).core.sessions;
    assert_eq!(sessions.of(device.unwrap()).count(), 1);
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
        .filter_map(|(_, body)| {
            let Body::Send(send) = body else { return None };
            Some(send.envelope.clone())
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
