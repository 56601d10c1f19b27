//! Destroying a store.

use std::fs;

use tempfile::TempDir;

use super::support::*;
use crate::store::*;

fn filled() -> Fixture {
    let mut fixture = Fixture::new();
    fixture.write(super::migration::fill);
    fixture
}

#[test]
fn an_erased_store_is_overwritten_and_nothing_is_beside_it() {
    let fixture = filled();
    let elsewhere = TempDir::new_in(fixture.folder.path().parent().unwrap()).unwrap();
    let aside = elsewhere.path().join("aside");
    fs::hard_link(fixture.path(), &aside).unwrap();
    let Fixture { store, folder } = fixture;
    store.erase().unwrap();
    assert!(files(folder.path()).is_empty());
    let blocks = fs::read(aside).unwrap();
    assert!(!blocks.is_empty() && blocks.iter().all(|byte| *byte == 0));
}

#[test]
fn a_crash_in_the_middle_is_gone_on_with() {
    let fixture = filled();
    let Fixture { store, folder } = fixture;
    store.close().unwrap();
    // It has lost its name, and is overwritten in part.
    let doomed = folder.path().join("store.db-erased");
    fs::rename(path(&folder), &doomed).unwrap();
    let mut store = Store::open(&path(&folder), &StoreKey::new(&[8; 32])).unwrap();
    assert!(!doomed.exists());
    let tx = store.transaction().unwrap();
    assert!(tx.identity().get().unwrap().is_none());
}
