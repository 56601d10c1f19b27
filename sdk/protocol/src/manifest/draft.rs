//! How the holder of the account key makes the next manifest.

use crate::{
    account::{AccountId, AccountKey, ManifestWritePublicKey, Root},
    device::{DeviceId, DeviceStatement},
    labels,
    limits::{MAX_MANIFEST_LIFETIME_MS, MAX_MANIFEST_TIME_MS, MAX_REVOKED},
    manifest::{
        ManifestBody, ManifestDevice, ManifestRef, ManifestVersion, SuccessionCommitment,
        VerifiedManifest,
    },
    primitives::codec::Writer,
    time::Timestamp,
};

/// Why a manifest cannot be signed as drafted. The program that drafted it must act.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DraftError {
    /// Signed with the key of another account.
    #[error("not the key of this account")]
    OtherAccount,
    /// No device, more than 16, two that share an id or key, or one that is revoked.
    #[error("list of devices that no manifest may have")]
    Devices,
    /// Signed at a time that no manifest may name.
    #[error("time beyond what a manifest may name")]
    Time,
    /// The version cannot be raised any more.
    #[error("no version after this one")]
    LastVersion,
}

/// A manifest that is not signed yet.
pub struct ManifestDraft(ManifestBody);

impl ManifestDraft {
    /// The first manifest of an account, with its first device.
    #[must_use]
    pub fn first(
        root: &Root,
        device: ManifestDevice,
        device_record_key: ManifestWritePublicKey,
        succession: Option<SuccessionCommitment>,
    ) -> Self {
        Self(ManifestBody {
            account: AccountId::of(&root.account_key()),
            version: ManifestVersion::FIRST,
            previous: None,
            issued: Timestamp(0),
            expires: Timestamp(0),
            succession,
            recovery_key: root.recovery_key().public_key(),
            device_record_key,
            devices: vec![device],
            revoked: Vec::new(),
            extensions: Vec::new(),
        })
    }

    /// The manifest after `current`, with the same content.
    ///
    /// # Errors
    /// [`DraftError::LastVersion`].
    pub fn successor(current: &VerifiedManifest) -> Result<Self, DraftError> {
        let ManifestVersion { epoch, counter } = current.body().version;
        let counter = counter.checked_add(1).ok_or(DraftError::LastVersion)?;
        Ok(Self::after(current, ManifestVersion { epoch, counter }))
    }

    /// The first manifest after a recovery from the phrase, when the last known one is `last`: its devices are revoked,
    /// `device` is the only one.
    ///
    /// # Errors
    /// [`DraftError::LastVersion`].
    pub fn recovery(
        last: &VerifiedManifest,
        device: ManifestDevice,
        device_record_key: ManifestWritePublicKey,
    ) -> Result<Self, DraftError> {
        let epoch = last
            .body()
            .version
            .epoch
            .checked_add(1)
            .ok_or(DraftError::LastVersion)?;
        let mut draft = Self::after(last, ManifestVersion { epoch, counter: 1 });
        for lost in core::mem::take(&mut draft.0.devices) {
            draft.0.revoked.push(lost.identity.id);
        }
        draft.0.devices.push(device);
        draft.0.device_record_key = device_record_key;
        Ok(draft)
    }

    fn after(current: &VerifiedManifest, version: ManifestVersion) -> Self {
        let mut body = current.body().clone();
        body.version = version;
        body.previous = Some(current.reference().hash);
        Self(body)
    }

    /// Adds a device.
    pub fn add(&mut self, device: ManifestDevice) {
        self.0.devices.push(device);
    }

    /// The listed device with this id, to change its relay, mailbox or protocol versions.
    pub fn device_mut(&mut self, id: &DeviceId) -> Option<&mut ManifestDevice> {
        self.0
            .devices
            .iter_mut()
            .find(|device| device.identity.id == *id)
    }

    /// Revokes a device and renames the second record, which the revoked device could write.
    pub fn revoke(&mut self, id: DeviceId, device_record_key: ManifestWritePublicKey) {
        self.0.devices.retain(|device| device.identity.id != id);
        if !self.0.revoked.contains(&id) {
            self.0.revoked.push(id);
        }
        self.0.device_record_key = device_record_key;
    }

    /// Signs the manifest, valid for 30 days from `now`, and a statement for each device, valid for a year.
    ///
    /// # Errors
    /// [`DraftError`].
    pub fn sign(
        mut self,
        account_key: &AccountKey,
        now: Timestamp,
    ) -> Result<VerifiedManifest, DraftError> {
        let body = &mut self.0;
        if AccountId::of(account_key) != body.account {
            return Err(DraftError::OtherAccount);
        }
        body.issued = now;
        body.expires = now.plus(MAX_MANIFEST_LIFETIME_MS);
        if body.expires.0 > MAX_MANIFEST_TIME_MS {
            return Err(DraftError::Time);
        }
        let surplus = body.revoked.len().saturating_sub(MAX_REVOKED);
        body.revoked.drain(..surplus);
        if !body.is_consistent() {
            return Err(DraftError::Devices);
        }
        let encoded = body.encode().map_err(|_| DraftError::Devices)?;
        let reference = ManifestRef {
            version: body.version,
            hash: ManifestBody::hash_of(&encoded),
        };
        let signature = account_key.sign(labels::MANIFEST, &encoded);
        let statements: Vec<_> = body
            .devices
            .iter()
            .map(|device| DeviceStatement::sign(account_key, &device.identity, &reference, now))
            .collect();
        let mut signed = Vec::with_capacity(encoded.len() + 4_096);
        let mut writer = Writer::new(&mut signed);
        writer
            .field_u16(&encoded)
            .map_err(|_| DraftError::Devices)?
            .bytes(&signature.0);
        for statement in &statements {
            writer.bytes(&statement.to_bytes());
        }
        writer.u16(0);
        Ok(VerifiedManifest::from_signing(
            self.0, reference, statements, signed,
        ))
    }
}
