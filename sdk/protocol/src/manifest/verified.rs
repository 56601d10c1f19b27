//! How a manifest is checked, and what it is under on a relay.

use rand_core::CryptoRng;
use zeroize::Zeroizing;

use crate::{
    account::AccountId,
    device::{DeviceId, DeviceStatement},
    labels,
    limits::MAX_MANIFEST_EXTENSION_LEN,
    manifest::{ManifestBody, ManifestDevice, ManifestRef, RecordId, body::read_statements},
    primitives::{
        aead,
        codec::{DecodeError, Reader},
        kdf,
        signature::Signature,
    },
    sealed_record::{self, Unopened},
    time::Timestamp,
};

/// Why bytes are no manifest of an account. The relay, or whoever else gave them, is at fault; what is pinned stays.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ManifestError {
    /// Not the encoding of a manifest, or one that contradicts itself.
    #[error("malformed manifest: {0}")]
    Malformed(#[from] DecodeError),
    /// Another account's manifest.
    #[error("manifest of another account")]
    OtherAccount,
    /// The manifest is not signed by the account.
    #[error("manifest not signed by the account")]
    Signature,
    /// A device statement beside it is not signed by the account.
    #[error("device statement not signed by the account")]
    Statement,
    /// The record's value does not open under the account's key: changed, cut, or another record's.
    #[error("record that does not open")]
    NotAuthentic,
}

/// A manifest is too long for a record. The account's devices must act.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("manifest too long for a record")]
pub struct SealError;

/// A manifest that its account has signed, with a signed statement for each device.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VerifiedManifest {
    body: ManifestBody,
    reference: ManifestRef,
    statements: Vec<DeviceStatement>,
    signed: Vec<u8>,
}

impl VerifiedManifest {
    /// Keeps what was just signed.
    pub(super) const fn from_signing(
        body: ManifestBody,
        reference: ManifestRef,
        statements: Vec<DeviceStatement>,
        signed: Vec<u8>,
    ) -> Self {
        Self {
            body,
            reference,
            statements,
            signed,
        }
    }

    /// Parses and checks a signed manifest of `account`.
    ///
    /// `u16 length ‖ body ‖ signature 64 ‖ a 72-byte statement for each device ‖ u16 length ‖ annex`. The annex belongs to
    /// later versions and is skipped.
    ///
    /// # Errors
    /// [`ManifestError`].
    pub fn parse(signed: &[u8], account: &AccountId) -> Result<Self, ManifestError> {
        let mut reader = Reader::new(signed);
        let encoded = reader.field_u16(usize::from(u16::MAX))?;
        let signature = Signature(*reader.array()?);
        // The signature comes first: nothing inside the body is believed, or cost, before it.
        account
            .public_key()
            .verify(labels::MANIFEST, encoded, &signature)
            .map_err(|_| ManifestError::Signature)?;
        let body = ManifestBody::decode(encoded)?;
        if body.account != *account {
            return Err(ManifestError::OtherAccount);
        }
        let statements = read_statements(&mut reader, body.devices.len())?;
        reader.field_u16(MAX_MANIFEST_EXTENSION_LEN)?;
        reader.finish()?;
        let reference = ManifestRef {
            version: body.version,
            hash: ManifestBody::hash_of(encoded),
        };
        for (device, statement) in body.devices.iter().zip(&statements) {
            statement
                .verify_signature(account, &device.identity, &reference)
                .map_err(|_| ManifestError::Statement)?;
        }
        Ok(Self {
            body,
            reference,
            statements,
            signed: signed.to_vec(),
        })
    }

    /// What the manifest says.
    #[must_use]
    pub const fn body(&self) -> &ManifestBody {
        &self.body
    }

    /// Its version and hash.
    #[must_use]
    pub const fn reference(&self) -> ManifestRef {
        self.reference
    }

    /// The signed encoding, as [`VerifiedManifest::parse`] takes it.
    #[must_use]
    pub fn signed_bytes(&self) -> &[u8] {
        &self.signed
    }

    /// The device with this id.
    #[must_use]
    pub fn device(&self, id: &DeviceId) -> Option<&ManifestDevice> {
        self.body
            .devices
            .iter()
            .find(|device| device.identity.id == *id)
    }

    /// The statement for the device with this id.
    #[must_use]
    pub fn statement(&self, id: &DeviceId) -> Option<&DeviceStatement> {
        let position = self
            .body
            .devices
            .iter()
            .position(|device| device.identity.id == *id)?;
        self.statements.get(position)
    }

    /// Whether it no longer vouches for devices that are new to its reader. Known sessions carry on.
    #[must_use]
    pub fn is_expired(&self, now: Timestamp) -> bool {
        self.body.expires < now
    }

    /// The value of the record: `nonce 12 ‖ AES-256-GCM(key, nonce, AD = record id, u32 length ‖ signed ‖ zeros)`, padded
    /// to a bucket.
    ///
    /// # Errors
    /// [`SealError`] above the largest record.
    pub fn seal(&self, record: &RecordId, rng: &mut impl CryptoRng) -> Result<Vec<u8>, SealError> {
        let key = seal_key(&self.body.account, record);
        sealed_record::seal(&key, record, &self.signed, rng).ok_or(SealError)
    }

    /// Opens and checks the value of `account`'s record.
    ///
    /// # Errors
    /// [`ManifestError`].
    pub fn open(
        value: &[u8],
        account: &AccountId,
        record: &RecordId,
    ) -> Result<Self, ManifestError> {
        let signed =
            sealed_record::open(&seal_key(account, record), record, value).map_err(|error| {
                match error {
                    Unopened::NotAuthentic => ManifestError::NotAuthentic,
                    Unopened::Malformed(error) => ManifestError::Malformed(error),
                }
            })?;
        Self::parse(&signed, account)
    }
}

/// `HKDF(0, account public key, L("manifest-seal") ‖ record id, 32)`.
fn seal_key(account: &AccountId, record: &RecordId) -> Zeroizing<[u8; aead::KEY_LEN]> {
    kdf::hkdf(
        &[0; 32],
        &[account.as_bytes()],
        labels::MANIFEST_SEAL,
        &[record.as_bytes()],
    )
}

#[cfg(test)]
#[path = "manifest_tests.rs"]
mod tests;
