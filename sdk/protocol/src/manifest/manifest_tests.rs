use proptest::prelude::*;

use super::*;
use crate::{
    limits::{MANIFEST_BUCKETS, MAX_DEVICES, MAX_MANIFEST_TIME_MS, MAX_REVOKED},
    manifest::{
        DraftError, ManifestDraft, ManifestVersion, Pin, SuccessionCommitment,
        fixture::{Fixture, NOW, device, record_key},
    },
    primitives::{
        codec::Writer,
        signature::{SigningKey, role},
    },
    test_support::{assert_every_flip_rejected, bad_points, encapsulation_key_out_of_range, rng},
    time::DAY_MS,
};

#[test]
fn what_is_signed_is_what_is_parsed() {
    let f = Fixture::new(1);
    let mut draft = ManifestDraft::first(
        &f.root,
        device(1),
        record_key(1),
        Some(SuccessionCommitment::to(
            &SigningKey::<role::Succession>::generate(&mut rng(9)).public_key(),
        )),
    );
    for seed in 2..=16 {
        draft.add(device(seed));
    }
    let manifest = draft.sign(&f.key, NOW).unwrap();
    assert_eq!(
        VerifiedManifest::parse(manifest.signed_bytes(), &f.account).as_ref(),
        Ok(&manifest)
    );
    assert_eq!(
        manifest.body().recovery_key,
        f.root.recovery_key().public_key()
    );
    for listed in &manifest.body().devices {
        let statement = manifest.statement(&listed.identity.id).unwrap();
        let reference = manifest.reference();
        assert_eq!(
            statement.verify(&f.account, &listed.identity, &reference, NOW),
            Ok(())
        );
        assert_eq!(manifest.device(&listed.identity.id), Some(listed));
    }
}

#[test]
fn any_flipped_byte_is_rejected() {
    let f = Fixture::new(1);
    let manifest = f.first();
    assert_every_flip_rejected(manifest.signed_bytes(), |bytes| {
        VerifiedManifest::parse(bytes, &f.account).is_ok()
    });
}

#[test]
fn a_later_version_may_append_an_annex() {
    let f = Fixture::new(1);
    let manifest = f.first();
    let signed = manifest.signed_bytes();
    let with_annex = |length: u16, annex: usize| {
        let mut bytes = signed[..signed.len() - 2].to_vec();
        bytes.extend_from_slice(&length.to_be_bytes());
        bytes.resize(bytes.len() + annex, 7);
        VerifiedManifest::parse(&bytes, &f.account)
    };
    assert_eq!(
        with_annex(4_096, 4_096).unwrap().reference(),
        manifest.reference()
    );
    assert_eq!(with_annex(4_097, 4_097), Err(DecodeError::TooLong.into()));
    assert_eq!(with_annex(5, 4), Err(DecodeError::Truncated.into()));
    assert_eq!(with_annex(5, 6), Err(DecodeError::TrailingBytes.into()));
}

/// Attack row D1: only the account key adds a device.
#[test]
fn d1_ghost_device_without_the_account_key_is_rejected() {
    let (f, relay) = (Fixture::new(1), Fixture::new(2));
    let honest = f.first();
    let mut body = honest.body().clone();
    body.devices.push(device(66));
    // Signed by somebody else, and with the honest signature over another body.
    let forged = relay.signed(&body);
    assert_eq!(
        VerifiedManifest::parse(&forged, &f.account),
        Err(ManifestError::Signature)
    );
    let encoded = body.encode().unwrap();
    let mut spliced = Vec::new();
    Writer::new(&mut spliced).field_u16(&encoded).unwrap();
    spliced.extend_from_slice(&honest.signed_bytes()[2 + honest.body().encode().unwrap().len()..]);
    assert_eq!(
        VerifiedManifest::parse(&spliced, &f.account),
        Err(ManifestError::Signature)
    );
    // A statement of another device or account beside an honest body.
    let good = f.signed(honest.body());
    let stranger = DeviceStatement::sign(&f.key, &device(66).identity, &honest.reference(), NOW);
    let mut swapped = good.clone();
    let at = good.len() - 2 - DeviceStatement::LEN;
    swapped[at..at + DeviceStatement::LEN].copy_from_slice(&stranger.to_bytes());
    assert_eq!(
        VerifiedManifest::parse(&swapped, &f.account),
        Err(ManifestError::Statement)
    );
}

#[test]
fn a_manifest_of_another_account_is_rejected() {
    let (f, other) = (Fixture::new(1), Fixture::new(2));
    let signed = other.first().signed_bytes().to_vec();
    assert_eq!(
        VerifiedManifest::parse(&signed, &f.account),
        Err(ManifestError::Signature)
    );
    // Even when this account's key signed it.
    let confused = f.signed(other.first().body());
    assert_eq!(
        VerifiedManifest::parse(&confused, &f.account),
        Err(ManifestError::OtherAccount)
    );
}

#[test]
fn contradictions_are_rejected_although_signed() {
    let f = Fixture::new(1);
    let good = f.first().body().clone();
    assert!(VerifiedManifest::parse(&f.signed(&good), &f.account).is_ok());
    type Change = fn(&mut ManifestBody);
    let changes: [(&str, Change); 18] = [
        ("no device", |b| b.devices.clear()),
        ("counter 0", |b| b.version.counter = 0),
        ("first with predecessor", |b| {
            b.previous = Some(ManifestBody::hash_of(b""))
        }),
        ("second without predecessor", |b| b.version.counter = 2),
        ("ends before it begins", |b| b.expires = b.issued),
        ("31 days", |b| b.expires = b.issued.plus(31 * DAY_MS)),
        ("year 6429", |b| {
            b.issued = Timestamp(MAX_MANIFEST_TIME_MS);
            b.expires = b.issued.plus(1);
        }),
        ("end of time", |b| {
            b.issued = Timestamp(u64::MAX - 1);
            b.expires = Timestamp(u64::MAX);
        }),
        ("device from the year 6429", |b| {
            b.devices[0].added = Timestamp(MAX_MANIFEST_TIME_MS + 1);
        }),
        ("device twice", |b| b.devices.push(b.devices[0].clone())),
        ("id twice", |b| {
            let mut other = device(2);
            other.identity.id = b.devices[0].identity.id;
            b.devices.push(other);
        }),
        ("identity key twice", |b| {
            let mut other = device(2);
            other.identity.identity_key = b.devices[0].identity.identity_key;
            b.devices.push(other);
        }),
        ("signing key twice", |b| {
            let mut other = device(2);
            other.identity.signing_key = b.devices[0].identity.signing_key;
            b.devices.push(other);
        }),
        ("mailbox twice", |b| {
            let mut other = device(2);
            other.identity.mailbox = b.devices[0].identity.mailbox;
            b.devices.push(other);
        }),
        ("revoked device", |b| {
            b.revoked.push(b.devices[0].identity.id)
        }),
        ("revoked twice", |b| {
            b.revoked = vec![DeviceId::from_bytes([1; 16]); 2]
        }),
        ("no protocol version", |b| {
            b.devices[0].protocol_versions = 0
        }),
        ("epoch 0, counter 0", |b| {
            b.version = ManifestVersion {
                epoch: 0,
                counter: 0,
            }
        }),
    ];
    for (name, change) in changes {
        let mut body = good.clone();
        change(&mut body);
        assert_eq!(
            VerifiedManifest::parse(&f.signed(&body), &f.account),
            Err(DecodeError::InvalidValue.into()),
            "{name}"
        );
    }
    let mut crowded = good.clone();
    crowded.devices = (1..=17).map(device).collect();
    assert_eq!(
        VerifiedManifest::parse(&f.signed(&crowded), &f.account),
        Err(DecodeError::TooLong.into())
    );
}

/// The body's bytes with others from `at` on, signed by the account.
fn resigned(f: &Fixture, at: usize, bytes: &[u8]) -> Result<VerifiedManifest, ManifestError> {
    let mut encoded = f.first().body().encode().unwrap();
    encoded[at..at + bytes.len()].copy_from_slice(bytes);
    let mut signed = Vec::new();
    let mut writer = Writer::new(&mut signed);
    let signature = f.key.sign(labels::MANIFEST, &encoded);
    writer.field_u16(&encoded).unwrap().bytes(&signature.0);
    signed.extend_from_slice(&f.first().signed_bytes()[signed.len()..]);
    VerifiedManifest::parse(&signed, &f.account)
}

/// E1, E5: keys that the account signed and that are none. Statements do not verify beside a changed body, so that another
/// good key gets one step further.
#[test]
fn e1_signed_low_order_and_non_canonical_identity_keys_are_rejected() {
    // Format, account, version, previous, issued, expires, succession, recovery key, record key, count, device id.
    const IDENTITY: usize = 1 + 32 + 8 + 32 + 8 + 8 + 32 + 1_568 + 32 + 1 + 16;
    let f = Fixture::new(1);
    let honest = *f.first().body().devices[0].identity.identity_key.as_bytes();
    assert!(resigned(&f, IDENTITY, &honest).is_ok());
    assert_eq!(
        resigned(&f, IDENTITY, &[7; 32]),
        Err(ManifestError::Statement)
    );
    for point in bad_points() {
        assert_eq!(
            resigned(&f, IDENTITY, &point),
            Err(DecodeError::InvalidKey.into())
        );
    }
}

#[test]
fn e5_a_signed_recovery_key_out_of_range_is_rejected() {
    const RECOVERY: usize = 1 + 32 + 8 + 32 + 8 + 8 + 32;
    let f = Fixture::new(1);
    let honest = *f.root.recovery_key().public_key().as_bytes();
    assert!(resigned(&f, RECOVERY, &honest).is_ok());
    let changed = encapsulation_key_out_of_range(&honest);
    assert_eq!(
        resigned(&f, RECOVERY, &changed),
        Err(DecodeError::InvalidKey.into())
    );
}

/// C9: a body has one encoding, so that what was signed is what is meant.
#[test]
fn c9_what_decodes_as_a_body_encodes_to_the_same_bytes() {
    let encoded = Fixture::new(1).first().body().encode().unwrap();
    let mut decoded = 0;
    for at in 0..encoded.len() {
        // 0x20 is another case of a letter.
        for bits in [0x01, 0x20, 0x80, 0xff] {
            let mut changed = encoded.clone();
            changed[at] ^= bits;
            if let Ok(body) = ManifestBody::decode(&changed) {
                assert_eq!(body.encode().unwrap(), changed, "{bits:#x} at {at}");
                decoded += 1;
            }
        }
    }
    assert!(decoded > 1_000, "only {decoded} decode");
}

#[test]
fn drafts_refuse_what_parsers_would() {
    let f = Fixture::new(1);
    let first = f.first();
    let mut twice = ManifestDraft::successor(&first).unwrap();
    twice.add(device(1));
    assert_eq!(twice.sign(&f.key, NOW), Err(DraftError::Devices));
    let late = ManifestDraft::successor(&first).unwrap();
    assert_eq!(
        late.sign(&f.key, Timestamp(MAX_MANIFEST_TIME_MS)),
        Err(DraftError::Time)
    );
    let mut none = ManifestDraft::successor(&first).unwrap();
    none.revoke(device(1).identity.id, record_key(2));
    assert_eq!(none.sign(&f.key, NOW), Err(DraftError::Devices));
    let mut crowd = ManifestDraft::successor(&first).unwrap();
    (2..=17).for_each(|seed| crowd.add(device(seed)));
    assert_eq!(crowd.sign(&f.key, NOW), Err(DraftError::Devices));
    let other = ManifestDraft::successor(&first).unwrap();
    assert_eq!(
        other.sign(&Fixture::new(2).key, NOW),
        Err(DraftError::OtherAccount)
    );
}

#[test]
fn revocation_removes_lists_and_renames_the_second_record() {
    let f = Fixture::new(1);
    let mut draft = ManifestDraft::successor(&f.first()).unwrap();
    draft.add(device(2));
    draft.revoke(device(1).identity.id, record_key(2));
    let manifest = draft.sign(&f.key, NOW).unwrap();
    assert_eq!(manifest.device(&device(1).identity.id), None);
    assert_eq!(manifest.body().revoked, [device(1).identity.id]);
    assert_eq!(manifest.body().device_record_key, record_key(2));
    // The oldest go when the list is full.
    let mut draft = ManifestDraft::successor(&manifest).unwrap();
    for n in 0..MAX_REVOKED {
        draft.revoke(
            DeviceId::from_bytes([u8::try_from(n).unwrap(); 16]),
            record_key(3),
        );
    }
    let manifest = draft.sign(&f.key, NOW).unwrap();
    assert_eq!(manifest.body().revoked.len(), MAX_REVOKED);
    assert!(!manifest.body().revoked.contains(&device(1).identity.id));
}

#[test]
fn a_manifest_names_256_revoked_devices() {
    let f = Fixture::new(1);
    let with_revoked = |count: u128| {
        let mut body = f.first().body().clone();
        body.revoked = (0..count)
            .map(|n| DeviceId::from_bytes(n.to_be_bytes()))
            .collect();
        VerifiedManifest::parse(&f.signed(&body), &f.account)
    };
    assert_eq!(with_revoked(256).unwrap().body().revoked.len(), 256);
    assert_eq!(with_revoked(257), Err(DecodeError::TooLong.into()));
}

/// Its end has 47 bits.
#[test]
fn a_manifest_is_signed_until_thirty_days_before_the_last_time() {
    let f = Fixture::new(1);
    let sign = |now| {
        ManifestDraft::successor(&f.first())
            .unwrap()
            .sign(&f.key, now)
    };
    let last = Timestamp(0x7fff_ffff_ffff).minus(30 * DAY_MS);
    assert!(sign(last).is_ok());
    assert_eq!(sign(last.plus(1)), Err(DraftError::Time));
}

#[test]
fn a_record_is_not_printed() {
    assert_eq!(format!("{:?}", Fixture::new(1).record()), "RecordId(..)");
}

#[test]
fn a_manifest_expires_after_thirty_days() {
    let manifest = Fixture::new(1).first();
    assert!(!manifest.is_expired(NOW.plus(30 * DAY_MS)));
    assert!(manifest.is_expired(NOW.plus(30 * DAY_MS + 1)));
}

#[test]
fn s13_a_sealed_manifest_opens_for_its_account_and_record_only() {
    let f = Fixture::new(1);
    let (manifest, record) = (f.first(), f.record());
    let value = manifest.seal(&record, &mut rng(5)).unwrap();
    assert_eq!(
        VerifiedManifest::open(&value, &f.account, &record).as_ref(),
        Ok(&manifest)
    );
    let other = Fixture::new(2);
    for (account, record) in [(&other.account, record), (&f.account, other.record())] {
        assert_eq!(
            VerifiedManifest::open(&value, account, &record),
            Err(ManifestError::NotAuthentic)
        );
    }
    assert_eq!(
        VerifiedManifest::open(&value[1..], &f.account, &record),
        Err(ManifestError::NotAuthentic)
    );
}

#[test]
fn padding_of_a_sealed_manifest_must_be_zero() {
    let f = Fixture::new(1);
    let (manifest, record) = (f.first(), f.record());
    let nonce = [1; aead::NONCE_LEN];
    let seal = |length: usize, padding: u8| {
        let mut plain = u32::try_from(length).unwrap().to_be_bytes().to_vec();
        plain.extend_from_slice(manifest.signed_bytes());
        plain.resize(MANIFEST_BUCKETS[0] - aead::NONCE_LEN, padding);
        aead::seal(
            &seal_key(&f.account, &record),
            &nonce,
            record.as_bytes(),
            &mut plain,
        )
        .unwrap();
        VerifiedManifest::open(&[&nonce[..], &plain].concat(), &f.account, &record)
    };
    let length = manifest.signed_bytes().len();
    assert!(seal(length, 0).is_ok());
    assert_eq!(seal(length, 1), Err(DecodeError::InvalidValue.into()));
    assert_eq!(seal(length + 1, 0), Err(DecodeError::TrailingBytes.into()));
    assert_eq!(seal(100_000, 0), Err(DecodeError::Truncated.into()));
}

/// The relay must not learn the number of devices: every list without a long history has one size.
#[test]
fn one_device_and_sixteen_have_one_size() {
    let f = Fixture::new(1);
    let one = f.first();
    let mut draft = ManifestDraft::successor(&one).unwrap();
    for seed in 2..=u8::try_from(MAX_DEVICES).unwrap() {
        draft.add(device(seed));
    }
    let sixteen = draft.sign(&f.key, NOW).unwrap();
    for manifest in [one, sixteen] {
        assert_eq!(
            manifest.seal(&f.record(), &mut rng(1)).unwrap().len(),
            8_192
        );
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn any_flipped_byte_of_a_record_is_rejected(position in 0_usize..8_192, bit in 0_u8..8) {
        let f = Fixture::new(1);
        let mut value = f.first().seal(&f.record(), &mut rng(5)).unwrap();
        value[position] ^= 1 << bit;
        prop_assert_eq!(VerifiedManifest::open(&value, &f.account, &f.record()), Err(ManifestError::NotAuthentic));
    }

    #[test]
    fn parsing_anything_never_panics(bytes: Vec<u8>) {
        let _ = ManifestBody::decode(&bytes);
        let _ = VerifiedManifest::parse(&bytes, &Fixture::new(1).account);
        let _ = Pin::from_bytes(&bytes);
    }
}

#[test]
fn extensions_of_a_later_version_are_skipped_and_copied() {
    let f = Fixture::new(1);
    let mut body = f.first().body().clone();
    body.extensions = vec![7; MAX_MANIFEST_EXTENSION_LEN];
    let extended = VerifiedManifest::parse(&f.signed(&body), &f.account).unwrap();
    let next = ManifestDraft::successor(&extended).unwrap();
    let next = next.sign(&f.key, NOW).unwrap();
    assert_eq!(next.body().extensions, body.extensions);
}
