//! Stopping: clients are told, what was acknowledged is there afterwards, and the directory is free again.

use ed25519_dalek::SigningKey;
use futures_util::StreamExt;
use tokio::net::TcpStream;
use tokio_tungstenite::{
    client_async,
    tungstenite::{Message, protocol::frame::coding::CloseCode},
};
use undertone_relay::{Relay, StartError};
use undertone_wire::{ErrorCode, Frame, frame::Body};

use super::client::{
    Lane, TestRelay, Transport, config, mailbox_of, send, tokens, websocket_request,
};

#[tokio::test(flavor = "multi_thread")]
async fn clients_get_their_answers_then_a_reason_then_a_restart_code() {
    let relay = TestRelay::start().await;
    let socket = TcpStream::connect(relay.address()).await.unwrap();
    let request = websocket_request(relay.address());
    let (mut socket, _) = client_async(request, socket).await.unwrap();
    let hello = socket.next().await.unwrap().unwrap();
    assert!(matches!(hello, Message::Binary(_)));
    let stopping = tokio::spawn(relay.relay.shutdown());
    let Message::Binary(last) = socket.next().await.unwrap().unwrap() else {
        panic!("no frame")
    };
    let Some(Body::Closing(closing)) = Frame::from_bytes(last).unwrap().body else {
        panic!("no Closing")
    };
    assert_eq!(closing.reason(), ErrorCode::Busy);
    assert!(closing.retry_after_ms > 0);
    let Message::Close(Some(close)) = socket.next().await.unwrap().unwrap() else {
        panic!("no close")
    };
    assert_eq!(close.code, CloseCode::Restart);
    stopping.await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_acknowledged_is_there_after_a_restart() {
    let relay = TestRelay::start().await;
    let key = SigningKey::from_bytes(&[1; 32]);
    let mut owner = Lane::open(relay.address(), Transport::WebSocket).await;
    owner.log_in(&key, 0).await;
    owner.ask(tokens([9; 16])).await;
    drop(owner);
    let mut sender = Lane::open(relay.address(), Transport::WebSocket).await;
    for id in 0..20 {
        let sent = sender
            .ask(send(mailbox_of(&key), id, [9; 16], &[id; 512]))
            .await;
        assert!(matches!(sent, Body::Sent(_)));
    }
    let epoch = sender.hello.store_epoch.clone();
    let relay = relay.restart().await;
    let mut owner = Lane::open(relay.address(), Transport::WebSocket).await;
    assert_eq!(owner.hello.store_epoch, epoch);
    owner.log_in(&key, 0).await;
    for id in 0..20 {
        let Some(Body::Deliver(delivered)) = owner.unasked().await else {
            panic!("lost")
        };
        assert_eq!(delivered.envelope[0], id);
    }
    assert!(matches!(owner.unasked().await, Some(Body::CaughtUp(_))));
}

#[tokio::test(flavor = "multi_thread")]
async fn one_relay_at_a_time_runs_on_a_directory() {
    let relay = TestRelay::start().await;
    let second = Relay::start(config(relay.dir.path())).await.err().unwrap();
    assert!(matches!(second, StartError::DataDir(_)));
    assert!(second.to_string().contains("another relay"), "{second}");
    relay.restart().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_port_in_use_is_named() {
    let relay = TestRelay::start().await;
    let dir = tempfile::tempdir().unwrap();
    let mut taken = config(dir.path());
    taken.listen = relay.address();
    let refused = Relay::start(taken).await.err().unwrap();
    assert!(matches!(refused, StartError::Bind { .. }));
    assert!(refused.to_string().contains(&relay.address().to_string()));
}
