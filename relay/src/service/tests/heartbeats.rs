//! A dead connection is found within 30 s.

use undertone_wire::ErrorCode;
use undertone_wire::frame::Body;
use undertone_wire::limits::{DEAD_AFTER_MS, HEARTBEAT_MS};
use undertone_wire::{Ping, Sent};

use super::{Relay, send_to};

/// How often the shell ticks at the least.
const TICK_MS: u64 = 5_000;

const _: () = assert!(DEAD_AFTER_MS + TICK_MS <= 30_000);
const _: () = assert!(2 * (HEARTBEAT_MS as u64) < DEAD_AFTER_MS);

#[test]
fn a_silent_connection_is_closed_within_30_s() {
    let mut relay = Relay::new();
    let owner = relay.mailbox(1);
    let dead = relay.online(&owner);
    relay.unasked(dead);
    relay.now = relay.now.plus(DEAD_AFTER_MS);
    relay.tick();
    assert_eq!(relay.closed(dead), None);
    relay.now = relay.now.plus(1);
    relay.tick();
    assert_eq!(relay.closed(dead), Some(ErrorCode::TimedOut));
    let told = relay.unasked(dead);
    assert!(
        matches!(&told[..], [Body::Closing(closing)] if closing.reason() == ErrorCode::TimedOut)
    );
    assert_eq!(
        (relay.service.connections(), relay.service.online()),
        (0, 0)
    );
    // What it swallowed is still there for the next login.
    let sender = relay.connect();
    let sent = relay.ask(sender, Body::Send(send_to(&owner, 5, 100)));
    assert_eq!(sent, Body::Sent(Sent {}));
    let conn = relay.online(&owner);
    assert!(matches!(&relay.unasked(conn)[..], [Body::Deliver(_), ..]));
}

#[test]
fn a_message_swallowed_by_a_dead_connection_is_delivered_again() {
    let mut relay = Relay::new();
    let owner = relay.mailbox(1);
    let dead = relay.online(&owner);
    relay.unasked(dead);
    let sender = relay.connect();
    relay.ask(sender, Body::Send(send_to(&owner, 5, 100)));
    assert_eq!(relay.delivered(dead), [5]);
    relay.now = relay.now.plus(DEAD_AFTER_MS + 1);
    relay.tick();
    let conn = relay.online(&owner);
    assert!(matches!(&relay.unasked(conn)[..], [Body::Deliver(d), _] if d.envelope[0] == 5));
}

#[test]
fn any_sign_of_life_counts() {
    let mut relay = Relay::new();
    let (one, two) = (relay.connect(), relay.connect());
    for _ in 0..10 {
        relay.now = relay.now.plus(DEAD_AFTER_MS - 1);
        relay.ask(one, Body::Ping(Ping::default()));
        relay.batch(|batch| batch.heard(two));
        relay.tick();
    }
    assert_eq!((relay.closed(one), relay.closed(two)), (None, None));
}

#[test]
fn a_ping_comes_back_with_the_time() {
    let mut relay = Relay::new();
    let conn = relay.connect();
    let opaque = bytes::Bytes::from_static(b"mark");
    let ping = Ping {
        opaque: opaque.clone(),
    };
    let Body::Pong(pong) = relay.ask(conn, Body::Ping(ping)) else {
        panic!("no pong")
    };
    assert_eq!((pong.opaque, pong.time_ms), (opaque, relay.now.0));
    let large = Ping {
        opaque: bytes::Bytes::from(vec![0; 65]),
    };
    let refused = relay.refused(conn, Body::Ping(large));
    assert_eq!(refused, ErrorCode::TooLarge);
}
