//! `manifest.json`: two manifests of one account, with their device statements and sealed records.

use undertone_protocol::{
    account::{AccountId, AccountKey, ManifestWriteKey},
    device::{DeviceId, DeviceKeys, DeviceSigningKey, IdentityKey, MailboxKey},
    limits::{DEVICE_STATEMENT_LIFETIME_MS, MANIFEST_BUCKETS},
    manifest::{ManifestDevice, ManifestDraft, RecordId, SuccessionCommitment, VerifiedManifest},
    primitives::{
        secret::SecretBytes,
        signature::{SigningKey, role},
    },
    relay_address::RelayAddress,
    time::Timestamp,
};

use crate::{
    account::root,
    support::{Case, check, framed, hkdf, label, rng, seal, sha256, sign},
};

pub(crate) const NOW: Timestamp = Timestamp(1_800_000_000_000);

/// The private keys of device `n`, each of one repeated byte.
pub(crate) fn device_keys(n: u8) -> DeviceKeys {
    let seed = |offset: u8| SecretBytes::copy_from(&[n * 16 + offset; 32]);
    DeviceKeys {
        id: DeviceId::from_bytes([n * 16; 16]),
        identity: IdentityKey::from_bytes(seed(1).expose()),
        signing: DeviceSigningKey::from_seed(&seed(2)),
        mailbox: MailboxKey::from_seed(&seed(3)),
    }
}

pub(crate) fn listed(n: u8, relay: &str) -> ManifestDevice {
    ManifestDevice {
        identity: device_keys(n).public(),
        relay: RelayAddress::parse(relay).unwrap(),
        added: NOW.minus(u64::from(n)),
        protocol_versions: 1,
    }
}

fn record_key(byte: u8) -> ManifestWriteKey {
    ManifestWriteKey::from_seed(&SecretBytes::copy_from(&[byte; 32]))
}

fn device_case(n: u8) -> Case {
    let keys = device_keys(n);
    let public = keys.public();
    let mailbox_key = keys.mailbox.public_key();
    assert_eq!(
        public.mailbox.as_bytes()[..],
        sha256(&[mailbox_key.as_bytes()])[..16]
    );
    Case::default()
        .hex("device_id", public.id.as_bytes())
        .hex("identity_key_secret", keys.identity.expose())
        .hex("identity_key", public.identity_key.as_bytes())
        .hex("device_signing_key_seed", keys.signing.expose())
        .hex("device_signing_key", public.signing_key.as_bytes())
        .hex("mailbox_key_seed", keys.mailbox.expose())
        .hex("mailbox_key", mailbox_key.as_bytes())
        .hex("mailbox_id", public.mailbox.as_bytes())
}

/// One statement, computed from the document.
fn statement_case(
    account_seed: &[u8; 32],
    manifest: &VerifiedManifest,
    device: &ManifestDevice,
) -> Case {
    let expires = manifest.body().issued.plus(DEVICE_STATEMENT_LIFETIME_MS);
    let identity = &device.identity;
    let body = [
        &manifest.body().account.as_bytes()[..],
        identity.id.as_bytes(),
        identity.identity_key.as_bytes(),
        identity.signing_key.as_bytes(),
        identity.mailbox.as_bytes(),
        &manifest.reference().version.to_u64().to_be_bytes(),
        &manifest.reference().hash.0,
        &expires.0.to_be_bytes(),
    ]
    .concat();
    let signature = sign(account_seed, "device-statement", &body);
    let encoded = [&signature[..], &expires.0.to_be_bytes()].concat();
    assert_eq!(
        manifest.statement(&identity.id).unwrap().to_bytes()[..],
        encoded[..]
    );
    Case::default()
        .hex("device_id", identity.id.as_bytes())
        .number("expires_ms", expires.0)
        .hex("signed_message", framed("device-statement", &body))
        .hex("signature", signature)
        .hex("statement", encoded)
}

/// The body, field by field, as the document lists them.
fn body_of(manifest: &VerifiedManifest) -> Vec<u8> {
    let body = manifest.body();
    let mut bytes = vec![1];
    bytes.extend(body.account.as_bytes());
    bytes.extend(body.version.epoch.to_be_bytes());
    bytes.extend(body.version.counter.to_be_bytes());
    bytes.extend(body.previous.map_or([0; 32], |hash| hash.0));
    bytes.extend(body.issued.0.to_be_bytes());
    bytes.extend(body.expires.0.to_be_bytes());
    bytes.extend(body.succession.map_or([0; 32], |commitment| commitment.0));
    bytes.extend(body.recovery_key.as_bytes());
    bytes.extend(body.device_record_key.as_bytes());
    bytes.push(u8::try_from(body.devices.len()).unwrap());
    for device in &body.devices {
        bytes.extend(device.identity.id.as_bytes());
        bytes.extend(device.identity.identity_key.as_bytes());
        bytes.extend(device.identity.signing_key.as_bytes());
        bytes.extend(device.identity.mailbox.as_bytes());
        bytes.push(u8::try_from(device.relay.as_str().len()).unwrap());
        bytes.extend(device.relay.as_str().as_bytes());
        bytes.extend(device.added.0.to_be_bytes());
        bytes.extend(device.protocol_versions.to_be_bytes());
    }
    bytes.extend(u16::try_from(body.revoked.len()).unwrap().to_be_bytes());
    for id in &body.revoked {
        bytes.extend(id.as_bytes());
    }
    bytes.extend([0, 0]);
    bytes
}

fn manifest_case(
    name: &str,
    key: &AccountKey,
    record: &RecordId,
    manifest: &VerifiedManifest,
) -> Case {
    let account = manifest.body().account;
    let body = body_of(manifest);
    let signature = sign(key.expose(), "manifest-body", &body);
    let hash = sha256(&[&label("manifest-hash"), &body]);
    assert_eq!(manifest.reference().hash.0, hash);

    let mut signed = u16::try_from(body.len()).unwrap().to_be_bytes().to_vec();
    signed.extend(&body);
    signed.extend(signature);
    for device in &manifest.body().devices {
        signed.extend(manifest.statement(&device.identity.id).unwrap().to_bytes());
    }
    signed.extend([0, 0]);
    assert_eq!(manifest.signed_bytes(), signed);

    let value = manifest.seal(record, &mut rng(9)).unwrap();
    let nonce: [u8; 12] = value[..12].try_into().unwrap();
    let seal_key: [u8; 32] = hkdf(account.as_bytes(), "manifest-seal", record.as_bytes());
    let mut plain = u32::try_from(signed.len()).unwrap().to_be_bytes().to_vec();
    plain.extend(&signed);
    plain.resize(MANIFEST_BUCKETS[0] - 12 - 16, 0);
    assert_eq!(
        value[12..],
        seal(&seal_key, &nonce, record.as_bytes(), &plain)[..]
    );
    assert_eq!(
        VerifiedManifest::open(&value, &account, record).as_ref(),
        Ok(manifest)
    );

    let statements = manifest.body().devices.iter();
    Case::new(name)
        .number("issued_ms", manifest.body().issued.0)
        .hex("body", &body)
        .hex("signed_message", framed("manifest-body", &body))
        .hex("signature", signature)
        .hex("hash", hash)
        .cases(
            "statements",
            statements
                .map(|d| statement_case(key.expose(), manifest, d))
                .collect(),
        )
        .hex("signed_manifest", &signed)
        .hex("seal_key", seal_key)
        .hex("seal_nonce", nonce)
        .hex("record_value", value)
}

#[test]
fn manifest_vectors() {
    let root = root([4; 32]);
    let key = root.account_key();
    let write_key = root.manifest_write_key().public_key();
    let record = RecordId::of(&write_key);
    let succession =
        SigningKey::<role::Succession>::from_seed(&SecretBytes::copy_from(&[0xa1; 32]));
    let commitment = SuccessionCommitment::to(&succession.public_key());
    assert_eq!(
        commitment.0,
        sha256(&[
            &label("succession-commitment"),
            succession.public_key().as_bytes()
        ])
    );

    let device_record = record_key(0xb1).public_key();
    let draft = ManifestDraft::first(
        &root,
        listed(1, "https://relay.example"),
        device_record,
        Some(commitment),
    );
    let first = draft.sign(&key, NOW).unwrap();
    let mut draft = ManifestDraft::successor(&first).unwrap();
    draft.add(listed(2, "https://relay.example"));
    draft.add(listed(3, "https://other.example:8443"));
    draft.revoke(device_keys(1).id, record_key(0xb2).public_key());
    let second = draft.sign(&key, NOW.plus(86_400_000)).unwrap();

    let inputs = Case::new("inputs")
        .hex("root", [4; 32])
        .hex("account_public_key", AccountId::of(&key).as_bytes())
        .hex("manifest_write_public_key", write_key.as_bytes())
        .hex("record_id", record.as_bytes())
        .hex("succession_public_key", succession.public_key().as_bytes())
        .hex("succession_commitment", commitment.0)
        .cases("devices", (1..=3).map(device_case).collect());
    check(
        "manifest",
        &[
            inputs,
            manifest_case("first manifest, one device", &key, &record, &first),
            manifest_case(
                "second: two devices added, the first revoked",
                &key,
                &record,
                &second,
            ),
        ],
    );
}
