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

fn ephemeral(bytes: usize) -> Frame {
    let envelope = Bytes::from(vec![7; bytes]);
    Frame {
        request_id: 0,
        body: Some(Body::Ephemeral(Ephemeral { envelope })),
    }
}

#[test]
fn frames_come_in_order_and_the_end_comes_last() {
    let queue = Outbound::default();
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
    let queue = Outbound::default();
    for _ in 0..=limits::OUTBOUND_BYTES / 65_536 {
        queue.push(frame(1, 65_536));
    }
    assert_eq!(queue.state.lock().bytes, 0);
    assert_eq!(queue.try_next(), Some(Next::Closed(Closed::Overrun)));
}

#[test]
fn what_was_taken_makes_room() {
    let queue = Outbound::default();
    for _ in 0..1_000 {
        queue.push(frame(1, 65_536));
        assert!(matches!(queue.try_next(), Some(Next::Frame(_))));
    }
    assert_eq!(queue.try_next(), None);
}

#[test]
fn ephemeral_messages_are_dropped_long_before() {
    let queue = Outbound::default();
    for _ in 0..100 {
        queue.push(ephemeral(65_536));
    }
    assert!(queue.state.lock().bytes <= limits::OUTBOUND_EPHEMERAL_BYTES);
    queue.push(frame(1, 65_536));
    let mut last = None;
    while let Some(Next::Frame(frame)) = queue.try_next() {
        last = Some(frame.request_id);
    }
    assert_eq!(last, Some(1));
}
