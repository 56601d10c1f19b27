//! Another key for the store: whole at every moment, and afterwards nothing of the old one.

use std::fs;

use tempfile::TempDir;

#[cfg(target_os = "linux")]
use super::keys::column_key;
#[cfg(target_os = "linux")]
use super::memory::{MaskedKey, burn_stack};
use super::migration::fill;
use super::pages;
use super::support::*;
use super::watched::Observer;
use crate::operation::Unwatched;
use crate::store::migrate::STEPS;
use crate::store::rotate::SEALED;
use crate::store::seal::ColumnKey;
use crate::store::*;

const NEW: [u8; 32] = [8; 32];
const TEXT: &str = "Wir treffen uns in der Straße 東京都";

fn new_key() -> StoreKey {
    StoreKey::new(&NEW)
}

fn filled() -> Fixture {
    let mut fixture = Fixture::new();
    fixture.write(fill);
    fixture
}

/// Whether a store has what [`fill`] wrote, secrets and index included.
fn assert_whole(store: &mut Store) {
    store.verify().unwrap();
    let tx = store.transaction().unwrap();
    let found = tx
        .search(
            &SearchQuery::parse("strasse"),
            &SearchFilter::default(),
            None,
            5,
        )
        .unwrap();
    assert_eq!(found.hits[0].message.message.body, TEXT);
    assert_eq!(
        tx.identity().secrets().unwrap().unwrap().as_slice(),
        b"identity secrets"
    );
    let session = tx.sessions().all().unwrap().remove(0);
    assert_eq!(session.state.as_slice(), b"session state");
    assert_eq!(session.pq_material.as_slice(), b"post-quantum keys");
    let contact = tx.contacts().all().unwrap().remove(0);
    assert_eq!(
        tx.contacts().secrets(&contact).unwrap().unwrap().as_slice(),
        b"contact secrets"
    );
}

fn opens_with(folder: &TempDir, key: &StoreKey, other: &StoreKey) {
    assert!(matches!(
        Store::open(&path(folder), other),
        Err(OpenError::WrongKey)
    ));
    let mut store = Store::open(&path(folder), key).unwrap();
    assert_whole(&mut store);
    store.close().unwrap();
    let names: Vec<String> = files(folder.path()).into_keys().collect();
    assert_eq!(names, ["store.db"]);
}

#[test]
fn a_rotated_store_goes_on_and_opens_with_its_new_key_alone() {
    let mut fixture = filled();
    fixture.store.rotate_key(&new_key(), &Unwatched).unwrap();
    assert!(fixture.store.is_key(&new_key()).unwrap());
    assert!(!fixture.store.is_key(&key()).unwrap());
    assert_whole(&mut fixture.store);
    fixture.write(|tx| tx.meta().put(MetaKey("test.later"), b"later").unwrap());
    // What it writes now is on the disk.
    let killed = fixture.killed();
    let Fixture { store, folder } = fixture;
    store.close().unwrap();
    for folder in [killed, folder] {
        opens_with(&folder, &new_key(), &key());
        let mut store = Store::open(&path(&folder), &new_key()).unwrap();
        let tx = store.transaction().unwrap();
        assert!(tx.meta().get(MetaKey("test.later")).unwrap().is_some());
    }
}

#[test]
fn a_key_that_the_store_has_changes_nothing() {
    let mut fixture = filled();
    fixture.store.checkpoint().unwrap();
    let before = files(fixture.folder.path());
    let watch = Observer::of(fixture.folder.path(), None);
    fixture.store.rotate_key(&key(), &watch).unwrap();
    assert_eq!(files(fixture.folder.path()), before);
    assert!(watch.told.borrow().is_empty());
}

/// R7, for rotation: every state of the folder in between.
#[test]
fn a_kill_at_any_moment_leaves_a_store_that_exactly_one_key_opens() {
    let mut fixture = filled();
    let watch = Observer::of(fixture.folder.path(), None);
    fixture.store.rotate_key(&new_key(), &watch).unwrap();
    let copies = watch.copies.into_inner();
    assert!(copies.len() > SEALED.len());
    // Before the copy is made, in the middle, and when it is whole: the old one.
    for copy in &copies {
        assert!(copy.path().join("store.db-rekey").exists());
        opens_with(copy, &key(), &new_key());
    }
    // The same when the copy has the name.
    let mut fixture = filled();
    let watch = Observer::of(fixture.folder.path(), None);
    fixture.store.rotate_key(&new_key(), &watch).unwrap();
    let last = watch.copies.borrow_mut().pop().unwrap();
    for ending in ["-wal", "-journal"] {
        let _ = fs::remove_file(last.path().join(format!("store.db{ending}")));
    }
    fs::rename(last.path().join("store.db-rekey"), path(&last)).unwrap();
    opens_with(&last, &new_key(), &key());
}

#[test]
fn a_cancelled_rotation_has_changed_nothing() {
    for at in 1.. {
        let mut fixture = filled();
        let watch = Observer::of(fixture.folder.path(), Some(at));
        match fixture.store.rotate_key(&new_key(), &watch) {
            Err(RotateError::Cancelled) => {}
            other => {
                other.unwrap();
                assert!(at > SEALED.len());
                return;
            }
        }
        assert!(fixture.store.is_key(&key()).unwrap());
        fixture.write(|tx| tx.meta().put(MetaKey("test.later"), b"later").unwrap());
        assert!(fixture.path().with_extension("db-wal").exists());
        let Fixture { store, folder } = fixture;
        store.close().unwrap();
        opens_with(&folder, &key(), &new_key());
    }
}

#[test]
fn a_copy_that_cannot_be_made_leaves_the_old_key() {
    let mut fixture = filled();
    fs::create_dir(fixture.folder.path().join("store.db-rekey")).unwrap();
    let failed = fixture.store.rotate_key(&new_key(), &Unwatched);
    assert!(matches!(failed, Err(RotateError::Copy(_))), "{failed:?}");
    assert!(fixture.store.is_key(&key()).unwrap());
    assert_whole(&mut fixture.store);
}

#[test]
fn nothing_is_left_that_the_old_key_reads() {
    let mut fixture = filled();
    fixture.store.checkpoint().unwrap();
    let needle = "東京都".as_bytes();
    let old_pages = |bytes: &[u8]| pages::occurrences(&pages::of_file(&KEY, bytes), needle);
    let before = fs::read(fixture.path()).unwrap();
    assert!(old_pages(&before) > 0, "the search finds it");
    // Another name for the blocks of the old file.
    let aside = fixture.folder.path().join("aside");
    fs::hard_link(fixture.path(), &aside).unwrap();
    fixture.store.rotate_key(&new_key(), &Unwatched).unwrap();
    let old_file = fs::read(&aside).unwrap();
    assert!(!old_file.is_empty() && old_file.iter().all(|byte| *byte == 0));
    fs::remove_file(aside).unwrap();
    fixture.store.checkpoint().unwrap();
    let after = files(fixture.folder.path());
    for (name, bytes) in after {
        assert!(name == "store.db" || bytes.is_empty(), "{name}");
    }
    let now = fs::read(fixture.path()).unwrap();
    assert!(pages::occurrences(&pages::of_file(&NEW, &now), needle) > 0);
}

#[test]
fn secrets_are_sealed_under_another_column_key() {
    let mut fixture = filled();
    fixture.write(|tx| {
        tx.meta()
            .put_secret(MetaKey("test.secret"), b"hush")
            .unwrap()
    });
    let killed = fixture.killed();
    fixture.store.rotate_key(&new_key(), &Unwatched).unwrap();
    let old = Store::open(&path(&killed), &key()).unwrap();
    let readable = |key: &ColumnKey| {
        let sealed = SEALED.iter().filter(|column| {
            let rows = column.page(&fixture.store.connection, i64::MIN).unwrap();
            assert!(!rows.is_empty(), "{}", column.table);
            let opened = rows
                .iter()
                .filter_map(|(_, sealed, row)| column.resealed(key, key, sealed, row).ok()?);
            opened.count() > 0
        });
        sealed.map(|column| column.table).collect::<Vec<_>>()
    };
    assert_eq!(readable(&old.column_key), Vec::<&str>::new());
    assert_eq!(readable(&fixture.store.column_key).len(), SEALED.len());
}

/// The schema says of each column whether it is sealed.
#[test]
fn every_sealed_column_of_the_schema_is_sealed_anew() {
    let mut declared = Vec::new();
    let mut table = "";
    for line in STEPS.iter().flat_map(|step| step.lines()) {
        let mut words = line.split_whitespace();
        match (words.next(), words.next(), words.next()) {
            (Some("CREATE"), Some("TABLE"), Some(name)) => table = name,
            (Some("ALTER"), Some("TABLE"), Some(name)) if line.contains("-- sealed") => {
                let column = words.nth(2).unwrap();
                declared.push((name.to_owned(), column.to_owned()));
            }
            (Some(column), ..) if line.contains("-- sealed") => {
                declared.push((table.to_owned(), column.to_owned()));
            }
            _ => {}
        }
    }
    declared.sort();
    let mut listed: Vec<(String, String)> = SEALED
        .iter()
        .map(|sealed| (sealed.table.to_owned(), sealed.column.to_owned()))
        .collect();
    listed.sort();
    assert_eq!(declared, listed);
}

#[cfg(target_os = "linux")]
#[test]
fn s3_the_old_keys_are_nowhere_in_memory() {
    let folder = TempDir::new().unwrap();
    let old = MaskedKey::from_masked(std::array::from_fn(|_| rand::random()));
    let key_of_store = old.using(|key| StoreKey::new(&key));
    let mut store = Store::open(&path(&folder), &key_of_store).unwrap();
    let sealing = column_key(&mut store, &old);
    assert!(old.in_memory().0 >= 1, "the search finds it");
    assert!(sealing.in_memory().0 >= 1, "the search finds what seals");
    drop(key_of_store);
    store.rotate_key(&new_key(), &Unwatched).unwrap();
    burn_stack();
    assert_eq!(old.in_memory(), (0, 0));
    assert_eq!(sealing.in_memory(), (0, 0));
}
