//! Locking: secrets are unreadable, and their key is nowhere in memory.

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
fn a_locked_store_reads_history_and_no_secret() {
    let mut fixture = filled();
    fixture.store.lock().unwrap();
    assert!(fixture.store.is_locked());
    let tx = fixture.store.transaction().unwrap();
    assert_eq!(tx.meta().get(PLAIN).unwrap().unwrap(), b"loud");
    assert_eq!(
        tx.meta().get_secret(SECRET).unwrap_err(),
        StoreError::Locked
    );
    assert_eq!(
        tx.meta().put_secret(SECRET, b"new").unwrap_err(),
        StoreError::Locked
    );
}

#[test]
fn only_the_stores_key_unlocks_it() {
    let mut fixture = filled();
    fixture.store.lock().unwrap();
    assert!(matches!(
        fixture.store.unlock(&StoreKey::new(&[8; 32])),
        Err(OpenError::WrongKey)
    ));
    assert!(fixture.store.is_locked());
    fixture.store.unlock(&key()).unwrap();
    let tx = fixture.store.transaction().unwrap();
    assert_eq!(
        tx.meta().get_secret(SECRET).unwrap().unwrap().as_slice(),
        b"hush"
    );
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

/// How often a key is in this process's memory. The needle is kept masked, and the buffer is wiped before each read, so that
/// the search does not find itself.
#[cfg(target_os = "linux")]
fn in_memory(masked: &[u8; 32]) -> usize {
    use std::os::unix::fs::FileExt;

    const MASK: u8 = 0xA5;
    const CHUNK: usize = 1 << 20;
    let memory = std::fs::File::open("/proc/self/mem").unwrap();
    let maps = std::fs::read_to_string("/proc/self/maps").unwrap();
    let mut buffer = vec![0_u8; CHUNK + 31];
    let mut found = 0;
    for line in maps.lines().filter(|line| line.contains(" rw")) {
        let (start, rest) = line.split_once('-').unwrap();
        let end = rest.split_once(' ').unwrap().0;
        let (start, end) = (
            u64::from_str_radix(start, 16).unwrap(),
            u64::from_str_radix(end, 16).unwrap(),
        );
        let mut at = start;
        while at < end {
            let len = usize::try_from(end - at).unwrap().min(buffer.len());
            buffer.fill(0);
            if memory.read_exact_at(&mut buffer[..len], at).is_err() {
                break;
            }
            found += buffer[..len]
                .windows(32)
                .filter(|window| {
                    window
                        .iter()
                        .zip(masked)
                        .all(|(byte, masked)| byte ^ MASK == *masked)
                })
                .count();
            at += CHUNK as u64;
        }
        buffer.fill(0);
    }
    found
}

/// The store's column key, masked. The plain key is wiped, and so is the stack it passed.
#[cfg(target_os = "linux")]
fn masked(store: &mut Store) -> [u8; 32] {
    let mut masked = [0; 32];
    unwrap_into(store, &mut masked);
    seal::burn_stack();
    masked
}

#[cfg(target_os = "linux")]
#[inline(never)]
fn unwrap_into(store: &mut Store, masked: &mut [u8; 32]) {
    let place = seal::Place {
        table: "meta",
        column: "value",
        row: b"store.column-key",
    };
    let tx = store.transaction().unwrap();
    let wrapped = tx.meta().get(MetaKey("store.column-key")).unwrap().unwrap();
    let plain = ColumnKey::new(&key().wrapping_key().unwrap())
        .open(&place, &wrapped)
        .unwrap();
    masked
        .iter_mut()
        .zip(plain.iter())
        .for_each(|(to, byte)| *to = byte ^ 0xA5);
}

#[cfg(target_os = "linux")]
#[test]
fn locking_wipes_the_key_from_memory() {
    let mut fixture = filled();
    let masked = masked(&mut fixture.store);
    assert!(
        in_memory(&masked) >= 1,
        "the search finds the key while it is in use"
    );
    fixture.store.lock().unwrap();
    assert_eq!(in_memory(&masked), 0);
}
