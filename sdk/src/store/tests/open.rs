//! Opening: what is refused, why, and that refusing changes nothing.

use std::fs::{self, OpenOptions};
use std::io::{Seek, SeekFrom, Write};
use std::process::Command;

use tempfile::TempDir;

use super::support::*;
use crate::store::*;

const CHILD: &str = "UNDERTONE_TEST_OPEN";

/// A folder as a kill leaves it: the newest commits only in the write-ahead log.
fn killed_with_a_message() -> TempDir {
    let mut fixture = Fixture::new();
    fixture.write(|tx| {
        let peer = peer(tx, 1);
        tx.messages().insert(&message(&peer, 1, "kept")).unwrap();
    });
    let copy = fixture.killed();
    assert!(
        files(copy.path())
            .iter()
            .any(|(name, bytes)| name.ends_with("-wal") && !bytes.is_empty())
    );
    copy
}

fn open(folder: &TempDir) -> Result<Store, OpenError> {
    Store::open(&path(folder), &key())
}

fn conversations(store: &mut Store) -> usize {
    store
        .transaction()
        .unwrap()
        .conversations()
        .list(false, None, 10)
        .unwrap()
        .len()
}

fn damage(folder: &TempDir, offset: u64) {
    let mut file = OpenOptions::new()
        .read(true)
        .write(true)
        .open(path(folder))
        .unwrap();
    file.seek(SeekFrom::Start(offset)).unwrap();
    let mut byte = [0];
    std::io::Read::read_exact(&mut file, &mut byte).unwrap();
    file.seek(SeekFrom::Start(offset)).unwrap();
    file.write_all(&[byte[0] ^ 0x40]).unwrap();
}

/// A store of one file, and its size.
fn closed() -> (TempDir, u64) {
    let folder = killed_with_a_message();
    open(&folder).unwrap().close().unwrap();
    let len = fs::metadata(path(&folder)).unwrap().len();
    (folder, len)
}

#[test]
fn a_wrong_key_is_told_and_changes_nothing() {
    let folder = killed_with_a_message();
    let before = files(folder.path());
    let wrong = Store::open(&path(&folder), &StoreKey::new(&[8; 32]));
    assert!(matches!(wrong, Err(OpenError::WrongKey)));
    assert!(files(folder.path()) == before);
    assert_eq!(conversations(&mut open(&folder).unwrap()), 1);
}

#[test]
fn commits_survive_a_kill_and_open_transactions_do_not() {
    let mut fixture = Fixture::new();
    fixture.write(|tx| {
        peer(tx, 1);
    });
    let tx = fixture.store.transaction().unwrap();
    peer(&tx, 2);
    // The copy is taken while the second transaction is open.
    let copy = TempDir::new().unwrap();
    for (name, bytes) in files(fixture.folder.path()) {
        fs::write(copy.path().join(name), bytes).unwrap();
    }
    drop(tx);
    assert_eq!(conversations(&mut open(&copy).unwrap()), 1);
    assert_eq!(conversations(&mut fixture.store), 1);
}

#[test]
fn a_newer_schema_is_refused_unchanged() {
    let fixture = Fixture::new();
    fixture
        .store
        .connection
        .pragma_update(None, "user_version", SCHEMA_VERSION + 1)
        .unwrap();
    let folder = fixture.killed();
    let before = files(folder.path());
    let found = SCHEMA_VERSION + 1;
    let refused = open(&folder);
    assert!(
        matches!(refused, Err(OpenError::NewerSchema { found: it, supported: SCHEMA_VERSION }) if it == found)
    );
    drop(refused);
    assert!(files(folder.path()) == before);
}

#[test]
fn tables_of_no_release_are_refused_unchanged() {
    for (change, version) in [
        (
            "ALTER TABLE contact ADD COLUMN unheard_of TEXT",
            SCHEMA_VERSION,
        ),
        ("DROP TABLE parked", SCHEMA_VERSION),
        ("PRAGMA user_version = 0", 0),
    ] {
        let fixture = Fixture::new();
        fixture.store.connection.execute_batch(change).unwrap();
        let folder = fixture.killed();
        let before = files(folder.path());
        let refused = open(&folder);
        assert!(
            matches!(refused, Err(OpenError::UnknownSchema { found }) if found == version),
            "{change}"
        );
        drop(refused);
        assert!(files(folder.path()) == before, "{change}");
    }
}

#[test]
fn damage_anywhere_is_found_and_nothing_is_deleted() {
    let (sound, len) = closed();
    open(&sound).unwrap().verify().unwrap();
    for page in 0..len / 4_096 {
        let (folder, _) = closed();
        damage(&folder, page * 4_096 + 2_000);
        let before = files(folder.path());
        let found = match open(&folder) {
            Err(error) => {
                assert!(matches!(error, OpenError::Corrupt), "page {page}: {error}");
                assert!(files(folder.path()) == before, "page {page}");
                continue;
            }
            Ok(mut store) => store.verify(),
        };
        assert_eq!(found, Err(StoreError::Corrupt), "page {page}");
        assert_eq!(fs::metadata(path(&folder)).unwrap().len(), len);
    }
}

#[test]
fn the_first_page_tells_damage_from_a_wrong_key() {
    let (folder, _) = closed();
    damage(&folder, 100);
    assert!(matches!(open(&folder), Err(OpenError::Corrupt)));
    // The first 16 bytes are what the key is recognised by.
    let (folder, _) = closed();
    damage(&folder, 3);
    assert!(matches!(open(&folder), Err(OpenError::WrongKey)));
}

#[test]
fn a_truncated_file_is_damage() {
    for keep in [5, 4_096, 4_096 * 10] {
        let (folder, _) = closed();
        OpenOptions::new()
            .write(true)
            .open(path(&folder))
            .unwrap()
            .set_len(keep)
            .unwrap();
        let before = files(folder.path());
        match open(&folder) {
            Err(error) => {
                assert!(matches!(error, OpenError::Corrupt), "{keep}: {error}");
                assert!(files(folder.path()) == before, "{keep}");
            }
            Ok(mut store) => assert_eq!(store.verify(), Err(StoreError::Corrupt), "{keep}"),
        }
    }
}

#[test]
fn a_file_that_is_no_store_is_left_alone() {
    let folder = TempDir::new().unwrap();
    fs::write(
        path(&folder),
        "My shopping list, which is longer than sixteen bytes.",
    )
    .unwrap();
    let before = files(folder.path());
    assert!(matches!(open(&folder), Err(OpenError::WrongKey)));
    assert!(files(folder.path()) == before);
}

#[test]
fn an_empty_file_becomes_a_store() {
    let folder = TempDir::new().unwrap();
    fs::write(path(&folder), "").unwrap();
    assert_eq!(conversations(&mut open(&folder).unwrap()), 0);
}

#[test]
fn a_second_handle_is_refused_until_the_first_closes() {
    let fixture = Fixture::new();
    assert!(matches!(
        Store::open(&fixture.path(), &key()),
        Err(OpenError::InUse)
    ));
    let Fixture { store, folder } = fixture;
    drop(store);
    open(&folder).unwrap();
}

#[test]
fn another_process_is_refused() {
    let fixture = Fixture::new();
    let name = "store::tests::open::opens_for_another_process";
    let output = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", name, "--nocapture"])
        .env(CHILD, fixture.path())
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(
        text.contains("child: the store is open elsewhere"),
        "{text}"
    );
}

/// The other process of the test above; by itself it does nothing.
#[test]
fn opens_for_another_process() {
    if let Some(path) = std::env::var_os(CHILD) {
        match Store::open(path.as_ref(), &key()) {
            Ok(_) => println!("child: opened"),
            Err(error) => println!("child: {error}"),
        }
    }
}

#[test]
fn a_missing_folder_is_an_io_error() {
    let folder = TempDir::new().unwrap();
    let missing = folder.path().join("missing").join("store.db");
    assert!(matches!(
        Store::open(&missing, &key()),
        Err(OpenError::Io(_))
    ));
}

#[test]
fn two_stores_with_one_key_differ() {
    let (first, second) = (Fixture::new(), Fixture::new());
    assert_ne!(
        fs::read(first.path()).unwrap()[..16],
        fs::read(second.path()).unwrap()[..16]
    );
}

#[test]
fn the_store_is_set_up_as_documented() {
    let fixture = Fixture::with(StoreOptions::default());
    let connection = &fixture.store.connection;
    let number = |name: &str| -> i64 {
        connection
            .pragma_query_value(None, name, |row| row.get(0))
            .unwrap()
    };
    let text = |name: &str| -> String {
        connection
            .pragma_query_value(None, name, |row| row.get(0))
            .unwrap()
    };
    assert_eq!(text("journal_mode"), "wal");
    assert_eq!(number("synchronous"), 2);
    assert_eq!(number("secure_delete"), 1);
    assert_eq!(number("foreign_keys"), 1);
    assert_eq!(number("temp_store"), 2);
    assert_eq!(text("locking_mode"), "exclusive");
    assert_eq!(text("cipher_memory_security"), "0");
    let tables: i64 = connection
        .query_row(
            "SELECT count(*) FROM pragma_table_list
             WHERE schema = 'main' AND type = 'table' AND NOT strict AND name NOT LIKE 'sqlite_%'",
            [],
            |row| row.get(0),
        )
        .unwrap();
    assert_eq!(tables, 0);
    let secure: i64 = connection
        .query_row(
            "SELECT v FROM message_fts_config WHERE k = 'secure-delete'",
            [],
            |row| row.get(0),
        )
        .unwrap();
    assert_eq!(secure, 1);
}
