//! What a contact signs, and what its relay serves of it.

use std::cell::RefCell;
use std::rc::Rc;

use bytes::Bytes;
use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng;
use undertone_protocol::content::{Body as Content, MissingMessage};
use undertone_protocol::manifest::{ManifestDraft, VerifiedManifest};
use undertone_protocol::session::{MessageNumber, SessionId};
use undertone_protocol::time::{DAY_MS, Timestamp};
use undertone_wire::frame::Body;

use super::world::{START_MS, World};
use crate::store::{ContactId, MessageState};

/// The next manifest of a device's account, changed and signed at a time of the test's choice.
fn next_manifest(
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
fn serve(world: &mut World, owner: usize, reader: usize, manifest: &VerifiedManifest) {
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
