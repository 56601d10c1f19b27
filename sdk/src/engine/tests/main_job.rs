//! The main job, and the rules around it.

use super::super::Event;
use super::world::World;
use crate::error::{AddContactError, ContactError, SendError};
use crate::store::{ContactState, MessageState, SearchFilter, SearchQuery};

#[test]
fn two_people_meet_while_one_is_offline() {
    let mut world = World::new(1);
    let (anna, ben) = (world.account("Anna"), world.account("Ben"));
    world.go_online(ben);
    world.settle();
    assert!(world.devices[ben].events.contains(&Event::Reachable));
    let link = world.invite(ben);
    world.go_offline(ben);
    world.settle();

    world.go_online(anna);
    world.settle();
    let of_anna = world.add(anna, &link, "Hello Ben, this is Anna");
    world.settle();
    assert_eq!(
        world.history(anna, of_anna),
        [("Hello Ben, this is Anna".into(), MessageState::Sent)]
    );

    world.go_online(ben);
    world.settle();
    let of_ben = world
        .contact_in(ben, ContactState::Requested)
        .expect("a request");
    assert!(
        world.devices[ben]
            .events
            .contains(&Event::RequestReceived { contact: of_ben })
    );
    assert_eq!(world.texts(ben, of_ben), ["Hello Ben, this is Anna"]);
    world.run_for(10_000);
    assert_eq!(
        world.history(anna, of_anna)[0].1,
        MessageState::Sent,
        "a stranger gets no receipt"
    );

    world.command(ben, |step| step.accept(of_ben)).unwrap();
    world.say(ben, of_ben, "Hello Anna");
    world.run_for(2_000);
    assert_eq!(
        world.history(anna, of_anna),
        [
            ("Hello Ben, this is Anna".into(), MessageState::Delivered),
            ("Hello Anna".into(), MessageState::Received)
        ]
    );
    assert_eq!(
        world.history(ben, of_ben),
        [
            ("Hello Ben, this is Anna".into(), MessageState::Received),
            ("Hello Anna".into(), MessageState::Delivered)
        ]
    );
    assert_eq!(
        world.contact_in(anna, ContactState::Accepted),
        Some(of_anna)
    );
    let view = world.engine(anna).view().unwrap();
    assert_eq!(view.contact(of_anna).unwrap().unwrap().name, "Ben");
    let found = view
        .search(
            &SearchQuery::parse("anna"),
            &SearchFilter::default(),
            None,
            10,
        )
        .unwrap();
    assert_eq!(found.hits.len(), 2);
}

#[test]
fn the_conversation_goes_on_after_both_restart() {
    let (mut world, [anna, ben], [of_anna, of_ben]) = World::acquainted(2);
    world.say(anna, of_anna, "one");
    world.run_for(2_000);
    world.restart(anna);
    world.restart(ben);
    world.settle();
    world.say(ben, of_ben, "two");
    world.run_for(1_000);
    world.say(anna, of_anna, "three");
    world.run_for(2_000);
    assert_eq!(world.texts(anna, of_anna), ["hello", "one", "two", "three"]);
    assert_eq!(world.texts(ben, of_ben), ["hello", "one", "two", "three"]);
    assert!(
        world
            .history(anna, of_anna)
            .iter()
            .all(|(_, state)| *state != MessageState::Sent)
    );
}

#[test]
fn a_long_dialogue_arrives_in_order_on_both_sides() {
    let (mut world, [anna, ben], [of_anna, of_ben]) = World::acquainted(3);
    let mut expected = vec!["hello".to_owned()];
    for n in 0..60 {
        let text = format!("message {n}");
        if n % 3 == 0 {
            world.say(ben, of_ben, &text);
        } else {
            world.say(anna, of_anna, &text);
        }
        world.run_for(20);
        expected.push(text);
    }
    world.run_for(60_000);
    assert_eq!(world.texts(anna, of_anna), expected);
    assert_eq!(world.texts(ben, of_ben), expected);
}

#[test]
fn what_is_written_offline_waits_and_goes() {
    let (mut world, [anna, ben], [of_anna, of_ben]) = World::acquainted(4);
    world.go_offline(anna);
    world.settle();
    for n in 0..5 {
        world.say(anna, of_anna, &format!("offline {n}"));
        world.run_for(1_000);
    }
    assert_eq!(
        world.history(anna, of_anna).last().unwrap().1,
        MessageState::Pending
    );
    world.go_online(anna);
    world.run_for(5_000);
    assert_eq!(world.texts(ben, of_ben).len(), 6);
    assert!(
        world
            .history(anna, of_anna)
            .iter()
            .all(|(_, state)| *state == MessageState::Delivered)
    );
}

#[test]
fn both_write_first_and_meet_in_one_conversation() {
    let mut world = World::new(5);
    let (anna, ben) = (world.account("Anna"), world.account("Ben"));
    for device in [anna, ben] {
        world.go_online(device);
    }
    world.settle();
    let (to_ben, to_anna) = (world.invite(ben), world.invite(anna));
    world.go_offline(anna);
    world.go_offline(ben);
    world.settle();
    let of_anna = world.add(anna, &to_ben, "from Anna");
    let of_ben = world.add(ben, &to_anna, "from Ben");
    world.go_online(anna);
    world.go_online(ben);
    world.run_for(5_000);
    for (device, contact) in [(anna, of_anna), (ben, of_ben)] {
        assert_eq!(
            world.contact_in(device, ContactState::Accepted),
            Some(contact)
        );
        let mut texts = world.texts(device, contact);
        texts.sort_unstable();
        assert_eq!(texts, ["from Anna", "from Ben"]);
    }
    for n in 0..6 {
        world.say(anna, of_anna, &format!("a{n}"));
        world.say(ben, of_ben, &format!("b{n}"));
        world.run_for(1_000);
    }
    world.run_for(60_000);
    assert_eq!(world.texts(anna, of_anna).len(), 14);
    assert_eq!(world.texts(anna, of_anna), world.texts(ben, of_ben));
    let all_delivered = |history: Vec<(String, MessageState)>| {
        history
            .iter()
            .all(|(_, state)| *state != MessageState::Sent)
    };
    assert!(all_delivered(world.history(anna, of_anna)));
    assert!(all_delivered(world.history(ben, of_ben)));
}

#[test]
fn a_declined_request_is_gone_and_may_be_repeated() {
    let mut world = World::new(6);
    let (anna, ben) = (world.account("Anna"), world.account("Ben"));
    world.go_online(anna);
    world.go_online(ben);
    world.settle();
    let link = world.invite(ben);
    let of_anna = world.add(anna, &link, "hello?");
    world.settle();
    let request = world.contact_in(ben, ContactState::Requested).unwrap();
    world.command(ben, |step| step.decline(request)).unwrap();
    world.run_for(10_000);
    assert!(
        world
            .engine(ben)
            .view()
            .unwrap()
            .contacts()
            .unwrap()
            .is_empty()
    );
    assert_eq!(
        world.history(anna, of_anna)[0].1,
        MessageState::Sent,
        "declining tells nothing"
    );
}

#[test]
fn what_a_blocked_contact_writes_is_discarded_without_a_trace() {
    let (mut world, [anna, ben], [of_anna, of_ben]) = World::acquainted(7);
    world.command(ben, |step| step.block(of_ben)).unwrap();
    world.settle();
    let sent_before = world.devices[ben].sent.len();
    world.say(anna, of_anna, "are you there?");
    world.run_for(60_000);
    assert_eq!(world.texts(ben, of_ben), ["hello"]);
    let traffic: Vec<_> = world.devices[ben].sent[sent_before..]
        .iter()
        .filter(|(_, body)| matches!(body, undertone_wire::frame::Body::Send(_)))
        .collect();
    assert!(
        traffic.is_empty(),
        "no receipt, no request: {}",
        traffic.len()
    );
    let conversation = world.conversation(ben, of_ben);
    assert!(matches!(
        world.command(ben, |step| step.send_text(conversation, "no")),
        Err(SendError::Blocked)
    ));

    world.command(ben, |step| step.unblock(of_ben)).unwrap();
    world.say(anna, of_anna, "again");
    world.run_for(13 * 3_600_000);
    assert_eq!(world.texts(ben, of_ben), ["hello", "again"]);
    assert!(
        world
            .engine(ben)
            .view()
            .unwrap()
            .gaps(conversation)
            .unwrap()
            .is_empty()
    );
}

#[test]
fn a_revoked_invite_still_knocks_but_pays_with_work() {
    let mut world = World::new(8);
    let (anna, ben) = (world.account("Anna"), world.account("Ben"));
    world.go_online(anna);
    world.go_online(ben);
    world.settle();
    let link = world.invite(ben);
    let id = world.engine(ben).view().unwrap().invites().unwrap()[0].id;
    world.command(ben, |step| step.revoke_invite(&id)).unwrap();
    world.settle();
    let of_anna = world.add(anna, &link, "knock knock");
    world.run_for(30_000);
    assert!(world.contact_in(ben, ContactState::Requested).is_some());
    assert_eq!(world.history(anna, of_anna)[0].1, MessageState::Sent);
    assert!(
        world.devices[anna]
            .sent
            .iter()
            .any(|(_, body)| matches!(body, undertone_wire::frame::Body::Challenge(_)))
    );
}

#[test]
fn follow_ups_to_a_stranger_are_limited_until_he_accepts() {
    let mut world = World::new(9);
    let (anna, ben) = (world.account("Anna"), world.account("Ben"));
    world.go_online(anna);
    world.go_online(ben);
    world.settle();
    let link = world.invite(ben);
    let of_anna = world.add(anna, &link, "0");
    for n in 1..=25 {
        world.say(anna, of_anna, &n.to_string());
    }
    world.run_for(60_000);
    let request = world.contact_in(ben, ContactState::Requested).unwrap();
    assert!(world.texts(ben, request).len() <= 17);
    world.command(ben, |step| step.accept(request)).unwrap();
    world.run_for(60_000);
    assert_eq!(
        world.texts(ben, request),
        (0..=25).map(|n| n.to_string()).collect::<Vec<_>>()
    );
}

#[test]
fn a_first_text_too_long_for_a_first_message_follows_it() {
    let mut world = World::new(10);
    let (anna, ben) = (world.account("Anna"), world.account("Ben"));
    world.go_online(anna);
    world.go_online(ben);
    world.settle();
    let link = world.invite(ben);
    let text = "x".repeat(5_000);
    let of_anna = world.add(anna, &link, &text);
    world.say(anna, of_anna, "and more");
    world.run_for(5_000);
    let request = world.contact_in(ben, ContactState::Requested).unwrap();
    assert_eq!(world.texts(ben, request), [text, "and more".to_owned()]);
}

#[test]
fn commands_that_make_no_sense_are_refused_and_change_nothing() {
    let (mut world, [anna, _], [of_anna, _]) = World::acquainted(11);
    let conversation = world.conversation(anna, of_anna);
    let own = world.invite(anna);
    let refused = world.command(anna, |step| step.send_text(conversation, ""));
    assert_eq!(refused, Err(SendError::Empty));
    let refused = world.command(anna, |step| {
        step.send_text(conversation, &"y".repeat(20_000))
    });
    assert_eq!(refused, Err(SendError::TooLong));
    let refused = world.command(anna, |step| step.add_contact(&own, Some("me")));
    assert_eq!(refused, Err(AddContactError::OwnLink));
    let refused = world.command(anna, |step| step.accept(of_anna));
    assert_eq!(refused, Err(ContactError::WrongState));
    assert_eq!(world.texts(anna, of_anna), ["hello"]);
}
