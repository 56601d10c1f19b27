//! Prekeys through the service (attack row E9).

use bytes::Bytes;
use undertone_wire::frame::Body;
use undertone_wire::work::WorkSubject;
use undertone_wire::{
    ErrorCode, PopId, PopPrekeys, PoppedPrekeys, PrekeyItem, PrekeyStatus, ReplacePrekeys, Right,
    SetTokens, TokenKind,
};

use super::{BASE, Owner, Relay, bearer, token, work};
use crate::service::limits::LOW_X25519;
use crate::service::{ConnectionId, ServiceConfig};

fn items(n: u32) -> Vec<PrekeyItem> {
    (0..n)
        .map(|n| PrekeyItem {
            id: Bytes::copy_from_slice(&n.to_be_bytes()),
            item: Bytes::copy_from_slice(&n.to_be_bytes()),
        })
        .collect()
}

fn page(x25519: u32, kem: u32) -> ReplacePrekeys {
    ReplacePrekeys {
        page: Bytes::from_static(b"page"),
        last_resort_kem: Bytes::from_static(b"last"),
        one_time_x25519: items(x25519),
        one_time_kem: items(kem),
        append: false,
    }
}

/// An owner who is online, with an invite (byte 8) besides the delivery token.
fn published(relay: &mut Relay, x25519: u32, kem: u32) -> (Owner, ConnectionId) {
    let owner = relay.mailbox(1);
    let conn = relay.online(&owner);
    let tokens = vec![token(1, TokenKind::Delivery), token(8, TokenKind::Invite)];
    relay.ask(conn, Body::SetTokens(SetTokens { tokens }));
    let reply = relay.ask(conn, Body::ReplacePrekeys(page(x25519, kem)));
    assert!(matches!(reply, Body::PrekeyCounts(c) if c.one_time_x25519 == x25519));
    relay.unasked(conn);
    (owner, conn)
}

fn pop(owner: &Owner, n: u32, right: Right) -> PopPrekeys {
    let mut id = [0; 16];
    id[..4].copy_from_slice(&n.to_be_bytes());
    PopPrekeys {
        mailbox: owner.id().to_field(),
        pop_id: PopId::from_bytes(id).to_field(),
        right: Some(right),
    }
}

fn take(relay: &mut Relay, conn: ConnectionId, pop: PopPrekeys) -> PoppedPrekeys {
    match relay.ask(conn, Body::PopPrekeys(pop)) {
        Body::PoppedPrekeys(popped) => popped,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_contact_takes_one_of_each_and_a_retry_takes_no_more() {
    let mut relay = Relay::new();
    let (owner, conn) = published(&mut relay, 4, 4);
    let sender = relay.connect();
    let first = take(&mut relay, sender, pop(&owner, 1, bearer(1)));
    let again = take(&mut relay, sender, pop(&owner, 1, bearer(1)));
    assert_eq!(first, again);
    assert!(!first.kem_is_last_resort);
    let second = take(&mut relay, sender, pop(&owner, 2, bearer(1)));
    assert_ne!(first.one_time_x25519, second.one_time_x25519);
    let status = relay.ask(conn, Body::PrekeyStatus(PrekeyStatus {}));
    assert!(
        matches!(status, Body::PrekeyCounts(c) if c.one_time_x25519 == 2 && c.one_time_kem == 2)
    );
}

#[test]
fn e9_strangers_drain_a_quarter_and_then_get_the_last_resort() {
    // As if a stranger had no rate to keep.
    let mut relay = Relay::with(ServiceConfig {
        base_difficulty: BASE,
        ..ServiceConfig::without_rates()
    });
    let (owner, conn) = published(&mut relay, 8, 8);
    let sender = relay.connect();
    let popped: Vec<PoppedPrekeys> = (0..2_000)
        .map(|n| take(&mut relay, sender, pop(&owner, n, bearer(8))))
        .collect();
    let one_time = popped.iter().filter(|p| !p.kem_is_last_resort).count();
    assert_eq!(one_time, 2);
    for later in &popped[one_time..] {
        assert!(later.one_time_x25519.is_empty());
        assert_eq!(&*later.kem, b"last");
    }
    // The owner is told, once.
    let told = relay.unasked(conn);
    assert!(matches!(&told[..], [Body::LowPrekeys(low)] if low.one_time_kem == 6));
    let contact = take(&mut relay, sender, pop(&owner, 2_000, bearer(1)));
    assert!(!contact.kem_is_last_resort);
}

#[test]
fn a_stranger_may_work_instead() {
    let mut relay = Relay::new();
    let (owner, _) = published(&mut relay, 8, 8);
    let sender = relay.connect();
    let challenge = relay.challenge(sender);
    let id = PopId::try_from(&pop(&owner, 1, bearer(0)).pop_id).unwrap();
    let subject = WorkSubject::pop(&challenge.challenge, owner.id(), id);
    let nonce = subject.solve(BASE + 6).unwrap();
    let popped = take(&mut relay, sender, pop(&owner, 1, work(&challenge, nonce)));
    assert!(!popped.kem_is_last_resort);
    let other = pop(&owner, 2, work(&challenge, nonce));
    let refused = relay.refused(sender, Body::PopPrekeys(other));
    assert_eq!(refused, ErrorCode::WorkRequired);
}

#[test]
fn t7_without_a_right_known_and_unknown_mailboxes_look_alike() {
    let mut relay = Relay::new();
    let (owner, _) = published(&mut relay, 8, 8);
    let sender = relay.connect();
    let known = relay.failure(sender, Body::PopPrekeys(pop(&owner, 1, bearer(77))));
    let unknown = pop(&Owner::new(5), 1, bearer(77));
    let unknown = relay.failure(sender, Body::PopPrekeys(unknown));
    assert_eq!(known.code(), ErrorCode::Denied);
    assert_eq!(known, unknown);
}

#[test]
fn e9_the_owner_is_told_when_half_are_gone() {
    let mut relay = Relay::new();
    let (owner, conn) = published(&mut relay, LOW_X25519 + 2, 0);
    let sender = relay.connect();
    take(&mut relay, sender, pop(&owner, 1, bearer(1)));
    assert!(relay.unasked(conn).is_empty());
    take(&mut relay, sender, pop(&owner, 2, bearer(1)));
    assert!(matches!(&relay.unasked(conn)[..], [Body::LowPrekeys(_)]));
    take(&mut relay, sender, pop(&owner, 3, bearer(1)));
    assert!(relay.unasked(conn).is_empty());
}

#[test]
fn nothing_published_is_not_found_and_bad_items_are_refused() {
    let mut relay = Relay::new();
    let owner = relay.mailbox(1);
    let sender = relay.connect();
    let nothing = pop(&owner, 1, bearer(1));
    assert_eq!(
        relay.refused(sender, Body::PopPrekeys(nothing)),
        ErrorCode::NotFound
    );
    let conn = relay.online(&owner);
    let mut bad_id = page(1, 0);
    bad_id.one_time_x25519[0].id = Bytes::from_static(b"toolong");
    let refused = relay.refused(conn, Body::ReplacePrekeys(bad_id));
    assert_eq!(refused, ErrorCode::Malformed);
    let mut large = page(1, 0);
    large.page = Bytes::from(vec![0; 5_000]);
    let refused = relay.refused(conn, Body::ReplacePrekeys(large));
    assert_eq!(refused, ErrorCode::TooLarge);
    let refused = relay.refused(conn, Body::ReplacePrekeys(page(201, 0)));
    assert_eq!(refused, ErrorCode::TooLarge);
}
