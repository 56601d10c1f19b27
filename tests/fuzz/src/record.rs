//! The value of an account's record: raw, an honest one that was edited on the way, and an honest or made-up plaintext sealed under the right key
//! (anybody who knows the account can do that, the relay cannot).
//!
//! Asserted: what opens is what the account signed, and seals and opens again as the same; no other record and no other account opens it.

use std::sync::LazyLock;

use undertone_protocol::labels;
use undertone_protocol::limits::MANIFEST_BUCKETS;
use undertone_protocol::manifest::{ManifestError, VerifiedManifest};
use undertone_protocol::primitives::{aead, kdf};

use crate::edit::{chosen, edited, flip};
use crate::party::{ALICE, BOB, rng};
use crate::signing::{SECOND, body_of, signed};

static SEALED: LazyLock<Vec<u8>> =
    LazyLock::new(|| SECOND.seal(&ALICE.record, &mut rng(50)).unwrap());

static PLAIN: LazyLock<Vec<u8>> = LazyLock::new(|| framed(SECOND.signed_bytes()));

/// The first byte chooses: the honest value edited, its plaintext edited and sealed, a plaintext of the input's own, one with an annex, raw bytes.
pub fn run(data: &[u8]) {
    let Some((choice, script)) = data.split_first() else {
        return;
    };
    match choice % 5 {
        0 => _ = open(&edited(&SEALED, script)),
        1 => open_sealed(&edited(&PLAIN, script)),
        2 => open_sealed(script),
        3 => {
            let signed = signed(body_of(&SECOND), &script[..script.len().min(8_192)]);
            open_sealed(&framed(&signed));
        }
        _ => _ = open(script),
    }
}

/// Length and signed manifest, as they stand in front of the padding.
fn framed(signed: &[u8]) -> Vec<u8> {
    let length = u32::try_from(signed.len()).unwrap().to_be_bytes();
    [&length, signed].concat()
}

fn open_sealed(plain: &[u8]) {
    if let Some(manifest) = open(&sealed(plain)) {
        let framed = framed(manifest.signed_bytes());
        let shorter = framed.len().min(plain.len());
        assert_eq!(framed[..shorter], plain[..shorter]);
        let padding = framed[shorter..].iter().chain(&plain[shorter..]);
        assert!(
            padding.copied().all(|byte| byte == 0),
            "not padded with zeros"
        );
    }
}

fn open(value: &[u8]) -> Option<VerifiedManifest> {
    let Ok(manifest) = VerifiedManifest::open(value, &ALICE.account, &ALICE.record) else {
        assert_ne!(value, SEALED.as_slice(), "an honest value does not open");
        return None;
    };
    assert!(MANIFEST_BUCKETS.contains(&value.len()));
    assert_eq!(manifest.body(), SECOND.body());
    assert_eq!(manifest.reference(), SECOND.reference());
    let again = manifest.seal(&ALICE.record, &mut rng(51)).unwrap();
    let opened = VerifiedManifest::open(&again, &ALICE.account, &ALICE.record);
    assert_eq!(opened.as_ref(), Ok(&manifest));
    for (account, record) in [(ALICE.account, BOB.record), (BOB.account, ALICE.record)] {
        let opened = VerifiedManifest::open(value, &account, &record);
        assert_eq!(opened, Err(ManifestError::NotAuthentic));
    }
    Some(manifest)
}

/// A record's value with this plaintext, cut or filled up to a bucket.
fn sealed(plain: &[u8]) -> Vec<u8> {
    let total = plain.len() + aead::NONCE_LEN + aead::TAG_LEN;
    let mut buckets = MANIFEST_BUCKETS.into_iter();
    let bucket = buckets.find(|bucket| *bucket >= total).unwrap_or(65_536);
    let nonce = [7; aead::NONCE_LEN];
    let mut value = nonce.to_vec();
    value.extend_from_slice(plain);
    value.resize(bucket, 0);
    let record = ALICE.record.as_bytes();
    let key = kdf::hkdf(
        &[0; 32],
        &[ALICE.account.as_bytes()],
        labels::MANIFEST_SEAL,
        &[record],
    );
    let tag = value.len() - aead::TAG_LEN;
    value[tag..].fill(0);
    aead::seal(&key, &nonce, record, &mut value[aead::NONCE_LEN..]).unwrap();
    value
}

/// The honest value as it is, and with one byte changed in each part.
#[must_use]
pub fn seeds() -> Vec<Vec<u8>> {
    let mut seeds = vec![
        chosen(0, &[]),
        chosen(1, &[]),
        chosen(2, &PLAIN),
        chosen(3, b"annex"),
        chosen(4, &[0; 512]),
    ];
    seeds.push(chosen(2, &[&PLAIN[..], &[0, 0, 1]].concat()));
    let length = u16::try_from(PLAIN.len()).unwrap();
    for part in [0, 3, 4, 5, 6, 40, 1_800, 2_200, length - 3, length - 1] {
        seeds.push(chosen(0, &flip(part, 1)));
        seeds.push(chosen(1, &flip(part, 1)));
    }
    seeds
}
