//! Relays that refuse for a while, and contacts that are blocked or declined while something is on its way.

use std::cell::RefCell;
use std::rc::Rc;

use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng;
use undertone_protocol::invite::InviteToken;
use undertone_wire as wire;
use undertone_wire::frame::Body;
use undertone_wire::{Deliver, ErrorCode, Frame};

use super::super::delivery::Delivery;
use super::super::requests::Purpose;
use super::super::{Input, Lane};
use super::world::World;
use crate::error::StepError;
use crate::store::{ContactState, MessageState};

const HOUR_MS: u64 = 3_600_000;

/// More than a relay takes for work alone.
fn long_text() -> String {
    "long ".repeat(1_000)
}

#[test]
fn tokens_that_were_refused_for_a_while_are_tried_again() {
    let (mut world, [anna, ben], [of_anna, _]) = World::acquainted(70);
    world
        .command(ben, |step| {
            let none = wire::SetTokens { tokens: Vec::new() };
            step.request(&Lane::Own, Purpose::SetTokens, Body::SetTokens(none));
            Ok::<_, ()>(())
        })
        .unwrap();
    world.settle();
    world.say(anna, of_anna, &long_text());
    world.say(anna, of_anna, "behind it");
    world.run_for(60_000);
    assert_eq!(world.history(anna, of_anna)[1].1, MessageState::Pending);

    world.command(ben, |step| step.register_tokens()).unwrap();
    world.run_for(2 * HOUR_MS);
    let history = world.history(anna, of_anna);
    assert_eq!(history[1].1, MessageState::Delivered);
    assert_eq!(history[2].1, MessageState::Delivered);
}

#[test]
fn a_new_token_is_used_although_an_old_one_is_refused_after_it_came() {
    let (mut world, [anna, ben], [of_anna, of_ben]) = World::acquainted(71);
    let revoked: Vec<_> = world
        .engine(ben)
        .view()
        .unwrap()
        .invites()
        .unwrap()
        .into_iter()
        .map(|invite| invite.id)
        .collect();
    for id in revoked {
        world.command(ben, |step| step.revoke_invite(&id)).unwrap();
    }
    let another = Delivery::generate(&mut ChaCha20Rng::seed_from_u64(7));
    world.engine(ben).core.me.delivery = another;
    world.command(ben, |step| step.register_tokens()).unwrap();
    world
        .command(ben, |step| step.queue_acceptance(of_ben))
        .unwrap();
    // The acceptance arrives before the answer to what went out with the old token.
    world.say(anna, of_anna, &long_text());
    world.settle();
    assert_eq!(world.history(anna, of_anna)[1].1, MessageState::Sent);
}

#[test]
fn a_relay_that_once_asked_for_too_much_work_is_asked_again() {
    let mut world = World::new(72);
    let (anna, ben) = (world.account("Anna"), world.account("Ben"));
    world.go_online(anna);
    world.go_online(ben);
    world.settle();
    let link = world.invite(ben);
    let greedy = Rc::new(RefCell::new(true));
    let once = greedy.clone();
    world.tamper = Some(Box::new(move |device, frame| {
        if device == anna && matches!(&frame.body, Some(Body::Sent(_))) && once.replace(false) {
            frame.body = Some(Body::Failure(wire::Failure {
                code: ErrorCode::WorkRequired.into(),
                required_difficulty: 255,
                ..wire::Failure::default()
            }));
        }
        true
    }));
    // No token is good, so that everything goes for work.
    world
        .command(ben, |step| {
            let none = wire::SetTokens { tokens: Vec::new() };
            step.request(&Lane::Own, Purpose::SetTokens, Body::SetTokens(none));
            Ok::<_, ()>(())
        })
        .unwrap();
    world.settle();
    let of_anna = world.add(anna, &link, "hello");
    world.run_for(2 * HOUR_MS);
    assert!(!*greedy.borrow(), "the relay asked for too much");
    assert_eq!(world.history(anna, of_anna)[0].1, MessageState::Sent);
}

#[test]
fn blocking_while_something_is_on_its_way_is_no_failure() {
    for refused in [false, true] {
        let (mut world, [anna, ben], [of_anna, of_ben]) = World::acquainted(73);
        if refused {
            world.tamper = Some(Box::new(move |device, frame| {
                if device == anna && matches!(&frame.body, Some(Body::Sent(_))) {
                    frame.body = Some(Body::Failure(wire::Failure {
                        code: ErrorCode::TooLarge.into(),
                        ..wire::Failure::default()
                    }));
                }
                true
            }));
        }
        world.say(anna, of_anna, "on its way");
        world.say(anna, of_anna, "behind it");
        world.command(anna, |step| step.block(of_anna)).unwrap();
        world.settle();
        world.tamper = None;

        world.command(anna, |step| step.unblock(of_anna)).unwrap();
        world.say(anna, of_anna, "after all");
        world.run_for(60_000);
        let texts = world.texts(ben, of_ben);
        assert_eq!(texts.last().map(String::as_str), Some("after all"));
        assert!(!texts.contains(&"behind it".to_owned()));
    }
}

#[test]
fn a_stranger_can_be_declined_in_the_step_in_which_he_writes() {
    let mut world = World::new(74);
    let (anna, ben) = (world.account("Anna"), world.account("Ben"));
    world.go_online(anna);
    world.go_online(ben);
    world.settle();
    let link = world.invite(ben);
    let of_anna = world.add(anna, &link, "hello");
    world.settle();
    let held: Rc<RefCell<Vec<Deliver>>> = Rc::default();
    let taken = held.clone();
    world.tamper = Some(Box::new(move |device, frame| match &frame.body {
        Some(Body::Deliver(deliver)) if device == ben => {
            taken.borrow_mut().push(deliver.clone());
            false
        }
        _ => true,
    }));
    world.say(anna, of_anna, "are you there?");
    world.settle();
    world.tamper = None;
    let deliver = held.borrow()[0].clone();
    let request = world.contact_in(ben, ContactState::Requested).unwrap();
    let frame = Frame {
        request_id: 0,
        body: Some(Body::Deliver(deliver)),
    };
    let lane = Lane::Own;
    world
        .command(ben, |step| {
            step.handle(Input::Frame { lane, frame }).unwrap();
            step.decline(request)
        })
        .unwrap();
    world.settle();
    assert_eq!(world.contact_in(ben, ContactState::Requested), None);
}

#[test]
fn an_unblocked_stranger_is_a_stranger() {
    let mut world = World::new(75);
    let (anna, ben) = (world.account("Anna"), world.account("Ben"));
    world.go_online(anna);
    world.go_online(ben);
    world.settle();
    let link = world.invite(ben);
    world.add(anna, &link, "hello");
    world.settle();
    let of_ben = world.contact_in(ben, ContactState::Requested).unwrap();
    let before = world.devices[ben].sent.len();
    world.command(ben, |step| step.block(of_ben)).unwrap();
    world.command(ben, |step| step.unblock(of_ben)).unwrap();
    world.run_for(60_000);
    assert_eq!(world.contact_in(ben, ContactState::Requested), Some(of_ben));
    let told = world.devices[ben].sent[before..]
        .iter()
        .any(|(_, body)| matches!(body, Body::Send(_) | Body::GetRecord(_)));
    assert!(!told, "the stranger learns nothing");
    world.command(ben, |step| step.accept(of_ben)).unwrap();
    world.run_for(60_000);
    assert_eq!(world.history(anna, of_ben)[0].1, MessageState::Delivered);
}

#[test]
fn the_token_of_another_link_is_known_when_a_relay_took_it() {
    let (mut world, [anna, ben], [of_anna, _]) = World::acquainted(707);
    let first = world.engine(ben).view().unwrap().invites().unwrap();
    let link = world.invite(ben);
    world.add(anna, &link, "another link");
    world.settle();
    let tokens = |world: &mut World| {
        let found = world.command(anna, |step| {
            let secrets = &step.contact(of_anna)?.unwrap().secrets;
            let same = |token: &Option<InviteToken>| {
                token
                    .as_ref()
                    .map(|token| token.expose() == link.token.expose())
            };
            Ok::<_, StepError>((same(&secrets.invite), same(&secrets.claimed)))
        });
        found.unwrap()
    };
    assert_eq!(tokens(&mut world), (Some(false), Some(true)));
    // Ben takes back all rights but the one of the new link.
    for invite in first {
        world
            .command(ben, |step| step.revoke_invite(&invite.id))
            .unwrap();
    }
    let another = Delivery::generate(&mut ChaCha20Rng::seed_from_u64(8));
    world.engine(ben).core.me.delivery = another;
    world.command(ben, |step| step.register_tokens()).unwrap();
    world.settle();
    world.say(anna, of_anna, "with the new one");
    world.settle();
    assert_eq!(world.history(anna, of_anna)[2].1, MessageState::Sent);
    assert_eq!(tokens(&mut world), (Some(true), None));
}
