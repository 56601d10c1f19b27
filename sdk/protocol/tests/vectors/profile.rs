//! `profile.json`: the record that contacts read under the profile key.

use undertone_protocol::{
    account::ManifestWriteKey,
    limits::MANIFEST_BUCKETS,
    manifest::RecordId,
    primitives::secret::SecretBytes,
    profile::{Profile, ProfileKey, ProfileRecord, QuarterHour},
    time::Timestamp,
};

use crate::support::{Case, check, hkdf, label, rng, seal, sha256};

fn profile_case(name: &str, profile: Profile, last_seen: Option<u64>) -> Case {
    let device_record_key = ManifestWriteKey::from_seed(&SecretBytes::copy_from(&[0xb1; 32]));
    let key = ProfileKey::from_bytes(&[0x66; 32]);
    let ikm = [&[0xb1; 32][..], &[0x66; 32]].concat();
    let seed: [u8; 32] = hkdf(&ikm, "profile-write-key", &[]);
    let write_key = key.write_key(&device_record_key);
    assert_eq!(write_key.expose(), &seed);
    let public_key = write_key.public_key();
    let record = RecordId::of(&public_key);

    let field = |bytes: &[u8]| {
        let len = u16::try_from(bytes.len()).unwrap().to_be_bytes();
        [&len[..], bytes].concat()
    };
    let encoded = [
        field(profile.name.as_bytes()),
        field(profile.about.as_bytes()),
        field(&profile.avatar),
        field(&[]),
    ]
    .concat();
    let digest = &sha256(&[&label("profile-digest"), &encoded])[..16];
    let quarter = u32::try_from(last_seen.unwrap_or(0) / 900_000).unwrap();
    let content = [&[1][..], &quarter.to_be_bytes(), &encoded].concat();
    let mut plain = u32::try_from(content.len()).unwrap().to_be_bytes().to_vec();
    plain.extend(&content);
    plain.resize(MANIFEST_BUCKETS[0] - 12 - 16, 0);

    let written = ProfileRecord {
        profile,
        last_seen: last_seen.and_then(|at| QuarterHour::of(Timestamp(at))),
    };
    let value = written.seal(&key, &record, &mut rng(9)).unwrap();
    let nonce: [u8; 12] = value[..12].try_into().unwrap();
    let seal_key: [u8; 32] = hkdf(&[0x66; 32], "profile-seal", record.as_bytes());
    assert_eq!(
        value[12..],
        seal(&seal_key, &nonce, record.as_bytes(), &plain)[..]
    );
    let (opened, found) = ProfileRecord::open(&value, &key, &record).unwrap();
    assert_eq!(opened, written);
    assert_eq!(found.0, digest);

    Case::new(name)
        .hex("device_record_seed", [0xb1; 32])
        .hex("profile_key", [0x66; 32])
        .hex("write_seed", seed)
        .hex("write_public_key", public_key.as_bytes())
        .hex("record_id", record.as_bytes())
        .hex("profile", &encoded)
        .hex("digest", digest)
        .number("last_seen_ms", last_seen.unwrap_or(0))
        .hex("seal_key", seal_key)
        .hex("seal_nonce", nonce)
        .hex("record_value", value)
}

#[test]
fn profile_vectors() {
    let full = Profile {
        name: "Ada".to_owned(),
        about: "Grüße, 世界".to_owned(),
        avatar: vec![0x89, b'P', b'N', b'G'],
    };
    check(
        "profile",
        &[
            profile_case(
                "name, text, picture, last seen",
                full,
                Some(1_800_000_123_456),
            ),
            profile_case("nothing", Profile::default(), None),
        ],
    );
}
