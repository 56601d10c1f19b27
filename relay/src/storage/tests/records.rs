//! Records: compare-and-set, also under contention.

use std::sync::Mutex;

use bytes::Bytes;
use undertone_wire::RecordId;

use super::{DAY, Engine, START, batch};
use crate::storage::{RECORD_TTL_MS, RecordPut, RecordState, Retention, Storage};

const ID: RecordId = RecordId::from_bytes([3; 16]);

fn put(storage: &mut dyn Storage, expected: u64, value: &'static [u8]) -> RecordPut {
    let value = Bytes::from_static(value);
    storage
        .put_record(ID, expected, Some(&value), START)
        .unwrap()
}

fn state(version: u64, value: &'static [u8]) -> RecordState {
    RecordState {
        version,
        value: Some(Bytes::from_static(value)),
    }
}

pub(super) fn compare_and_set(engine: &mut dyn Engine) {
    batch(engine, |storage| {
        assert_eq!(storage.record(ID).unwrap(), RecordState::default());
        let none = RecordPut::Conflict(RecordState::default());
        assert_eq!(put(storage, 1, b"a"), none);
        assert_eq!(put(storage, 0, b"a"), RecordPut::Stored(1));
        assert_eq!(put(storage, 0, b"b"), RecordPut::Conflict(state(1, b"a")));
        assert_eq!(put(storage, 1, b"b"), RecordPut::Stored(2));
    });
    engine.restart(START);
    assert_eq!(engine.storage().record(ID).unwrap(), state(2, b"b"));
}

pub(super) fn s13_contended_compare_and_set_loses_no_update(engine: &mut dyn Engine) {
    let shared = Mutex::new(engine);
    std::thread::scope(|scope| {
        for _ in 0..6 {
            scope.spawn(|| {
                let mut done = 0;
                while done < 15 {
                    let before = {
                        let mut engine = shared.lock().unwrap();
                        batch(*engine, |storage| storage.record(ID).unwrap())
                    };
                    let sum = before.value.map_or(0, |value| value[0]);
                    let value = Bytes::from(vec![sum + 1]);
                    let mut engine = shared.lock().unwrap();
                    let put = batch(*engine, |storage| {
                        storage.put_record(ID, before.version, Some(&value), START)
                    });
                    // A put of the same value on the same version is a repetition to the store: 90 distinct sums.
                    match put.unwrap() {
                        RecordPut::Stored(version) if version == u64::from(sum) + 1 => done += 1,
                        RecordPut::Stored(_) | RecordPut::Conflict(_) => {}
                    }
                }
            });
        }
    });
    let engine = shared.into_inner().unwrap();
    let last = engine.storage().record(ID).unwrap();
    assert_eq!(last.version, u64::from(last.value.unwrap()[0]));
}

pub(super) fn a_repeated_put_is_the_same_put(engine: &mut dyn Engine) {
    batch(engine, |storage| {
        assert_eq!(put(storage, 0, b"a"), RecordPut::Stored(1));
        assert_eq!(put(storage, 0, b"a"), RecordPut::Stored(1));
        assert_eq!(storage.record(ID).unwrap().version, 1);
        assert_eq!(put(storage, 1, b"b"), RecordPut::Stored(2));
        assert_eq!(put(storage, 0, b"a"), RecordPut::Conflict(state(2, b"b")));
    });
}

pub(super) fn a_deleted_record_keeps_its_version(engine: &mut dyn Engine) {
    batch(engine, |storage| {
        let none = RecordPut::Conflict(RecordState::default());
        assert_eq!(storage.put_record(ID, 0, None, START).unwrap(), none);
        put(storage, 0, b"a");
        let stale = storage.put_record(ID, 0, None, START).unwrap();
        assert_eq!(stale, RecordPut::Conflict(state(1, b"a")));
        let deleted = storage.put_record(ID, 1, None, START).unwrap();
        assert_eq!(deleted, RecordPut::Stored(2));
        let again = storage.put_record(ID, 1, None, START).unwrap();
        assert_eq!(again, RecordPut::Stored(2));
    });
    engine.restart(START);
    batch(engine, |storage| {
        let gone = RecordState {
            version: 2,
            value: None,
        };
        assert_eq!(storage.record(ID).unwrap(), gone);
        assert_eq!(storage.totals().unwrap().records, 0);
        // The first value's signature brings nothing back.
        assert_eq!(put(storage, 0, b"a"), RecordPut::Conflict(gone));
        assert_eq!(put(storage, 2, b"new"), RecordPut::Stored(3));
    });
}

pub(super) fn old_records_are_removed(engine: &mut dyn Engine) {
    batch(engine, |storage| {
        put(storage, 0, b"a");
        storage
            .sweep(START.plus(RECORD_TTL_MS), &Retention::default(), 100)
            .unwrap();
        assert_eq!(storage.record(ID).unwrap().version, 1);
        storage
            .sweep(START.plus(RECORD_TTL_MS + DAY), &Retention::default(), 100)
            .unwrap();
        assert_eq!(storage.record(ID).unwrap().version, 0);
    });
}
