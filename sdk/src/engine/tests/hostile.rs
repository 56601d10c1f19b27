//! A relay that repeats, reorders, corrupts and withholds.

use std::cell::RefCell;
use std::rc::Rc;

use bytes::Bytes;
use undertone_relay::service::ServiceConfig;
use undertone_wire::frame::Body;
use undertone_wire::{Deliver, Frame};

use super::super::{DelayReason, Event, Input, Lane};
use super::world::World;
use crate::store::{ContactState, MessageState};

fn sends(world: &World, device: usize, from: usize) -> usize {
    world.devices[device].sent[from..]
        .iter()
        .filter(|(_, body)| matches!(body, Body::Send(_)))
        .count()
}

#[test]
fn r1_a_corrupted_envelope_causes_the_traffic_of_a_whole_one_and_is_sent_again_later() {
    let (mut world, [anna, ben], [of_anna, of_ben]) = World::acquainted(20);
    world.tamper = Some(Box::new(move |device, frame| {
        if device == ben
            && let Some(Body::Deliver(deliver)) = &mut frame.body
        {
            let mut bytes = deliver.envelope.to_vec();
            let last = bytes.len() - 1;
            bytes[last] ^= 1;
            deliver.envelope = Bytes::from(bytes);
        }
        true
    }));
    let before = world.devices[ben].sent.len();
    let events = world.devices[ben].events.len();
    world.say(anna, of_anna, "lost on the way");
    world.run_for(30 * 60_000);
    assert_eq!(
        sends(&world, ben, before),
        1,
        "a receipt goes as for any message, and nothing for the answer to the request in it"
    );
    assert_eq!(
        world.devices[ben].events.len(),
        events,
        "and nothing to the user yet"
    );
    world.tamper = None;

    // The answer was corrupted as well: a request is repeated after a day, and the receipt waits for another one, or 12 hours.
    world.run_for(26 * 3_600_000);
    assert_eq!(world.texts(ben, of_ben), ["hello", "lost on the way"]);
    world.run_for(13 * 3_600_000);
    assert_eq!(world.history(anna, of_anna)[1].1, MessageState::Delivered);
    let conversation = world.conversation(ben, of_ben);
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
fn a_hole_in_the_stream_is_filled_by_a_request_inside_a_receipt() {
    let (mut world, [anna, ben], [of_anna, of_ben]) = World::acquainted(21);
    let first = Rc::new(RefCell::new(true));
    world.tamper = Some(Box::new(move |device, frame| {
        let lost =
            device == ben && matches!(&frame.body, Some(Body::Deliver(_))) && first.replace(false);
        if lost && let Some(Body::Deliver(deliver)) = &mut frame.body {
            deliver.envelope = Bytes::from(vec![0xEE; 512]);
        }
        true
    }));
    world.say(anna, of_anna, "one");
    world.settle();
    world.say(anna, of_anna, "two");
    world.run_for(60_000);
    assert_eq!(
        world.texts(ben, of_ben),
        ["hello", "one", "two"],
        "in the order in which they were written"
    );
    assert_eq!(world.texts(anna, of_anna), ["hello", "one", "two"]);
}

#[test]
fn r4_repeated_and_reordered_deliveries_show_each_message_once() {
    let (mut world, [anna, ben], [of_anna, of_ben]) = World::acquainted(22);
    let held: Rc<RefCell<Vec<Deliver>>> = Rc::default();
    let taken = held.clone();
    world.tamper = Some(Box::new(move |device, frame| {
        if device == ben
            && let Some(Body::Deliver(deliver)) = &frame.body
        {
            taken.borrow_mut().push(deliver.clone());
            return false;
        }
        true
    }));
    for n in 0..6 {
        world.say(anna, of_anna, &n.to_string());
        world.settle();
    }
    world.tamper = None;
    let deliveries = held.borrow().clone();
    assert!(deliveries.len() >= 6);
    // In reverse, and each twice, under numbers of the relay's own choosing.
    let base = deliveries.last().unwrap().seq;
    let twice = deliveries.iter().rev().chain(deliveries.iter());
    for (n, deliver) in twice.enumerate() {
        let seq = base + 1 + u64::try_from(n).unwrap();
        let body = Some(Body::Deliver(Deliver {
            seq,
            ..deliver.clone()
        }));
        let input = Input::Frame {
            lane: Lane::Own,
            frame: Frame {
                request_id: 0,
                body,
            },
        };
        world.command(ben, |step| step.handle(input)).unwrap();
    }
    world.run_for(60_000);
    assert_eq!(
        world.texts(ben, of_ben),
        ["hello", "0", "1", "2", "3", "4", "5"]
    );
}

#[test]
fn garbage_is_acknowledged_and_answered_with_nothing() {
    let (mut world, [_, ben], [_, of_ben]) = World::acquainted(23);
    let before = world.devices[ben].sent.len();
    for (n, envelope) in [
        vec![],
        vec![0x11],
        vec![0x11; 512],
        vec![0x12; 4_096],
        vec![0x12; 512],
        vec![0xFF; 1_024],
    ]
    .into_iter()
    .enumerate()
    {
        let deliver = Deliver {
            seq: 1 << 60 | u64::try_from(n).unwrap(),
            message_id: Bytes::copy_from_slice(&[u8::try_from(n).unwrap(); 16]),
            envelope: Bytes::from(envelope),
        };
        let frame = Frame {
            request_id: 0,
            body: Some(Body::Deliver(deliver)),
        };
        world
            .command(ben, |step| {
                step.handle(Input::Frame {
                    lane: Lane::Own,
                    frame,
                })
            })
            .unwrap();
    }
    let absurd = Deliver {
        seq: u64::MAX,
        message_id: Bytes::new(),
        envelope: Bytes::new(),
    };
    let frame = Frame {
        request_id: 0,
        body: Some(Body::Deliver(absurd)),
    };
    world
        .command(ben, |step| {
            step.handle(Input::Frame {
                lane: Lane::Own,
                frame,
            })
        })
        .unwrap();
    world.run_for(60_000);
    assert_eq!(sends(&world, ben, before), 0);
    assert_eq!(world.texts(ben, of_ben), ["hello"]);
    let acks = world.devices[ben].sent[before..]
        .iter()
        .filter(|(_, body)| matches!(body, Body::Ack(_)));
    assert_eq!(acks.count(), 6);
}

#[test]
fn e8_a_replayed_first_message_is_one_request() {
    let mut world = World::new(24);
    let (anna, ben) = (world.account("Anna"), world.account("Ben"));
    world.go_online(anna);
    world.go_online(ben);
    world.settle();
    let link = world.invite(ben);
    let seen: Rc<RefCell<Vec<Deliver>>> = Rc::default();
    let taken = seen.clone();
    world.tamper = Some(Box::new(move |device, frame| {
        if device == ben
            && let Some(Body::Deliver(deliver)) = &frame.body
        {
            taken.borrow_mut().push(deliver.clone());
        }
        true
    }));
    world.add(anna, &link, "once");
    world.settle();
    let request = world.contact_in(ben, ContactState::Requested).unwrap();
    world.command(ben, |step| step.decline(request)).unwrap();
    let mut replay = seen.borrow()[0].clone();
    replay.seq += 1_000;
    let frame = Frame {
        request_id: 0,
        body: Some(Body::Deliver(replay)),
    };
    world
        .command(ben, |step| {
            step.handle(Input::Frame {
                lane: Lane::Own,
                frame,
            })
        })
        .unwrap();
    world.settle();
    assert_eq!(world.contact_in(ben, ContactState::Requested), None);
}

#[test]
fn answers_to_nothing_are_ignored() {
    let (mut world, [anna, _], [of_anna, _]) = World::acquainted(25);
    for body in [
        Body::Sent(undertone_wire::Sent::default()),
        Body::Record(undertone_wire::Record::default()),
        Body::PoppedPrekeys(undertone_wire::PoppedPrekeys::default()),
        Body::Authenticated(undertone_wire::Authenticated::default()),
    ] {
        for request_id in [0, 1, 7, u64::MAX] {
            for lane in [
                Lane::Own,
                Lane::Anonymous(super::world::relay()),
                Lane::Lookup(super::world::relay()),
            ] {
                let frame = Frame {
                    request_id,
                    body: Some(body.clone()),
                };
                world
                    .command(anna, |step| step.handle(Input::Frame { lane, frame }))
                    .unwrap();
            }
        }
    }
    world.say(anna, of_anna, "still fine");
    world.run_for(2_000);
    assert_eq!(world.history(anna, of_anna)[1].1, MessageState::Delivered);
}

#[test]
fn a_full_mailbox_delays_and_loses_nothing() {
    let config = ServiceConfig {
        base_difficulty: 4,
        mailbox_messages: 8,
        ..ServiceConfig::without_rates()
    };
    let mut world = World::with(26, config);
    let (anna, ben) = (world.account("Anna"), world.account("Ben"));
    world.go_online(anna);
    world.go_online(ben);
    world.settle();
    let link = world.invite(ben);
    let of_anna = world.add(anna, &link, "hello");
    world.settle();
    let of_ben = world.contact_in(ben, ContactState::Requested).unwrap();
    world.command(ben, |step| step.accept(of_ben)).unwrap();
    world.run_for(5_000);
    world.go_offline(ben);
    world.settle();
    for n in 0..20 {
        world.say(anna, of_anna, &n.to_string());
    }
    world.run_for(60_000);
    assert!(world.devices[anna].events.contains(&Event::SendingDelayed {
        contact: of_anna,
        reason: DelayReason::MailboxFull
    }));
    assert_eq!(
        world.history(anna, of_anna).last().unwrap().1,
        MessageState::Pending
    );
    world.go_online(ben);
    world.run_for(24 * 3_600_000);
    let expected: Vec<String> = ["hello".to_owned()]
        .into_iter()
        .chain((0..20).map(|n| n.to_string()))
        .collect();
    assert_eq!(world.texts(ben, of_ben), expected);
}

/// Anna adds Ben while the relay changes what she looks up. Returns what she was told, and whether she went on
/// to take Ben's prekeys and to write.
fn lookup_tampered(
    seed: u64,
    mut change: impl FnMut(&mut Body) + 'static,
) -> (Vec<Event>, bool, bool) {
    let mut world = World::new(seed);
    let (anna, ben) = (world.account("Anna"), world.account("Ben"));
    world.go_online(anna);
    world.go_online(ben);
    world.settle();
    let link = world.invite(ben);
    world.tamper = Some(Box::new(move |device, frame| {
        if device == anna
            && let Some(body) = &mut frame.body
        {
            change(body);
        }
        true
    }));
    let from = world.devices[anna].sent.len();
    world.add(anna, &link, "hello");
    world.run_for(600_000);
    let sent = &world.devices[anna].sent[from..];
    let popped = sent
        .iter()
        .any(|(_, body)| matches!(body, Body::PopPrekeys(_)));
    let wrote = sent.iter().any(|(_, body)| matches!(body, Body::Send(_)));
    (world.devices[anna].events.clone(), popped, wrote)
}

#[test]
fn a_forged_manifest_raises_an_alarm_and_nothing_is_written_to_it() {
    let (events, popped, wrote) = lookup_tampered(27, |body| {
        if let Body::Record(record) = body {
            let mut value = record.value.to_vec();
            value[100] ^= 1;
            record.value = Bytes::from(value);
        }
    });
    let alarmed = events.iter().any(|event| {
        matches!(
            event,
            Event::IdentityAlarm {
                alarm: super::super::IdentityAlarm::ManifestForged,
                ..
            }
        )
    });
    assert!(alarmed && !popped && !wrote);
}

#[test]
fn e11_prekeys_that_are_not_the_devices_own_are_not_used() {
    for part in 0..3 {
        let (events, popped, wrote) = lookup_tampered(28, move |body| {
            if let Body::PoppedPrekeys(popped) = body {
                let field = match part {
                    0 => &mut popped.page,
                    1 => &mut popped.one_time_x25519,
                    _ => &mut popped.kem,
                };
                let mut bytes = field.to_vec();
                let middle = bytes.len() / 2;
                bytes[middle] ^= 1;
                *field = Bytes::from(bytes);
            }
        });
        let told = events.iter().any(|event| {
            matches!(
                event,
                Event::SendingDelayed {
                    reason: DelayReason::PrekeysExpired,
                    ..
                }
            )
        });
        assert!(popped && told && !wrote, "part {part}");
    }
}

#[test]
fn a_relay_that_withholds_answers_is_asked_again() {
    let mut left = 6;
    let (_, popped, wrote) = lookup_tampered(29, move |body| {
        let answer = matches!(
            body,
            Body::Record(_) | Body::PoppedPrekeys(_) | Body::Sent(_)
        );
        if answer && left > 0 {
            left -= 1;
            *body = Body::Failure(undertone_wire::Failure {
                code: undertone_wire::ErrorCode::Busy.into(),
                ..undertone_wire::Failure::default()
            });
        }
    });
    assert!(popped && wrote);
}
