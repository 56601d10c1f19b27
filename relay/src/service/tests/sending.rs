//! Sending: durable, idempotent, ephemeral, to many.

use bytes::Bytes;
use undertone_wire::frame::Body;
use undertone_wire::limits::{MAX_ENVELOPE_BYTES, MAX_RECIPIENTS};
use undertone_wire::{Credit, ErrorCode, MessageId, Recipient, Send, SendMany, Sent, TokenKind};

use super::{MINUTE, Owner, Relay, bearer, send_to, token};
use crate::service::ConnectionId;

fn sent(relay: &mut Relay, conn: ConnectionId, send: Send) {
    assert_eq!(relay.ask(conn, Body::Send(send)), Body::Sent(Sent {}));
}

#[test]
fn a_message_waits_for_its_owner() {
    let mut relay = Relay::new();
    let owner = relay.mailbox(1);
    let sender = relay.connect();
    sent(&mut relay, sender, send_to(&owner, 7, 512));
    let conn = relay.online(&owner);
    let frames = relay.unasked(conn);
    let [Body::Deliver(deliver), Body::CaughtUp(caught_up)] = &frames[..] else {
        panic!("{frames:?}")
    };
    assert_eq!(deliver.envelope, send_to(&owner, 7, 512).envelope);
    assert_eq!(deliver.message_id, send_to(&owner, 7, 512).message_id);
    assert_eq!(caught_up.seq, deliver.seq);
}

#[test]
fn a_message_reaches_an_owner_who_is_there_in_the_same_batch() {
    let mut relay = Relay::new();
    let owner = relay.mailbox(1);
    let conn = relay.online(&owner);
    relay.unasked(conn);
    let sender = relay.connect();
    sent(&mut relay, sender, send_to(&owner, 7, 512));
    assert_eq!(relay.delivered(conn), [7]);
}

#[test]
fn repetitions_are_taken_once_and_answered_alike() {
    let mut relay = Relay::new();
    let owner = relay.mailbox(1);
    let sender = relay.connect();
    sent(&mut relay, sender, send_to(&owner, 7, 512));
    sent(&mut relay, sender, send_to(&owner, 7, 512));
    let conn = relay.online(&owner);
    let frames = relay.unasked(conn);
    let [Body::Deliver(deliver), Body::CaughtUp(_)] = &frames[..] else {
        panic!("{frames:?}")
    };
    let seq = deliver.seq;
    sent(&mut relay, sender, send_to(&owner, 7, 512));
    relay.ack(conn, seq);
    relay.now = relay.now.plus(10 * MINUTE);
    sent(&mut relay, sender, send_to(&owner, 7, 512));
    assert!(relay.delivered(conn).is_empty());
}

#[test]
fn ephemeral_messages_go_to_whoever_is_there_and_never_to_storage() {
    let mut relay = Relay::new();
    let owner = relay.mailbox(1);
    let sender = relay.connect();
    let typing = |n| Send {
        ephemeral: true,
        wake: false,
        ..send_to(&owner, n, 512)
    };
    sent(&mut relay, sender, typing(1));
    let conn = relay.online(&owner);
    assert!(matches!(&relay.unasked(conn)[..], [Body::CaughtUp(_)]));
    sent(&mut relay, sender, typing(2));
    let got = relay.unasked(conn);
    assert!(matches!(&got[..], [Body::Ephemeral(e)] if e.envelope == typing(2).envelope));
    // Nobody waits for a device that has paused.
    relay.ask(conn, Body::Credit(Credit { deliveries: 0 }));
    sent(&mut relay, sender, typing(3));
    assert!(relay.unasked(conn).is_empty());
    assert_eq!(relay.storage.totals().unwrap().messages, 0);
    let state = relay.storage.mailbox(owner.id()).unwrap().unwrap();
    assert_eq!(state.last_seq, 0);
}

#[test]
fn answers_do_not_tell_whether_the_owner_is_online() {
    // The same requests, to an owner who is there and to one who is not: byte for byte the same answers.
    let answers = |online: bool| {
        let mut relay = Relay::new();
        let owner = relay.mailbox(1);
        if online {
            relay.online(&owner);
        }
        let sender = relay.connect();
        let ephemeral = Send {
            ephemeral: true,
            ..send_to(&owner, 2, 512)
        };
        let requests = [
            send_to(&owner, 1, 512),
            send_to(&owner, 1, 512),
            ephemeral.clone(),
            ephemeral,
        ];
        requests.map(|send| relay.ask(sender, Body::Send(send)))
    };
    assert_eq!(answers(true), answers(false));
}

#[test]
fn what_does_not_parse_or_fit_is_refused() {
    let mut relay = Relay::new();
    let owner = relay.mailbox(1);
    let sender = relay.connect();
    let mut refused = |send: Send| relay.refused(sender, Body::Send(send));
    let large = send_to(&owner, 1, MAX_ENVELOPE_BYTES + 1);
    assert_eq!(refused(large), ErrorCode::TooLarge);
    assert_eq!(refused(send_to(&owner, 1, 0)), ErrorCode::Malformed);
    let short = Bytes::from_static(b"short");
    let bad_id = Send {
        message_id: short.clone(),
        ..send_to(&owner, 1, 10)
    };
    assert_eq!(refused(bad_id), ErrorCode::Malformed);
    let bad_mailbox = Send {
        mailbox: short,
        ..send_to(&owner, 1, 10)
    };
    assert_eq!(refused(bad_mailbox), ErrorCode::Malformed);
    sent(&mut relay, sender, send_to(&owner, 1, MAX_ENVELOPE_BYTES));
}

fn recipient(owner: &Owner, n: u8, own: &'static [u8]) -> Recipient {
    Recipient {
        mailbox: owner.id().to_field(),
        message_id: MessageId::from_bytes([n; 16]).to_field(),
        right: Some(bearer(owner.n)),
        envelope: Bytes::from_static(own),
    }
}

fn codes(reply: Body) -> Vec<ErrorCode> {
    match reply {
        Body::SentMany(many) => many.results.iter().map(|result| result.code()).collect(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn many_recipients_get_a_result_each_and_share_one_payload() {
    let mut relay = Relay::new();
    let owners = [relay.mailbox(1), relay.mailbox(2), relay.mailbox(3)];
    let there = relay.online(&owners[1]);
    relay.unasked(there);
    let sender = relay.connect();
    let mut wrong = recipient(&owners[2], 4, b"");
    wrong.right = Some(bearer(99));
    let mut malformed = recipient(&owners[2], 5, b"");
    malformed.mailbox = Bytes::new();
    let many = SendMany {
        recipients: vec![
            recipient(&owners[0], 1, b""),
            recipient(&owners[1], 2, b""),
            recipient(&owners[2], 3, b"own"),
            wrong,
            malformed,
        ],
        shared_envelope: Bytes::from(vec![42; 700]),
        wake: true,
        ephemeral: false,
    };
    use ErrorCode::{Denied, Malformed, Ok};
    let expected = [Ok, Ok, Ok, Denied, Malformed];
    let results = codes(relay.ask(sender, Body::SendMany(many.clone())));
    assert_eq!(results, expected);
    let again = codes(relay.ask(sender, Body::SendMany(many)));
    assert_eq!(again, expected);
    assert_eq!(relay.delivered(there), [42]);
    assert_eq!(relay.storage.totals().unwrap().messages, 3);
    for (n, owner) in owners.iter().enumerate() {
        let conn = relay.online(owner);
        let frames = relay.unasked(conn);
        let [Body::Deliver(deliver), Body::CaughtUp(_)] = &frames[..] else {
            panic!("{frames:?}")
        };
        let len = if n == 2 { 3 } else { 700 };
        assert_eq!(deliver.envelope.len(), len);
    }
}

#[test]
fn an_ephemeral_send_to_many_touches_no_storage() {
    let mut relay = Relay::new();
    let owners = [relay.mailbox(1), relay.mailbox(2)];
    let there = relay.online(&owners[0]);
    relay.unasked(there);
    let sender = relay.connect();
    let many = SendMany {
        recipients: owners
            .iter()
            .map(|owner| recipient(owner, 1, b""))
            .collect(),
        shared_envelope: Bytes::from_static(b"typing"),
        wake: false,
        ephemeral: true,
    };
    let results = codes(relay.ask(sender, Body::SendMany(many)));
    assert_eq!(results, [ErrorCode::Ok, ErrorCode::Ok]);
    assert!(matches!(&relay.unasked(there)[..], [Body::Ephemeral(_)]));
    assert_eq!(relay.storage.totals().unwrap().messages, 0);
}

#[test]
fn too_many_recipients_are_refused() {
    let mut relay = Relay::new();
    let conn = relay.connect();
    let many = SendMany {
        recipients: vec![Recipient::default(); MAX_RECIPIENTS + 1],
        ..SendMany::default()
    };
    let refused = relay.refused(conn, Body::SendMany(many));
    assert_eq!(refused, ErrorCode::TooLarge);
}

#[test]
fn an_unknown_request_and_a_relays_own_frames_are_answered() {
    let mut relay = Relay::new();
    let conn = relay.connect();
    let unknown = undertone_wire::Frame {
        request_id: 77,
        body: None,
    };
    relay.batch(|batch| batch.frame(conn, unknown));
    let Body::Failure(failure) = relay.reply(conn, 77) else {
        panic!("no failure")
    };
    assert_eq!(failure.code(), ErrorCode::Unsupported);
    assert_eq!(
        relay.refused(conn, Body::Sent(Sent {})),
        ErrorCode::Malformed
    );
    // A request that cannot be answered ends the connection.
    let without_id = undertone_wire::Frame {
        request_id: 0,
        body: Some(Body::Ping(undertone_wire::Ping::default())),
    };
    relay.batch(|batch| batch.frame(conn, without_id));
    assert_eq!(relay.closed(conn), Some(ErrorCode::Malformed));
    let _ = token(1, TokenKind::Delivery);
}
