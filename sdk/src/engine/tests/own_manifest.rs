//! Somebody else has the own account key, or says so.

use bytes::Bytes;
use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng;
use undertone_protocol::account::Root;
use undertone_protocol::primitives::secret::SecretBytes;
use undertone_protocol::time::DAY_MS;
use undertone_wire::frame::Body;
use undertone_wire::{ErrorCode, Failure, Record};

use super::super::{AccountAlarm, Event};
use super::manifests::{another_device, next_manifest, serve};
use super::world::{START_MS, World};
use crate::store::ContactState;

fn alarms(world: &mut World, device: usize) -> Vec<AccountAlarm> {
    let view = world.engine(device).view().unwrap();
    view.account_alarms().unwrap()
}

fn told(world: &World, device: usize, alarm: AccountAlarm) -> bool {
    let events = &world.devices[device].events;
    events.contains(&Event::AccountAlarm(alarm))
}

#[test]
fn a_manifest_that_another_device_signed_is_said_until_it_is_dismissed() {
    let mut world = World::new(90);
    let ben = world.account("Ben");
    world.go_online(ben);
    world.settle();
    let foreign = next_manifest(&mut world, ben, START_MS, |draft| {
        draft.add(another_device(4));
    });
    let record = world.engine(ben).core.me.manifest_record;
    let value = foreign
        .seal(&record, &mut ChaCha20Rng::seed_from_u64(1))
        .unwrap();
    // It is of the same version as the one that Ben signs after a week.
    let mut once = Some(Bytes::from(value));
    world.tamper = Some(Box::new(move |device, frame| {
        if device == ben
            && let Some(Body::Record(stands)) = &frame.body
            && let Some(value) = once.take()
        {
            let version = stands.version;
            frame.body = Some(Body::Failure(Failure {
                code: ErrorCode::Conflict.into(),
                current: Some(Record { value, version }),
                ..Failure::default()
            }));
        }
        true
    }));
    world.run_for(6 * DAY_MS);
    assert_eq!(alarms(&mut world, ben), []);
    world.run_for(2 * DAY_MS);
    assert!(told(&world, ben, AccountAlarm::ForeignManifest));
    world.restart(ben);
    assert_eq!(alarms(&mut world, ben), [AccountAlarm::ForeignManifest]);
    world
        .command(ben, |step| step.dismiss_account_alarms())
        .unwrap();
    world.restart(ben);
    world.run_for(20 * DAY_MS);
    assert_eq!(alarms(&mut world, ben), [], "it is said once");
}

#[test]
fn a_device_set_up_from_the_phrase_alarms_the_one_that_was_there() {
    let mut world = World::new(91);
    let ben = world.account("Ben");
    world.go_online(ben);
    world.run_for(DAY_MS);
    let root = SecretBytes::copy_from(world.engine(ben).core.me.root.expose());
    let root = Root::from_secret(root);
    let second = world.device_of(Some(root), "Ben's second");
    world.go_online(second);
    world.run_for(10 * DAY_MS);
    assert_eq!(alarms(&mut world, second), []);
    assert_eq!(alarms(&mut world, ben), [AccountAlarm::ForeignManifest]);
}

#[test]
fn a_first_message_that_names_a_manifest_nobody_here_signed_is_said() {
    let mut world = World::new(92);
    let (anna, ben) = (world.account("Anna"), world.account("Ben"));
    world.go_online(anna);
    world.go_online(ben);
    world.settle();
    let link = world.invite(ben);
    let foreign = next_manifest(&mut world, ben, START_MS, |draft| {
        draft.add(another_device(4));
    });
    serve(&mut world, ben, anna, &foreign);
    world.add(anna, &link, "hello");
    world.settle();
    let by = world.contact_in(ben, ContactState::Requested).unwrap();
    let alarm = AccountAlarm::ForeignManifestNamed { by };
    assert!(told(&world, ben, alarm));
    world.restart(ben);
    assert_eq!(alarms(&mut world, ben), [alarm]);
}

#[test]
fn weeks_of_renewals_and_of_new_contacts_alarm_nobody() {
    let mut world = World::new(93);
    let ben = world.account("Ben");
    world.go_online(ben);
    world.settle();
    let link = world.invite(ben);
    for week in 0..4 {
        let other = world.account(&format!("Other {week}"));
        world.go_online(other);
        world.settle();
        world.add(other, &link, "hello");
        world.run_for(3 * DAY_MS);
        world.restart(ben);
        world.run_for(4 * DAY_MS);
        assert_eq!(alarms(&mut world, other), []);
    }
    assert_eq!(alarms(&mut world, ben), []);
    let contacts = world.engine(ben).view().unwrap().contacts().unwrap();
    assert_eq!(contacts.len(), 4);
}
