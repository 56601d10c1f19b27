//! A contact of whose account nothing is heard: a warning, then silence, then on again.

use undertone_protocol::time::DAY_MS;
use undertone_wire::frame::Body;

use super::super::{DelayReason, Event};
use super::world::{START_MS, World};
use crate::store::{ContactId, MessageState};

fn sends(world: &World, device: usize) -> usize {
    let sent = &world.devices[device].sent;
    let sends = sent
        .iter()
        .filter(|(_, body)| matches!(body, Body::Send(_)));
    sends.count()
}

fn days(world: &mut World, until: u64) {
    while world.true_ms < START_MS + until * DAY_MS {
        world.run_for(DAY_MS);
    }
}

fn last(world: &mut World, device: usize, contact: ContactId) -> MessageState {
    world.history(device, contact).last().unwrap().1
}

#[test]
fn d3_an_expired_device_list_warns_and_after_45_days_holds_what_is_sent_until_a_newer_one_is_there()
{
    let (mut world, [anna, ben], [of_anna, of_ben]) = World::acquainted(100);
    world
        .command(anna, |step| step.want_manifest(of_anna))
        .unwrap();
    world.settle();
    world.go_offline(ben);
    days(&mut world, 29);
    world.say(anna, of_anna, "day 29");
    world.run_for(60_000);
    assert_eq!(last(&mut world, anna, of_anna), MessageState::Sent);
    let overdue = |world: &World| {
        let events = world.devices[anna].events.iter();
        let wanted = |event: &&Event| matches!(event, Event::DeviceListOverdue { contact, .. } if *contact == of_anna);
        events.filter(wanted).count()
    };
    assert_eq!(overdue(&world), 0);

    days(&mut world, 32);
    let held = Event::SendingDelayed {
        contact: of_anna,
        reason: DelayReason::ManifestExpired,
    };
    for _ in 0..2 {
        world.say(anna, of_anna, "day 32");
        world.run_for(DAY_MS);
        assert_eq!(last(&mut world, anna, of_anna), MessageState::Sent);
    }
    assert_eq!(overdue(&world), 1);
    assert!(
        !world.devices[anna].events.contains(&held),
        "nothing waits yet"
    );

    days(&mut world, 46);
    let before = sends(&world, anna);
    world.say(anna, of_anna, "day 46");
    world.restart(anna);
    world.run_for(DAY_MS);
    assert_eq!(last(&mut world, anna, of_anna), MessageState::Pending);
    assert_eq!(sends(&world, anna), before);
    assert!(world.devices[anna].events.contains(&held));

    world.go_online(ben);
    world.run_for(DAY_MS);
    assert_eq!(last(&mut world, anna, of_anna), MessageState::Delivered);
    assert!(world.texts(ben, of_ben).contains(&"day 46".to_owned()));
}

#[test]
fn a_wrong_clock_finds_no_device_list_too_old() {
    let (mut world, [anna, ben], [of_anna, of_ben]) = World::acquainted(101);
    world.go_offline(anna);
    world.settle();
    world.devices[anna].clock_error = 365 * 86_400_000;
    world.go_online(anna);
    world.settle();
    world.say(anna, of_anna, "from next year");
    world.run_for(60_000);
    assert_eq!(last(&mut world, anna, of_anna), MessageState::Delivered);
    assert_eq!(world.texts(ben, of_ben), ["hello", "from next year"]);
}
