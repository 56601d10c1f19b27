//! What the operator sees, and what he is never shown.

use std::net::SocketAddr;

use ed25519_dalek::SigningKey;
use undertone_relay::{Config, Relay};
use undertone_wire::{Ack, MessageId, frame::Body};

use super::{
    client::{Lane, TestRelay, Transport, config, mailbox_of, send, tokens},
    http::{get, request},
};

#[tokio::test(flavor = "multi_thread")]
async fn health_is_told_on_the_admin_address_only() {
    let relay = TestRelay::start().await;
    let admin = relay.relay.admin_addr().unwrap();
    assert_eq!(get(admin, "/livez").await.status(), 200);
    assert_eq!(get(admin, "/readyz").await.status(), 200);
    assert_eq!(get(admin, "/").await.status(), 404);
    assert_eq!(
        request(admin, "POST", "/readyz", &[], "").await.status(),
        405
    );
    let dir = tempfile::tempdir().unwrap();
    let off = Config {
        admin: None,
        ..config(dir.path())
    };
    assert_eq!(Relay::start(off).await.unwrap().admin_addr(), None);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_invite_page_runs_and_loads_nothing() {
    let relay = TestRelay::start().await;
    let page = get(relay.address(), "/").await;
    assert_eq!(page.status(), 200);
    let policy = page.headers()["content-security-policy"].to_str().unwrap();
    assert!(policy.starts_with("default-src 'none'"));
    assert!(!policy.contains("script-src"));
    let text = std::str::from_utf8(page.body()).unwrap().to_lowercase();
    for forbidden in [
        "<script",
        "src=",
        "href=",
        "javascript:",
        "onload",
        "@import",
        "url(",
    ] {
        assert!(!text.contains(forbidden), "{forbidden}");
    }
}

/// Everything by which anybody could be known, in the spellings a log or label might use.
pub(crate) fn needles(mailbox: &[u8], port: u16) -> Vec<String> {
    let mut needles = vec![
        hex::encode(mailbox),
        hex::encode(&mailbox[..8]),
        hex::encode(MessageId::from_bytes([0xA7; 16]).as_bytes()),
        "127.0.0.1".into(),
        format!(":{port}"),
        format!("{:?}", &mailbox[..4])
            .trim_matches(['[', ']'])
            .to_owned(),
    ];
    needles.push(needles[0].to_uppercase());
    needles
}

/// Logins, sends, refusals and a displacement.
pub(crate) async fn exercise(relay: SocketAddr) -> SigningKey {
    let key = SigningKey::from_bytes(&[0x5A; 32]);
    let mut owners = Vec::new();
    for transport in [Transport::WebSocket, Transport::LongPoll] {
        let mut owner = Lane::open(relay, transport).await;
        owner.log_in(&key, 0).await;
        owner.ask(tokens([9; 16])).await;
        let mut sender = Lane::open(relay, transport).await;
        for bearer in [[9; 16], [0; 16]] {
            sender
                .ask(send(mailbox_of(&key), 0xA7, bearer, &[1; 512]))
                .await;
        }
        owners.push(owner);
    }
    while !matches!(owners[0].unasked().await, Some(Body::Closing(_))) {}
    for path in [
        "/nothing",
        "/v1/blobs/00112233445566778899aabbccddeeff",
        "/v1/ws",
    ] {
        get(relay, path).await;
    }
    key
}

#[tokio::test(flavor = "multi_thread")]
async fn metrics_count_and_name_nobody() {
    let relay = TestRelay::start().await;
    let key = exercise(relay.address()).await;
    let metrics = get(relay.relay.admin_addr().unwrap(), "/metrics").await;
    let text = std::str::from_utf8(metrics.body()).unwrap();
    for counted in [
        "frames_in_total",
        "frames_out_total",
        "commits_total",
        "commit_seconds_count",
    ] {
        let line = text
            .lines()
            .find(|line| line.starts_with(&format!("undertone_relay_{counted} ")));
        let value: f64 = line.unwrap().rsplit(' ').next().unwrap().parse().unwrap();
        assert!(value > 0.0, "{counted}");
    }
    for needle in needles(mailbox_of(&key).as_bytes(), relay.address().port()) {
        assert!(!text.contains(&needle), "{needle} in metrics");
    }
    for line in text.lines().filter(|line| !line.starts_with('#')) {
        let labels = line
            .split_once('{')
            .map(|(_, rest)| rest.split('=').next().unwrap());
        assert!(
            matches!(labels, None | Some("le" | "reason")),
            "a label that is neither a bucket nor a reason: {line}"
        );
    }
}

/// The value of a metric.
async fn metric(relay: &Relay, name: &str) -> f64 {
    let metrics = get(relay.admin_addr().unwrap(), "/metrics").await;
    let text = std::str::from_utf8(metrics.body()).unwrap();
    let start = format!("undertone_relay_{name} ");
    let line = text.lines().find(|line| line.starts_with(&start));
    line.unwrap().rsplit(' ').next().unwrap().parse().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn refusals_deliveries_and_acks_are_counted() {
    let dir = tempfile::tempdir().unwrap();
    let slow = Config {
        source_requests_per_second: 1,
        ..config(dir.path())
    };
    let relay = Relay::start(slow).await.unwrap();
    let key = SigningKey::from_bytes(&[1; 32]);
    let mut lane = Lane::open(relay.local_addr(), Transport::WebSocket).await;
    lane.log_in(&key, 0).await;
    lane.ask(tokens([9; 16])).await;
    lane.ask(send(mailbox_of(&key), 1, [9; 16], &[1; 512]))
        .await;
    lane.ask(send(mailbox_of(&key), 2, [0; 16], &[1; 512]))
        .await;
    let seq = loop {
        if let Some(Body::Deliver(deliver)) = lane.unasked().await {
            break deliver.seq;
        }
    };
    lane.ask(Body::Ack(Ack { up_to_seq: seq })).await;
    assert_eq!(metric(&relay, "delivered_total").await, 1.0);
    assert_eq!(metric(&relay, "acked_total").await, 1.0);
    assert_eq!(metric(&relay, "expired_total").await, 0.0);
    assert!(metric(&relay, "sync_seconds_count").await > 0.0);
    let denied = "refused_total{reason=\"denied\"}";
    assert_eq!(metric(&relay, denied).await, 1.0);
    // HTTP requests have their rate as well: ten at once, then one a second.
    let mut refused = 0;
    while refused == 0 {
        refused += u32::from(get(relay.local_addr(), "/").await.status() == 429);
    }
    let limited = "refused_total{reason=\"rate_limited\"}";
    assert!(metric(&relay, limited).await >= 1.0);
}
