//! First messages and messages that a relay delivers again: to the same device, after a restart, to another device of the
//! account.

use std::cell::RefCell;
use std::rc::Rc;

use undertone_protocol::account::Root;
use undertone_protocol::primitives::secret::SecretBytes;
use undertone_protocol::time::DAY_MS;
use undertone_wire::frame::Body;
use undertone_wire::{Deliver, Frame};

use super::super::{Event, Input, Lane};
use super::first_messages::{requests, stranger_writes, without_one_time_keys};
use super::world::World;

/// What the relay delivers to a device from now on.
fn recorded(world: &mut World, to: usize) -> Rc<RefCell<Vec<Deliver>>> {
    let deliveries: Rc<RefCell<Vec<Deliver>>> = Rc::default();
    let taken = deliveries.clone();
    let mut before = world.tamper.take();
    world.tamper = Some(Box::new(move |device, frame| {
        if device == to
            && let Some(Body::Deliver(deliver)) = &frame.body
        {
            taken.borrow_mut().push(deliver.clone());
        }
        before.as_mut().is_none_or(|before| before(device, frame))
    }));
    deliveries
}

/// Delivers something again, under a number and an id of the relay's choosing.
fn replay(world: &mut World, to: usize, deliver: &Deliver, nth: u8) {
    let body = Body::Deliver(Deliver {
        seq: deliver.seq + (1 << 40) + u64::from(nth),
        message_id: vec![nth; 16].into(),
        envelope: deliver.envelope.clone(),
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

/// Another device, set up from the recovery phrase of the first.
fn another_device(world: &mut World, of: usize) -> usize {
    let root = SecretBytes::copy_from(world.engine(of).core.me.root.expose());
    let second = world.device_of(Some(Root::from_secret(root)), "from the phrase");
    world.go_online(second);
    world.settle();
    second
}

/// E8: with a one-time prekey, whose private half is deleted; and with a last-resort one, which is kept for others.
#[test]
fn e8_a_first_message_counts_once_whatever_prekeys_it_used() {
    for last_resort in [false, true] {
        let mut world = World::new(710);
        let ben = world.account("Ben");
        world.go_online(ben);
        world.settle();
        if last_resort {
            without_one_time_keys(&mut world, ben);
        }
        let deliveries = recorded(&mut world, ben);
        stranger_writes(&mut world, ben, "Anna");
        assert_eq!(requests(&mut world, ben), 1);
        let request = world
            .contact_in(ben, crate::store::ContactState::Requested)
            .unwrap();
        world.command(ben, |step| step.decline(request)).unwrap();
        world.settle();
        let first_message = deliveries.borrow()[0].clone();
        assert_eq!(first_message.envelope.len(), 4_096);

        replay(&mut world, ben, &first_message, 1);
        assert_eq!(requests(&mut world, ben), 0, "last resort: {last_resort}");
        world.restart(ben);
        world.settle();
        replay(&mut world, ben, &first_message, 2);
        assert_eq!(
            requests(&mut world, ben),
            0,
            "last resort: {last_resort}, restarted"
        );
        let second = another_device(&mut world, ben);
        replay(&mut world, second, &first_message, 3);
        assert_eq!(
            requests(&mut world, second),
            0,
            "last resort: {last_resort}, second device"
        );
        // Prekeys were replaced and deleted, and with them what was remembered.
        world.run_for(45 * DAY_MS);
        replay(&mut world, ben, &first_message, 4);
        assert_eq!(
            requests(&mut world, ben),
            0,
            "last resort: {last_resort}, weeks later"
        );
    }
}

/// R5: a device that is set up again has none of the old one's sessions: what the old one received opens nowhere.
#[test]
fn r5_a_device_that_is_set_up_again_opens_nothing_of_the_old_one() {
    let (mut world, [anna, ben], [of_anna, of_ben]) = World::acquainted(711);
    let deliveries = recorded(&mut world, ben);
    for n in 0..20 {
        world.say(anna, of_anna, &n.to_string());
        world.settle();
    }
    assert_eq!(world.texts(ben, of_ben).len(), 21);
    world.go_offline(ben);
    world.settle();
    let second = another_device(&mut world, ben);
    let from = (
        world.devices[second].sent.len(),
        world.devices[second].events.len(),
    );
    let deliveries = deliveries.borrow().clone();
    assert!(deliveries.len() >= 20);
    for (nth, deliver) in (0..).zip(&deliveries) {
        replay(&mut world, second, deliver, nth);
    }
    world.run_for(60_000);
    let contacts = world.engine(second).view().unwrap().contacts().unwrap();
    assert_eq!(contacts.len(), 0);
    let shown = world.devices[second].events[from.1..]
        .iter()
        .find(|event| !matches!(event, Event::Reachable));
    assert_eq!(shown, None);
    let sends = world.devices[second].sent[from.0..]
        .iter()
        .filter(|(_, body)| matches!(body, Body::Send(_) | Body::SendMany(_)));
    assert_eq!(sends.count(), 0, "nobody is told");
}
