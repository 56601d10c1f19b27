//! Logging in: signatures, displacement, peeks.

use bytes::Bytes;
use undertone_wire::frame::Body;
use undertone_wire::{
    Ack, Authenticate, Credit, DeleteMailbox, ErrorCode, PrekeyStatus, SetTokens,
};

use super::{Owner, Relay, config, send_to};
use crate::service::ServiceConfig;

#[test]
fn hello_comes_first_and_says_what_is_needed() {
    let mut relay = Relay::new();
    let (one, two) = (relay.connect(), relay.connect());
    let hello = relay.hello(one).clone();
    assert_eq!(hello.protocol_version, 1);
    assert_eq!(hello.challenge.len(), 32);
    assert_ne!(hello.challenge, relay.hello(two).challenge);
    assert_eq!(hello.time_ms, relay.now.0);
    assert_eq!(hello.store_epoch.len(), 16);
    assert!(hello.limits.is_some_and(|limits| limits.heartbeat_ms > 0));
}

#[test]
fn a_login_needs_the_mailbox_key_and_this_connection() {
    let mut relay = Relay::new();
    let owner = Owner::new(1);
    let (conn, other) = (relay.connect(), relay.connect());
    let hello = relay.hello(conn).clone();
    let good = owner.login(&hello, 0, false);
    let replayed = relay.refused(other, Body::Authenticate(good.clone()));
    assert_eq!(replayed, ErrorCode::BadSignature);
    let stolen = Authenticate {
        mailbox_key: Owner::new(2).login(&hello, 0, false).mailbox_key,
        ..good.clone()
    };
    let refused = relay.refused(conn, Body::Authenticate(stolen));
    assert_eq!(refused, ErrorCode::BadSignature);
    let turned_peek = Authenticate {
        peek: true,
        ..good.clone()
    };
    let refused = relay.refused(conn, Body::Authenticate(turned_peek));
    assert_eq!(refused, ErrorCode::BadSignature);
    let short = Authenticate {
        mailbox_key: Bytes::from_static(b"short"),
        ..good.clone()
    };
    let refused = relay.refused(conn, Body::Authenticate(short));
    assert_eq!(refused, ErrorCode::Malformed);
    let Body::Authenticated(first) = relay.ask(conn, Body::Authenticate(good.clone())) else {
        panic!("refused")
    };
    assert!(first.created);
    let again = relay.refused(conn, Body::Authenticate(good));
    assert_eq!(again, ErrorCode::Malformed);
}

#[test]
fn what_belongs_to_an_owner_needs_a_login() {
    let mut relay = Relay::new();
    let conn = relay.connect();
    for body in [
        Body::Ack(Ack { up_to_seq: 1 }),
        Body::Credit(Credit { deliveries: 1 }),
        Body::SetTokens(SetTokens { tokens: vec![] }),
        Body::PrekeyStatus(PrekeyStatus {}),
        Body::DeleteMailbox(DeleteMailbox {}),
    ] {
        assert_eq!(relay.refused(conn, body), ErrorCode::NotAuthenticated);
    }
}

#[test]
fn a_newer_login_displaces_the_older() {
    let mut relay = Relay::new();
    let owner = relay.mailbox(1);
    let old = relay.online(&owner);
    relay.unasked(old);
    let new = relay.online(&owner);
    let told = relay.unasked(old);
    assert!(
        matches!(&told[..], [Body::Closing(closing)] if closing.reason() == ErrorCode::Displaced)
    );
    assert_eq!(relay.closed(old), Some(ErrorCode::Displaced));
    assert_eq!(relay.service.online(), 1);
    // The end of the old one takes nothing from the new one.
    relay.batch(|batch| batch.close(old));
    relay.unasked(new);
    let sender = relay.connect();
    relay.ask(sender, Body::Send(send_to(&owner, 9, 100)));
    assert_eq!(relay.delivered(new), [9]);
}

#[test]
fn a_peek_reads_and_changes_nothing() {
    let mut relay = Relay::new();
    let owner = relay.mailbox(1);
    let sender = relay.connect();
    relay.ask(sender, Body::Send(send_to(&owner, 1, 100)));
    let conn = relay.online(&owner);
    relay.unasked(conn);
    let peek = relay.connect();
    let login = owner.login(relay.hello(peek), 0, true);
    let reply = relay.ask(peek, Body::Authenticate(login));
    assert!(matches!(reply, Body::Authenticated(_)));
    let seen = relay.unasked(peek);
    assert!(matches!(&seen[..], [Body::Deliver(_), Body::CaughtUp(_)]));
    for body in [
        Body::Ack(Ack {
            up_to_seq: u64::MAX,
        }),
        Body::SetTokens(SetTokens { tokens: vec![] }),
        Body::DeleteMailbox(DeleteMailbox {}),
    ] {
        assert_eq!(relay.refused(peek, body), ErrorCode::NotAuthenticated);
    }
    // The owner is still there, and gets what comes; the peek does not.
    assert_eq!(relay.closed(conn), None);
    relay.ask(sender, Body::Send(send_to(&owner, 2, 100)));
    assert_eq!(relay.delivered(conn), [2]);
    assert!(relay.unasked(peek).is_empty());
    relay.batch(|batch| batch.close(peek));
    assert_eq!(relay.service.online(), 1);
}

#[test]
fn a_peek_makes_no_mailbox() {
    let mut relay = Relay::new();
    let peek = relay.connect();
    let login = Owner::new(1).login(relay.hello(peek), 0, true);
    let refused = relay.refused(peek, Body::Authenticate(login));
    assert_eq!(refused, ErrorCode::NotFound);
    assert_eq!(relay.storage.totals().unwrap().mailboxes, 0);
}

#[test]
fn a_closed_relay_takes_known_mailboxes_only() {
    let mut relay = Relay::with(ServiceConfig {
        accepts_new_mailboxes: false,
        ..config()
    });
    let known = Owner::new(1);
    relay.storage.begin().unwrap();
    relay.storage.open_mailbox(known.id(), relay.now).unwrap();
    relay.storage.commit().unwrap();
    relay.online(&known);
    let conn = relay.connect();
    let login = Owner::new(2).login(relay.hello(conn), 0, false);
    let refused = relay.refused(conn, Body::Authenticate(login));
    assert_eq!(refused, ErrorCode::Closed);
}

#[test]
fn deleting_the_mailbox_ends_the_login() {
    let mut relay = Relay::new();
    let owner = relay.mailbox(1);
    let conn = relay.online(&owner);
    relay.ask(conn, Body::DeleteMailbox(DeleteMailbox {}));
    let sender = relay.connect();
    let refused = relay.refused(sender, Body::Send(send_to(&owner, 1, 100)));
    assert_eq!(refused, ErrorCode::Denied);
    let refused = relay.refused(conn, Body::Ack(Ack { up_to_seq: 1 }));
    assert_eq!(refused, ErrorCode::NotAuthenticated);
    assert_eq!(relay.service.online(), 0);
}
