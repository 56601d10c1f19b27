//! Who is shown as typing, to whom, and for how long.

use undertone_wire::frame::Body;

use super::super::Event;
use super::world::World;
use crate::store::{ContactId, ContactState};

impl World {
    fn key(&mut self, device: usize, contact: ContactId) {
        let conversation = self.conversation(device, contact);
        self.command(device, |step| step.typing(conversation))
            .unwrap();
    }

    /// What a device was told of the other side's typing.
    fn typing_shown(&self, device: usize) -> Vec<bool> {
        let events = self.devices[device].events.iter();
        let typing = events.filter_map(|event| {
            let Event::Typing { typing, .. } = event else {
                return None;
            };
            Some(*typing)
        });
        typing.collect()
    }

    fn ephemerals(&self, device: usize) -> usize {
        let sent = self.devices[device].sent.iter();
        let ephemeral = |body: &Body| matches!(body, Body::Send(send) if send.ephemeral);
        sent.filter(|(_, body)| ephemeral(body)).count()
    }
}

/// Two who have both written: each has heard the other.
fn talking(seed: u64) -> (World, [usize; 2], [ContactId; 2]) {
    let (mut world, [anna, ben], [of_anna, of_ben]) = World::acquainted(seed);
    world.say(anna, of_anna, "one");
    world.run_for(1_000);
    world.say(ben, of_ben, "two");
    world.run_for(1_000);
    (world, [anna, ben], [of_anna, of_ben])
}

#[test]
fn who_types_is_shown_until_three_seconds_after_the_last_key() {
    let (mut world, [anna, ben], [of_anna, _]) = talking(400);
    for _ in 0..20 {
        world.key(anna, of_anna);
        world.run_for(500);
    }
    assert_eq!(world.typing_shown(ben), [true]);
    assert_eq!(
        world.ephemerals(anna),
        4,
        "at once and then every three seconds"
    );
    world.run_for(2_400);
    assert_eq!(world.typing_shown(ben), [true]);
    world.run_for(200);
    assert_eq!(world.typing_shown(ben), [true, false]);
    assert_eq!(world.ephemerals(anna), 5);
    world.run_for(60_000);
    assert_eq!(world.ephemerals(anna), 5);
    assert_eq!(world.ephemerals(ben), 0, "nobody answers");
}

#[test]
fn what_was_typed_ends_it_and_a_lost_end_lasts_five_seconds() {
    let (mut world, [anna, ben], [of_anna, of_ben]) = talking(410);
    world.key(anna, of_anna);
    world.run_for(1_000);
    world.say(anna, of_anna, "typed");
    world.run_for(100);
    assert_eq!(world.typing_shown(ben), [true, false]);
    world.run_for(10_000);
    assert_eq!(world.ephemerals(anna), 1, "the message says that it ended");
    world.key(anna, of_anna);
    world.run_for(1_000);
    world.go_offline(anna);
    world.run_for(3_900);
    assert_eq!(world.typing_shown(ben), [true, false, true]);
    world.run_for(200);
    assert_eq!(world.typing_shown(ben), [true, false, true, false]);
    assert_eq!(world.texts(ben, of_ben).last().unwrap(), "typed");
}

/// It is nowhere: not in the relay's queue, not at who was away, and no row of a store changes.
#[test]
fn typing_is_kept_nowhere() {
    let (mut world, [anna, ben], [of_anna, _]) = talking(420);
    world.key(anna, of_anna);
    world.run_for(10_000);
    let (_, shown) = (world.go_offline(ben), world.typing_shown(ben).len());
    world.settle();
    let kept = world.storage.kept().envelopes.len();
    for _ in 0..10 {
        world.key(anna, of_anna);
        world.run_for(4_000);
    }
    assert_eq!(world.storage.kept().envelopes.len(), kept);
    world.go_online(ben);
    world.run_for(60_000);
    assert_eq!(world.typing_shown(ben).len(), shown);
    assert!(
        world
            .engine(anna)
            .view()
            .unwrap()
            .tx
            .outbox()
            .devices()
            .unwrap()
            .is_empty()
    );
    // Messages go on as if nothing had been between them.
    world.say(anna, of_anna, "after it");
    world.run_for(1_000);
}

#[test]
fn only_accepted_contacts_see_who_types_and_who_tells_nothing_sees_nobody() {
    let mut world = World::new(430);
    let (anna, ben) = (world.account("Anna"), world.account("Ben"));
    for device in [anna, ben] {
        world.go_online(device);
    }
    world.settle();
    let link = world.invite(ben);
    let of_anna = world.add(anna, &link, "hello");
    world.run_for(1_000);
    let of_ben = world.contact_in(ben, ContactState::Requested).unwrap();
    world.key(anna, of_anna);
    world.key(ben, of_ben);
    world.run_for(10_000);
    assert_eq!(world.ephemerals(anna) + world.ephemerals(ben), 0);
    world.command(ben, |step| step.accept(of_ben)).unwrap();
    world.run_for(10_000);
    world.say(anna, of_anna, "how are you?");
    world.run_for(1_000);
    world
        .command(ben, |step| step.set_typing_indicators(false))
        .unwrap();
    world.key(ben, of_ben);
    world.key(anna, of_anna);
    world.run_for(10_000);
    assert_eq!(world.ephemerals(ben), 0);
    assert_eq!(
        world.typing_shown(ben),
        [false; 0],
        "who tells nothing is told nothing"
    );
    world
        .command(ben, |step| step.set_typing_indicators(true))
        .unwrap();
    world.key(ben, of_ben);
    world.run_for(1_000);
    assert_eq!(world.typing_shown(anna), [true]);
    world.command(anna, |step| step.block(of_anna)).unwrap();
    world.key(ben, of_ben);
    world.run_for(10_000);
    assert_eq!(world.typing_shown(anna), [true, false]);
    let before = world.ephemerals(anna);
    world.key(anna, of_anna);
    world.run_for(10_000);
    assert_eq!(
        world.ephemerals(anna),
        before,
        "who is blocked is told nothing"
    );
}
