//! A map whose changes since the last commit can be taken back.

use std::collections::{BTreeMap, HashMap};
use std::hash::Hash;

/// A map with a journal: the first change of an entry in a batch remembers what was there.
#[derive(Clone)]
pub(super) struct Table<K, V> {
    rows: BTreeMap<K, V>,
    journal: HashMap<K, Option<V>>,
}

impl<K: Ord + Hash + Copy + Eq, V: Clone> Table<K, V> {
    pub(super) fn new() -> Self {
        Self {
            rows: BTreeMap::new(),
            journal: HashMap::new(),
        }
    }

    pub(super) fn get(&self, key: &K) -> Option<&V> {
        self.rows.get(key)
    }

    pub(super) fn get_mut(&mut self, key: &K) -> Option<&mut V> {
        let row = self.rows.get_mut(key)?;
        self.journal
            .entry(*key)
            .or_insert_with(|| Some(row.clone()));
        Some(row)
    }

    pub(super) fn insert(&mut self, key: K, value: V) {
        let before = self.rows.insert(key, value);
        self.journal.entry(key).or_insert(before);
    }

    pub(super) fn remove(&mut self, key: &K) -> Option<V> {
        let before = self.rows.remove(key)?;
        self.journal
            .entry(*key)
            .or_insert_with(|| Some(before.clone()));
        Some(before)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (&K, &V)> {
        self.rows.iter()
    }

    pub(super) fn len(&self) -> usize {
        self.rows.len()
    }

    pub(super) fn commit(&mut self) {
        self.journal.clear();
    }

    pub(super) fn rollback(&mut self) {
        for (key, before) in self.journal.drain() {
            match before {
                Some(value) => self.rows.insert(key, value),
                None => self.rows.remove(&key),
            };
        }
    }
}
