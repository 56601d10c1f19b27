//! Accounts with manifests, for tests.

use crate::{
    account::{AccountId, AccountKey, ManifestWriteKey, ManifestWritePublicKey, Root},
    device::{DeviceKeys, DeviceStatement},
    labels,
    manifest::{
        ManifestBody, ManifestDevice, ManifestDraft, ManifestRef, RecordId, VerifiedManifest,
    },
    primitives::codec::Writer,
    relay_address::RelayAddress,
    test_support::rng,
    time::Timestamp,
};

pub(super) const NOW: Timestamp = Timestamp(1_800_000_000_000);

pub(super) struct Fixture {
    pub(super) root: Root,
    pub(super) key: AccountKey,
    pub(super) account: AccountId,
}

impl Fixture {
    pub(super) fn new(seed: u8) -> Self {
        let root = Root::generate(&mut rng(seed));
        let key = root.account_key();
        let account = AccountId::of(&key);
        Self { root, key, account }
    }

    pub(super) fn first(&self) -> VerifiedManifest {
        ManifestDraft::first(&self.root, device(1), record_key(1), None)
            .sign(&self.key, NOW)
            .unwrap()
    }

    pub(super) fn next(&self, current: &VerifiedManifest) -> VerifiedManifest {
        ManifestDraft::successor(current)
            .unwrap()
            .sign(&self.key, NOW)
            .unwrap()
    }

    pub(super) fn record(&self) -> RecordId {
        RecordId::of(&self.root.manifest_write_key().public_key())
    }

    /// A signed manifest with a body that no draft would give.
    pub(super) fn signed(&self, body: &ManifestBody) -> Vec<u8> {
        let encoded = body.encode().unwrap();
        let reference = ManifestRef {
            version: body.version,
            hash: ManifestBody::hash_of(&encoded),
        };
        let mut signed = Vec::new();
        let mut writer = Writer::new(&mut signed);
        let signature = self.key.sign(labels::MANIFEST, &encoded);
        writer.field_u16(&encoded).unwrap().bytes(&signature.0);
        for device in &body.devices {
            let statement = DeviceStatement::sign(&self.key, &device.identity, &reference, NOW);
            writer.bytes(&statement.to_bytes());
        }
        writer.u16(0);
        signed
    }
}

pub(super) fn device(seed: u8) -> ManifestDevice {
    ManifestDevice {
        identity: DeviceKeys::generate(&mut rng(seed)).unwrap().public(),
        relay: RelayAddress::parse("https://relay.example").unwrap(),
        added: NOW,
        protocol_versions: 1,
    }
}

pub(super) fn record_key(seed: u8) -> ManifestWritePublicKey {
    ManifestWriteKey::generate(&mut rng(seed)).public_key()
}
