//! Accounts whose devices have published prekeys, for tests.

use rand_core::CryptoRng;

use crate::{
    account::{AccountId, AccountKey, ManifestWriteKey, Root},
    device::{DeviceKeys, DeviceSigningKey, IdentityKey, MailboxKey},
    manifest::{ManifestDevice, ManifestDraft, VerifiedManifest},
    prekeys::{
        LastResortPrekey, OneTimeKemPrekey, OneTimePrekey, PrekeyBundle, PrekeyOwner, SignedPrekey,
        one_time::{generate_one_time, generate_one_time_kem},
    },
    primitives::secret::SecretBytes,
    relay_address::RelayAddress,
    test_support::rng,
    time::Timestamp,
};

pub(super) const NOW: Timestamp = Timestamp(1_800_000_000_000);

/// A device of an account, with what it has published.
pub(super) struct Published {
    pub(super) keys: DeviceKeys,
    pub(super) page: Vec<u8>,
    pub(super) opks: Vec<OneTimePrekey>,
    pub(super) kpks: Vec<OneTimeKemPrekey>,
    pub(super) last_resort: LastResortPrekey,
    pub(super) spk: SignedPrekey,
}

pub(super) struct Account {
    pub(super) key: AccountKey,
    pub(super) id: AccountId,
    pub(super) manifest: VerifiedManifest,
    pub(super) devices: Vec<Published>,
}

pub(super) fn account(seed: u8, devices: u8) -> Account {
    let mut rng = rng(seed);
    let root = Root::generate(&mut rng);
    let key = root.account_key();
    let id = AccountId::of(&key);
    let keys: Vec<_> = (0..devices)
        .map(|_| DeviceKeys::generate(&mut rng).unwrap())
        .collect();
    let listed = |keys: &DeviceKeys| ManifestDevice {
        identity: keys.public(),
        relay: RelayAddress::parse("https://relay.example").unwrap(),
        added: NOW,
        protocol_versions: 1,
    };
    let record_key = ManifestWriteKey::generate(&mut rng).public_key();
    let mut draft = ManifestDraft::first(&root, listed(&keys[0]), record_key, None);
    keys.iter().skip(1).for_each(|keys| draft.add(listed(keys)));
    let manifest = draft.sign(&key, NOW).unwrap();
    let devices = keys
        .into_iter()
        .map(|keys| publish(id, &manifest, keys, NOW, &mut rng))
        .collect();
    Account {
        key,
        id,
        manifest,
        devices,
    }
}

pub(super) fn publish(
    account: AccountId,
    manifest: &VerifiedManifest,
    keys: DeviceKeys,
    now: Timestamp,
    rng: &mut impl CryptoRng,
) -> Published {
    let owner = PrekeyOwner {
        account,
        device: keys.id,
        signing_key: &keys.signing,
    };
    let spk = SignedPrekey::generate(&owner, now, rng);
    let statement = manifest.statement(&keys.id).unwrap();
    let mailbox = keys.public().mailbox;
    let page = spk
        .seal_page(&account, &mailbox, &manifest.reference(), statement, rng)
        .unwrap();
    let opks = generate_one_time(&owner, 3, now, rng).unwrap();
    let kpks = generate_one_time_kem(&owner, 2, now, rng).unwrap();
    let last_resort = LastResortPrekey::generate(&owner, now, rng);
    Published {
        page,
        opks,
        kpks,
        last_resort,
        spk,
        keys,
    }
}

impl Published {
    pub(super) fn bundle(&self) -> PrekeyBundle<'_> {
        PrekeyBundle {
            page: &self.page,
            one_time: Some(&self.opks[1].item),
            kem: &self.kpks[1].item,
        }
    }

    pub(super) fn owner(&self, account: AccountId) -> PrekeyOwner<'_> {
        PrekeyOwner {
            account,
            device: self.keys.id,
            signing_key: &self.keys.signing,
        }
    }
}

/// The same private keys again.
pub(super) fn clone_keys(device: &Published) -> DeviceKeys {
    DeviceKeys {
        id: device.keys.id,
        identity: IdentityKey::from_bytes(device.keys.identity.expose()),
        signing: DeviceSigningKey::from_seed(&SecretBytes::copy_from(device.keys.signing.expose())),
        mailbox: MailboxKey::from_seed(&SecretBytes::copy_from(device.keys.mailbox.expose())),
    }
}
