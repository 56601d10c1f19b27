//! S11: whatever a relay sends, the client ends the connection with a typed cause and has buffered no more than its limits.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::Semaphore;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;
use undertone::transport::{
    ConnectError, DisconnectCause, LinkEvent, Stage, Timeouts, TransportConfig, Violation,
};
use undertone_wire::frame::Body;
use undertone_wire::limits::MAX_FRAME_BYTES;
use undertone_wire::{ChannelBinding, Frame, Hello, Limits, PROTOCOL_VERSION};

use crate::servers::{Server, serve};
use crate::support::{Subject, patient};

const GIB: u64 = 1 << 30;

/// Reads a request's headers and returns them.
async fn request(stream: &mut TcpStream) -> String {
    let mut headers = Vec::new();
    while !headers.ends_with(b"\r\n\r\n") {
        headers.push(stream.read_u8().await.unwrap());
    }
    String::from_utf8(headers).unwrap()
}

/// Answers a WebSocket upgrade, with `extra` header lines.
async fn upgrade(stream: &mut TcpStream, extra: &str) {
    let request = request(stream).await;
    let key = request
        .lines()
        .find_map(|line| {
            line.to_ascii_lowercase()
                .starts_with("sec-websocket-key:")
                .then(|| line[18..].trim().to_owned())
        })
        .unwrap();
    assert!(
        !request
            .to_ascii_lowercase()
            .contains("sec-websocket-extensions"),
        "compression is never offered"
    );
    let accept = derive_accept_key(key.as_bytes());
    let answer = format!(
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Accept: {accept}\r\nSec-WebSocket-Protocol: undertone.v1\r\n{extra}\r\n"
    );
    stream.write_all(answer.as_bytes()).await.unwrap();
}

/// The header of an unmasked binary WebSocket frame (RFC 6455 section 5.2); `first` holds FIN, RSV and opcode.
fn header(first: u8, length: u64) -> Vec<u8> {
    let mut header = vec![first];
    match u16::try_from(length) {
        Ok(short @ 0..=125) => header.push(u8::try_from(short).unwrap()),
        Ok(medium) => {
            header.push(126);
            header.extend(medium.to_be_bytes());
        }
        Err(_) => {
            header.push(127);
            header.extend(length.to_be_bytes());
        }
    }
    header
}

const BINARY: u8 = 0x82;

fn hello() -> Hello {
    Hello {
        protocol_version: PROTOCOL_VERSION,
        challenge: Bytes::from_static(&[1; 32]),
        time_ms: 0,
        store_epoch: Bytes::from_static(&[2; 16]),
        channel_binding: ChannelBinding::Host.into(),
        limits: Some(Limits {
            heartbeat_ms: 1,
            ..Limits::default()
        }),
    }
}

async fn greet(stream: &mut TcpStream, hello: Hello) {
    let body = Frame {
        request_id: 0,
        body: Some(Body::Hello(hello)),
    }
    .to_bytes()
    .unwrap();
    stream
        .write_all(&header(BINARY, body.len() as u64))
        .await
        .unwrap();
    stream.write_all(&body).await.unwrap();
}

/// Keeps the connection open until the client closes it.
async fn linger(mut stream: TcpStream) {
    let mut rest = [0; 1024];
    while matches!(stream.read(&mut rest).await, Ok(n) if n > 0) {}
}

/// Greets, then sends `bytes` and waits.
async fn after_greeting(bytes: Vec<u8>) -> Server {
    serve(move |mut stream| {
        let bytes = bytes.clone();
        async move {
            upgrade(&mut stream, "").await;
            greet(&mut stream, hello()).await;
            let _ = stream.write_all(&bytes).await;
            linger(stream).await;
        }
    })
    .await
}

/// For what a test waits to run out of: short, so that it is quick; none is measured.
const SHORT: Duration = Duration::from_millis(300);

/// With other timeouts than the patient ones.
fn hurried(adjust: impl FnOnce(&mut Timeouts)) -> TransportConfig {
    let mut config = patient();
    adjust(&mut config.timeouts);
    config
}

/// Bytes that the process holds in memory: resident set, from the kernel.
fn resident() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status
        .lines()
        .find(|line| line.starts_with("VmRSS:"))
        .unwrap();
    line.split_whitespace()
        .nth(1)
        .unwrap()
        .parse::<u64>()
        .unwrap()
        * 1024
}

#[tokio::test]
async fn s11_a_frame_of_one_gibibyte_is_refused_at_its_header() {
    let server = after_greeting(header(BINARY, GIB)).await;
    let mut subject = Subject::connect(&server.url(), patient());
    let _up = subject.up().await;
    let before = resident();
    assert_eq!(
        subject.down().await.0,
        DisconnectCause::Violation(Violation::TooLarge)
    );
    // The other tests of this process hold some memory, too.
    assert!(resident() < before + GIB / 2);
}

#[tokio::test]
async fn s11_a_greeting_of_one_gibibyte_is_refused_at_its_header() {
    let server = serve(|mut stream| async move {
        upgrade(&mut stream, "").await;
        stream.write_all(&header(BINARY, GIB)).await.unwrap();
        linger(stream).await;
    })
    .await;
    let mut subject = Subject::connect(&server.url(), patient());
    let (cause, retry) = subject.down().await;
    assert_eq!(
        cause,
        DisconnectCause::Connect(ConnectError::Violation(Violation::TooLarge))
    );
    assert!(retry.is_some());
}

#[tokio::test]
async fn s11_fragments_that_never_end_are_cut_off_at_the_message_limit() {
    let sent = Arc::new(AtomicU64::new(0));
    let counter = Arc::clone(&sent);
    let server = serve(move |mut stream| {
        let counter = Arc::clone(&counter);
        async move {
            upgrade(&mut stream, "").await;
            greet(&mut stream, hello()).await;
            let fragment = vec![0; 16 * 1024];
            let mut first = 0x02; // binary, not final
            loop {
                let mut bytes = header(first, fragment.len() as u64);
                bytes.extend(&fragment);
                if stream.write_all(&bytes).await.is_err() {
                    return;
                }
                counter.fetch_add(bytes.len() as u64, Ordering::SeqCst);
                first = 0x00; // continuation, not final
            }
        }
    })
    .await;
    let mut subject = Subject::connect(&server.url(), patient());
    let _up = subject.up().await;
    assert_eq!(
        subject.down().await.0,
        DisconnectCause::Violation(Violation::TooLarge)
    );
    // What was taken beyond the limit is in the kernel's buffers of the two sockets, which it sizes as it likes.
    assert!(sent.load(Ordering::SeqCst) < (MAX_FRAME_BYTES + 128 * 1024 * 1024) as u64);
}

#[tokio::test]
async fn s11_a_compressed_frame_is_refused_unread() {
    // RSV1 marks permessage-deflate (RFC 7692 section 6); the payload would inflate to a gibibyte.
    let mut bomb = header(BINARY | 0x40, 64);
    bomb.extend([0; 64]);
    let server = after_greeting(bomb).await;
    let mut subject = Subject::connect(&server.url(), patient());
    let _up = subject.up().await;
    assert_eq!(
        subject.down().await.0,
        DisconnectCause::Violation(Violation::WebSocket)
    );
}

#[tokio::test]
async fn s11_a_text_message_or_garbage_ends_the_connection() {
    let mut text = header(0x81, 2);
    text.extend(b"hi");
    let mut garbage = header(BINARY, 4);
    garbage.extend([0xff; 4]);
    for (bytes, violation) in [
        (text, Violation::WebSocket),
        (garbage, Violation::MalformedFrame),
    ] {
        let server = after_greeting(bytes).await;
        let mut subject = Subject::connect(&server.url(), patient());
        let _up = subject.up().await;
        assert_eq!(
            subject.down().await.0,
            DisconnectCause::Violation(violation)
        );
    }
}

#[tokio::test]
async fn s11_bytes_that_dribble_are_no_sign_of_life() {
    let server = serve(|mut stream| async move {
        upgrade(&mut stream, "").await;
        greet(&mut stream, hello()).await;
        let _ = stream.write_all(&header(BINARY, 1000)).await;
        let mut pace = tokio::time::interval(Duration::from_millis(10));
        while stream.write_all(&[0]).await.is_ok() {
            pace.tick().await;
        }
    })
    .await;
    let mut subject = Subject::connect(&server.url(), hurried(|timeouts| timeouts.reply = SHORT));
    let _up = subject.up().await;
    assert_eq!(subject.down().await.0, DisconnectCause::Silent);
}

#[tokio::test]
async fn s11_an_upgrade_that_is_never_answered_runs_out_of_time() {
    let server = serve(linger).await;
    let mut subject = Subject::connect(
        &server.url(),
        hurried(|timeouts| timeouts.handshake = SHORT),
    );
    let cause = subject.down().await.0;
    assert_eq!(
        cause,
        DisconnectCause::Connect(ConnectError::TimedOut(Stage::Upgrading))
    );
}

#[tokio::test]
async fn s11_headers_that_never_end_are_cut_off() {
    let server = serve(|mut stream| async move {
        request(&mut stream).await;
        let _ = stream
            .write_all(b"HTTP/1.1 101 Switching Protocols\r\n")
            .await;
        while stream
            .write_all(b"X-Filler: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\r\n")
            .await
            .is_ok()
        {}
    })
    .await;
    let mut subject = Subject::connect(&server.url(), patient());
    let cause = subject.down().await.0;
    assert!(matches!(cause, DisconnectCause::Connect(_)), "{cause:?}");
}

#[tokio::test]
async fn s11_a_long_poll_answer_without_end_is_cut_off() {
    let server = serve(|mut stream| async move {
        let request = request(&mut stream).await;
        if request.starts_with("GET") {
            let _ = stream
                .write_all(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n")
                .await;
            return;
        }
        let _ = stream
            .write_all(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
            .await;
        let mut chunk = b"10000\r\n".to_vec();
        chunk.extend([b'a'; 0x10000]);
        chunk.extend(b"\r\n");
        while stream.write_all(&chunk).await.is_ok() {}
    })
    .await;
    let mut subject = Subject::connect(&server.url(), patient());
    let cause = subject.down().await.0;
    assert_eq!(
        cause,
        DisconnectCause::Connect(ConnectError::Violation(Violation::TooLarge))
    );
}

#[tokio::test]
async fn a_relay_of_another_version_is_told_apart() {
    let server = serve(|mut stream| async move {
        upgrade(&mut stream, "").await;
        greet(
            &mut stream,
            Hello {
                protocol_version: 7,
                ..hello()
            },
        )
        .await;
        linger(stream).await;
    })
    .await;
    let mut subject = Subject::connect(&server.url(), patient());
    assert_eq!(
        subject.down().await.0,
        DisconnectCause::Connect(ConnectError::UnsupportedVersion {
            theirs: 7,
            ours: PROTOCOL_VERSION
        })
    );
}

/// A relay of another version is not asked again for minutes, but when the user does something. That is also so when the
/// last attempt was still on its way then.
#[tokio::test]
async fn a_nudge_during_an_attempt_that_fails_is_followed_by_another_one() {
    let greetings = Arc::new(Semaphore::new(0));
    let permitted = Arc::clone(&greetings);
    let server = serve(move |mut stream| {
        let permitted = Arc::clone(&permitted);
        async move {
            upgrade(&mut stream, "").await;
            permitted.acquire().await.unwrap().forget();
            let newer = Hello {
                protocol_version: 7,
                ..hello()
            };
            greet(&mut stream, newer).await;
            linger(stream).await;
        }
    })
    .await;
    let mut subject = Subject::connect(&server.url(), patient());
    assert!(matches!(subject.event().await, LinkEvent::Connecting));
    subject.link.nudge();
    greetings.add_permits(1);
    let wait = subject.down().await.1.unwrap();
    let again = timeout(wait / 2, subject.event()).await;
    assert!(
        matches!(again, Ok(LinkEvent::Connecting)),
        "waits {wait:?}: {again:?}"
    );
}

#[tokio::test]
async fn something_that_is_no_relay_is_told_apart() {
    let server = serve(|mut stream| async move {
        loop {
            request(&mut stream).await;
            let _ = stream
                .write_all(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n")
                .await;
        }
    })
    .await;
    let mut subject = Subject::connect(&server.url(), patient());
    assert_eq!(
        subject.down().await.0,
        DisconnectCause::Connect(ConnectError::NotARelay { status: 404 })
    );
}
