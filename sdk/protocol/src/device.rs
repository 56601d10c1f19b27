//! A device: its three keys, one use each, and the account's statement that they are its own.
//!
//! The mailbox key is known to the relay, the other two are not; all are random, so that nothing links them. Which devices
//! an account has is the concern of [`crate::manifest`].

use rand_core::CryptoRng;

use crate::{
    account::{AccountId, AccountKey},
    id::id,
    labels,
    limits::{CLOCK_TOLERANCE_MS, DEVICE_STATEMENT_LIFETIME_MS},
    manifest::ManifestRef,
    primitives::{
        codec::{DecodeError, Reader, Writer},
        dh,
        hash::sha256,
        signature::{self, SIGNATURE_LEN, Signature, SigningKey},
    },
    time::Timestamp,
};

/// IK: a device's X25519 identity key.
pub type IdentityKey = dh::SecretKey<dh::role::Identity>;
/// Public half of [`IdentityKey`].
pub type IdentityPublicKey = dh::PublicKey<dh::role::Identity>;
/// DSK: signs a device's prekeys and links devices.
pub type DeviceSigningKey = SigningKey<signature::role::Device>;
/// Public half of [`DeviceSigningKey`].
pub type DeviceSigningPublicKey = signature::PublicKey<signature::role::Device>;
/// Owns a device's mailbox at its relay.
pub type MailboxKey = SigningKey<signature::role::Mailbox>;

id! {
    /// The random id of a device.
    DeviceId
}

id! {
    /// The id of a mailbox, which its relay knows: the first 16 bytes of SHA-256 of the mailbox's public key.
    MailboxId
}

impl DeviceId {
    /// A fresh random id.
    #[must_use]
    pub fn generate(rng: &mut impl CryptoRng) -> Self {
        let mut bytes = [0; 16];
        rng.fill_bytes(&mut bytes);
        Self(bytes)
    }
}

impl MailboxId {
    /// The mailbox that `key` owns.
    #[must_use]
    pub fn of(key: &signature::PublicKey<signature::role::Mailbox>) -> Self {
        let mut id = [0; Self::LEN];
        for (to, from) in id.iter_mut().zip(sha256(&[key.as_bytes()])) {
            *to = from;
        }
        Self(id)
    }
}

/// The randomness given repeated itself, so that two keys came out the same. The platform is at fault; nothing must be
/// done with the keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the random number generator repeats itself")]
pub struct RandomnessRepeats;

/// The private keys of a device. Wiped on drop.
pub struct DeviceKeys {
    /// The device's id.
    pub id: DeviceId,
    /// IK.
    pub identity: IdentityKey,
    /// DSK.
    pub signing: DeviceSigningKey,
    /// The key of the device's mailbox.
    pub mailbox: MailboxKey,
}

impl DeviceKeys {
    /// Fresh random keys.
    ///
    /// # Errors
    /// [`RandomnessRepeats`] when two of the secrets are equal.
    pub fn generate(rng: &mut impl CryptoRng) -> Result<Self, RandomnessRepeats> {
        let keys = Self {
            id: DeviceId::generate(rng),
            identity: IdentityKey::generate(rng),
            signing: DeviceSigningKey::generate(rng),
            mailbox: MailboxKey::generate(rng),
        };
        let (identity, signing, mailbox) = (
            keys.identity.expose(),
            keys.signing.expose(),
            keys.mailbox.expose(),
        );
        if identity == signing || signing == mailbox || identity == mailbox {
            return Err(RandomnessRepeats);
        }
        Ok(keys)
    }

    /// What others may know of the device.
    #[must_use]
    pub fn public(&self) -> DeviceIdentity {
        DeviceIdentity {
            id: self.id,
            identity_key: self.identity.public_key(),
            signing_key: self.signing.public_key(),
            mailbox: MailboxId::of(&self.mailbox.public_key()),
        }
    }
}

/// What a device statement vouches for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DeviceIdentity {
    /// The device's id.
    pub id: DeviceId,
    /// Its identity key.
    pub identity_key: IdentityPublicKey,
    /// Its signing key.
    pub signing_key: DeviceSigningPublicKey,
    /// Its mailbox.
    pub mailbox: MailboxId,
}

impl DeviceIdentity {
    /// Bytes of the encoding.
    pub const LEN: usize = 96;

    /// Appends `id 16 ‖ IK 32 ‖ DSK 32 ‖ mailbox 16`.
    pub fn write(&self, writer: &mut Writer<'_>) {
        writer
            .bytes(self.id.as_bytes())
            .bytes(self.identity_key.as_bytes())
            .bytes(self.signing_key.as_bytes())
            .bytes(self.mailbox.as_bytes());
    }

    /// Reads what [`DeviceIdentity::write`] wrote.
    ///
    /// # Errors
    /// [`DecodeError::Truncated`], or [`DecodeError::InvalidKey`] for bytes that are no acceptable keys.
    pub fn read(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Ok(Self {
            id: DeviceId(*reader.array()?),
            identity_key: IdentityPublicKey::parse(reader.array()?)?,
            signing_key: DeviceSigningPublicKey::parse(reader.array()?)?,
            mailbox: MailboxId(*reader.array()?),
        })
    }
}

/// Why a device statement was not accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StatementError {
    /// Not signed by the account for this device and manifest. Whoever presented it is at fault.
    #[error("device statement not signed by the account")]
    NotVerified,
    /// Its year is over: the device must have it renewed by one that holds the account key. Or this clock is wrong.
    #[error("device statement expired")]
    Expired,
    /// It lasts longer than any statement may. The account's software or this clock is wrong.
    #[error("device statement lasts too long")]
    TooLong,
}

/// The account key's signature that a device is one of its own, as of one manifest. Not checked yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DeviceStatement {
    signature: Signature,
    expires: Timestamp,
}

impl DeviceStatement {
    /// Bytes of the encoding.
    pub const LEN: usize = SIGNATURE_LEN + 8;

    /// Signs the statement for `device` as of `manifest`, valid for a year from `now`.
    #[must_use]
    pub fn sign(
        account_key: &AccountKey,
        device: &DeviceIdentity,
        manifest: &ManifestRef,
        now: Timestamp,
    ) -> Self {
        let expires = now.plus(DEVICE_STATEMENT_LIFETIME_MS);
        let body = Self::body(&AccountId::of(account_key), device, manifest, expires);
        Self {
            signature: account_key.sign(labels::DEVICE_STATEMENT, &body),
            expires,
        }
    }

    /// Checks that `account` vouches for `device` as of `manifest`. Whether the manifest is current is checked elsewhere.
    ///
    /// # Errors
    /// [`StatementError`].
    pub fn verify(
        &self,
        account: &AccountId,
        device: &DeviceIdentity,
        manifest: &ManifestRef,
        now: Timestamp,
    ) -> Result<(), StatementError> {
        self.verify_signature(account, device, manifest)?;
        if self.expires < now {
            return Err(StatementError::Expired);
        }
        if self.expires.since(now) > DEVICE_STATEMENT_LIFETIME_MS.saturating_add(CLOCK_TOLERANCE_MS)
        {
            return Err(StatementError::TooLong);
        }
        Ok(())
    }

    /// Checks the signature alone, for a statement beside the manifest that lists the device.
    pub(crate) fn verify_signature(
        &self,
        account: &AccountId,
        device: &DeviceIdentity,
        manifest: &ManifestRef,
    ) -> Result<(), StatementError> {
        let body = Self::body(account, device, manifest, self.expires);
        account
            .public_key()
            .verify(labels::DEVICE_STATEMENT, &body, &self.signature)
            .map_err(|_| StatementError::NotVerified)
    }

    /// `account 32 ‖ device identity 96 ‖ manifest version 8 ‖ manifest hash 32 ‖ expiry 8`.
    fn body(
        account: &AccountId,
        device: &DeviceIdentity,
        manifest: &ManifestRef,
        expires: Timestamp,
    ) -> Vec<u8> {
        let mut body = Vec::with_capacity(176);
        let mut writer = Writer::new(&mut body);
        writer.bytes(account.as_bytes());
        device.write(&mut writer);
        manifest.write(&mut writer);
        writer.u64(expires.0);
        body
    }

    /// When it ends.
    #[must_use]
    pub const fn expires(&self) -> Timestamp {
        self.expires
    }

    /// `signature 64 ‖ expiry 8`.
    #[must_use]
    pub fn to_bytes(&self) -> [u8; Self::LEN] {
        let mut bytes = [0; Self::LEN];
        let source = self
            .signature
            .0
            .iter()
            .copied()
            .chain(self.expires.0.to_be_bytes());
        for (to, from) in bytes.iter_mut().zip(source) {
            *to = from;
        }
        bytes
    }

    /// Reads what [`DeviceStatement::to_bytes`] wrote.
    ///
    /// # Errors
    /// [`DecodeError::Truncated`].
    pub fn read(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Ok(Self {
            signature: Signature(*reader.array()?),
            expires: Timestamp(reader.u64()?),
        })
    }
}

#[cfg(test)]
#[path = "device_tests.rs"]
mod tests;
