//! Bounds, order, and the end of a queue.

use bytes::Bytes;
use undertone_wire::{Ephemeral, Pong};

use super::*;

fn frame(request_id: u64, bytes: usize) -> Frame {
    let pong = Pong {
        opaque: Bytes::from(vec![7; bytes]),
        time_ms: 0,
    };
    Frame {
        request_id,
        body: Some(Body::Pong(pong)),
    }
}

fn queue() -> Outbound {
    Outbound::new(Waiting::up_to(usize::MAX))
}

fn ephemeral(bytes: usize) -> Frame {
    let envelope = Bytes::from(vec![7; bytes]);
    Frame {
        request_id: 0,
        body: Some(Body::Ephemeral(Ephemeral { envelope })),
    }
}

#[test]
fn frames_come_in_order_and_the_end_comes_last() {
    let queue = queue();
    queue.push(frame(1, 10));
    queue.push(frame(2, 10));
    queue.close(ErrorCode::Displaced);
    queue.close(ErrorCode::TimedOut);
    queue.push(frame(3, 10));
    assert_eq!(queue.try_next(), Some(Next::Frame(frame(1, 10))));
    assert_eq!(queue.try_next(), Some(Next::Frame(frame(2, 10))));
    assert_eq!(
        queue.try_next(),
        Some(Next::Closed(Closed::Told(ErrorCode::Displaced)))
    );
}

#[test]
fn a_client_that_does_not_read_is_closed_and_costs_nothing_more() {
    let queue = queue();
    for _ in 0..=limits::OUTBOUND_BYTES / 65_536 {
        queue.push(frame(1, 65_536));
    }
    assert_eq!(queue.all.bytes(), 0);
    assert_eq!(queue.try_next(), Some(Next::Closed(Closed::Overrun)));
}

#[test]
fn what_has_left_makes_room() {
    let queue = queue();
    for _ in 0..1_000 {
        queue.push(frame(1, 65_536));
        let Some(Next::Frame(frame)) = queue.try_next() else {
            panic!("closed")
        };
        queue.left(frame.encoded_len());
    }
    assert_eq!(queue.try_next(), None);
    assert_eq!(queue.all.bytes(), 0);
}

#[test]
fn ephemeral_messages_are_dropped_long_before() {
    let queue = queue();
    for _ in 0..100 {
        queue.push(ephemeral(65_536));
    }
    assert!(queue.all.bytes() <= limits::OUTBOUND_EPHEMERAL_BYTES);
    queue.push(frame(1, 65_536));
    let mut last = None;
    while let Some(Next::Frame(frame)) = queue.try_next() {
        last = Some(frame.request_id);
    }
    assert_eq!(last, Some(1));
}

#[test]
fn what_was_taken_and_has_not_left_counts() {
    let queue = queue();
    for _ in 0..=limits::OUTBOUND_BYTES / 65_536 {
        queue.push(frame(1, 65_536));
        queue.try_next();
    }
    assert_eq!(queue.try_next(), Some(Next::Closed(Closed::Overrun)));
}

#[test]
fn when_all_hold_too_much_those_that_hold_most_are_closed() {
    let all = Waiting::up_to(1024 * 1024);
    let queues: Vec<Arc<Outbound>> = (0..20)
        .map(|_| Arc::new(Outbound::new(all.clone())))
        .collect();
    for (n, queue) in queues.iter().enumerate() {
        let frames = if n < 10 { 2 } else { 1 };
        (0..frames).for_each(|_| queue.push(frame(1, 50_000)));
    }
    shed(&all, queues.iter());
    assert!(all.bytes() <= 3 * 1024 * 1024 / 4, "{}", all.bytes());
    let closed = |queue: &Arc<Outbound>| queue.state.lock().closed.is_some();
    assert!(queues[..7].iter().any(closed));
    assert!(!queues[10..].iter().any(closed), "these held less");
    let before = all.bytes();
    shed(&all, queues.iter());
    assert_eq!(all.bytes(), before, "there is room");
    drop(queues);
    assert_eq!(all.bytes(), 0);
}

#[test]
fn ephemeral_messages_are_dropped_when_all_hold_too_much() {
    let all = Waiting::up_to(1_000);
    let (full, other) = (Outbound::new(all.clone()), Outbound::new(all.clone()));
    full.push(frame(1, 2_000));
    other.push(ephemeral(10));
    assert_eq!(other.try_next(), None);
    other.push(frame(1, 10));
    assert!(other.try_next().is_some());
}
