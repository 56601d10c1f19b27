//! Long operations: what they tell, and that one that is cancelled has changed nothing.

use std::cell::RefCell;
use std::fs;
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use super::support::*;
use crate::operation::{Cancelled, Operation, Watch};
use crate::store::*;

/// Copies a folder as a kill leaves it whenever something is told, and cancels at the n-th time.
pub(super) struct Observer {
    folder: PathBuf,
    pub(super) copies: RefCell<Vec<TempDir>>,
    pub(super) told: RefCell<Vec<(u64, u64)>>,
    cancel_at: Option<usize>,
}

impl Observer {
    pub(super) fn of(folder: &Path, cancel_at: Option<usize>) -> Self {
        Self {
            folder: folder.to_owned(),
            copies: RefCell::default(),
            told: RefCell::default(),
            cancel_at,
        }
    }
}

impl Watch for Observer {
    fn at(&self, done: u64, total: u64) -> Result<(), Cancelled> {
        let copy = TempDir::new().unwrap();
        for (name, bytes) in files(&self.folder) {
            fs::write(copy.path().join(name), bytes).unwrap();
        }
        self.copies.borrow_mut().push(copy);
        self.told.borrow_mut().push((done, total));
        if self.cancel_at == Some(self.told.borrow().len()) {
            Err(Cancelled)
        } else {
            Ok(())
        }
    }
}

/// A store with messages, whose index another version of the tokenizer made.
fn stale(messages: u64) -> TempDir {
    let mut fixture = Fixture::new();
    fixture.write(|tx| {
        let peer = peer(tx, 1);
        for number in 0..messages {
            let body = format!("message number{number}");
            tx.messages()
                .insert(&message(&peer, number, &body))
                .unwrap();
        }
        tx.run(
            "INSERT INTO message_fts (message_fts) VALUES ('delete-all')",
            [],
        )
        .unwrap();
        tx.meta().put(MetaKey("store.tokenizer"), b"old").unwrap();
    });
    let Fixture { store, folder } = fixture;
    store.close().unwrap();
    folder
}

fn found(store: &mut Store, word: &str) -> usize {
    let tx = store.transaction().unwrap();
    let query = SearchQuery::parse(word);
    let page = tx.search(&query, &SearchFilter::default(), None, 500);
    page.unwrap().hits.len()
}

#[test]
fn an_index_that_is_built_again_is_whole_and_says_how_far_it_is() {
    let messages = u64::try_from(limits::REBUILD_ROWS).unwrap() + 10;
    let folder = stale(messages);
    let watch = Observer::of(folder.path(), None);
    let mut store =
        Store::open_watched(&path(&folder), &key(), StoreOptions::default(), &watch).unwrap();
    store.verify().unwrap();
    assert_eq!(found(&mut store, "number0"), 1);
    assert_eq!(found(&mut store, &format!("number{}", messages - 1)), 1);
    assert_eq!(
        *watch.told.borrow(),
        [
            (0, messages),
            (messages - 10, messages),
            (messages, messages)
        ]
    );
}

#[test]
fn cancelled_building_leaves_the_store_as_it_was() {
    let folder = stale(20);
    let watch = Observer::of(folder.path(), Some(2));
    let options = StoreOptions::default();
    let cancelled = Store::open_watched(&path(&folder), &key(), options, &watch);
    assert!(matches!(cancelled, Err(OpenError::Cancelled)));
    let mut store = Store::open(&path(&folder), &key()).unwrap();
    assert_eq!(found(&mut store, "number7"), 1);
}

#[test]
fn checking_can_be_cancelled_between_and_within_its_checks() {
    let mut fixture = Fixture::new();
    fixture.write(|tx| peer(tx, 1));
    for at in 1..=4 {
        let watch = Observer::of(fixture.folder.path(), Some(at));
        assert_eq!(
            fixture.store.verify_watched(&watch),
            Err(StoreError::Cancelled)
        );
    }
    let operation = Operation::new();
    operation.cancel();
    assert_eq!(
        fixture.store.verify_watched(&operation),
        Err(StoreError::Cancelled)
    );
    fixture.store.verify_watched(&Operation::new()).unwrap();
    // Cancelling what has ended interrupts nothing that comes later.
    let ended = Operation::new();
    fixture.store.verify_watched(&ended).unwrap();
    ended.cancel();
    fixture.store.verify().unwrap();
}
