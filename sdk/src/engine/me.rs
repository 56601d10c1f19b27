//! Who this device is: its keys, what its account shares with contacts, and its own manifest.
//!
//! Made once and kept in the store's sealed columns; in memory while the engine is open. Wiped when dropped.

use rand_core::CryptoRng;
use undertone_protocol::account::{AccountId, AccountKey, ManifestWriteKey, Root};
use undertone_protocol::device::{
    DeviceId, DeviceKeys, DeviceSigningKey, IdentityKey, MailboxId, MailboxKey,
};
use undertone_protocol::invite::InviteSeed;
use undertone_protocol::manifest::{ManifestRef, RecordId, VerifiedManifest};
use undertone_protocol::prekeys::PrekeyOwner;
use undertone_protocol::primitives::codec::{DecodeError, Reader, Writer};
use undertone_protocol::primitives::secret::SecretBytes;
use undertone_protocol::profile::ProfileKey;
use undertone_protocol::relay_address::RelayAddress;
use undertone_protocol::time::Timestamp;
use zeroize::Zeroizing;

use super::delivery::Delivery;
use super::event::Event;
use super::meta;
use super::step::Step;
use super::text::is_name;
use crate::error::{CreateAccountError, NameError, StepError};
use crate::store::{IdentityRow, Tx};

const FORMAT: u8 = 1;
const SECRETS_LEN: usize = 1 + 8 * 32;

/// The account and device that a store belongs to.
pub(crate) struct Me {
    pub(crate) root: Root,
    pub(crate) account: AccountId,
    pub(crate) account_key: AccountKey,
    pub(crate) manifest_key: ManifestWriteKey,
    pub(crate) manifest_record: RecordId,
    /// The key of the account's second record, which all its devices can write.
    pub(crate) device_record_key: ManifestWriteKey,
    pub(crate) device: DeviceKeys,
    pub(crate) mailbox: MailboxId,
    pub(crate) delivery: Delivery,
    pub(crate) profile: ProfileKey,
    pub(crate) invite_seed: InviteSeed,
    pub(crate) relay: RelayAddress,
    pub(crate) name: String,
    /// The newest own manifest; absent until the clock was first found right.
    pub(crate) manifest: Option<VerifiedManifest>,
}

/// What a new account starts with.
pub struct NewAccount {
    /// The root of an account whose recovery phrase was kept; `None` makes a new one.
    pub root: Option<Root>,
    /// The relay that will have the mailbox and the manifest.
    pub relay: RelayAddress,
    /// The name told to contacts: at most [`MAX_NAME_BYTES`](super::limits::MAX_NAME_BYTES) bytes, one line.
    pub name: String,
}

impl Me {
    /// Makes an account and stores it.
    pub(crate) fn create(
        tx: &Tx<'_>,
        account: NewAccount,
        now: Timestamp,
        rng: &mut impl CryptoRng,
    ) -> Result<(), CreateAccountError> {
        if tx.identity().get()?.is_some() {
            return Err(CreateAccountError::Exists);
        }
        if !is_name(&account.name) {
            return Err(CreateAccountError::BadName);
        }
        let root = account.root.unwrap_or_else(|| Root::generate(rng));
        let device =
            DeviceKeys::generate(rng).map_err(|_| CreateAccountError::RandomnessRepeats)?;
        let secrets = encode(
            &root,
            &device,
            &ProfileKey::generate(rng),
            &InviteSeed::generate(rng),
            &ManifestWriteKey::generate(rng),
        );
        let row = IdentityRow {
            account: AccountId::of(&root.account_key()),
            device: device.id,
            mailbox: device.public().mailbox,
            relay: account.relay.as_str().to_owned(),
            name: account.name,
            created: now,
        };
        tx.identity().create(&row, &secrets)?;
        Delivery::generate(rng).save(tx)?;
        Ok(())
    }

    /// The private keys, as the store keeps them.
    pub(crate) fn secrets(&self) -> Zeroizing<Vec<u8>> {
        encode(
            &self.root,
            &self.device,
            &self.profile,
            &self.invite_seed,
            &self.device_record_key,
        )
    }

    /// Reads the account of a store; `None` when there is none.
    pub(crate) fn load(tx: &Tx<'_>) -> Result<Option<Self>, StepError> {
        let (Some(row), Some(secrets)) = (tx.identity().get()?, tx.identity().secrets()?) else {
            return Ok(None);
        };
        let delivery = Delivery::load(tx)?;
        let mut me = Self::parse(&row, &secrets, delivery).map_err(|_| StepError::Damaged)?;
        if let Some(signed) = tx.meta().get(meta::OWN_MANIFEST)? {
            let manifest =
                VerifiedManifest::parse(&signed, &me.account).map_err(|_| StepError::Damaged)?;
            me.manifest = Some(manifest);
        }
        Ok(Some(me))
    }

    fn parse(row: &IdentityRow, secrets: &[u8], delivery: Delivery) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(secrets);
        if reader.u8()? != FORMAT {
            return Err(DecodeError::InvalidValue);
        }
        let root = Root::from_secret(SecretBytes::copy_from(reader.array()?));
        let device = DeviceKeys {
            id: row.device,
            identity: IdentityKey::from_bytes(reader.array()?),
            signing: DeviceSigningKey::from_seed(&SecretBytes::copy_from(reader.array()?)),
            mailbox: MailboxKey::from_seed(&SecretBytes::copy_from(reader.array()?)),
        };
        let profile = ProfileKey::from_bytes(reader.array()?);
        let invite_seed = InviteSeed::from_bytes(reader.array()?);
        let device_record_key =
            ManifestWriteKey::from_seed(&SecretBytes::copy_from(reader.array()?));
        reader.finish()?;
        let manifest_key = root.manifest_write_key();
        let account_key = root.account_key();
        Ok(Self {
            account: AccountId::of(&account_key),
            account_key,
            manifest_record: RecordId::of(&manifest_key.public_key()),
            manifest_key,
            device_record_key,
            root,
            device,
            mailbox: row.mailbox,
            delivery,
            profile,
            invite_seed,
            relay: RelayAddress::parse(&row.relay).map_err(|_| DecodeError::InvalidValue)?,
            name: row.name.clone(),
            manifest: None,
        })
    }

    /// The device as the owner of prekeys.
    pub(crate) fn prekey_owner(&self) -> PrekeyOwner<'_> {
        PrekeyOwner {
            account: self.account,
            device: self.device.id,
            signing_key: &self.device.signing,
        }
    }

    /// The device's id.
    pub(crate) fn device_id(&self) -> DeviceId {
        self.device.id
    }

    /// What every message says of the own manifest: version and hash, zeros before there is one.
    pub(crate) fn manifest_ref(&self) -> Option<ManifestRef> {
        self.manifest.as_ref().map(VerifiedManifest::reference)
    }
}

fn encode(
    root: &Root,
    device: &DeviceKeys,
    profile: &ProfileKey,
    invite_seed: &InviteSeed,
    device_record_key: &ManifestWriteKey,
) -> Zeroizing<Vec<u8>> {
    let mut secrets = Zeroizing::new(Vec::with_capacity(SECRETS_LEN));
    Writer::new(&mut secrets)
        .u8(FORMAT)
        .bytes(root.expose())
        .bytes(device.identity.expose())
        .bytes(device.signing.expose())
        .bytes(device.mailbox.expose())
        .bytes(profile.expose())
        .bytes(invite_seed.expose())
        .bytes(device_record_key.expose());
    secrets
}

impl Step<'_> {
    /// Changes the own name, also in the profile if there is one: else contacts who know another one keep it. Whoever is written to for
    /// the first time, or accepted, is told this one.
    ///
    /// # Errors
    /// [`NameError`]; nothing is changed unless it is [`NameError::Step`].
    pub fn set_own_name(&mut self, name: &str) -> Result<(), NameError> {
        if !is_name(name) {
            return Err(NameError::BadName);
        }
        self.tx.identity().set_name(name)?;
        name.clone_into(&mut self.core.me.name);
        self.name_changed()?;
        self.emit(Event::NameChanged);
        Ok(())
    }
}
