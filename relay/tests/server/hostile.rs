//! What an attacker sends: nothing of it costs more than its limit.

use ed25519_dalek::SigningKey;
use futures_util::{SinkExt, StreamExt};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};
use tokio_tungstenite::{WebSocketStream, client_async, tungstenite::Message};
use undertone_relay::{Config, Relay};
use undertone_wire::{ErrorCode, Frame, Ping, frame::Body, limits::MAX_FRAME_BYTES};

use super::{
    client::{Lane, TestRelay, Transport, config, mailbox_of, send, tokens, websocket_request},
    http,
};

async fn upgraded(relay: &TestRelay) -> WebSocketStream<TcpStream> {
    let socket = TcpStream::connect(relay.address()).await.unwrap();
    let (mut socket, _) = client_async(websocket_request(relay.address()), socket)
        .await
        .unwrap();
    assert!(matches!(next(&mut socket).await, Some(Body::Hello(_))));
    socket
}

async fn next(socket: &mut WebSocketStream<TcpStream>) -> Option<Body> {
    match socket.next().await? {
        Ok(Message::Binary(bytes)) => Frame::from_bytes(bytes).unwrap().body,
        Ok(_) | Err(_) => None,
    }
}

async fn closing_reason(socket: &mut WebSocketStream<TcpStream>) -> ErrorCode {
    match next(socket).await {
        Some(Body::Closing(closing)) => closing.reason(),
        other => panic!("no Closing: {other:?}"),
    }
}

/// A masked binary frame header that claims a length (RFC 6455, section 5.2).
fn header_claiming(len: u64) -> Vec<u8> {
    let mut header = vec![0x82, 0x80 | 127];
    header.extend_from_slice(&len.to_be_bytes());
    header.extend_from_slice(&[0; 4]);
    header
}

#[tokio::test(flavor = "multi_thread")]
async fn a_frame_of_a_gigabyte_is_refused_at_its_header() {
    let relay = TestRelay::start().await;
    for claimed in [
        1 << 30,
        u64::MAX >> 1,
        u64::try_from(MAX_FRAME_BYTES).unwrap() + 1,
    ] {
        let mut socket = upgraded(&relay).await;
        // Only the header is sent: an answer proves that the relay did not wait for the body.
        socket
            .get_mut()
            .write_all(&header_claiming(claimed))
            .await
            .unwrap();
        assert_eq!(closing_reason(&mut socket).await, ErrorCode::TooLarge);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn fragments_cannot_add_up_to_more_than_a_frame() {
    let relay = TestRelay::start().await;
    let mut socket = upgraded(&relay).await;
    let chunk = vec![0; 60_000];
    let mut first = true;
    for _ in 0..12 {
        let mut frame = vec![if first { 0x02 } else { 0x00 }, 0x80 | 126];
        frame.extend_from_slice(&60_000u16.to_be_bytes());
        frame.extend_from_slice(&[0; 4]);
        frame.extend_from_slice(&chunk);
        first = false;
        if socket.get_mut().write_all(&frame).await.is_err() {
            break;
        }
    }
    // The rest of what was sent may reset the socket before the reason arrives; that it ends is what counts.
    assert!(matches!(
        next(&mut socket).await,
        None | Some(Body::Closing(_))
    ));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_request_ends_the_connection() {
    let relay = TestRelay::start().await;
    let unnumbered = Frame {
        request_id: 0,
        body: Some(Body::Ping(Ping::default())),
    };
    let garbage = [
        Message::Binary(vec![0xFF; 40].into()),
        Message::Binary(unnumbered.to_bytes().unwrap()),
        Message::Text("hello".into()),
    ];
    for message in garbage {
        let mut socket = upgraded(&relay).await;
        socket.send(message).await.unwrap();
        assert_eq!(closing_reason(&mut socket).await, ErrorCode::Malformed);
        assert_eq!(next(&mut socket).await, None);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn oversized_headers_and_bodies_are_refused() {
    let relay = TestRelay::start().await;
    let long = "a".repeat(20_000);
    let answer = http::request(relay.address(), "GET", "/", &[("x-long", &long)], "").await;
    assert_eq!(answer.status(), 431);
    let many: Vec<(String, String)> = (0..100).map(|n| (format!("x-{n}"), "1".into())).collect();
    let many: Vec<(&str, &str)> = many.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
    assert_eq!(
        http::request(relay.address(), "GET", "/", &many, "")
            .await
            .status(),
        431
    );

    let opened = http::request(relay.address(), "POST", "/v1/poll/open", &[], "").await;
    let bearer = format!(
        "Bearer {}",
        std::str::from_utf8(&opened.body()[..32]).unwrap()
    );
    let headers = [("authorization", bearer.as_str())];
    let body = vec![0; 1024 * 1024 + 1];
    let answer = http::request(relay.address(), "POST", "/v1/poll/send", &headers, body).await;
    assert_eq!(answer.status(), 413);
    let answer = http::request(
        relay.address(),
        "POST",
        "/v1/poll/send",
        &headers,
        "\0\0\0\x09x",
    )
    .await;
    assert_eq!(answer.status(), 400);
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_to_nowhere_are_answered_without_detail() {
    let relay = TestRelay::start().await;
    for (method, path, status) in [
        ("GET", "/nothing", 404),
        ("POST", "/", 405),
        ("GET", "/v1/ws", 426),
        ("GET", "/v1/poll/open", 405),
        ("POST", "/v1/poll/receive?after=0&wait=0", 401),
        ("PUT", "/v1/blobs", 405),
        ("GET", "/metrics", 404),
        ("GET", "/readyz", 404),
    ] {
        let answer = http::request(relay.address(), method, path, &[], "").await;
        assert_eq!(answer.status(), status, "{method} {path}");
        assert!(answer.body().is_empty());
    }
    let stranger = [("authorization", "Bearer 00000000000000000000000000000000")];
    let path = "/v1/poll/receive?after=0&wait=0";
    assert_eq!(
        http::request(relay.address(), "POST", path, &stranger, "")
            .await
            .status(),
        404
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_source_with_too_many_connections_is_refused_and_others_live_on() {
    let dir = tempfile::tempdir().unwrap();
    let limited = Config {
        max_connections_per_source: 2,
        ..config(dir.path())
    };
    let relay = Relay::start(limited).await.unwrap();
    let mut first = Lane::open(relay.local_addr(), Transport::WebSocket).await;
    let second = Lane::open(relay.local_addr(), Transport::WebSocket).await;
    let mut third = TcpStream::connect(relay.local_addr()).await.unwrap();
    let mut answer = Vec::new();
    let _ = third.read_to_end(&mut answer).await;
    assert!(answer.is_empty());
    assert!(matches!(
        first.ask(Body::Ping(Ping::default())).await,
        Body::Pong(_)
    ));
    drop(second);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_does_not_read_holds_up_nobody() {
    let relay = TestRelay::start().await;
    let key = SigningKey::from_bytes(&[1; 32]);
    let mut deaf = Lane::open(relay.address(), Transport::WebSocket).await;
    deaf.log_in(&key, 0).await;
    deaf.ask(tokens([9; 16])).await;
    let mut sender = Lane::open(relay.address(), Transport::WebSocket).await;
    let envelope = vec![0; 65_536];
    for id in 0..64 {
        // It lives, however long all of this takes.
        if id % 4 == 0 {
            deaf.submit(Body::Ping(Ping::default())).await;
        }
        let sent = sender
            .ask(send(mailbox_of(&key), id, [9; 16], &envelope))
            .await;
        assert!(matches!(sent, Body::Sent(_)), "{sent:?}");
    }
    assert!(matches!(
        sender.ask(Body::Ping(Ping::default())).await,
        Body::Pong(_)
    ));
    // It was sent no more than its window, and gets all of that when it reads at last.
    let mut delivered = 0;
    while delivered < 1024 * 1024 / 65_536 {
        let body = deaf.unasked().await.expect("it is still connected");
        delivered += usize::from(matches!(body, Body::Deliver(_)));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_long_poll_session_is_a_connection() {
    let dir = tempfile::tempdir().unwrap();
    let few = Config {
        max_connections: 3,
        ..config(dir.path())
    };
    let relay = Relay::start(few).await.unwrap();
    let open = || http::request(relay.local_addr(), "POST", "/v1/poll/open", &[], "");
    // Two sessions and the socket that asks for a third.
    let mut bearers = Vec::new();
    while bearers.len() < 2 {
        let opened = open().await;
        // The socket of the request before may still have its place.
        if opened.status() == 200 {
            let bearer = String::from_utf8(opened.body()[..32].to_vec()).unwrap();
            bearers.push(format!("Bearer {bearer}"));
        }
    }
    assert_eq!(open().await.status(), 503);
    let headers = [("authorization", bearers[0].as_str())];
    let closed = http::request(relay.local_addr(), "POST", "/v1/poll/close", &headers, "").await;
    assert_eq!(closed.status(), 204);
    while open().await.status() != 200 {
        tokio::task::yield_now().await;
    }
}
