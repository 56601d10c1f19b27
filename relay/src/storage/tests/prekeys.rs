//! Prekeys: exactly once, also under contention and retries.

use std::collections::BTreeSet;
use std::sync::Mutex;

use bytes::Bytes;
use undertone_wire::PopId;
use undertone_wire::limits::{MAX_ONE_TIME_KEM, MAX_ONE_TIME_X25519};

use super::{Engine, MINUTE, START, batch, mailbox_id};
use crate::storage::{
    Pop, PopAs, Popped, PrekeyCounts, PrekeyItem, PrekeyReplace, PrekeyReplacement, PrekeysLeft,
    Retention, Storage,
};

fn items(ids: std::ops::Range<u32>) -> Vec<PrekeyItem> {
    ids.map(|n| PrekeyItem {
        id: n.to_be_bytes(),
        item: Bytes::copy_from_slice(&n.to_be_bytes()),
    })
    .collect()
}

fn full(x25519: u32, kem: u32) -> PrekeyReplacement {
    PrekeyReplacement {
        page: Some(Bytes::from_static(b"page")),
        last_resort: Some(Bytes::from_static(b"last resort")),
        x25519: items(0..x25519),
        kem: items(0..kem),
        append: false,
    }
}

fn publish(engine: &mut dyn Engine, with: &PrekeyReplacement) -> PrekeyReplace {
    batch(engine, |storage| {
        storage.open_mailbox(mailbox_id(1), START).unwrap();
        storage.replace_prekeys(mailbox_id(1), with).unwrap()
    })
}

fn pop_id(n: u32) -> PopId {
    let mut bytes = [0; 16];
    bytes[..4].copy_from_slice(&n.to_be_bytes());
    PopId::from_bytes(bytes)
}

fn take(storage: &mut dyn Storage, n: u32, as_who: PopAs) -> (Popped, PrekeysLeft) {
    match storage.pop_prekeys(mailbox_id(1), pop_id(n), as_who, START) {
        Ok(Pop::Taken(popped, left)) => (popped, left),
        other => panic!("{other:?}"),
    }
}

pub(super) fn a_one_time_key_is_given_once(engine: &mut dyn Engine) {
    publish(engine, &full(2, 1));
    batch(engine, |storage| {
        let (first, left) = take(storage, 1, PopAs::Contact);
        assert_eq!(&*first.page, b"page");
        assert!(!first.last_resort);
        assert_eq!(left.counts, PrekeyCounts { x25519: 1, kem: 0 });
        let (second, _) = take(storage, 2, PopAs::Contact);
        assert_ne!(first.x25519, second.x25519);
        assert!(second.last_resort);
        assert_eq!(&*second.kem, b"last resort");
        let (third, left) = take(storage, 3, PopAs::Contact);
        assert!(third.x25519.is_empty() && third.last_resort);
        assert_eq!(left.counts, PrekeyCounts::default());
    });
}

pub(super) fn contended_pops_give_each_key_once(engine: &mut dyn Engine) {
    publish(engine, &full(60, 60));
    let shared = Mutex::new(engine);
    let given = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for thread in 0..6u32 {
            let (shared, given) = (&shared, &given);
            scope.spawn(move || {
                for n in 0..12 {
                    let mut engine = shared.lock().unwrap();
                    let popped = batch(*engine, |storage| {
                        take(storage, thread * 100 + n, PopAs::Contact).0
                    });
                    given.lock().unwrap().push(popped);
                }
            });
        }
    });
    let given = given.into_inner().unwrap();
    let one_time: Vec<&Popped> = given.iter().filter(|p| !p.last_resort).collect();
    let kem: BTreeSet<&Bytes> = one_time.iter().map(|p| &p.kem).collect();
    let x25519: BTreeSet<&Bytes> = one_time.iter().map(|p| &p.x25519).collect();
    assert_eq!((given.len(), one_time.len()), (72, 60));
    assert_eq!((kem.len(), x25519.len()), (60, 60));
}

pub(super) fn a_repeated_pop_gets_the_same_answer(engine: &mut dyn Engine) {
    publish(engine, &full(5, 5));
    let first = batch(engine, |storage| take(storage, 1, PopAs::Contact).0);
    engine.restart(START);
    let again = |storage: &mut dyn Storage, at| {
        storage.pop_prekeys(mailbox_id(1), pop_id(1), PopAs::Contact, at)
    };
    batch(engine, |storage| {
        let soon = START.plus(10 * MINUTE);
        assert_eq!(again(storage, soon).unwrap(), Pop::Repeated(first.clone()));
        storage.sweep(soon, &Retention::default(), 100).unwrap();
        // The page was replaced in between; the answer is still the same.
        let page = PrekeyReplacement {
            page: Some(Bytes::from_static(b"newer")),
            ..PrekeyReplacement::default()
        };
        storage.replace_prekeys(mailbox_id(1), &page).unwrap();
        assert_eq!(again(storage, soon).unwrap(), Pop::Repeated(first));
        let counts = storage.prekey_counts(mailbox_id(1)).unwrap();
        assert_eq!(counts, PrekeyCounts { x25519: 4, kem: 4 });
        let late = START.plus(12 * MINUTE);
        assert!(matches!(again(storage, late).unwrap(), Pop::Taken(..)));
    });
}

pub(super) fn strangers_get_a_quarter(engine: &mut dyn Engine) {
    publish(engine, &full(8, 4));
    batch(engine, |storage| {
        let (first, left) = take(storage, 1, PopAs::Stranger);
        assert!(!first.last_resort && !first.x25519.is_empty());
        assert!(left.strangers_exhausted);
        let (second, left) = take(storage, 2, PopAs::Stranger);
        assert!(second.last_resort && !second.x25519.is_empty());
        assert!(left.strangers_exhausted);
        let (third, left) = take(storage, 3, PopAs::Stranger);
        assert!(third.last_resort && third.x25519.is_empty());
        assert!(!left.strangers_exhausted);
        assert_eq!(left.counts, PrekeyCounts { x25519: 6, kem: 3 });
        let (contact, _) = take(storage, 4, PopAs::Contact);
        assert!(!contact.last_resort && !contact.x25519.is_empty());
    });
}

pub(super) fn replacing_leaves_what_is_not_given(engine: &mut dyn Engine) {
    publish(engine, &full(3, 3));
    let only_x25519 = PrekeyReplacement {
        x25519: items(100..105),
        ..PrekeyReplacement::default()
    };
    let counts = PrekeyCounts { x25519: 5, kem: 3 };
    assert_eq!(
        publish(engine, &only_x25519),
        PrekeyReplace::Replaced(counts)
    );
    engine.restart(START);
    batch(engine, |storage| {
        let (popped, _) = take(storage, 1, PopAs::Contact);
        assert_eq!(&*popped.page, b"page");
        assert_eq!(popped.x25519, items(100..101)[0].item);
        assert_eq!(popped.kem, items(0..1)[0].item);
    });
}

pub(super) fn appending_skips_what_is_there_and_is_bounded(engine: &mut dyn Engine) {
    publish(engine, &full(3, 3));
    let more = PrekeyReplacement {
        append: true,
        x25519: items(2..5),
        ..PrekeyReplacement::default()
    };
    let counts = PrekeyCounts { x25519: 5, kem: 3 };
    assert_eq!(publish(engine, &more), PrekeyReplace::Replaced(counts));
    let most = u32::try_from(MAX_ONE_TIME_X25519).unwrap();
    let too_many = PrekeyReplacement {
        append: true,
        x25519: items(5..most + 1),
        page: Some(Bytes::from_static(b"must not stay")),
        ..PrekeyReplacement::default()
    };
    assert_eq!(publish(engine, &too_many), PrekeyReplace::TooMany);
    let too_many = PrekeyReplacement {
        kem: items(0..u32::try_from(MAX_ONE_TIME_KEM).unwrap() + 1),
        ..PrekeyReplacement::default()
    };
    assert_eq!(publish(engine, &too_many), PrekeyReplace::TooMany);
    batch(engine, |storage| {
        assert_eq!(storage.prekey_counts(mailbox_id(1)).unwrap(), counts);
        assert_eq!(&*take(storage, 1, PopAs::Contact).0.page, b"page");
    });
}

pub(super) fn without_a_page_or_a_kem_key_there_is_nothing(engine: &mut dyn Engine) {
    let pop = |storage: &mut dyn Storage, mailbox| {
        storage.pop_prekeys(mailbox_id(mailbox), pop_id(1), PopAs::Contact, START)
    };
    batch(engine, |storage| {
        assert_eq!(pop(storage, 1).unwrap(), Pop::NoMailbox);
        let none = storage.replace_prekeys(mailbox_id(1), &full(1, 1)).unwrap();
        assert_eq!(none, PrekeyReplace::NoMailbox);
        storage.open_mailbox(mailbox_id(1), START).unwrap();
        assert_eq!(pop(storage, 1).unwrap(), Pop::Nothing);
    });
    let without_kem = PrekeyReplacement {
        last_resort: None,
        kem: Vec::new(),
        ..full(3, 0)
    };
    publish(engine, &without_kem);
    batch(engine, |storage| {
        assert_eq!(pop(storage, 1).unwrap(), Pop::Nothing);
        // Nothing was used up by it.
        assert_eq!(storage.prekey_counts(mailbox_id(1)).unwrap().x25519, 3);
    });
}
