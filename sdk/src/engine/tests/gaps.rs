//! What is missing: asked for by name, each for itself, and known no longer than it is missing.

use std::cell::RefCell;
use std::rc::Rc;

use bytes::Bytes;
use undertone_protocol::content::{Body as Content, MissingMessage, Resent};
use undertone_protocol::session::{MessageNumber, SessionId};
use undertone_protocol::time::DAY_MS;
use undertone_wire::frame::Body;
use undertone_wire::{Deliver, Frame};

use super::super::limits::{HOUR_MS, MAX_GAPS_PER_DEVICE};
use super::super::{Event, IdentityAlarm, Input, Lane};
use super::world::World;
use crate::error::StepError;
use crate::store::{ContactId, GapRow, GapState, Missing};

/// The gaps of all devices of a contact.
fn gaps(world: &mut World, device: usize, contact: ContactId) -> Vec<GapRow> {
    world
        .command(device, |step| {
            let mut gaps = Vec::new();
            for row in step.tx.peer_devices().of_contact(contact)? {
                gaps.extend(step.tx.gaps().of_device(row.id, 1_000)?);
            }
            Ok::<_, StepError>(gaps)
        })
        .unwrap()
}

/// From now on the relay delivers what `change` makes of it to one device.
fn change_deliveries(
    world: &mut World,
    to: usize,
    mut change: impl FnMut(&mut Deliver) -> bool + 'static,
) {
    world.tamper = Some(Box::new(move |device, frame| match &mut frame.body {
        Some(Body::Deliver(deliver)) if device == to => change(deliver),
        _ => true,
    }));
}

fn lose(deliver: &mut Deliver) -> bool {
    deliver.envelope = Bytes::from(vec![0xEE; 512]);
    true
}

fn corrupt(deliver: &mut Deliver) -> bool {
    let mut bytes = deliver.envelope.to_vec();
    if let Some(last) = bytes.last_mut() {
        *last ^= 1;
    }
    deliver.envelope = Bytes::from(bytes);
    true
}

fn sends(world: &World, device: usize, from: usize) -> usize {
    let sent = &world.devices[device].sent[from..];
    let is_send = |(_, body): &&(Lane, Body)| matches!(body, Body::Send(_));
    sent.iter().filter(is_send).count()
}

#[test]
fn what_no_receipt_had_room_for_rides_on_the_next() {
    let (mut world, [anna, ben], [of_anna, of_ben]) = World::acquainted(70);
    change_deliveries(&mut world, ben, lose);
    for n in 0..20 {
        world.say(anna, of_anna, &n.to_string());
        world.settle();
    }
    world.tamper = None;
    world.say(anna, of_anna, "20");
    // When no receipt comes, the request goes alone.
    world.run_for(14 * HOUR_MS);
    let expected: Vec<String> = ["hello".to_owned()]
        .into_iter()
        .chain((0..21).map(|n| n.to_string()))
        .collect();
    assert_eq!(world.texts(ben, of_ben), expected);
    assert_eq!(gaps(&mut world, ben, of_ben), []);
}

#[test]
fn an_answer_ends_nothing_but_what_it_names() {
    let (mut world, [anna, ben], [of_anna, of_ben]) = World::acquainted(71);
    let first = Rc::new(RefCell::new(true));
    change_deliveries(&mut world, ben, move |deliver| {
        !first.replace(false) || lose(deliver)
    });
    world.say(anna, of_anna, "one");
    world.settle();
    world.say(anna, of_anna, "two");
    world.settle();
    world.go_offline(anna);
    world.run_for(60_000);
    let states = |world: &mut World| -> Vec<GapState> {
        gaps(world, ben, of_ben)
            .iter()
            .map(|gap| gap.state)
            .collect()
    };
    assert_eq!(states(&mut world), [GapState::Requested]);
    let number = MessageNumber { chain: 9, n: 9 };
    let session = SessionId::from_bytes([9; 16]);
    world
        .command(anna, |step| {
            let other = Content::Unavailable(MissingMessage { session, number });
            let composed = step.compose_hidden(other)?;
            step.queue(of_anna, &composed)
        })
        .unwrap();
    // What she was asked for stays at the relay.
    change_deliveries(&mut world, anna, |_| false);
    world.go_online(anna);
    world.run_for(60_000);
    assert_eq!(states(&mut world), [GapState::Requested]);
    world.tamper = None;
    world.go_offline(anna);
    world.go_online(anna);
    world.run_for(10 * 60_000);
    assert_eq!(world.texts(ben, of_ben), ["hello", "one", "two"]);
    assert_eq!(states(&mut world), []);
}

/// How often the application was told that what is missing changed.
fn told(world: &World, device: usize) -> usize {
    let events = world.devices[device].events.iter();
    events
        .filter(|event| matches!(event, Event::GapsChanged { .. }))
        .count()
}

#[test]
fn what_was_deleted_stays_a_gap_and_is_not_asked_for_again() {
    let (mut world, [anna, ben], [of_anna, of_ben]) = World::acquainted(72);
    // The minute after the backlog is long over.
    world.run_for(10 * 60_000);
    change_deliveries(&mut world, ben, lose);
    let deleted = world.say(anna, of_anna, "deleted");
    world.settle();
    world.say(anna, of_anna, "kept");
    world.settle();
    world.tamper = None;
    world
        .command(anna, |step| step.tx.retained().entomb(&deleted))
        .unwrap();
    world.say(anna, of_anna, "last");
    world.run_for(30 * 60_000);
    assert_eq!(world.texts(ben, of_ben), ["hello", "kept", "last"]);
    assert_eq!(told(&world, ben), 2, "found a minute later, and given up");
    let rows = gaps(&mut world, ben, of_ben);
    assert_eq!((rows.len(), rows[0].state), (1, GapState::Unavailable));
    assert!(matches!(
        rows[0].missing,
        Missing::Stream {
            first: 2,
            last: 2,
            ..
        }
    ));
    // The receipt of what was sent again may go alone.
    world.run_for(13 * HOUR_MS);
    let before = world.devices[ben].sent.len();
    world.run_for(3 * DAY_MS);
    assert_eq!(sends(&world, ben, before), 0);
}

#[test]
fn the_same_bytes_undamaged_end_the_gap() {
    let (mut world, [anna, ben], [of_anna, of_ben]) = World::acquainted(73);
    let held: Rc<RefCell<Option<Deliver>>> = Rc::default();
    let taken = held.clone();
    change_deliveries(&mut world, ben, move |deliver| {
        // What is sent because of it stays at the relay.
        taken.borrow().is_none() && {
            taken.replace(Some(deliver.clone()));
            corrupt(deliver)
        }
    });
    world.say(anna, of_anna, "damaged on the way");
    world.run_for(60_000);
    world.tamper = None;
    assert_eq!(gaps(&mut world, ben, of_ben).len(), 1);
    let mut deliver = held.take().unwrap();
    deliver.seq += 1;
    let frame = Frame {
        request_id: 0,
        body: Some(Body::Deliver(deliver)),
    };
    let lane = Lane::Own;
    world.devices[ben]
        .inbox
        .push_back(Input::Frame { lane, frame });
    world.run_for(60_000);
    assert_eq!(world.texts(ben, of_ben), ["hello", "damaged on the way"]);
    assert_eq!(gaps(&mut world, ben, of_ben), []);
}

#[test]
fn a_copy_sent_again_ends_the_gap() {
    let (mut world, [anna, ben], [of_anna, of_ben]) = World::acquainted(74);
    change_deliveries(&mut world, ben, corrupt);
    world.say(anna, of_anna, "damaged on the way");
    world.settle();
    world.tamper = None;
    world.run_for(14 * HOUR_MS);
    assert_eq!(world.texts(ben, of_ben), ["hello", "damaged on the way"]);
    assert_eq!(gaps(&mut world, ben, of_ben), []);
}

#[test]
fn a_relay_that_corrupts_for_ever_makes_a_bounded_number_of_rows() {
    let (mut world, [anna, ben], [of_anna, of_ben]) = World::acquainted(75);
    change_deliveries(&mut world, ben, corrupt);
    for day in 0..3 {
        for n in 0..MAX_GAPS_PER_DEVICE {
            world.say(anna, of_anna, &format!("{day} {n}"));
        }
        world.run_for(DAY_MS);
        assert!(gaps(&mut world, ben, of_ben).len() <= MAX_GAPS_PER_DEVICE);
    }
}

#[test]
fn a_device_whose_stream_does_not_follow_on_itself_is_noticed() {
    for rolled_back in [false, true] {
        let (mut world, [anna, ben], [of_anna, of_ben]) = World::acquainted(77);
        for n in 0..5 {
            world.say(ben, of_ben, &n.to_string());
            world.say(anna, of_anna, &n.to_string());
            world.run_for(5_000);
        }
        let alarm = Event::IdentityAlarm {
            contact: of_anna,
            alarm: IdentityAlarm::HistoryForked,
        };
        assert!(!world.devices[anna].events.contains(&alarm));
        let conversation = world.conversation(ben, of_ben);
        world
            .command(ben, |step| {
                let device = step.core.me.device_id();
                let mut head = step.stream(conversation, device)?;
                if rolled_back {
                    head.next_seq -= 1;
                } else {
                    head.hash = [9; 16];
                }
                step.move_stream(conversation, device, head);
                Ok::<_, StepError>(())
            })
            .unwrap();
        world.say(ben, of_ben, "from the copy");
        world.run_for(5_000);
        assert!(world.devices[anna].events.contains(&alarm));
        let texts = world.texts(anna, of_anna);
        assert!(texts.contains(&"from the copy".to_owned()));
    }
}

#[test]
fn a_stranger_is_asked_for_nothing() {
    let mut world = World::new(76);
    let (anna, ben) = (world.account("Anna"), world.account("Ben"));
    world.go_online(anna);
    world.go_online(ben);
    world.settle();
    let link = world.invite(ben);
    let of_anna = world.add(anna, &link, "hello");
    world.settle();
    change_deliveries(&mut world, ben, lose);
    world.say(anna, of_anna, "lost");
    world.settle();
    world.tamper = None;
    world.say(anna, of_anna, "hello?");
    world.settle();
    let before = world.devices[ben].sent.len();
    world.run_for(2 * DAY_MS);
    assert_eq!(sends(&world, ben, before), 0);
}

/// An answer is unpacked once: whoever nests them shows nothing and gains nothing.
#[test]
fn an_answer_inside_an_answer_is_none() {
    let (mut world, [anna, ben], [of_anna, of_ben]) = World::acquainted(77);
    let missing = MissingMessage {
        session: SessionId::from_bytes([9; 16]),
        number: MessageNumber { chain: 9, n: 9 },
    };
    for (depth, text) in [(1, "once"), (2, "twice")] {
        world
            .command(anna, |step| {
                let mut composed = step.compose_hidden(Content::Text(text.to_owned()))?;
                for _ in 0..depth {
                    let content = composed.bytes.to_vec();
                    composed = step.compose_hidden(Content::Resent(Resent { missing, content }))?;
                }
                step.queue(of_anna, &composed)
            })
            .unwrap();
        world.run_for(60_000);
    }
    assert_eq!(world.texts(ben, of_ben), ["hello", "once"]);
}

#[test]
fn malformed_content_is_dropped_and_the_session_goes_on() {
    let (mut world, [anna, ben], [of_anna, of_ben]) = World::acquainted(78);
    let before = world.devices[ben].sent.len();
    world
        .command(anna, |step| {
            let mut composed = step.compose_hidden(Content::Text("never shown".to_owned()))?;
            // Another version.
            composed.bytes[0] = 9;
            step.queue(of_anna, &composed)
        })
        .unwrap();
    world.run_for(60_000);
    assert_eq!(sends(&world, ben, before), 0);
    assert_eq!(gaps(&mut world, ben, of_ben), []);
    world.say(anna, of_anna, "and on");
    world.run_for(60_000);
    assert_eq!(world.texts(ben, of_ben), ["hello", "and on"]);
    assert!(sends(&world, ben, before) > 0);
}
