//! Keys that are kept for messages that did not come.

use std::cell::RefCell;
use std::rc::Rc;

use undertone_protocol::time::DAY_MS;
use undertone_wire::frame::Body;
use undertone_wire::{Deliver, Frame};

use super::super::{Input, Lane};
use super::world::World;
use crate::error::StepError;

fn kept(world: &mut World, device: usize) -> usize {
    world
        .command(device, |step| {
            Ok::<_, StepError>(step.tx.skipped().all_tags()?.len())
        })
        .unwrap()
}

/// R3: that the keys are gone from the disk as well is the store's own test.
#[test]
fn r3_keys_of_skipped_messages_end_after_thirty_days_and_the_gap_stays_visible() {
    let (mut world, [anna, ben], [of_anna, of_ben]) = World::acquainted(720);
    let held: Rc<RefCell<Vec<Deliver>>> = Rc::default();
    let taken = held.clone();
    world.tamper = Some(Box::new(move |device, frame| {
        let holds = device == ben && taken.borrow().len() < 10;
        if holds && let Some(Body::Deliver(deliver)) = &frame.body {
            taken.borrow_mut().push(deliver.clone());
            return false;
        }
        true
    }));
    for n in 0..=10 {
        world.say(anna, of_anna, &n.to_string());
        world.settle();
    }
    world.tamper = None;
    assert_eq!(kept(&mut world, ben), 10);
    assert_eq!(world.texts(ben, of_ben), ["hello", "10"]);
    // Nobody answers what Ben asks for.
    world.go_offline(anna);
    world.run_for(29 * DAY_MS);
    assert_eq!(kept(&mut world, ben), 10);
    let late = held.borrow().clone();
    deliver(&mut world, ben, &late[0]);
    assert_eq!(world.texts(ben, of_ben), ["hello", "0", "10"], "in time");

    world.run_for(2 * DAY_MS);
    assert_eq!(kept(&mut world, ben), 0);
    for deliver_late in &late[1..] {
        deliver(&mut world, ben, deliver_late);
    }
    assert_eq!(world.texts(ben, of_ben), ["hello", "0", "10"], "too late");
    let conversation = world.conversation(ben, of_ben);
    let gaps = world
        .engine(ben)
        .view()
        .unwrap()
        .gaps(conversation)
        .unwrap();
    assert!(!gaps.is_empty(), "what is missing is said");
}

fn deliver(world: &mut World, to: usize, deliver: &Deliver) {
    let body = Body::Deliver(Deliver {
        seq: deliver.seq + (1 << 40),
        ..deliver.clone()
    });
    let input = Input::Frame {
        lane: Lane::Own,
        frame: Frame {
            request_id: 0,
            body: Some(body),
        },
    };
    world.command(to, |step| step.handle(input)).unwrap();
    world.settle();
}
