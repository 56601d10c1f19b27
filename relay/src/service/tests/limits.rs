//! Quotas and rates.

use undertone_wire::frame::Body;
use undertone_wire::{Ack, Authenticate, Challenge, ErrorCode, Ping, Send, Sent};

use super::{MINUTE, Owner, Relay, config, send_to};
use crate::service::limits::{NETWORK_SHARE, SHARE_WINDOW_MS, SMALL_ENVELOPE_BYTES};
use crate::service::{Rate, ServiceConfig};

fn without_shares() -> ServiceConfig {
    ServiceConfig {
        source_share: 0,
        ..config()
    }
}

#[test]
fn a_quarter_is_kept_for_small_envelopes() {
    let mut relay = Relay::with(ServiceConfig {
        mailbox_messages: 8,
        ..without_shares()
    });
    let owner = relay.mailbox(1);
    let sender = relay.connect();
    let mut send = |n, len| relay.ask(sender, Body::Send(send_to(&owner, n, len)));
    let sent = Body::Sent(Sent {});
    for n in 0..6 {
        assert_eq!(send(n, SMALL_ENVELOPE_BYTES + 1), sent);
    }
    let full = |body: Body| matches!(body, Body::Failure(f) if f.code() == ErrorCode::MailboxFull);
    assert!(full(send(6, SMALL_ENVELOPE_BYTES + 1)));
    assert_eq!(send(7, SMALL_ENVELOPE_BYTES), sent);
    assert_eq!(send(8, SMALL_ENVELOPE_BYTES), sent);
    assert!(full(send(9, SMALL_ENVELOPE_BYTES)));
}

#[test]
fn a_quarter_of_the_bytes_is_kept_as_well() {
    let mut relay = Relay::with(ServiceConfig {
        mailbox_bytes: 8_000,
        ..without_shares()
    });
    let owner = relay.mailbox(1);
    let sender = relay.connect();
    let mut send = |n, len| relay.ask(sender, Body::Send(send_to(&owner, n, len)));
    let sent = Body::Sent(Sent {});
    assert_eq!(send(1, 6_000), sent);
    assert_ne!(send(2, 1_025), sent);
    assert_eq!(send(3, 1_024), sent);
    assert_ne!(send(4, 1_024), sent);
}

#[test]
fn a_source_puts_at_most_a_tenth_into_a_mailbox_in_an_hour() {
    let mut relay = Relay::with(ServiceConfig {
        mailbox_messages: 100,
        ..config()
    });
    let (owner, other) = (relay.mailbox(1), relay.mailbox(2));
    let (flooder, neighbour) = (relay.connect_from(1), relay.connect_from(2));
    let sent = Body::Sent(Sent {});
    for n in 0..10 {
        let send = send_to(&owner, n, 100);
        assert_eq!(relay.ask(flooder, Body::Send(send)), sent);
    }
    let refused = relay.failure(flooder, Body::Send(send_to(&owner, 10, 100)));
    assert_eq!(refused.code(), ErrorCode::RateLimited);
    assert_eq!(u64::from(refused.retry_after_ms), SHARE_WINDOW_MS);
    // Another connection of the same source is no way around; another source and another mailbox are not affected.
    let again = relay.connect_from(1);
    let refused = relay.refused(again, Body::Send(send_to(&owner, 10, 100)));
    assert_eq!(refused, ErrorCode::RateLimited);
    let send = send_to(&owner, 10, 100);
    assert_eq!(relay.ask(neighbour, Body::Send(send)), sent);
    let send = send_to(&other, 10, 100);
    assert_eq!(relay.ask(flooder, Body::Send(send)), sent);
    relay.now = relay.now.plus(SHARE_WINDOW_MS);
    let (flooder, send) = (relay.connect_from(1), send_to(&owner, 11, 100));
    assert_eq!(relay.ask(flooder, Body::Send(send)), sent);
}

#[test]
fn a_source_puts_at_most_a_tenth_of_the_bytes() {
    let mut relay = Relay::with(ServiceConfig {
        mailbox_bytes: 100_000,
        ..config()
    });
    let owner = relay.mailbox(1);
    let conn = relay.connect();
    relay.ask(conn, Body::Send(send_to(&owner, 1, 9_000)));
    let refused = relay.refused(conn, Body::Send(send_to(&owner, 2, 1_001)));
    assert_eq!(refused, ErrorCode::RateLimited);
    let sent = relay.ask(conn, Body::Send(send_to(&owner, 3, 1_000)));
    assert_eq!(sent, Body::Sent(Sent {}));
}

fn ping() -> Body {
    Body::Ping(Ping::default())
}

#[test]
fn a_connection_has_a_rate_that_comes_back() {
    let mut relay = Relay::with(ServiceConfig {
        connection_requests: Rate::new(3, 1),
        ..config()
    });
    let (conn, other) = (relay.connect(), relay.connect());
    for _ in 0..3 {
        assert!(matches!(relay.ask(conn, ping()), Body::Pong(_)));
    }
    let refused = relay.failure(conn, ping());
    assert_eq!(refused.code(), ErrorCode::RateLimited);
    assert_eq!(refused.retry_after_ms, 1_000);
    assert!(matches!(relay.ask(other, ping()), Body::Pong(_)));
    relay.now = relay.now.plus(1_000);
    assert!(matches!(relay.ask(conn, ping()), Body::Pong(_)));
    assert_eq!(relay.refused(conn, ping()), ErrorCode::RateLimited);
}

#[test]
fn an_owners_acks_are_never_refused() {
    let mut relay = Relay::with(ServiceConfig {
        connection_requests: Rate::new(1, 1),
        ..config()
    });
    let conn = relay.online(&Owner::new(1));
    assert_eq!(relay.refused(conn, ping()), ErrorCode::RateLimited);
    for up_to_seq in 0..5 {
        let done = relay.ask(conn, Body::Ack(Ack { up_to_seq }));
        assert!(matches!(done, Body::Done(_)));
    }
}

#[test]
fn sources_mailboxes_and_everything_have_rates() {
    let few = Rate::new(4, 1);
    let mut relay = Relay::with(ServiceConfig {
        source_requests: few,
        ..config()
    });
    for _ in 0..4 {
        let conn = relay.connect_from(1);
        relay.ask(conn, ping());
    }
    let (same, other) = (relay.connect_from(1), relay.connect_from(2));
    assert_eq!(relay.refused(same, ping()), ErrorCode::RateLimited);
    assert!(matches!(relay.ask(other, ping()), Body::Pong(_)));

    let mut relay = Relay::with(ServiceConfig {
        all_requests: few,
        ..config()
    });
    for source in 1..=4 {
        let conn = relay.connect_from(source);
        relay.ask(conn, ping());
    }
    let conn = relay.connect_from(9);
    assert_eq!(relay.refused(conn, ping()), ErrorCode::RateLimited);

    let mut relay = Relay::with(ServiceConfig {
        mailbox_envelopes: few,
        ..config()
    });
    let owner = relay.mailbox(1);
    for n in 0..4 {
        let conn = relay.connect_from(n);
        let ephemeral = Send {
            ephemeral: n % 2 == 0,
            ..send_to(&owner, n, 100)
        };
        assert_eq!(relay.ask(conn, Body::Send(ephemeral)), Body::Sent(Sent {}));
    }
    let conn = relay.connect_from(9);
    let refused = relay.refused(conn, Body::Send(send_to(&owner, 9, 100)));
    assert_eq!(refused, ErrorCode::RateLimited);
}

#[test]
fn a_source_makes_only_so_many_mailboxes() {
    let mut relay = Relay::with(ServiceConfig {
        source_new_mailboxes: Rate::per_hour(2, 1),
        ..config()
    });
    let login = |relay: &mut Relay, n| -> Body {
        let conn = relay.connect();
        let login: Authenticate = Owner::new(n).login(relay.hello(conn), 0, false);
        relay.ask(conn, Body::Authenticate(login))
    };
    assert!(matches!(login(&mut relay, 1), Body::Authenticated(_)));
    assert!(matches!(login(&mut relay, 2), Body::Authenticated(_)));
    let refused = login(&mut relay, 3);
    assert!(matches!(refused, Body::Failure(f) if f.code() == ErrorCode::RateLimited));
    // Those that exist are not affected.
    assert!(matches!(login(&mut relay, 1), Body::Authenticated(_)));
    relay.now = relay.now.plus(60 * MINUTE);
    assert!(matches!(login(&mut relay, 3), Body::Authenticated(_)));
    let conn = relay.connect();
    let challenge = relay.ask(conn, Body::Challenge(Challenge {}));
    assert!(matches!(challenge, Body::WorkChallenge(_)));
}

#[test]
fn a_network_does_a_few_times_what_a_source_does() {
    let mut relay = Relay::with(ServiceConfig {
        source_requests: Rate::new(5, 1),
        ..config()
    });
    let mut granted = 0;
    for source in 1..100 {
        let conn = relay.connect_within(200, source);
        while let Body::Pong(_) = relay.ask(conn, ping()) {
            granted += 1;
        }
    }
    assert_eq!(granted, 5 * NETWORK_SHARE);
    let neighbour = relay.connect_within(201, 1);
    assert!(matches!(relay.ask(neighbour, ping()), Body::Pong(_)));
}

#[test]
fn a_network_cannot_fill_a_mailbox() {
    let mut relay = Relay::with(ServiceConfig {
        mailbox_messages: 100,
        ..config()
    });
    let owner = relay.mailbox(1);
    let mut stored = 0;
    for n in 0..100 {
        let conn = relay.connect_within(200, 1 + n / 5);
        if relay.ask(conn, Body::Send(send_to(&owner, n, 100))) == Body::Sent(Sent {}) {
            stored += 1;
        }
    }
    assert_eq!(stored, 10 * NETWORK_SHARE);
}
