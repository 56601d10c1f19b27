//! Records through the service.

use bytes::Bytes;
use ed25519_dalek::SigningKey;
use undertone_wire::frame::Body;
use undertone_wire::limits::MAX_RECORD_BYTES;
use undertone_wire::signed::{DeleteRecordBody, PutRecordBody, SignedBody};
use undertone_wire::{
    DeleteRecord, Done, ErrorCode, Frame, GetRecord, PutRecord, Record, RecordId,
};

use super::Relay;

fn key() -> SigningKey {
    SigningKey::from_bytes(&[11; 32])
}

fn public() -> [u8; 32] {
    key().verifying_key().to_bytes()
}

fn put(expected_version: u64, value: &[u8]) -> PutRecord {
    let body = PutRecordBody {
        write_key: &public(),
        expected_version,
        value,
    };
    PutRecord {
        write_key: Bytes::copy_from_slice(&public()),
        expected_version,
        value: Bytes::copy_from_slice(value),
        signature: Bytes::copy_from_slice(&body.sign(&key())),
    }
}

fn delete(expected_version: u64) -> DeleteRecord {
    let body = DeleteRecordBody {
        write_key: &public(),
        expected_version,
    };
    DeleteRecord {
        write_key: Bytes::copy_from_slice(&public()),
        expected_version,
        signature: Bytes::copy_from_slice(&body.sign(&key())),
    }
}

fn get() -> Body {
    Body::GetRecord(GetRecord {
        id: RecordId::of_write_key(&public()).to_field(),
    })
}

fn record(version: u64, value: &[u8]) -> Record {
    Record {
        version,
        value: Bytes::copy_from_slice(value),
    }
}

#[test]
fn a_record_is_written_by_its_key_and_read_by_its_id() {
    let mut relay = Relay::new();
    let conn = relay.connect();
    assert_eq!(relay.refused(conn, get()), ErrorCode::NotFound);
    let stored = relay.ask(conn, Body::PutRecord(put(0, b"one")));
    assert_eq!(stored, Body::Record(record(1, b"one")));
    assert_eq!(relay.ask(conn, get()), Body::Record(record(1, b"one")));
    // A lost answer: the same again is the same.
    let again = relay.ask(conn, Body::PutRecord(put(0, b"one")));
    assert_eq!(again, stored);
}

#[test]
fn a_conflict_returns_what_stands() {
    let mut relay = Relay::new();
    let conn = relay.connect();
    relay.ask(conn, Body::PutRecord(put(0, b"one")));
    let failure = relay.failure(conn, Body::PutRecord(put(0, b"two")));
    assert_eq!(failure.code(), ErrorCode::Conflict);
    assert_eq!(failure.current, Some(record(1, b"one")));
    let failure = relay.failure(conn, Body::DeleteRecord(delete(7)));
    assert_eq!(failure.current, Some(record(1, b"one")));
}

/// C9: a frame in which a field comes twice. Its encoding allows that and the last counts, also for the signature.
#[test]
fn c9_what_comes_twice_is_verified_as_it_is_used() {
    let mut relay = Relay::new();
    let conn = relay.connect();
    let frame = |put: PutRecord| Frame {
        request_id: 0,
        body: Some(Body::PutRecord(put)),
    };
    let only_value = PutRecord {
        value: Bytes::from_static(b"two"),
        ..PutRecord::default()
    };
    let both = [
        frame(put(0, b"one")).to_bytes().unwrap(),
        frame(only_value).to_bytes().unwrap(),
    ];
    let Some(Body::PutRecord(twice)) = Frame::from_bytes(both.concat().into()).unwrap().body else {
        panic!("another frame")
    };
    assert_eq!(&*twice.value, b"two");
    let refused = relay.refused(conn, Body::PutRecord(twice));
    assert_eq!(refused, ErrorCode::BadSignature);
    assert_eq!(relay.refused(conn, get()), ErrorCode::NotFound);
}

#[test]
fn s13_a_signature_covers_version_and_value() {
    let mut relay = Relay::new();
    let conn = relay.connect();
    let good = put(0, b"one");
    let swapped = PutRecord {
        value: Bytes::from_static(b"two"),
        ..good.clone()
    };
    let other_version = PutRecord {
        expected_version: 1,
        ..good.clone()
    };
    let other_key = PutRecord {
        write_key: Bytes::copy_from_slice(
            &SigningKey::from_bytes(&[12; 32]).verifying_key().to_bytes(),
        ),
        ..good.clone()
    };
    for bad in [swapped, other_version, other_key] {
        let refused = relay.refused(conn, Body::PutRecord(bad));
        assert_eq!(refused, ErrorCode::BadSignature);
    }
    let as_delete = DeleteRecord {
        write_key: good.write_key,
        expected_version: 0,
        signature: good.signature,
    };
    let refused = relay.refused(conn, Body::DeleteRecord(as_delete));
    assert_eq!(refused, ErrorCode::BadSignature);
}

#[test]
fn a_deleted_record_is_not_found_and_no_replay_brings_it_back() {
    let mut relay = Relay::new();
    let conn = relay.connect();
    let first = put(0, b"one");
    relay.ask(conn, Body::PutRecord(first.clone()));
    assert_eq!(
        relay.ask(conn, Body::DeleteRecord(delete(1))),
        Body::Done(Done {})
    );
    assert_eq!(relay.refused(conn, get()), ErrorCode::NotFound);
    let replayed = relay.failure(conn, Body::PutRecord(first));
    assert_eq!(replayed.code(), ErrorCode::Conflict);
    assert_eq!(replayed.current, Some(record(2, b"")));
    let anew = relay.ask(conn, Body::PutRecord(put(2, b"three")));
    assert_eq!(anew, Body::Record(record(3, b"three")));
}

#[test]
fn what_does_not_fit_is_refused() {
    let mut relay = Relay::new();
    let conn = relay.connect();
    let large = put(0, &vec![1; MAX_RECORD_BYTES + 1]);
    let refused = relay.refused(conn, Body::PutRecord(large));
    assert_eq!(refused, ErrorCode::TooLarge);
    let refused = relay.refused(conn, Body::PutRecord(put(0, b"")));
    assert_eq!(refused, ErrorCode::Malformed);
    let refused = relay.refused(conn, Body::DeleteRecord(delete(1)));
    assert_eq!(refused, ErrorCode::NotFound);
    let largest = put(0, &vec![1; MAX_RECORD_BYTES]);
    assert!(matches!(
        relay.ask(conn, Body::PutRecord(largest)),
        Body::Record(_)
    ));
}
