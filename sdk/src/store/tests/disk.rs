//! A full disk.

use super::support::*;
use crate::store::*;

const PAGES: u32 = 150;

fn small() -> StoreOptions {
    StoreOptions {
        durability: Durability::None,
        max_pages: Some(PAGES),
    }
}

/// Commits messages until there is no room; returns how many there are.
fn fill(fixture: &mut Fixture, peer: &Peer) -> u64 {
    for number in 1.. {
        let tx = fixture.store.transaction().unwrap();
        let body = format!("{number} {}", "lorem ipsum ".repeat(40));
        let inserted = tx
            .messages()
            .insert(&message(peer, number, &body))
            .map(drop);
        match inserted.and_then(|()| tx.commit()) {
            Ok(()) => {}
            Err(error) => {
                assert_eq!(error, StoreError::Full);
                return number - 1;
            }
        }
    }
    0
}

#[test]
fn a_full_disk_is_told_and_loses_nothing() {
    let mut fixture = Fixture::with(small());
    let peer = fixture.write(|tx| peer(tx, 1));
    let committed = fill(&mut fixture, &peer);
    assert!(committed > 10);
    let count = |store: &mut Store| {
        store
            .transaction()
            .unwrap()
            .messages()
            .count(peer.conversation)
            .unwrap()
    };
    assert_eq!(count(&mut fixture.store), committed);
    let Fixture { store, folder } = fixture;
    drop(store);
    // With room again everything goes on.
    let mut store = Store::open(&path(&folder), &key()).unwrap();
    assert_eq!(count(&mut store), committed);
    store.verify().unwrap();
    let tx = store.transaction().unwrap();
    tx.messages()
        .insert(&message(&peer, committed + 1, "room again"))
        .unwrap();
    tx.commit().unwrap();
    assert_eq!(count(&mut store), committed + 1);
}

#[test]
fn there_is_no_room_for_a_new_store() {
    let folder = tempfile::TempDir::new().unwrap();
    let options = StoreOptions {
        max_pages: Some(3),
        ..small()
    };
    assert!(matches!(
        Store::open_with(&path(&folder), &key(), options),
        Err(OpenError::Full)
    ));
    // What it left behind is no obstacle.
    Store::open(&path(&folder), &key()).unwrap();
}
