//! How two who never spoke come to one session.

use std::cell::RefCell;
use std::rc::Rc;

use undertone_wire::frame::Body;

use super::super::{Input, Lane};
use super::world::{World, relay};
use crate::store::ContactState;

const YEAR_MS: i64 = 365 * 86_400_000;

#[test]
fn prekeys_that_come_after_the_peers_first_message_make_no_second_session() {
    let mut world = World::new(80);
    let (anna, ben) = (world.account("Anna"), world.account("Ben"));
    world.go_online(anna);
    world.go_online(ben);
    world.settle();
    let (to_ben, to_anna) = (world.invite(ben), world.invite(anna));
    // Ben's prekeys are slow to reach Anna.
    let held = Rc::new(RefCell::new(None));
    let taken = held.clone();
    world.tamper = Some(Box::new(move |device, frame| {
        let hold = device == anna && matches!(frame.body, Some(Body::PoppedPrekeys(_)));
        if hold {
            taken.replace(Some(frame.clone()));
        }
        !hold
    }));
    let of_anna = world.add(anna, &to_ben, "from Anna");
    world.settle();
    assert!(held.borrow().is_some());
    let of_ben = world.add(ben, &to_anna, "from Ben");
    world.settle();
    let frame = held.take().unwrap();
    let lane = Lane::Lookup(relay());
    world.tamper = None;
    world.devices[anna]
        .inbox
        .push_back(Input::Frame { lane, frame });
    world.run_for(5_000);
    assert_eq!(world.first_messages(anna, 0), 0);
    assert_eq!(world.first_messages(ben, 0), 1);
    for (device, contact) in [(anna, of_anna), (ben, of_ben)] {
        assert_eq!(
            world.contact_in(device, ContactState::Accepted),
            Some(contact)
        );
        let mut texts = world.texts(device, contact);
        texts.sort_unstable();
        assert_eq!(texts, ["from Anna", "from Ben"]);
        let knows = world.command(device, |step| {
            let contact = step.contact(contact)?.unwrap();
            Ok::<_, crate::error::StepError>(contact.secrets.delivery.is_some())
        });
        assert!(knows.unwrap(), "each can write without an invite");
    }
}

#[test]
fn a_first_message_that_came_while_the_clock_was_wrong_is_read_as_soon_as_it_is_right() {
    let mut world = World::new(81);
    let (anna, ben) = (world.account("Anna"), world.account("Ben"));
    world.go_online(anna);
    world.go_online(ben);
    world.settle();
    let link = world.invite(ben);
    let relogin = |world: &mut World, error| {
        world.go_offline(ben);
        world.settle();
        world.devices[ben].clock_error = error;
        world.go_online(ben);
        world.run_for(5_000);
    };
    relogin(&mut world, YEAR_MS);
    world.add(anna, &link, "hello");
    world.run_for(5_000);
    assert_eq!(world.contact_in(ben, ContactState::Requested), None);
    relogin(&mut world, 0);
    assert!(world.contact_in(ben, ContactState::Requested).is_some());
}
