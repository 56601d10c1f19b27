//! A store that is full: what grows is refused by name, what shrinks works, and afterwards everything does again.

use ed25519_dalek::SigningKey;
use undertone_relay::{Config, Relay};
use undertone_wire::{Ack, ErrorCode, frame::Body};

use super::{
    client::{Lane, Transport, config, mailbox_of, send, tokens},
    http::request,
};

#[tokio::test(flavor = "multi_thread")]
async fn a_full_store_refuses_what_grows_and_recovers_by_acks() {
    let dir = tempfile::tempdir().unwrap();
    let small = Config {
        store_quota_mib: Some(1),
        limit_rates: false,
        ..config(dir.path())
    };
    let relay = Relay::start(small).await.unwrap();
    let key = SigningKey::from_bytes(&[1; 32]);
    let mut owner = Lane::open(relay.local_addr(), Transport::WebSocket).await;
    owner.log_in(&key, 0).await;
    owner.ask(tokens([9; 16])).await;
    let mut sender = Lane::open(relay.local_addr(), Transport::WebSocket).await;
    let envelope = vec![7; 65_536];
    let mut stored = 0;
    let refused = loop {
        match sender
            .ask(send(mailbox_of(&key), stored, [9; 16], &envelope))
            .await
        {
            Body::Sent(_) => stored += 1,
            other => break other,
        }
    };
    assert!(
        matches!(&refused, Body::Failure(f) if f.code() == ErrorCode::StorageFull),
        "{refused:?}"
    );
    assert!(stored > 4);
    let headers = [("upload-length", "10")];
    let blob = request(relay.local_addr(), "POST", "/v1/blobs", &headers, "").await;
    assert_eq!(blob.status(), 507);

    assert!(matches!(owner.unasked().await, Some(Body::CaughtUp(_))));
    let mut last = 0;
    for _ in 0..stored {
        let Some(Body::Deliver(delivered)) = owner.unasked().await else {
            panic!("lost")
        };
        last = delivered.seq;
    }
    assert!(matches!(
        owner.ask(Body::Ack(Ack { up_to_seq: last })).await,
        Body::Done(_)
    ));
    let again = sender
        .ask(send(mailbox_of(&key), 200, [9; 16], &envelope))
        .await;
    assert!(matches!(again, Body::Sent(_)), "{again:?}");
}
