//! What only the embedded engine can do or suffer: files, schemas, damage, a full disk, copies.

use std::path::{Path, PathBuf};

use bytes::Bytes;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;
use rusqlite::Connection;

use super::{Engine, START, Sqlite, append, batch, mailbox_id, message, queued};
use crate::storage::sqlite::{Durability, SqliteOptions, SqliteStorage};
use crate::storage::{Append, Mailboxes, Room, Storage, StorageError};

fn rng() -> ChaCha8Rng {
    ChaCha8Rng::seed_from_u64(5)
}

fn open(path: &Path) -> Result<SqliteStorage, StorageError> {
    SqliteStorage::open(path, START, &mut rng())
}

fn opened(error: Result<SqliteStorage, StorageError>) -> StorageError {
    match error {
        Ok(_) => panic!("it was opened"),
        Err(error) => error,
    }
}

/// A closed store with one message in mailbox 1.
fn store(folder: &Path) -> PathBuf {
    let path = folder.join("relay.db");
    let mut storage = open(&path).unwrap();
    storage.begin().unwrap();
    storage.open_mailbox(mailbox_id(1), START).unwrap();
    append(&mut storage, 1, message(1, 5_000, START));
    storage.commit().unwrap();
    path
}

#[test]
fn the_file_is_as_decided() {
    let folder = tempfile::tempdir().unwrap();
    let path = store(folder.path());
    let db = Connection::open(path).unwrap();
    let pragma = |name| -> String {
        db.query_row(&format!("PRAGMA {name}"), [], |row| {
            row.get_ref(0).map(|value| match value {
                rusqlite::types::ValueRef::Integer(n) => n.to_string(),
                other => other.as_str().unwrap().to_owned(),
            })
        })
        .unwrap()
    };
    assert_eq!(pragma("page_size"), "16384");
    assert_eq!(pragma("journal_mode"), "wal");
    assert_eq!(pragma("user_version"), "1");
}

#[test]
fn a_newer_schema_is_refused_and_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let path = store(folder.path());
    Connection::open(&path)
        .unwrap()
        .pragma_update(None, "user_version", 7)
        .unwrap();
    let before = std::fs::read(&path).unwrap();
    let error = opened(open(&path));
    assert!(matches!(
        error,
        StorageError::NewerSchema { found: 7, known: 1 }
    ));
    assert_eq!(std::fs::read(&path).unwrap(), before);
}

#[test]
fn another_file_is_no_store_and_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let text = folder.path().join("text");
    std::fs::write(
        &text,
        "this is no database, and long enough to be looked at",
    )
    .unwrap();
    assert!(matches!(opened(open(&text)), StorageError::NotAStore));
    let other = folder.path().join("other.db");
    Connection::open(&other)
        .unwrap()
        .execute_batch("CREATE TABLE t (x)")
        .unwrap();
    let before = std::fs::read(&other).unwrap();
    assert!(matches!(opened(open(&other)), StorageError::NotAStore));
    assert_eq!(std::fs::read(&other).unwrap(), before);
}

#[test]
fn damage_is_reported_and_nothing_deleted() {
    let folder = tempfile::tempdir().unwrap();
    let path = store(folder.path());
    SqliteStorage::verify(&path).unwrap();
    let mut bytes = std::fs::read(&path).unwrap();
    let pages = bytes.len() / 16384;
    for page in 1..pages {
        bytes[page * 16384..page * 16384 + 2_000].fill(0xa5);
    }
    std::fs::write(&path, &bytes).unwrap();
    assert!(matches!(
        SqliteStorage::verify(&path),
        Err(StorageError::Corrupt)
    ));
    let error = open(&path).and_then(|mut storage| {
        storage.begin()?;
        storage.mailbox(mailbox_id(1))?;
        storage.open_mailbox(mailbox_id(2), START)?;
        storage.commit()
    });
    assert!(matches!(error, Err(StorageError::Corrupt)), "{error:?}");
    assert_eq!(std::fs::read(&path).unwrap(), bytes);
}

fn small(path: &Path) -> SqliteStorage {
    let options = SqliteOptions {
        durability: Durability::None,
        max_bytes: Some(1024 * 1024),
    };
    SqliteStorage::open_with(path, options, START, &mut rng()).unwrap()
}

#[test]
fn a_full_store_says_so_loses_nothing_and_can_be_emptied() {
    let folder = tempfile::tempdir().unwrap();
    let mut storage = small(&folder.path().join("relay.db"));
    storage.begin().unwrap();
    storage.open_mailbox(mailbox_id(1), START).unwrap();
    storage.commit().unwrap();
    let mut kept = 0;
    let mut next = 0;
    let error = loop {
        storage.begin().unwrap();
        let appended = (0..4).try_for_each(|_| {
            next += 1;
            let incoming = message(next, 10_000, START);
            let bounds = crate::storage::AppendBounds {
                messages: 10_000,
                bytes: u64::MAX,
                knocks: 0,
            };
            storage
                .append(mailbox_id(1), incoming, bounds)
                .map(|append| assert!(matches!(append, Append::Stored(_))))
        });
        match appended.and_then(|()| storage.commit()) {
            Ok(()) => kept += 4,
            Err(error) => break error,
        }
    };
    assert!(matches!(error, StorageError::Full), "{error:?}");
    storage.rollback();
    assert!(kept > 40);
    assert_eq!(queued(&mut storage, 1).len(), kept);
    assert_eq!(storage.room(), Room::Low);
    storage.begin().unwrap();
    storage.ack(mailbox_id(1), u64::MAX, START).unwrap();
    storage.commit().unwrap();
    assert_eq!(queued(&mut storage, 1).len(), 0);
    assert_eq!(storage.room(), Room::Plenty);
}

#[test]
fn a_copy_made_while_the_relay_runs_is_whole() {
    let mut engine = Sqlite::new();
    let folder = tempfile::tempdir().unwrap();
    let copy = folder.path().join("copy.db");
    batch(&mut engine, |storage| {
        storage.open_mailbox(mailbox_id(1), START).unwrap();
        append(storage, 1, message(1, 10, START));
    });
    SqliteStorage::backup(&engine.path(), &copy).unwrap();
    batch(&mut engine, |storage| {
        append(storage, 1, message(2, 10, START))
    });
    SqliteStorage::verify(&copy).unwrap();
    let mut copied = open(&copy).unwrap();
    assert_eq!(queued(&mut copied, 1).len(), 1);
    assert_eq!(queued(engine.storage(), 1).len(), 2);
    assert_eq!(copied.epoch(), engine.storage().epoch());
}

#[test]
fn a_restored_store_has_a_new_epoch_and_later_sequences() {
    let folder = tempfile::tempdir().unwrap();
    let path = store(folder.path());
    let before = open(&path).unwrap().epoch();
    SqliteStorage::renew_epoch(&path, &mut ChaCha8Rng::seed_from_u64(99)).unwrap();
    let later = START.plus(60 * 60 * 1000);
    let mut storage = SqliteStorage::open(&path, later, &mut rng()).unwrap();
    assert_ne!(storage.epoch(), before);
    storage.begin().unwrap();
    let appended = append(&mut storage, 1, message(2, 10, later));
    assert_eq!(appended, Append::Stored(later.sequence_base()));
}

#[test]
fn the_log_is_written_back_while_commits_go_on() {
    let mut engine = Sqlite::new();
    batch(&mut engine, |storage| {
        storage.open_mailbox(mailbox_id(1), START).unwrap();
    });
    let value = Bytes::from(vec![1; 60_000]);
    let id = undertone_wire::RecordId::from_bytes([1; 16]);
    let mut log = engine.path().into_os_string();
    log.push("-wal");
    let mut shrank = false;
    let mut last = 0;
    // 80 MiB through a log that waits at 32 MiB.
    for version in 0..1_000 {
        batch(&mut engine, |storage| {
            let value = Bytes::from([&value[..], &u32::to_be_bytes(version)].concat());
            let expected = u64::from(version);
            storage
                .put_record(id, expected, Some(&value), START)
                .unwrap();
        });
        let len = std::fs::metadata(&log).unwrap().len();
        assert!(len < 34 * 1024 * 1024);
        shrank |= len < last;
        last = len;
    }
    assert!(shrank);
}
