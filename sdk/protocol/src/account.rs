//! The account: its root, and what is derived from the root.
//!
//! The root is the one secret that a user writes down ([`crate::recovery_phrase`]). Everything that must survive the loss
//! of all devices comes from it: the account key, the right to write the manifest's record, and the recovery key.
//! Devices have random keys of their own ([`crate::device`]), which the root cannot recreate.

use core::fmt;

use rand_core::CryptoRng;
use zeroize::ZeroizeOnDrop;

use crate::{
    bech32m::{self, Bech32mError},
    labels::{self, KdfLabel},
    primitives::{
        kdf,
        kem::mlkem1024,
        secret::SecretBytes,
        signature::{self, PublicKey, SignatureError, SigningKey, role},
    },
};

/// Bytes of the root.
pub const ROOT_LEN: usize = 32;

/// First byte of a textual account id.
const TEXT_VERSION: u8 = 1;

/// The account key: signs manifests, device statements, group-admin statements and succession, nothing else.
pub type AccountKey = SigningKey<role::Account>;

/// The key that may write the record in which the manifest is kept.
pub type ManifestWriteKey = SigningKey<role::RecordWrite>;

/// Public half of [`ManifestWriteKey`].
pub type ManifestWritePublicKey = PublicKey<role::RecordWrite>;

/// The secret from which an account can be recovered. Wiped on drop.
pub struct Root(SecretBytes<ROOT_LEN>);

impl ZeroizeOnDrop for Root {}

impl Root {
    /// A fresh random root.
    #[must_use]
    pub fn generate(rng: &mut impl CryptoRng) -> Self {
        Self(SecretBytes::random(rng))
    }

    /// Reads a root that [`Root::expose`] gave.
    #[must_use]
    pub const fn from_secret(secret: SecretBytes<ROOT_LEN>) -> Self {
        Self(secret)
    }

    /// The bytes, for sealed storage and the recovery phrase.
    #[must_use]
    pub fn expose(&self) -> &[u8; ROOT_LEN] {
        self.0.expose()
    }

    /// The account key: the seed is `HKDF(0, root, L("root-account-key"), 32)`.
    #[must_use]
    pub fn account_key(&self) -> AccountKey {
        SigningKey::from_seed(&self.derive(labels::ROOT_ACCOUNT_KEY))
    }

    /// The manifest's write key: the seed is `HKDF(0, root, L("root-manifest-write-key"), 32)`.
    #[must_use]
    pub fn manifest_write_key(&self) -> ManifestWriteKey {
        SigningKey::from_seed(&self.derive(labels::ROOT_MANIFEST_WRITE_KEY))
    }

    /// The recovery key: the seed d ‖ z is `HKDF(0, root, L("root-recovery-kem"), 64)`.
    #[must_use]
    pub fn recovery_key(&self) -> mlkem1024::SecretKey {
        mlkem1024::SecretKey::from_seed(self.derive(labels::ROOT_RECOVERY_KEM))
    }

    fn derive<const N: usize>(&self, label: KdfLabel) -> SecretBytes<N> {
        let mut secret = SecretBytes::zeroed();
        kdf::hkdf_into(&[0; 32], &[self.expose()], label, &[], secret.expose_mut());
        secret
    }
}

/// The id of an account: the public half of its account key.
///
/// Not `Display`, and `Debug` shows no byte: ids never reach logs. The textual form is for people and links.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct AccountId(PublicKey<role::Account>);

/// Why a text is no account id. The person or program that gave the text must act.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AccountIdError {
    /// Not bech32m with the prefix `ut`, or mistyped.
    #[error("not an Undertone id, or mistyped")]
    Text(#[from] Bech32mError),
    /// Written by a newer version.
    #[error("id of a newer version")]
    Version,
    /// Another length than an account id has.
    #[error("not an account id")]
    Length,
    /// The bytes are no acceptable public key.
    #[error("not an acceptable account key")]
    Key,
}

impl AccountId {
    /// Bytes of an account id.
    pub const LEN: usize = signature::PUBLIC_KEY_LEN;

    /// The id of the account that `key` belongs to.
    #[must_use]
    pub fn of(key: &AccountKey) -> Self {
        Self(key.public_key())
    }

    /// Parses the 32 bytes of an account id.
    ///
    /// # Errors
    /// [`SignatureError::PublicKey`] for bytes that are no acceptable Ed25519 key.
    pub fn parse(bytes: &[u8; Self::LEN]) -> Result<Self, SignatureError> {
        PublicKey::parse(bytes).map(Self)
    }

    /// The 32 bytes.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8; Self::LEN] {
        self.0.as_bytes()
    }

    /// The key that checks the account's signatures.
    #[must_use]
    pub const fn public_key(&self) -> &PublicKey<role::Account> {
        &self.0
    }

    /// The textual form `ut1…`: bech32m of a version byte (1) and the 32 bytes.
    #[must_use]
    pub fn to_text(&self) -> String {
        bech32m::encode(&[&[TEXT_VERSION], self.as_bytes()])
    }

    /// Parses the textual form, in lower or upper case.
    ///
    /// # Errors
    /// [`AccountIdError`], by what is wrong with the text.
    pub fn parse_text(text: &str) -> Result<Self, AccountIdError> {
        let bytes = bech32m::decode(text)?;
        let (version, key) = bytes.split_first().ok_or(AccountIdError::Length)?;
        if *version != TEXT_VERSION {
            return Err(AccountIdError::Version);
        }
        let key = key.try_into().map_err(|_| AccountIdError::Length)?;
        Self::parse(key).map_err(|_| AccountIdError::Key)
    }
}

impl fmt::Debug for AccountId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AccountId(..)")
    }
}

#[cfg(test)]
#[path = "account_tests.rs"]
mod tests;
