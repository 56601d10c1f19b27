//! Keys: secrets are sealed to their places, and a closed store has left no key in memory.

#[cfg(target_os = "linux")]
use super::memory::{MaskedKey, burn_stack};
use super::support::*;
use crate::store::*;

const SECRET: MetaKey = MetaKey("test.secret");
const PLAIN: MetaKey = MetaKey("test.plain");

fn filled() -> Fixture {
    let mut fixture = Fixture::new();
    fixture.write(|tx| {
        tx.meta().put_secret(SECRET, b"hush").unwrap();
        tx.meta().put(PLAIN, b"loud").unwrap();
    });
    fixture
}

#[test]
fn an_open_store_knows_its_key() {
    let fixture = filled();
    assert!(fixture.store.is_key(&key()).unwrap());
    assert!(!fixture.store.is_key(&StoreKey::new(&[8; 32])).unwrap());
}

#[test]
fn a_secret_belongs_to_its_row() {
    let mut fixture = filled();
    let other = MetaKey("test.other");
    fixture.write(|tx| {
        let sealed = tx.meta().get(SECRET).unwrap().unwrap();
        tx.meta().put(other, &sealed).unwrap();
    });
    let tx = fixture.store.transaction().unwrap();
    assert_eq!(
        tx.meta().get_secret(other).unwrap_err(),
        StoreError::Corrupt
    );
}

#[test]
fn a_changed_secret_is_damage() {
    let mut fixture = filled();
    let sealed = fixture.write(|tx| tx.meta().get(SECRET).unwrap().unwrap());
    for at in 0..sealed.len() {
        let mut changed = sealed.clone();
        changed[at] ^= 1;
        let tx = fixture.store.transaction().unwrap();
        tx.meta().put(SECRET, &changed).unwrap();
        assert_eq!(
            tx.meta().get_secret(SECRET).unwrap_err(),
            StoreError::Corrupt
        );
        tx.meta().put(SECRET, &sealed[..at]).unwrap();
        assert_eq!(
            tx.meta().get_secret(SECRET).unwrap_err(),
            StoreError::Corrupt
        );
    }
}

#[test]
fn sealing_twice_gives_different_bytes() {
    let mut fixture = filled();
    let first = fixture.write(|tx| tx.meta().get(SECRET).unwrap());
    let second = fixture.write(|tx| {
        tx.meta().put_secret(SECRET, b"hush").unwrap();
        tx.meta().get(SECRET).unwrap()
    });
    assert_ne!(first, second);
}

/// The store's column key, masked.
#[cfg(target_os = "linux")]
pub(super) fn column_key(store: &mut Store, key: &MaskedKey) -> MaskedKey {
    let masked = unwrapped(store, key);
    burn_stack();
    MaskedKey::from_masked(masked)
}

#[cfg(target_os = "linux")]
#[inline(never)]
fn unwrapped(store: &mut Store, key: &MaskedKey) -> [u8; 32] {
    let place = seal::Place {
        table: "meta",
        column: "value",
        row: b"store.column-key",
    };
    let tx = store.transaction().unwrap();
    let wrapped = tx.meta().get(MetaKey("store.column-key")).unwrap().unwrap();
    let key = key.using(|key| StoreKey::new(&key));
    let plain = ColumnKey::new(&key.wrapping_key().unwrap())
        .open(&place, &wrapped)
        .unwrap();
    let mut masked = [0; 32];
    let masks = masked.iter_mut().zip(plain.iter());
    masks.for_each(|(to, byte)| *to = MaskedKey::mask(*byte));
    masked
}

#[cfg(target_os = "linux")]
#[test]
fn s3_a_closed_store_has_left_no_key_in_memory() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store.db");
    let key = MaskedKey::from_masked(std::array::from_fn(|_| rand::random()));
    for _ in 0..2 {
        let key_of_store = key.using(|key| StoreKey::new(&key));
        let mut store = Store::open(&path, &key_of_store).unwrap();
        let column_key = column_key(&mut store, &key);
        let digits = key.using(|key| key.map(|byte| format!("{byte:02x}")).concat());
        let found = key.in_memory();
        assert!(found.0 >= 1, "the search finds the key of the file");
        assert!(found.1 >= 1, "the search finds its digits");
        assert!(column_key.in_memory().0 >= 1, "the search finds what seals");
        drop((key_of_store, zeroize::Zeroizing::new(digits)));
        store.close().unwrap();
        burn_stack();
        assert_eq!(key.in_memory(), (0, 0));
        assert_eq!(column_key.in_memory(), (0, 0));
    }
}
