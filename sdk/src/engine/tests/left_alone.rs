//! A relay that never takes something: it is left alone for longer each time, but never for good.

use undertone_wire::frame::Body;
use undertone_wire::{ErrorCode, Failure};

use super::super::{Event, Lane};
use super::world::{World, relay};
use crate::error::StepError;
use crate::store::MessageState;

const HOUR_MS: u64 = 3_600_000;

fn failure(code: ErrorCode, retry_after_ms: u32) -> Body {
    Body::Failure(Failure {
        code: code.into(),
        retry_after_ms,
        ..Failure::default()
    })
}

/// The relay answers `device` with `instead` where it would give one of `answers`.
fn answer_with(world: &mut World, device: usize, answers: fn(&Body) -> bool, instead: Body) {
    world.tamper = Some(Box::new(move |to, frame| {
        if to == device
            && let Some(body) = &mut frame.body
            && answers(body)
        {
            *body = instead.clone();
        }
        true
    }));
}

/// What a device asked within an hour in which nothing was taken.
fn asked_in_an_hour(world: &mut World, device: usize, what: fn(&Body) -> bool) -> usize {
    let from = world.devices[device].sent.len();
    world.run_for(HOUR_MS);
    let sent = world.devices[device].sent[from..].iter();
    sent.filter(|(_, body)| what(body)).count()
}

#[test]
fn a_record_that_always_conflicts_is_put_ever_more_rarely() {
    for instead in [
        failure(ErrorCode::Conflict, 0),
        Body::Pong(Default::default()),
    ] {
        let mut world = World::new(800);
        let anna = world.account("Anna");
        answer_with(
            &mut world,
            anna,
            |body| matches!(body, Body::Record(_) | Body::Failure(_)),
            instead,
        );
        world.go_online(anna);
        let puts = asked_in_an_hour(&mut world, anna, |body| matches!(body, Body::PutRecord(_)));
        assert!((2..30).contains(&puts), "{puts}");
        assert!(!world.devices[anna].events.contains(&Event::Reachable));
        world.tamper = None;
        world.run_for(HOUR_MS);
        assert!(world.devices[anna].events.contains(&Event::Reachable));
    }
}

#[test]
fn receipts_for_a_relay_that_takes_nothing_cost_one_row() {
    let (mut world, [anna, ben], [of_anna, of_ben]) = World::acquainted(805);
    world.run_for(60_000);
    let instead = failure(ErrorCode::RateLimited, 0);
    let sent = |body: &Body| matches!(body, Body::Sent(_));
    answer_with(&mut world, anna, sent, instead);
    let before = world.texts(ben, of_ben).len();
    for hour in 0..40 {
        world.say(ben, of_ben, &format!("hour {hour}"));
        world.run_for(HOUR_MS);
    }
    assert_eq!(world.texts(anna, of_anna).len(), before + 40);
    let rows = world
        .command(anna, |step| {
            let mut rows = 0;
            for queued in step.tx.outbox().devices()? {
                rows += step.tx.outbox().of_device(queued.peer_device, 100)?.len();
            }
            Ok::<_, StepError>(rows)
        })
        .unwrap();
    assert_eq!(rows, 1);

    world.tamper = None;
    world.run_for(2 * HOUR_MS);
    let delivered = world.history(ben, of_ben);
    let delivered = delivered
        .iter()
        .filter(|(_, state)| *state == MessageState::Delivered);
    assert_eq!(delivered.count(), 40);
}

#[test]
fn a_relay_to_which_no_right_is_enough_is_asked_ever_more_rarely() {
    let (mut world, [anna, _], [of_anna, _]) = World::acquainted(801);
    let instead = failure(ErrorCode::WorkRequired, 0);
    answer_with(
        &mut world,
        anna,
        |body| matches!(body, Body::Sent(_)),
        instead,
    );
    world.say(anna, of_anna, "not enough");
    let sends = asked_in_an_hour(&mut world, anna, |body| matches!(body, Body::Send(_)));
    assert!((2..60).contains(&sends), "{sends}");
    world.tamper = None;
    world.run_for(2 * HOUR_MS);
    assert_eq!(world.history(anna, of_anna)[1].1, MessageState::Delivered);
}

#[test]
fn prekeys_for_which_no_work_is_enough_are_asked_for_ever_more_rarely() {
    let mut world = World::new(802);
    let (anna, ben) = (world.account("Anna"), world.account("Ben"));
    world.go_online(anna);
    world.go_online(ben);
    world.settle();
    let link = world.invite(ben);
    let instead = failure(ErrorCode::WorkRequired, 0);
    answer_with(
        &mut world,
        anna,
        |body| matches!(body, Body::PoppedPrekeys(_)),
        instead,
    );
    let of_anna = world.add(anna, &link, "hello");
    let pops = asked_in_an_hour(&mut world, anna, |body| matches!(body, Body::PopPrekeys(_)));
    assert!((2..60).contains(&pops), "{pops}");
    world.tamper = None;
    world.run_for(7 * HOUR_MS);
    assert_eq!(world.history(anna, of_anna)[0].1, MessageState::Sent);
}

#[test]
fn nobody_waits_as_long_as_a_relay_says() {
    let (mut world, [anna, ben], [of_anna, _]) = World::acquainted(803);
    world.go_offline(ben);
    world.settle();
    let instead = failure(ErrorCode::Busy, u32::MAX);
    answer_with(
        &mut world,
        anna,
        |body| matches!(body, Body::Sent(_)),
        instead,
    );
    world.say(anna, of_anna, "busy");
    world.settle();
    world.tamper = None;
    world.run_for(HOUR_MS + 1_000);
    assert_eq!(world.history(anna, of_anna)[1].1, MessageState::Sent);
}

#[test]
fn a_refusal_is_forgotten_with_the_next_login() {
    let mut world = World::new(804);
    let anna = world.account("Anna");
    let instead = failure(ErrorCode::Busy, u32::MAX);
    answer_with(
        &mut world,
        anna,
        |body| matches!(body, Body::Done(_)),
        instead,
    );
    world.go_online(anna);
    world.settle();
    world.tamper = None;
    world.settle();
    assert!(!world.devices[anna].events.contains(&Event::Reachable));
    world.cut(anna);
    world.settle();
    assert!(world.devices[anna].events.contains(&Event::Reachable));
}

#[test]
fn each_connection_that_failed_is_tried_again_in_its_own_time() {
    let (mut world, [anna, _], [of_anna, _]) = World::acquainted(805);
    world.break_off(anna, Lane::Lookup(relay()));
    world.run_for(999);
    // This one may be tried when somebody has looked for the other one already.
    world.break_off(anna, Lane::Anonymous(relay()));
    world.say(anna, of_anna, "in its own time");
    world.run_for(10_000);
    assert_eq!(world.history(anna, of_anna)[1].1, MessageState::Delivered);
}

#[test]
fn the_own_relay_is_asked_again_whatever_else_is_tried_before() {
    let mut world = World::new(806);
    let anna = world.account("Anna");
    let instead = failure(ErrorCode::Busy, 0);
    answer_with(
        &mut world,
        anna,
        |body| matches!(body, Body::Done(_)),
        instead,
    );
    world.go_online(anna);
    world.settle();
    world.tamper = None;
    world.break_off(anna, Lane::Lookup(relay()));
    world.run_for(10_000);
    assert!(world.devices[anna].events.contains(&Event::Reachable));
}

#[test]
fn an_odd_answer_registers_nothing() {
    for answers in [
        (|body| matches!(body, Body::Done(_))) as fn(&Body) -> bool,
        |body| matches!(body, Body::PrekeyCounts(_)),
    ] {
        let mut world = World::new(805);
        let anna = world.account("Anna");
        answer_with(&mut world, anna, answers, Body::Pong(Default::default()));
        world.go_online(anna);
        world.run_for(HOUR_MS);
        assert!(!world.devices[anna].events.contains(&Event::Reachable));
        world.tamper = None;
        world.run_for(HOUR_MS);
        assert!(world.devices[anna].events.contains(&Event::Reachable));
    }
}

#[test]
fn a_step_works_for_one_recipient() {
    let mut world = World::new(806);
    let anna = world.account("Anna");
    for name in ["Ben", "Carl", "Dora", "Emil"] {
        let other = world.account(name);
        world.go_online(other);
        world.settle();
        let link = world.invite(other);
        let invites = world.engine(other).view().unwrap().invites().unwrap();
        for invite in invites {
            world
                .command(other, |step| step.revoke_invite(&invite.id))
                .unwrap();
        }
        world.settle();
        world.add(anna, &link, "hello");
        world.settle();
    }
    world.go_online(anna);
    let worked = |world: &World| {
        let sent = world.devices[anna].sent.iter();
        sent.filter(|(_, body)| {
            let right = if let Body::Send(send) = body {
                send.right.as_ref()
            } else if let Body::PopPrekeys(pop) = body {
                pop.right.as_ref()
            } else {
                None
            };
            right.is_some_and(|right| {
                matches!(right.right, Some(undertone_wire::right::Right::Work(_)))
            })
        })
        .count()
    };
    let mut most = 0;
    let before = worked(&world);
    for _ in 0..200 {
        let so_far = worked(&world);
        world.nudge(anna);
        most = most.max(worked(&world) - so_far);
    }
    assert_eq!(most, 1);
    world.settle();
    assert!(worked(&world) - before >= 4, "everybody's turn comes");
}
