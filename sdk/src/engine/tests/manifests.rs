//! What a contact signs, and what its relay serves of it.

use std::cell::RefCell;
use std::rc::Rc;

use bytes::Bytes;
use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng;
use undertone_protocol::account::ManifestWriteKey;
use undertone_protocol::content::{Body as Content, MissingMessage};
use undertone_protocol::device::DeviceKeys;
use undertone_protocol::manifest::{ManifestDevice, ManifestDraft, RecordId, VerifiedManifest};
use undertone_protocol::session::{MessageNumber, SessionId};
use undertone_protocol::time::{DAY_MS, Timestamp};
use undertone_wire::Record;
use undertone_wire::frame::Body;

use super::super::limits::MAX_DEVICES_OF_CONTACT;
use super::super::{Event, IdentityAlarm};
use super::world::{START_MS, World, relay};
use crate::error::StepError;
use crate::store::{ContactId, MessageState, PeerDeviceState};

/// The next manifest of a device's account, changed and signed at a time of the test's choice.
pub(super) fn next_manifest(
    world: &mut World,
    device: usize,
    signed_at: u64,
    change: impl FnOnce(&mut ManifestDraft),
) -> VerifiedManifest {
    let me = &world.engine(device).core.me;
    let mut draft = ManifestDraft::successor(me.manifest.as_ref().unwrap()).unwrap();
    change(&mut draft);
    draft.sign(&me.account_key, Timestamp(signed_at)).unwrap()
}

/// From now on the relay serves this as the record of the account that signed it.
pub(super) fn serve(world: &mut World, owner: usize, reader: usize, manifest: &VerifiedManifest) {
    let record = world.engine(owner).core.me.manifest_record;
    let value = manifest
        .seal(&record, &mut ChaCha20Rng::seed_from_u64(1))
        .unwrap();
    let value = Bytes::from(value);
    world.tamper = Some(Box::new(move |device, frame| {
        if device == reader
            && let Some(Body::Record(record)) = &mut frame.body
        {
            record.value = value.clone();
        }
        true
    }));
}

fn look_up(world: &mut World, device: usize, contact: ContactId) {
    world
        .command(device, |step| step.want_manifest(contact))
        .unwrap();
    world.settle();
}

fn pinned(world: &mut World, device: usize, contact: ContactId) -> u32 {
    let now = world.now(device);
    let mut rng = ChaCha20Rng::seed_from_u64(2);
    let engine = world.engine(device);
    let mut step = engine.begin(now, &mut rng).unwrap();
    let pin = &step.contact(contact).unwrap().unwrap().pin;
    let counter = pin.as_ref().unwrap().reference().version.counter;
    step.commit().unwrap();
    counter
}

#[test]
fn a_manifest_from_the_future_is_as_good_as_none() {
    let (mut world, [anna, ben], [of_anna, _]) = World::acquainted(60);
    look_up(&mut world, anna, of_anna);
    let known = pinned(&mut world, anna, of_anna);
    let far = next_manifest(&mut world, ben, START_MS + 2 * DAY_MS, |_| {});
    serve(&mut world, ben, anna, &far);
    look_up(&mut world, anna, of_anna);
    assert_eq!(pinned(&mut world, anna, of_anna), known);

    // What two honest clocks may differ by is no reason to refuse.
    let near = next_manifest(&mut world, ben, START_MS + DAY_MS / 2, |_| {});
    serve(&mut world, ben, anna, &near);
    world.run_for(DAY_MS / 4);
    assert_eq!(pinned(&mut world, anna, of_anna), known + 1);
}

#[test]
fn any_number_may_be_asked_for_again() {
    let (mut world, [anna, ben], [of_anna, of_ben]) = World::acquainted(61);
    let seen = Rc::new(RefCell::new(0));
    let counted = seen.clone();
    world.tamper = Some(Box::new(move |device, frame| {
        if device == anna && matches!(&frame.body, Some(Body::Deliver(_))) {
            *counted.borrow_mut() += 1;
        }
        true
    }));
    let number = MessageNumber {
        chain: u32::MAX,
        n: u32::MAX,
    };
    let session = SessionId::from_bytes([1; 16]);
    world
        .command(ben, |step| {
            let absurd = vec![MissingMessage { session, number }];
            let composed = step.compose_hidden(Content::ResendRequest(absurd))?;
            step.queue(of_ben, &composed)
        })
        .unwrap();
    world.run_for(60_000);
    assert!(*seen.borrow() > 0, "the request came");
    world.say(anna, of_anna, "still here");
    world.run_for(60_000);
    assert_eq!(world.history(anna, of_anna)[1].1, MessageState::Delivered);
}

#[test]
fn a_receipt_does_not_hide_that_a_newer_manifest_was_named() {
    let (mut world, [anna, ben], [of_anna, of_ben]) = World::acquainted(62);
    look_up(&mut world, anna, of_anna);
    let known = pinned(&mut world, anna, of_anna);
    let next = next_manifest(&mut world, ben, START_MS, |_| {});
    serve(&mut world, ben, anna, &next);
    world.engine(ben).core.me.manifest = Some(next);
    world.say(ben, of_ben, "I have another device");
    world.run_for(60_000);
    world.say(anna, of_anna, "good");
    world.run_for(60_000);
    assert_eq!(world.history(anna, of_anna)[2].1, MessageState::Delivered);
    assert_eq!(pinned(&mut world, anna, of_anna), known);
    world.run_for(26 * 3_600_000);
    assert_eq!(pinned(&mut world, anna, of_anna), known + 1);
}

/// Whoever runs the contact's relay must not see when a message is read: what it names is looked up within a day, not at once.
#[test]
fn a_newer_manifest_that_a_message_names_is_not_looked_up_at_once() {
    let (mut world, [anna, ben], [of_anna, of_ben]) = World::acquainted(74);
    look_up(&mut world, anna, of_anna);
    let next = next_manifest(&mut world, ben, START_MS, |_| {});
    world.engine(ben).core.me.manifest = Some(next);
    world.say(ben, of_ben, "I have another device");
    world.run_for(60_000);
    let row = world.command(anna, |step| step.tx.contacts().get(of_anna));
    let due = row.unwrap().unwrap().newer_due.unwrap();
    let now = world.now(anna).wall;
    assert!(due > now && due < now.plus(DAY_MS), "{due:?}");
}

pub(super) fn another_device(seed: u64) -> ManifestDevice {
    let keys = DeviceKeys::generate(&mut ChaCha20Rng::seed_from_u64(seed)).unwrap();
    ManifestDevice {
        identity: keys.public(),
        relay: relay(),
        added: Timestamp(START_MS),
        protocol_versions: 1,
    }
}

/// The manifest in which the device's account has replaced it.
fn replaced(world: &mut World, device: usize) -> VerifiedManifest {
    let me = &world.engine(device).core.me;
    let (id, record) = (me.device_id(), me.device_record_key.public_key());
    next_manifest(world, device, START_MS, |draft| {
        draft.add(another_device(3));
        draft.revoke(id, record);
    })
}

#[test]
fn a_revoked_device_is_gone_although_there_is_no_room_for_its_successor() {
    let (mut world, [anna, ben], [of_anna, _]) = World::acquainted(63);
    look_up(&mut world, anna, of_anna);
    world
        .command(anna, |step| {
            for seed in 100..100 + MAX_DEVICES_OF_CONTACT as u64 - 1 {
                let device = another_device(seed);
                step.tx
                    .peer_devices()
                    .upsert(of_anna, &device.identity, device.relay.as_str())?;
            }
            Ok::<_, StepError>(())
        })
        .unwrap();
    let next = replaced(&mut world, ben);
    serve(&mut world, ben, anna, &next);
    look_up(&mut world, anna, of_anna);
    let rows = world
        .command(anna, |step| step.tx.peer_devices().of_contact(of_anna))
        .unwrap();
    assert_eq!(rows.len(), MAX_DEVICES_OF_CONTACT);
    assert!(rows.iter().all(|row| row.state == PeerDeviceState::Gone));
}

#[test]
fn nothing_is_written_to_a_device_that_is_gone() {
    let (mut world, [anna, ben], [of_anna, of_ben]) = World::acquainted(64);
    let mailbox = *world.engine(ben).core.me.mailbox.as_bytes();
    look_up(&mut world, anna, of_anna);
    let next = replaced(&mut world, ben);
    serve(&mut world, ben, anna, &next);
    world.say(ben, of_ben, "from the device that is about to go");
    let before = world.devices[anna].sent.len();
    look_up(&mut world, anna, of_anna);
    world.run_for(3_600_000);
    assert_eq!(world.texts(anna, of_anna).len(), 2);
    let to_it = world.devices[anna].sent[before..]
        .iter()
        .filter(|(_, body)| {
            matches!(body, Body::Send(send) if send.mailbox[..] == mailbox)
                || matches!(body, Body::PopPrekeys(pop) if pop.mailbox[..] == mailbox)
        });
    assert_eq!(to_it.count(), 0);
}

fn place_of(world: &mut World, device: usize, contact: ContactId) -> [u8; 32] {
    let row = world
        .command(device, |step| step.tx.contacts().get(contact))
        .unwrap();
    row.unwrap().manifest_key
}

#[test]
fn a_forged_link_does_not_move_where_a_manifest_is_looked_for() {
    let (mut world, [anna, ben], [of_anna, _]) = World::acquainted(65);
    look_up(&mut world, anna, of_anna);
    let known = pinned(&mut world, anna, of_anna);
    let place = place_of(&mut world, anna, of_anna);
    let mut link = world.invite(ben);
    let elsewhere = ManifestWriteKey::generate(&mut ChaCha20Rng::seed_from_u64(5));
    link.manifest_write_key = elsewhere.public_key();
    world
        .command(anna, |step| step.add_contact(&link, None))
        .unwrap();
    world.settle();
    assert_eq!(place_of(&mut world, anna, of_anna), place);
    let next = next_manifest(&mut world, ben, START_MS, |_| {});
    serve(&mut world, ben, anna, &next);
    look_up(&mut world, anna, of_anna);
    assert_eq!(pinned(&mut world, anna, of_anna), known + 1);
}

#[test]
fn a_link_moves_the_place_when_a_manifest_no_older_is_there() {
    let (mut world, [anna, ben], [of_anna, _]) = World::acquainted(66);
    look_up(&mut world, anna, of_anna);
    let known = pinned(&mut world, anna, of_anna);
    let mut link = world.invite(ben);
    let elsewhere = ManifestWriteKey::generate(&mut ChaCha20Rng::seed_from_u64(5)).public_key();
    link.manifest_write_key = elsewhere;
    let next = next_manifest(&mut world, ben, START_MS, |_| {});
    let record = RecordId::of(&elsewhere);
    let value = next
        .seal(&record, &mut ChaCha20Rng::seed_from_u64(1))
        .unwrap();
    let found = Record {
        value: Bytes::from(value),
        version: 1,
    };
    world.tamper = Some(Box::new(move |device, frame| {
        if device == anna && matches!(&frame.body, Some(Body::Failure(_))) {
            frame.body = Some(Body::Record(found.clone()));
        }
        true
    }));
    world
        .command(anna, |step| step.add_contact(&link, None))
        .unwrap();
    world.settle();
    assert_eq!(place_of(&mut world, anna, of_anna), *elsewhere.as_bytes());
    assert_eq!(pinned(&mut world, anna, of_anna), known + 1);
}

fn told(world: &mut World, device: usize, contact: ContactId) -> Vec<IdentityAlarm> {
    let kept = world.engine(device).view().unwrap().identity_alarms();
    let kept: Vec<_> = kept.unwrap().into_iter().map(|(_, alarm)| alarm).collect();
    for alarm in &kept {
        let event = Event::IdentityAlarm {
            contact,
            alarm: *alarm,
        };
        assert!(world.devices[device].events.contains(&event));
    }
    kept
}

#[test]
fn d2_an_older_manifest_changes_nothing() {
    let (mut world, [anna, ben], [of_anna, _]) = World::acquainted(67);
    look_up(&mut world, anna, of_anna);
    let old = {
        let me = &world.engine(ben).core.me;
        VerifiedManifest::parse(me.manifest.as_ref().unwrap().signed_bytes(), &me.account).unwrap()
    };
    let newer = next_manifest(&mut world, ben, START_MS, |_| {});
    serve(&mut world, ben, anna, &newer);
    look_up(&mut world, anna, of_anna);
    let known = pinned(&mut world, anna, of_anna);
    serve(&mut world, ben, anna, &old);
    look_up(&mut world, anna, of_anna);
    assert_eq!(pinned(&mut world, anna, of_anna), known);
    assert_eq!(told(&mut world, anna, of_anna), []);
    world.tamper = None;
    world.say(anna, of_anna, "as ever");
    world.run_for(60_000);
    assert_eq!(world.history(anna, of_anna)[1].1, MessageState::Delivered);
}

/// D2: a relay that serves a device list from before a revocation does not undo it.
#[test]
fn an_older_manifest_brings_no_device_back() {
    let (mut world, [anna, ben], [of_anna, _]) = World::acquainted(73);
    look_up(&mut world, anna, of_anna);
    let me = &world.engine(ben).core.me;
    let signed = me.manifest.as_ref().unwrap().signed_bytes();
    let old = VerifiedManifest::parse(signed, &me.account).unwrap();
    let newer = replaced(&mut world, ben);
    serve(&mut world, ben, anna, &newer);
    look_up(&mut world, anna, of_anna);
    let active = |world: &mut World| {
        world
            .command(anna, |step| step.active_devices(of_anna))
            .unwrap()
    };
    let since = active(&mut world);
    assert_eq!(since.len(), 1);
    serve(&mut world, ben, anna, &old);
    look_up(&mut world, anna, of_anna);
    assert_eq!(active(&mut world), since);
}

#[test]
fn d2_a_fork_is_told_until_it_is_dismissed_and_what_was_pinned_stays() {
    let (mut world, [anna, ben], [of_anna, _]) = World::acquainted(68);
    look_up(&mut world, anna, of_anna);
    let one = next_manifest(&mut world, ben, START_MS, |_| {});
    let other = next_manifest(&mut world, ben, START_MS, |draft| {
        draft.add(another_device(6));
    });
    serve(&mut world, ben, anna, &one);
    look_up(&mut world, anna, of_anna);
    assert_eq!(told(&mut world, anna, of_anna), []);
    serve(&mut world, ben, anna, &other);
    look_up(&mut world, anna, of_anna);
    assert_eq!(
        told(&mut world, anna, of_anna),
        [IdentityAlarm::ManifestForked]
    );
    let devices = world
        .command(anna, |step| step.active_devices(of_anna))
        .unwrap();
    assert_eq!(devices.len(), 1, "nothing is written to the other's device");
    world.restart(anna);
    assert_eq!(
        told(&mut world, anna, of_anna),
        [IdentityAlarm::ManifestForked]
    );
    world.tamper = None;
    world
        .command(anna, |step| step.dismiss_identity_alarms(of_anna))
        .unwrap();
    world.restart(anna);
    assert_eq!(told(&mut world, anna, of_anna), []);
}

#[test]
fn a_recovered_account_is_told() {
    let (mut world, [anna, ben], [of_anna, _]) = World::acquainted(69);
    look_up(&mut world, anna, of_anna);
    let recovered = {
        let me = &world.engine(ben).core.me;
        let last = me.manifest.as_ref().unwrap();
        let key = me.device_record_key.public_key();
        let draft = ManifestDraft::recovery(last, another_device(7), key).unwrap();
        draft.sign(&me.account_key, Timestamp(START_MS)).unwrap()
    };
    serve(&mut world, ben, anna, &recovered);
    look_up(&mut world, anna, of_anna);
    assert_eq!(
        told(&mut world, anna, of_anna),
        [IdentityAlarm::AccountRecovered]
    );
    world.restart(anna);
    assert_eq!(
        told(&mut world, anna, of_anna),
        [IdentityAlarm::AccountRecovered]
    );
}

#[test]
fn another_device_is_told_and_a_renewal_is_not() {
    let (mut world, [anna, ben], [of_anna, _]) = World::acquainted(70);
    look_up(&mut world, anna, of_anna);
    let renewed = next_manifest(&mut world, ben, START_MS, |_| {});
    serve(&mut world, ben, anna, &renewed);
    look_up(&mut world, anna, of_anna);
    assert_eq!(told(&mut world, anna, of_anna), []);
    world.engine(ben).core.me.manifest = Some(renewed);
    let more = next_manifest(&mut world, ben, START_MS, |draft| {
        draft.add(another_device(8));
    });
    serve(&mut world, ben, anna, &more);
    look_up(&mut world, anna, of_anna);
    assert_eq!(
        told(&mut world, anna, of_anna),
        [IdentityAlarm::DeviceAdded]
    );
}
