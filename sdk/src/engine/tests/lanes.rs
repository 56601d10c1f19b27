//! What a relay can tie together: each connection is about one matter ([`World`] checks every request of every test for
//! that), and the own record is put at no time that tells whose it is.

use undertone_protocol::time::DAY_MS;
use undertone_wire::frame::Body;

use super::super::{Event, Lane};
use super::world::{World, relay};

fn puts(world: &World, device: usize) -> usize {
    let sent = &world.devices[device].sent;
    sent.iter()
        .filter(|(_, body)| matches!(body, Body::PutRecord(_)))
        .count()
}

#[test]
fn a_first_record_is_put_at_once_on_a_connection_of_its_own() {
    let mut world = World::new(110);
    let ben = world.account("Ben");
    world.go_online(ben);
    world.settle();
    let lane = Lane::Record(relay());
    let on_it = world.devices[ben].sent.iter().filter(|(on, _)| *on == lane);
    assert_eq!(on_it.count(), 1);
    assert_eq!(puts(&world, ben), 1);
    assert!(world.devices[ben].events.contains(&Event::Reachable));
    assert!(!world.is_open(ben, &lane), "it is closed after the put");
}

#[test]
fn t6_whoever_is_looked_up_is_not_on_the_connection_of_the_own_record() {
    let (mut world, [anna, ben], _) = World::acquainted(111);
    world.run_for(20 * DAY_MS);
    for device in [anna, ben] {
        assert!(puts(&world, device) >= 3);
        assert!(!world.is_open(device, &Lane::Record(relay())));
    }
    let sent = &world.devices[anna].sent;
    let looked_up = sent
        .iter()
        .any(|(lane, body)| *lane == Lane::Lookup(relay()) && matches!(body, Body::GetRecord(_)));
    assert!(looked_up);
}

#[test]
fn a_renewal_does_not_follow_the_login() {
    let mut world = World::new(112);
    let ben = world.account("Ben");
    world.go_online(ben);
    world.settle();
    world.go_offline(ben);
    world.run_for(8 * DAY_MS);
    world.go_online(ben);
    world.settle();
    assert_eq!(puts(&world, ben), 1);
    world.run_for(10 * 60 * 1_000);
    assert_eq!(puts(&world, ben), 2);

    let own = |world: &World| {
        let sent = &world.devices[ben].sent;
        sent.iter().filter(|(lane, _)| *lane == Lane::Own).count()
    };
    let before = own(&world);
    world.run_for(10_000);
    assert_eq!(
        own(&world),
        before,
        "nothing on the own connection goes with it"
    );
}

#[test]
fn a_record_that_is_near_its_end_is_put_at_once() {
    let mut world = World::new(113);
    let ben = world.account("Ben");
    world.go_online(ben);
    world.settle();
    world.go_offline(ben);
    world.run_for(15 * DAY_MS);
    world.go_online(ben);
    world.settle();
    assert_eq!(puts(&world, ben), 2);
}
