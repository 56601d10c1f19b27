//! The index of blobs.

use undertone_wire::BlobId;

use super::{DAY, Engine, MINUTE, START, batch};
use crate::storage::{BlobAdvance, BlobCreate, BlobEntry, Timestamp};

const QUOTA: u64 = 1_000;

fn id(n: u8) -> BlobId {
    BlobId::from_bytes([n; 16])
}

fn entry(length: u64, expires: Timestamp) -> BlobEntry {
    BlobEntry {
        length,
        received: 0,
        secret_hash: [9; 32],
        expires: Timestamp(expires.minutes() * MINUTE),
    }
}

pub(super) fn quota_is_reserved_at_creation(engine: &mut dyn Engine) {
    let later = START.plus(DAY);
    batch(engine, |storage| {
        let mut create = |n, length| {
            storage
                .create_blob(id(n), &entry(length, later), QUOTA)
                .unwrap()
        };
        assert_eq!(create(1, 600), BlobCreate::Created);
        assert_eq!(create(1, 1), BlobCreate::Exists);
        assert_eq!(create(2, 401), BlobCreate::Full);
        assert_eq!(create(3, 400), BlobCreate::Created);
    });
    engine.restart(START);
    batch(engine, |storage| {
        assert_eq!(storage.blob_bytes().unwrap(), 1_000);
        assert!(storage.delete_blob(id(1)).unwrap());
        assert!(!storage.delete_blob(id(1)).unwrap());
        assert_eq!(storage.blob_bytes().unwrap(), 400);
        assert_eq!(storage.blob(id(3)).unwrap(), Some(entry(400, later)));
        assert_eq!(storage.blob(id(1)).unwrap(), None);
        assert_eq!(storage.totals().unwrap().blobs, 1);
    });
}

pub(super) fn the_offset_moves_only_from_where_it_is(engine: &mut dyn Engine) {
    let (day, month) = (START.plus(DAY), START.plus(30 * DAY));
    batch(engine, |storage| {
        storage.create_blob(id(1), &entry(100, day), QUOTA).unwrap();
        let mut advance = |from, to| storage.advance_blob(id(1), from, to, month).unwrap();
        assert_eq!(advance(0, 60), BlobAdvance::Advanced);
        assert_eq!(advance(0, 60), BlobAdvance::Conflict(60));
        assert_eq!(advance(60, 50), BlobAdvance::Conflict(60));
        assert_eq!(advance(60, 101), BlobAdvance::Conflict(60));
        assert_eq!(advance(60, 100), BlobAdvance::Advanced);
        let unknown = storage.advance_blob(id(2), 0, 1, month).unwrap();
        assert_eq!(unknown, BlobAdvance::NoBlob);
    });
    let done = engine.storage().blob(id(1)).unwrap().unwrap();
    assert_eq!(done.received, done.length);
    assert_eq!(done.expires.minutes(), month.minutes());
}

pub(super) fn expired_blobs_are_listed_soonest_first(engine: &mut dyn Engine) {
    batch(engine, |storage| {
        for (n, minutes) in [(1, 30), (2, 10), (3, 20)] {
            let expires = START.plus(minutes * MINUTE);
            storage
                .create_blob(id(n), &entry(10, expires), QUOTA)
                .unwrap();
        }
        let mut due = |minutes, limit| {
            storage
                .expired_blobs(START.plus(minutes * MINUTE), limit)
                .unwrap()
        };
        assert!(due(9, 10).is_empty());
        assert_eq!(due(25, 10), [id(2), id(3)]);
        assert_eq!(due(60, 1), [id(2)]);
        assert_eq!(due(60, 10), [id(2), id(3), id(1)]);
    });
}
