//! Disks that are put back to an older state (attack rows R6, R7): noticed, by their owner or by the peer, and healed.

use std::cell::RefCell;
use std::rc::Rc;

use undertone_protocol::envelope::KIND_FIRST_MESSAGE;
use undertone_protocol::time::{DAY_MS, HOUR_MS};
use undertone_wire::Frame;
use undertone_wire::frame::Body;

use super::super::{Event, IdentityAlarm, Input, Lane};
use super::world::World;
use crate::store::{ContactId, MessageState, SessionStatus};

const MINUTE_MS: u64 = 60_000;

fn noticed(world: &World, device: usize) -> usize {
    let events = world.devices[device].events.iter();
    events
        .filter(|event| **event == Event::StoreRolledBack)
        .count()
}

fn is_alarmed(world: &World, device: usize) -> bool {
    let forked = |event: &Event| {
        matches!(
            event,
            Event::IdentityAlarm {
                alarm: IdentityAlarm::HistoryForked,
                ..
            }
        )
    };
    world.devices[device].events.iter().any(forked)
}

/// Both write, and every word arrives: in one session.
fn assert_healed(world: &mut World, devices: [usize; 2], contacts: [ContactId; 2], what: &str) {
    for (device, contact) in devices.into_iter().zip(contacts) {
        world.say(device, contact, &format!("{device} after {what}"));
        world.run_for(MINUTE_MS);
    }
    world.run_for(13 * HOUR_MS);
    for (device, contact) in devices.into_iter().zip(contacts) {
        let texts = world.texts(device, contact);
        for other in devices {
            let word = format!("{other} after {what}");
            let count = texts.iter().filter(|text| **text == word).count();
            assert_eq!(count, 1, "{word:?} at {device}");
        }
    }
    let sending = [0, 1].map(|n| world.sending(devices[n], contacts[n]));
    assert!(sending[0].is_some());
    assert_eq!(sending[0], sending[1], "{what}");
}

#[test]
fn r6_a_disk_older_than_what_its_relay_saw_sends_nothing_more_in_its_sessions() {
    let (mut world, [anna, ben], [of_anna, of_ben]) = World::acquainted(8_200);
    let old = world.sending(ben, of_ben).unwrap();
    let disk = world.disk(ben);
    for n in 0..3 {
        world.say(anna, of_anna, &format!("a{n}"));
        world.say(ben, of_ben, &format!("b{n}"));
        world.run_for(MINUTE_MS);
    }
    // Ben writes before his relay has said anything.
    let from = world.requests(ben);
    world.put_back(ben, &disk);
    world.say(ben, of_ben, "b after");
    assert_eq!((noticed(&world, ben), world.sends(ben, from)), (0, 0));
    world.run_for(MINUTE_MS);
    assert_eq!(noticed(&world, ben), 1);
    assert_eq!(world.first_messages(ben, from), 1);
    let sent = world.devices[ben].sent[from..].iter();
    let mut sends = sent.filter_map(|(_, body)| {
        if let Body::Send(send) = body {
            send.envelope.first()
        } else {
            None
        }
    });
    assert_eq!(
        sends.next(),
        Some(&KIND_FIRST_MESSAGE),
        "nothing was sent in the old session"
    );
    let sessions = world.sessions(ben, of_ben);
    assert!(sessions.contains(&(old, SessionStatus::Retired)));
    assert_eq!(world.texts(anna, of_anna).last().unwrap(), "b after");
    assert_eq!(
        world.history(ben, of_ben).last().unwrap().1,
        MessageState::Delivered
    );
    assert_healed(&mut world, [anna, ben], [of_anna, of_ben], "it");
    world.restart(ben);
    world.settle();
    assert_eq!(noticed(&world, ben), 1, "once for each time");
}

#[test]
fn what_was_queued_on_the_disk_arrives_once() {
    let (mut world, [anna, ben], [of_anna, of_ben]) = World::acquainted(8_201);
    // The relay takes nothing of Ben's: one envelope and one text wait.
    world.tamper = Some(Box::new(move |device, frame| {
        device != ben || !matches!(frame.body, Some(Body::Sent(_)))
    }));
    world.say(ben, of_ben, "an envelope");
    world.say(ben, of_ben, "content");
    world.settle();
    let disk = world.disk(ben);
    world.tamper = None;
    world.run_for(2 * MINUTE_MS);
    world.say(anna, of_anna, "acknowledged");
    world.run_for(MINUTE_MS);
    world.put_back(ben, &disk);
    world.run_for(14 * HOUR_MS);
    assert_eq!(noticed(&world, ben), 1);
    assert_eq!(
        world.texts(anna, of_anna),
        ["hello", "an envelope", "content", "acknowledged"]
    );
    let states: Vec<_> = world
        .history(ben, of_ben)
        .into_iter()
        .map(|row| row.1)
        .collect();
    assert_eq!(states[1..3], [MessageState::Delivered; 2], "{states:?}");
    assert_healed(&mut world, [anna, ben], [of_anna, of_ben], "it");
}

/// Ben's disk is put back over the beginning of a chain that Anna has read, and no relay knows of it. Returns what Anna was
/// delivered of the second beginning.
fn chain_opened_twice(seed: u64) -> (World, [usize; 2], [ContactId; 2], Vec<Frame>) {
    let (mut world, [anna, ben], [of_anna, of_ben]) = World::acquainted(seed);
    world.run_for(2 * HOUR_MS);
    world.say(anna, of_anna, "Ben owes a step");
    world.settle();
    let disk = world.disk(ben);
    // Anna's receipts would tell him.
    let kept = Rc::new(RefCell::new(Vec::new()));
    let delivered = kept.clone();
    world.tamper = Some(Box::new(move |device, frame| {
        let is_delivery = matches!(frame.body, Some(Body::Deliver(_)));
        if device == anna && is_delivery {
            delivered.borrow_mut().push(frame.clone());
        }
        device == anna || !is_delivery
    }));
    world.say(ben, of_ben, "lost with the disk");
    world.settle();
    world.go_offline(anna);
    world.settle();
    kept.borrow_mut().clear();
    world.put_back(ben, &disk);
    world.say(ben, of_ben, "in a chain that was opened before");
    world.settle();
    world.tamper = Some(Box::new({
        let delivered = kept.clone();
        move |device, frame| {
            if device == anna && matches!(frame.body, Some(Body::Deliver(_))) {
                delivered.borrow_mut().push(frame.clone());
            }
            true
        }
    }));
    world.go_online(anna);
    world.settle();
    assert_eq!(noticed(&world, ben), 0);
    assert_eq!(
        world.texts(anna, of_anna).last().unwrap(),
        "lost with the disk"
    );
    let frames = kept.borrow().clone();
    (world, [anna, ben], [of_anna, of_ben], frames)
}

#[test]
fn b17_a_chain_that_is_opened_twice_ends_the_session_and_shows_at_the_relay_only_hours_later() {
    let (mut world, devices, contacts, _) = chain_opened_twice(8_210);
    let [anna, _] = devices;
    assert_eq!(world.sending(anna, contacts[0]), None, "it ended");
    assert!(is_alarmed(&world, anna));
    let from = world.requests(anna);
    world.run_for(50 * MINUTE_MS);
    assert_eq!((world.pops(anna, from), world.sends(anna, from)), (0, 0));
    world.run_for(13 * HOUR_MS);
    assert_eq!(world.first_messages(anna, from), 1);
    let again = "in a chain that was opened before".to_owned();
    assert!(world.texts(anna, contacts[0]).contains(&again));
    assert_healed(&mut world, devices, contacts, "it");
}

#[test]
fn b17_what_the_user_writes_makes_the_fresh_session_at_once() {
    let (mut world, devices, contacts, frames) = chain_opened_twice(8_211);
    let [anna, ben] = devices;
    let from = world.requests(anna);
    world.say(anna, contacts[0], "in a fresh session");
    world.run_for(MINUTE_MS);
    assert_eq!(world.first_messages(anna, from), 1);
    assert!(
        world
            .texts(ben, contacts[1])
            .contains(&"in a fresh session".to_owned())
    );
    assert_healed(&mut world, devices, contacts, "it");
    // A relay that has kept the evidence repeats it.
    let from = world.requests(anna);
    let sending = world.sending(anna, contacts[0]);
    for mut frame in frames {
        if let Some(Body::Deliver(deliver)) = &mut frame.body {
            deliver.seq = world.engine(anna).core.own.handled + 1;
        }
        let lane = Lane::Own;
        world.devices[anna]
            .inbox
            .push_back(Input::Frame { lane, frame });
        world.settle();
    }
    world.run_for(2 * DAY_MS);
    assert_eq!(world.sending(anna, contacts[0]), sending);
    assert_eq!(
        (world.pops(anna, from), world.first_messages(anna, from)),
        (0, 0)
    );
}

#[test]
fn r12_sessions_that_end_again_and_again_are_replaced_once_an_hour() {
    let (mut world, [anna, ben], [of_anna, of_ben]) = World::acquainted(8_212);
    world.run_for(2 * HOUR_MS);
    let from = world.requests(anna);
    for n in 0..11 {
        world
            .command(anna, |step| {
                let device = step.active_devices(of_anna)?[0];
                let sending = step.core.sessions.sending(device);
                let id = sending.map(|cached| cached.session.id());
                id.map_or(Ok(()), |id| step.contradicted(&id))
            })
            .unwrap();
        world.say(anna, of_anna, &n.to_string());
        world.run_for(10 * MINUTE_MS);
    }
    assert_eq!(world.first_messages(anna, from), 2, "in 110 minutes");
    world.run_for(HOUR_MS);
    let texts = world.texts(ben, of_ben);
    assert!((0..11).all(|n| texts.contains(&n.to_string())), "{texts:?}");
}

#[test]
fn disks_put_back_at_random_heal() {
    for seed in 8_220..8_250 {
        let (mut world, devices, contacts) = World::acquainted(seed);
        let mut disks = devices.map(|device| world.disk(device));
        for n in 0..60 {
            let who = usize::try_from(world.dice(2)).unwrap();
            match world.dice(10) {
                0 => disks[who] = world.disk(devices[who]),
                1 if world.dice(3) == 0 => world.put_back(devices[who], &disks[who]),
                2 => world.run_for(HOUR_MS),
                3 => world.settle(),
                4 => world.cut(devices[who]),
                _ => drop(world.say(devices[who], contacts[who], &n.to_string())),
            }
        }
        // A session that was replaced a moment ago is not replaced at once, and a rollback is believed once a day.
        world.run_for(2 * DAY_MS);
        assert_healed(&mut world, devices, contacts, &format!("seed {seed}"));
    }
}

#[test]
fn a_relay_that_lies_about_what_was_acknowledged_is_believed_once_a_day() {
    let (mut world, [anna, ben], [of_anna, of_ben]) = World::acquainted(8_260);
    let lie = move |device: usize, frame: &mut Frame| {
        if device == ben
            && let Some(Body::Authenticated(answer)) = &mut frame.body
        {
            answer.last_seq += 1_000;
            answer.acked_seq = answer.last_seq;
        }
        true
    };
    for _ in 0..5 {
        world.tamper = Some(Box::new(lie));
        world.cut(ben);
        world.run_for(HOUR_MS);
        world.tamper = None;
        world.cut(ben);
        world.run_for(HOUR_MS);
    }
    assert_eq!(noticed(&world, ben), 1);
    assert_healed(&mut world, [anna, ben], [of_anna, of_ben], "the lies");
    // What was not believed is, when its time comes: it may be true.
    world.run_for(2 * DAY_MS);
    assert_eq!(noticed(&world, ben), 2);
}

#[test]
fn a_dead_own_relay_holds_nothing_back() {
    let (mut world, [anna, ben], [of_anna, of_ben]) = World::acquainted(8_261);
    // Logins get no answer.
    world.tamper = Some(Box::new(move |device, frame| {
        device != ben || !matches!(frame.body, Some(Body::Authenticated(_)))
    }));
    world.restart(ben);
    world.say(ben, of_ben, "waits a little");
    world.run_for(9_000);
    assert_eq!(world.texts(anna, of_anna).len(), 1);
    world.run_for(2_000);
    assert_eq!(world.texts(anna, of_anna).len(), 2);
}
