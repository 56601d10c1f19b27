//! What time does, and what a wrong clock must not do.

use std::cell::Cell;
use std::collections::BTreeSet;
use std::rc::Rc;

use undertone_protocol::invite::InviteLink;
use undertone_protocol::prekeys::PrekeyKind;
use undertone_protocol::time::DAY_MS;
use undertone_wire::frame::Body;

use super::super::limits::REFILL_WAIT_TO_MS;
use super::super::{DelayReason, Event, Input, Lane};
use super::world::{START_MS, World};
use crate::error::StepError;
use crate::store::{ContactState, MessageState, ParkedKind};

const YEAR_MS: i64 = 365 * 86_400_000;
const HOUR_MS: u64 = 3_600_000;

#[test]
fn s10_a_clock_off_by_a_year_signs_expires_and_deletes_nothing() {
    for error in [-YEAR_MS, YEAR_MS] {
        let mut world = World::new(30);
        let ben = world.account("Ben");
        world.devices[ben].clock_error = error;
        world.go_online(ben);
        world.run_for(60_000);
        assert!(
            world.devices[ben]
                .events
                .iter()
                .any(|event| matches!(event, Event::ClockWrong { .. }))
        );
        let signed = world.devices[ben]
            .sent
            .iter()
            .any(|(_, body)| matches!(body, Body::PutRecord(_) | Body::ReplacePrekeys(_)));
        assert!(!signed, "nothing is signed by a wrong clock");

        world.devices[ben].clock_error = 0;
        world.go_offline(ben);
        world.go_online(ben);
        world.run_for(60_000);
        assert!(world.devices[ben].events.contains(&Event::ClockRight));
        assert!(world.devices[ben].events.contains(&Event::Reachable));
    }
}

#[test]
fn messages_flow_while_a_clock_is_wrong_and_nothing_of_theirs_expires() {
    let (mut world, [anna, ben], [of_anna, of_ben]) = World::acquainted(31);
    world.devices[anna].clock_error = YEAR_MS;
    world.go_offline(anna);
    world.go_online(anna);
    world.settle();
    world.say(anna, of_anna, "from next year");
    world.run_for(3 * 3_600_000);
    assert_eq!(world.texts(ben, of_ben), ["hello", "from next year"]);
    assert_eq!(world.history(anna, of_anna)[1].1, MessageState::Delivered);
    world.say(ben, of_ben, "reply");
    world.run_for(60_000);
    assert_eq!(world.texts(anna, of_anna).len(), 3);
}

#[test]
fn a_message_that_nobody_fetches_expires_after_thirty_days_and_not_before() {
    let (mut world, [anna, ben], [of_anna, _]) = World::acquainted(32);
    world.go_offline(ben);
    world.settle();
    world.say(anna, of_anna, "into the void");
    for _ in 0..29 {
        world.run_for(DAY_MS);
    }
    assert_eq!(world.history(anna, of_anna)[1].1, MessageState::Sent);
    for _ in 0..3 {
        world.run_for(DAY_MS);
    }
    assert_eq!(world.history(anna, of_anna)[1].1, MessageState::Expired);
}

#[test]
fn prekeys_and_manifest_are_renewed_each_week() {
    let mut world = World::new(33);
    let ben = world.account("Ben");
    world.go_online(ben);
    world.settle();
    let count = |world: &World, wanted: fn(&Body) -> bool| {
        world.devices[ben]
            .sent
            .iter()
            .filter(|(_, body)| wanted(body))
            .count()
    };
    let pages =
        |body: &Body| matches!(body, Body::ReplacePrekeys(replace) if !replace.page.is_empty());
    assert_eq!(count(&world, pages), 1);
    for _ in 0..15 {
        world.run_for(DAY_MS);
    }
    assert_eq!(count(&world, pages), 3);
    assert_eq!(count(&world, |body| matches!(body, Body::PutRecord(_))), 3);
}

/// A first message may name a prekey that was replaced while it was on its way: its private half lives 14 days more.
#[test]
fn a_replaced_prekey_lives_for_fourteen_days() {
    let mut world = World::new(57);
    let ben = world.account("Ben");
    world.go_online(ben);
    world.settle();
    let kinds = [PrekeyKind::Signed, PrekeyKind::KemLastResort];
    let newest = |world: &mut World| {
        let newest = |step: &mut super::super::Step<'_>| {
            let id = |kind| Ok::<_, StepError>(step.tx.prekeys().newest(kind)?.unwrap().0);
            Ok::<_, StepError>([id(kinds[0])?, id(kinds[1])?])
        };
        world.command(ben, newest).unwrap()
    };
    let first = newest(&mut world);
    let alive = |world: &mut World| {
        let alive = |step: &mut super::super::Step<'_>| {
            let alive = |at: usize| {
                let private = step.tx.prekeys().private(kinds[at], first[at])?;
                Ok::<_, StepError>(private.is_some())
            };
            Ok::<_, StepError>([alive(0)?, alive(1)?])
        };
        world.command(ben, alive).unwrap()
    };
    let days = |world: &mut World, count: u32| {
        (0..count).for_each(|_| world.run_for(DAY_MS));
    };
    days(&mut world, 8);
    assert_ne!(newest(&mut world), first);
    days(&mut world, 12);
    assert_eq!(alive(&mut world), [true, true]);
    days(&mut world, 3);
    assert_eq!(alive(&mut world), [false, false]);
}

/// Somebody takes prekeys, for a request.
fn stranger_writes(world: &mut World, n: u32, link: &InviteLink) {
    let stranger = world.account(&format!("Stranger {n}"));
    world.go_online(stranger);
    world.settle();
    world.add(stranger, link, "hi");
    world.settle();
    world.go_offline(stranger);
    world.settle();
}

#[test]
fn e9_prekeys_that_are_used_up_are_refilled() {
    let mut world = World::new(34);
    let ben = world.account("Ben");
    world.go_online(ben);
    world.settle();
    let link = world.invite(ben);
    for n in 0..30 {
        stranger_writes(&mut world, n, &link);
    }
    world.run_for(3_600_000);
    let refills = world.devices[ben]
        .sent
        .iter()
        .filter(|(_, body)| matches!(body, Body::ReplacePrekeys(replace) if replace.append))
        .count();
    assert!(refills >= 1);
    let requests = world.engine(ben).view().unwrap().contacts().unwrap();
    assert_eq!(requests.len(), 30);
}

/// How long Ben's refill comes behind the relay's notice that his prekeys run low, in ms.
fn refill_delay(seed: u64) -> u64 {
    let mut world = World::new(seed);
    let ben = world.account("Ben");
    world.go_online(ben);
    world.settle();
    let link = world.invite(ben);
    let noticed = Rc::new(Cell::new(false));
    let notice = Rc::clone(&noticed);
    world.tamper = Some(Box::new(move |device, frame| {
        notice
            .set(notice.get() || device == ben && matches!(frame.body, Some(Body::LowPrekeys(_))));
        true
    }));
    for n in 0.. {
        stranger_writes(&mut world, n, &link);
        if noticed.get() {
            break;
        }
    }
    let at = world.true_ms;
    let is_refilled = |world: &World| {
        let is_refill = |body: &Body| matches!(body, Body::ReplacePrekeys(put) if put.append);
        world.devices[ben]
            .sent
            .iter()
            .any(|(_, body)| is_refill(body))
    };
    while !is_refilled(&world) {
        world.run_for(1_000);
    }
    world.true_ms - at
}

/// Somebody who takes prekeys and looks when they are replaced would else see whether their owner is online, and which
/// request was his.
#[test]
fn e9_a_refill_comes_a_random_time_behind_the_request_that_caused_it() {
    let delays = [36, 37, 38, 39].map(refill_delay);
    let longest = REFILL_WAIT_TO_MS + 1_000;
    assert!(delays.iter().all(|delay| *delay <= longest), "{delays:?}");
    let distinct: BTreeSet<u64> = delays.iter().map(|delay| delay / 5_000).collect();
    assert_eq!(distinct.len(), 4, "{delays:?}");
}

#[test]
fn a_device_away_for_months_cannot_be_met_until_it_publishes_again() {
    let mut world = World::new(35);
    let (anna, ben) = (world.account("Anna"), world.account("Ben"));
    world.go_online(ben);
    world.settle();
    let link = world.invite(ben);
    world.go_offline(ben);
    world.settle();
    world.true_ms = START_MS + 50 * DAY_MS;
    world.go_online(anna);
    world.settle();
    let of_anna = world.add(anna, &link, "long time");
    world.run_for(60_000);
    assert_eq!(world.history(anna, of_anna)[0].1, MessageState::Pending);
    let delayed = world.devices[anna]
        .events
        .iter()
        .any(|event| matches!(event, Event::SendingDelayed { .. }));
    assert!(delayed);
    world.go_online(ben);
    world.run_for(24 * 3_600_000);
    assert!(world.contact_in(ben, ContactState::Requested).is_some());
}

#[test]
fn an_unanswered_session_is_renewed_once() {
    let (mut world, [anna, ben], [of_anna, of_ben]) = World::acquainted(36);
    let _ = (of_anna, of_ben);
    world.go_offline(ben);
    world.settle();
    let before = world.devices[anna].sent.len();
    for _ in 0..20 {
        world.run_for(DAY_MS);
    }
    let pops = world.devices[anna].sent[before..]
        .iter()
        .filter(|(_, body)| matches!(body, Body::PopPrekeys(_)))
        .count();
    assert_eq!(pops, 0, "an answered session is not renewed");

    let carl = world.account("Carl");
    world.go_online(carl);
    world.settle();
    let link = world.invite(carl);
    world.go_offline(carl);
    world.settle();
    let before = world.devices[anna].sent.len();
    world.add(anna, &link, "hello Carl");
    for _ in 0..20 {
        world.run_for(DAY_MS);
    }
    let pops = world.devices[anna].sent[before..]
        .iter()
        .filter(|(_, body)| matches!(body, Body::PopPrekeys(_)))
        .count();
    assert_eq!(pops, 2, "the handshake, and one renewal");
    world.go_online(carl);
    world.run_for(60_000);
    let request = world.contact_in(carl, ContactState::Requested).unwrap();
    assert_eq!(
        world.texts(carl, request),
        ["hello Carl"],
        "both copies are one message"
    );
    let sessions = world
        .command(carl, |step| {
            let device = step.active_devices(request)?[0];
            Ok::<_, StepError>(step.core.sessions.of(device).count())
        })
        .unwrap();
    assert_eq!(sessions, 1, "of a stranger, the newest");
}

#[test]
fn more_messages_than_a_chain_holds_reach_a_device_that_was_away() {
    let (mut world, [anna, ben], [of_anna, of_ben]) = World::acquainted(37);
    world.go_offline(ben);
    world.settle();
    for n in 0..1_100 {
        world.say(anna, of_anna, &n.to_string());
    }
    world.run_for(60_000);
    let conversation = world.conversation(anna, of_anna);
    let sent = |world: &mut World| {
        let view = world.engine(anna).view().unwrap();
        let last = view.messages_before(conversation, None, 1).unwrap();
        last[0].message.state
    };
    assert_eq!(sent(&mut world), MessageState::Sent);
    world.go_online(ben);
    world.run_for(60_000);
    assert_eq!(sent(&mut world), MessageState::Delivered);
    let conversation = world.conversation(ben, of_ben);
    let view = world.engine(ben).view().unwrap();
    assert_eq!(
        view.conversation(conversation).unwrap().unwrap().unread,
        1_101
    );
    assert!(view.gaps(conversation).unwrap().is_empty());
}

#[test]
fn a_wrong_clock_judges_no_prekeys() {
    let (mut world, [anna, _], _) = World::acquainted(38);
    let carl = world.account("Carl");
    world.go_online(carl);
    world.settle();
    let link = world.invite(carl);
    world.devices[anna].clock_error = -YEAR_MS;
    world.go_offline(anna);
    world.go_online(anna);
    world.settle();
    let from = world.devices[anna].sent.len();
    let of_anna = world.add(anna, &link, "hello");
    world.run_for(HOUR_MS);
    let popped = world.devices[anna].sent[from..]
        .iter()
        .any(|(_, body)| matches!(body, Body::PopPrekeys(_)));
    assert!(!popped);
    assert!(world.devices[anna].events.contains(&Event::SendingDelayed {
        contact: of_anna,
        reason: DelayReason::ClockWrong
    }));
    world.devices[anna].clock_error = 0;
    world.go_offline(anna);
    world.go_online(anna);
    world.run_for(60_000);
    assert_eq!(world.history(anna, of_anna)[0].1, MessageState::Sent);
}

#[test]
fn what_a_clock_that_was_ahead_put_off_is_done_when_it_is_right() {
    let (mut world, [anna, ben], [of_anna, _]) = World::acquainted(39);
    world.go_offline(ben);
    world.settle();
    world.devices[anna].clock_error = YEAR_MS;
    world.say(anna, of_anna, "from next year");
    world.settle();
    world.devices[anna].clock_error = 0;
    let from = world.devices[anna].sent.len();
    world.go_offline(anna);
    world.go_online(anna);
    world.run_for(2 * HOUR_MS);
    let looked = world.devices[anna].sent[from..]
        .iter()
        .any(|(_, body)| matches!(body, Body::GetRecord(_)));
    assert!(looked, "whether the silent contact has other devices");
}

#[test]
fn what_is_parked_ages_while_the_program_does_not_run() {
    let (mut world, [_, ben], _) = World::acquainted(55);
    let parked = |world: &mut World| {
        let size = world.command(ben, |step| {
            let rows = step.tx.parked().size(ParkedKind::Unmatched)?;
            Ok::<_, StepError>((rows.count, step.core.park.len()))
        });
        size.unwrap()
    };
    let envelope = {
        let mut bytes = vec![7; 512];
        bytes[0] = 0x11;
        bytes
    };
    let seq = world.engine(ben).core.own.handled + 1;
    let deliver = undertone_wire::Deliver {
        seq,
        message_id: vec![3; 16].into(),
        envelope: envelope.into(),
    };
    world.devices[ben].inbox.push_back(Input::Frame {
        lane: Lane::Own,
        frame: undertone_wire::Frame {
            request_id: 0,
            body: Some(Body::Deliver(deliver)),
        },
    });
    world.settle();
    assert_eq!(parked(&mut world), (1, 1));
    for _ in 0..6 {
        world.run_for(DAY_MS);
        world.restart(ben);
    }
    assert_eq!(parked(&mut world), (1, 1));
    for _ in 0..2 {
        world.run_for(DAY_MS);
        world.restart(ben);
    }
    world.settle();
    assert_eq!(parked(&mut world), (0, 0));
}

#[test]
fn a_refill_that_becomes_due_while_prekeys_are_on_their_way_follows_them() {
    let mut world = World::new(56);
    let ben = world.account("Ben");
    world.go_online(ben);
    world.settle();
    let published = |world: &World| {
        let sent = world.devices[ben].sent.iter();
        sent.filter(
            |(_, body)| matches!(body, Body::ReplacePrekeys(all) if !all.one_time_kem.is_empty()),
        )
        .count()
    };
    let before = published(&world);
    world
        .command(ben, |step| {
            step.core.own.prekeys_in_flight = true;
            step.core.refill = Some((10, 10));
            step.refill_due()
        })
        .unwrap();
    assert_eq!(published(&world), before);
    let counts = Body::PrekeyCounts(undertone_wire::PrekeyCounts::default());
    world
        .command(ben, |step| step.prekeys_answered(&counts))
        .unwrap();
    world.settle();
    assert_eq!(published(&world), before + 1);
}
