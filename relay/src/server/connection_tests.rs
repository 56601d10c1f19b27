//! What one connection, and many, may make the relay hold.

use std::sync::atomic::AtomicBool;

use bytes::Bytes;
use ed25519_dalek::SigningKey;
use undertone_wire::{
    GetRecord, Ping, PutRecord, RecordId, StoreEpoch,
    binding::BindingValue,
    signed::{PutRecordBody, SignedBody},
};

use super::*;
use crate::{
    server::{committer::CommittingThread, metrics::Metrics},
    service::{Service, ServiceConfig},
    storage::{Room, Timestamp, memory::MemoryStorage},
};

const INFO: ConnectionInfo = ConnectionInfo {
    source: [0; 16],
    binding: BindingValue::Host([0; 32]),
};

fn request(request_id: u64, body: Body) -> Frame {
    Frame {
        request_id,
        body: Some(body),
    }
}

fn get(id: RecordId) -> Body {
    Body::GetRecord(GetRecord { id: id.to_field() })
}

#[tokio::test]
async fn a_sign_of_life_waits_once_however_often_it_is_given() {
    let committer = Committer::new(usize::MAX);
    let connection = Connection::open(committer.clone(), INFO).await;
    let before = committer.queued();
    for _ in 0..1_000 {
        connection.heard();
    }
    assert_eq!(committer.queued(), before + 1);
}

#[tokio::test]
async fn few_requests_with_large_answers_are_taken_at_a_time() {
    let connection = Connection::open(Committer::new(usize::MAX), INFO).await;
    let mut next = 1;
    while connection.has_room() {
        let body = get(RecordId::from_bytes([1; 16]));
        connection.submit(request(next, body), 30).await;
        next += 1;
    }
    assert_eq!(next, 1 + u64::try_from(limits::LARGE_IN_FLIGHT).unwrap());
    connection.left(1, 0);
    assert!(connection.has_room());
    // Others are only counted.
    for id in 1_000..1_010 {
        let ping = Body::Ping(Ping::default());
        connection.submit(request(id, ping), 30).await;
        assert!(connection.has_room());
    }
}

/// Runs a committing thread over a storage in memory.
fn run(committer: &Arc<Committer>) {
    let storage = MemoryStorage::new(StoreEpoch::from_bytes([1; 16]), Timestamp(0));
    let thread = CommittingThread {
        committer: committer.clone(),
        service: Service::new(ServiceConfig::without_rates(), &mut rand::rng()),
        storage: Box::new(storage),
        metrics: Arc::new(Metrics::new()),
        healthy: Arc::new(AtomicBool::new(true)),
        room: Room::Plenty,
    };
    std::thread::spawn(move || thread.run());
}

fn put(key: &SigningKey, value: &Bytes) -> Body {
    let write_key = key.verifying_key().to_bytes();
    let signed = PutRecordBody {
        write_key: &write_key,
        expected_version: 0,
        value,
    };
    Body::PutRecord(PutRecord {
        write_key: Bytes::copy_from_slice(&write_key),
        expected_version: 0,
        value: value.clone(),
        signature: Bytes::copy_from_slice(&signed.sign(key)),
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn connections_that_read_nothing_hold_a_bounded_memory_together() {
    const MOST: usize = 8 * 1024 * 1024;
    let committer = Committer::new(MOST);
    run(&committer);
    let key = SigningKey::from_bytes(&[1; 32]);
    let record = RecordId::of_write_key(&key.verifying_key().to_bytes());
    let reader = Connection::open(committer.clone(), INFO).await;
    let value = Bytes::from(vec![7; 65_536]);
    reader.submit(request(1, put(&key, &value)), 65_536).await;
    let mut lazy = Vec::new();
    for _ in 0..100 {
        let connection = Connection::open(committer.clone(), INFO).await;
        for id in 1..=8 {
            connection.submit(request(id, get(record)), 30).await;
        }
        lazy.push(connection);
    }
    // Comes after all of them.
    committer.index(|_, _| Ok(())).await.unwrap();
    assert!(committer.waiting.bytes() <= MOST);
    // Whoever reads is served.
    for id in 2..10 {
        reader.submit(request(id, get(record)), 30).await;
        loop {
            let Next::Frame(frame) = reader.next().await else {
                panic!("the reader was closed")
            };
            reader.left(frame.request_id, prost::Message::encoded_len(&frame));
            if frame.request_id == id {
                break;
            }
        }
    }
    drop(lazy);
    committer.index(|_, _| Ok(())).await.unwrap();
    drop(reader);
    committer.index(|_, _| Ok(())).await.unwrap();
    assert_eq!(committer.waiting.bytes(), 0);
    committer.stop();
}
