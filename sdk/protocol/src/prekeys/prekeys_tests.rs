use std::collections::HashSet;

use super::*;
use crate::{
    device::DeviceKeys,
    limits::{ONE_TIME_KEM_PREKEYS, ONE_TIME_PREKEYS},
    prekeys::fixture::account,
    prekeys::item::Lifetime,
    prekeys::one_time::{generate_one_time, generate_one_time_kem},
    test_support::{FixedRng, rng},
    time::{DAY_MS, Timestamp},
};

const NOW: Timestamp = Timestamp(1_800_000_000_000);

fn with_owner<T>(test: impl FnOnce(&PrekeyOwner<'_>) -> T) -> T {
    let mut rng = rng(1);
    let keys = DeviceKeys::generate(&mut rng).unwrap();
    let account = AccountId::of(&crate::account::Root::generate(&mut rng).account_key());
    test(&PrekeyOwner {
        account,
        device: keys.id,
        signing_key: &keys.signing,
    })
}

#[test]
fn a_full_supply_has_distinct_random_ids_and_keys() {
    with_owner(|owner| {
        let opks = generate_one_time(owner, ONE_TIME_PREKEYS, NOW, &mut rng(2)).unwrap();
        let kpks = generate_one_time_kem(owner, ONE_TIME_KEM_PREKEYS, NOW, &mut rng(3)).unwrap();
        assert_eq!((opks.len(), kpks.len()), (100, 50));
        let ids: HashSet<_> = opks.iter().map(|opk| opk.id).collect();
        let keys: HashSet<_> = opks.iter().map(|opk| *opk.secret.expose()).collect();
        assert_eq!((ids.len(), keys.len()), (100, 100));
        let ordered = opks
            .windows(2)
            .filter(|pair| pair[0].id < pair[1].id)
            .count();
        assert!((20..80).contains(&ordered), "ids follow their order");
        // The relay refuses items above 4,096 bytes.
        assert!(opks.iter().all(|opk| opk.item.len() == 345));
        assert!(kpks.iter().all(|kpk| kpk.item.len() == 1_849));
    });
}

#[test]
fn batches_have_one_to_256_keys() {
    with_owner(|owner| {
        for (count, ok) in [
            (0, false),
            (1, true),
            (256, true),
            (257, false),
            (1 << 20, false),
        ] {
            assert_eq!(
                generate_one_time(owner, count, NOW, &mut rng(2)).is_ok(),
                ok,
                "{count}"
            );
        }
    });
}

/// Attack row E10: a broken generator stops the batch.
#[test]
fn e10_a_generator_that_repeats_is_noticed() {
    with_owner(|owner| {
        for bytes in [&[7; 1][..], &[1; 32], &[5; 64]] {
            let batch = generate_one_time(owner, 3, NOW, &mut FixedRng::new(bytes));
            assert_eq!(batch.err(), Some(BatchError::RandomnessRepeats));
        }
        // Ids alone, of which the second is drawn again, and keys alone.
        let ids = [[1; 12], [2; 12]].concat();
        for (ids, keys) in [([1; 12].as_slice(), [3, 4]), (&ids[8..16], [3, 3])] {
            let bytes = [ids, &keys.map(|byte| [byte; 32]).concat()].concat();
            let batch = generate_one_time(owner, 2, NOW, &mut FixedRng::new(&bytes));
            assert_eq!(batch.err(), Some(BatchError::RandomnessRepeats));
        }
    });
}

#[test]
fn no_prekey_has_the_id_that_means_absent() {
    assert_eq!(PrekeyId::new(PrekeyId::ABSENT), None);
    assert_ne!(
        PrekeyId::generate(&mut FixedRng::new(&[0xff])).get(),
        PrekeyId::ABSENT
    );
}

#[test]
fn the_memory_of_a_page_is_reserved_at_once() {
    let page = &account(1, 1).devices[0].page;
    assert_eq!(page.capacity(), page.len());
}

#[test]
fn an_id_is_not_printed() {
    assert_eq!(format!("{:?}", PrekeyId::new(7).unwrap()), "PrekeyId(..)");
}

#[test]
fn kinds_are_bytes() {
    for byte in 0..=u8::MAX {
        match PrekeyKind::from_byte(byte) {
            Ok(kind) => assert_eq!(kind.to_byte(), byte),
            Err(error) => assert!(!(1..=4).contains(&byte) && error == DecodeError::InvalidValue),
        }
    }
}

#[test]
fn lifetimes_are_judged_at_their_limits() {
    let longest = 45 * DAY_MS;
    let check = |issued: Timestamp, expires: Timestamp| {
        let lifetime = Lifetime { issued, expires };
        lifetime.check(longest, NOW).err()
    };
    assert_eq!(check(NOW, NOW.plus(longest)), None);
    assert_eq!(check(NOW, NOW.plus(longest + 1)), Some(ItemError::Lifetime));
    for expires in [NOW, NOW.minus(1)] {
        assert_eq!(check(NOW, expires), Some(ItemError::Lifetime));
    }
    let tomorrow = NOW.plus(DAY_MS);
    assert_eq!(check(tomorrow, tomorrow.plus(1)), None);
    assert_eq!(
        check(tomorrow.plus(1), tomorrow.plus(2)),
        Some(ItemError::NotYetValid)
    );
    assert_eq!(check(NOW.minus(longest), NOW), None);
    assert_eq!(
        check(NOW.minus(longest), NOW.minus(1)),
        Some(ItemError::Expired)
    );
}
