//! The same conversation over a WebSocket and over long-poll: the relay must say the same.

use bytes::Bytes;
use ed25519_dalek::SigningKey;
use tokio::net::TcpStream;
use tokio_tungstenite::client_async;
use undertone_wire::{
    Ack, ChannelBinding, ErrorCode, GetRecord, Ping, PopPrekeys, PrekeyItem, PutRecord, RecordId,
    ReplacePrekeys, Right,
    frame::Body,
    right,
    signed::{PutRecordBody, SignedBody},
};

use super::{
    client::{Lane, TestRelay, Transport, mailbox_of, send, tokens, websocket_request},
    http,
};

const BEARER: [u8; 16] = [9; 16];
const ENVELOPE: [u8; 512] = [5; 512];

/// What both sides saw, in words, without what differs by nature (challenges, sequence numbers, times).
struct Seen(Vec<String>);

impl Seen {
    fn note(&mut self, what: &str, body: &Body) {
        let shown = match body {
            Body::Authenticated(a) => format!("authenticated, created {}", a.created),
            Body::Deliver(d) => format!("deliver {:?} of {} bytes", d.message_id, d.envelope.len()),
            Body::CaughtUp(_) => "caught up".into(),
            Body::Pong(p) => format!("pong {:?}", p.opaque),
            other => format!("{other:?}"),
        };
        self.0.push(format!("{what}: {shown}"));
    }
}

fn prekeys() -> Body {
    let item = |n: u8| PrekeyItem {
        id: Bytes::from(vec![0, 0, 0, n]),
        item: Bytes::from(vec![n; 64]),
    };
    Body::ReplacePrekeys(ReplacePrekeys {
        page: Bytes::from_static(b"page"),
        last_resort_kem: Bytes::from_static(b"last resort"),
        one_time_x25519: (0..100).map(item).collect(),
        one_time_kem: (0..50).map(item).collect(),
        append: false,
    })
}

fn put(key: &SigningKey, expected_version: u64, value: &'static [u8]) -> Body {
    let write_key = key.verifying_key().to_bytes();
    let signature = PutRecordBody {
        write_key: &write_key,
        expected_version,
        value,
    }
    .sign(key);
    Body::PutRecord(PutRecord {
        write_key: Bytes::copy_from_slice(&write_key),
        expected_version,
        value: Bytes::from_static(value),
        signature: Bytes::copy_from_slice(&signature),
    })
}

async fn scenario(transport: Transport) -> Vec<String> {
    let relay = TestRelay::start().await;
    let mut seen = Seen(Vec::new());
    let key = SigningKey::from_bytes(&[1; 32]);
    let mailbox = mailbox_of(&key);

    let mut owner = Lane::open(relay.address(), transport).await;
    let refused = owner.ask(Body::PrekeyStatus(Default::default())).await;
    seen.note("before login", &refused);
    seen.note("login", &owner.log_in(&key, 0).await);
    seen.note("backlog", &owner.unasked().await.unwrap());
    seen.note("tokens", &owner.ask(tokens(BEARER)).await);
    seen.note("prekeys", &owner.ask(prekeys()).await);

    let mut sender = Lane::open(relay.address(), transport).await;
    seen.note(
        "ping",
        &sender
            .ask(Body::Ping(Ping {
                opaque: Bytes::from_static(b"hi"),
            }))
            .await,
    );
    seen.note(
        "wrong bearer",
        &sender.ask(send(mailbox, 1, [0; 16], &ENVELOPE)).await,
    );
    seen.note(
        "send",
        &sender.ask(send(mailbox, 1, BEARER, &ENVELOPE)).await,
    );
    seen.note(
        "again",
        &sender.ask(send(mailbox, 1, BEARER, &ENVELOPE)).await,
    );
    let delivered = owner.unasked().await.unwrap();
    seen.note("delivery", &delivered);
    let Body::Deliver(first) = delivered else {
        panic!("no delivery")
    };
    seen.note(
        "ack",
        &owner
            .ask(Body::Ack(Ack {
                up_to_seq: first.seq,
            }))
            .await,
    );

    let pop = PopPrekeys {
        mailbox: mailbox.to_field(),
        pop_id: Bytes::from(vec![3; 16]),
        right: Some(Right {
            right: Some(right::Right::Bearer(Bytes::copy_from_slice(&BEARER))),
        }),
    };
    seen.note("pop", &sender.ask(Body::PopPrekeys(pop.clone())).await);
    seen.note("pop again", &sender.ask(Body::PopPrekeys(pop)).await);

    let writer = SigningKey::from_bytes(&[2; 32]);
    let id = RecordId::of_write_key(&writer.verifying_key().to_bytes());
    seen.note("put", &sender.ask(put(&writer, 0, b"one")).await);
    seen.note("stale put", &sender.ask(put(&writer, 0, b"two")).await);
    seen.note(
        "get",
        &sender
            .ask(Body::GetRecord(GetRecord { id: id.to_field() }))
            .await,
    );

    drop(owner);
    for id in 2..5 {
        seen.note(
            "while away",
            &sender.ask(send(mailbox, id, BEARER, &ENVELOPE)).await,
        );
    }
    let mut owner = Lane::open(relay.address(), transport).await;
    seen.note("login", &owner.log_in(&key, first.seq).await);
    for _ in 0..4 {
        seen.note("backlog", &owner.unasked().await.unwrap());
    }
    let mut newer = Lane::open(relay.address(), transport).await;
    seen.note("newer login", &newer.log_in(&key, first.seq).await);
    seen.note("displaced", &owner.unasked().await.unwrap());
    assert_eq!(owner.unasked().await, None);
    seen.0
}

#[tokio::test(flavor = "multi_thread")]
async fn both_transports_say_the_same() {
    let websocket = scenario(Transport::WebSocket).await;
    let long_poll = scenario(Transport::LongPoll).await;
    assert_eq!(websocket, long_poll);
    assert!(websocket.len() > 20);
    let displaced = ErrorCode::Displaced as i32;
    assert!(
        websocket.iter().any(
            |line| line.contains(&format!("reason: {displaced}")) || line.contains("Displaced")
        )
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_pile_up_to_the_limit_and_all_are_answered_in_order() {
    let relay = TestRelay::start().await;
    for transport in [Transport::WebSocket, Transport::LongPoll] {
        let mut lane = Lane::open(relay.address(), transport).await;
        let count = 3 * undertone_wire::limits::MAX_REQUESTS_IN_FLIGHT;
        // Long-poll takes no more requests than fit until answers are received, so only the WebSocket overfills.
        let count = if matches!(transport, Transport::LongPoll) {
            60
        } else {
            count
        };
        for n in 0..count {
            lane.submit(Body::Ping(Ping {
                opaque: Bytes::from(n.to_string()),
            }))
            .await;
        }
        for n in 0..count {
            let Some(Body::Pong(pong)) = lane.unasked().await else {
                panic!("no pong")
            };
            assert_eq!(pong.opaque, n.to_string());
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn without_tls_a_login_is_bound_to_a_name_that_the_relay_knows() {
    let relay = TestRelay::start().await;
    for transport in [Transport::WebSocket, Transport::LongPoll] {
        let lane = Lane::open(relay.address(), transport).await;
        assert_eq!(lane.hello.channel_binding(), ChannelBinding::Host);
    }
    let foreign = [("host", "evil.example")];
    let answer = http::request(relay.address(), "POST", "/v1/poll/open", &foreign, "").await;
    assert_eq!(answer.status(), 421);
    let mut request = websocket_request(relay.address());
    request
        .headers_mut()
        .insert("host", "evil.example".parse().unwrap());
    let socket = TcpStream::connect(relay.address()).await.unwrap();
    let refused = client_async(request, socket).await.unwrap_err();
    assert!(refused.to_string().contains("421"), "{refused}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_long_poll_answer_loses_nothing() {
    let relay = TestRelay::start().await;
    let opened = http::request(relay.address(), "POST", "/v1/poll/open", &[], "").await;
    let bearer = format!(
        "Bearer {}",
        std::str::from_utf8(&opened.body()[..32]).unwrap()
    );
    let headers = [("authorization", bearer.as_str())];
    let address = relay.address();
    let receive = |after: u64| {
        let path = format!("/v1/poll/receive?after={after}&wait=0");
        async move { http::request(address, "POST", &path, &headers, "").await }
    };
    let first = receive(0).await.into_body();
    let again = receive(0).await.into_body();
    assert_eq!(first, again);
    assert_eq!(first, opened.body()[32..]);
    assert_eq!(receive(1).await.into_body().len(), 8);
    assert_eq!(
        receive(0).await.status(),
        400,
        "what was released does not come back"
    );
    assert_eq!(
        receive(7).await.status(),
        400,
        "what was never sent cannot be released"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_newer_receive_displaces_an_older_one_and_takes_what_comes() {
    let relay = TestRelay::start().await;
    let address = relay.address();
    let opened = http::request(address, "POST", "/v1/poll/open", &[], "").await;
    let bearer = format!(
        "Bearer {}",
        std::str::from_utf8(&opened.body()[..32]).unwrap()
    );
    let receive = |bearer: String| async move {
        let headers = [("authorization", bearer.as_str())];
        http::request(
            address,
            "POST",
            "/v1/poll/receive?after=1&wait=12",
            &headers,
            "",
        )
        .await
    };
    loop {
        let one = tokio::spawn(receive(bearer.clone()));
        let two = tokio::spawn(receive(bearer.clone()));
        let first = tokio::select! {
            answer = one => answer,
            answer = two => answer,
        };
        match first.unwrap().status().as_u16() {
            409 => break,
            // It had waited to its end before the other one came.
            status => assert_eq!(status, 200),
        }
    }
    let headers = [("authorization", bearer.as_str())];
    let closed = http::request(address, "POST", "/v1/poll/close", &headers, "").await;
    assert_eq!(closed.status(), 204);
    let gone = http::request(
        address,
        "POST",
        "/v1/poll/receive?after=1&wait=0",
        &headers,
        "",
    )
    .await;
    assert_eq!(gone.status(), 404);
}
