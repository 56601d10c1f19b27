//! Ed25519 with one type per role of a key, over framed messages only.
//!
//! What is signed is always `u8 label length ‖ label ‖ u64 body length ‖ body`, so that no signature can be read as one
//! over another kind of object. Verification is strict: canonical encodings, no point of low order, in key or signature.
//! Source: RFC 8032; "Taming the many EdDSAs" (Chalkias et al., 2020) for the strict rules.

use core::{fmt, marker::PhantomData};

use ed25519_dalek::Signer;
use rand_core::CryptoRng;
use zeroize::ZeroizeOnDrop;

pub use super::role;
use super::{dh::is_canonical_field_element, secret::SecretBytes};
use crate::labels::SignatureLabel;

/// Bytes of a public key.
pub const PUBLIC_KEY_LEN: usize = 32;
/// Bytes of the seed that a signing key is kept as.
pub const SEED_LEN: usize = 32;
/// Bytes of a signature.
pub const SIGNATURE_LEN: usize = 64;

/// Roles whose signatures a relay checks; the framed bytes they sign are defined by the wire format.
pub trait SignsForRelay {}
impl SignsForRelay for role::Mailbox {}
impl SignsForRelay for role::RecordWrite {}

/// Why a key or signature was not accepted. Whoever sent it is at fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SignatureError {
    /// No canonical encoding of a point, or a point of low order.
    #[error("not an acceptable public key")]
    PublicKey,
    /// The signature is not one of this key over these bytes under this label.
    #[error("signature does not verify")]
    NotVerified,
}

/// A public Ed25519 key of role `R`, canonical and not of low order.
pub struct PublicKey<R>(ed25519_dalek::VerifyingKey, PhantomData<R>);

/// A signing key of role `R`. Wiped on drop; neither `Clone` nor `Debug`.
pub struct SigningKey<R>(Box<ed25519_dalek::SigningKey>, PhantomData<R>);

/// An Ed25519 signature that nobody has checked yet.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Signature(pub [u8; SIGNATURE_LEN]);

impl<R> ZeroizeOnDrop for SigningKey<R> {}

/// `u8 label length ‖ label ‖ u64 body length ‖ body`.
fn frame(label: &[u8], body: &[u8]) -> Vec<u8> {
    let mut framed = Vec::with_capacity(1 + label.len() + 8 + body.len());
    // Lossless: labels are at most 255 bytes (tested where they are listed), and a usize has at most 64 bits.
    framed.push(u8::try_from(label.len()).unwrap_or(u8::MAX));
    framed.extend_from_slice(label);
    framed.extend_from_slice(&(body.len() as u64).to_be_bytes());
    framed.extend_from_slice(body);
    framed
}

impl<R> PublicKey<R> {
    /// Parses an encoded key.
    ///
    /// # Errors
    /// [`SignatureError::PublicKey`].
    pub fn parse(bytes: &[u8; PUBLIC_KEY_LEN]) -> Result<Self, SignatureError> {
        let mut y = *bytes;
        y[PUBLIC_KEY_LEN - 1] &= 0x7f;
        if !is_canonical_field_element(&y) {
            return Err(SignatureError::PublicKey);
        }
        let key = ed25519_dalek::VerifyingKey::from_bytes(bytes)
            .map_err(|_| SignatureError::PublicKey)?;
        if key.is_weak() {
            Err(SignatureError::PublicKey)
        } else {
            Ok(Self(key, PhantomData))
        }
    }

    /// The encoding (RFC 8032, section 5.1.2).
    #[must_use]
    pub fn as_bytes(&self) -> &[u8; PUBLIC_KEY_LEN] {
        self.0.as_bytes()
    }

    /// Checks `signature` over `body` under `label`.
    ///
    /// # Errors
    /// [`SignatureError::NotVerified`].
    pub fn verify(
        &self,
        label: SignatureLabel<R>,
        body: &[u8],
        signature: &Signature,
    ) -> Result<(), SignatureError> {
        self.verify_bytes(&frame(label.as_bytes(), body), signature)
    }

    pub(super) fn verify_bytes(
        &self,
        message: &[u8],
        signature: &Signature,
    ) -> Result<(), SignatureError> {
        self.0
            .verify_strict(message, &ed25519_dalek::Signature::from_bytes(&signature.0))
            .map_err(|_| SignatureError::NotVerified)
    }
}

impl<R> SigningKey<R> {
    /// A fresh random key.
    #[must_use]
    pub fn generate(rng: &mut impl CryptoRng) -> Self {
        Self::from_seed(&SecretBytes::random(rng))
    }

    /// The key of a seed (RFC 8032, section 5.1.5).
    #[must_use]
    pub fn from_seed(seed: &SecretBytes<SEED_LEN>) -> Self {
        Self(
            Box::new(ed25519_dalek::SigningKey::from_bytes(seed.expose())),
            PhantomData,
        )
    }

    /// The seed, for sealed storage.
    #[must_use]
    pub fn expose(&self) -> &[u8; SEED_LEN] {
        self.0.as_bytes()
    }

    /// The public half.
    #[must_use]
    pub fn public_key(&self) -> PublicKey<R> {
        PublicKey(self.0.verifying_key(), PhantomData)
    }

    /// Signs `body` under `label`.
    #[must_use]
    pub fn sign(&self, label: SignatureLabel<R>, body: &[u8]) -> Signature {
        Signature(self.0.sign(&frame(label.as_bytes(), body)).to_bytes())
    }
}

impl<R: SignsForRelay> SigningKey<R> {
    /// Signs bytes that the wire format has framed already, under a label of its own.
    #[must_use]
    pub fn sign_framed(&self, framed: &[u8]) -> Signature {
        Signature(self.0.sign(framed).to_bytes())
    }
}

impl<R> Clone for PublicKey<R> {
    fn clone(&self) -> Self {
        *self
    }
}
impl<R> Copy for PublicKey<R> {}
impl<R> PartialEq for PublicKey<R> {
    fn eq(&self, other: &Self) -> bool {
        self.as_bytes() == other.as_bytes()
    }
}
impl<R> Eq for PublicKey<R> {}
impl<R> core::hash::Hash for PublicKey<R> {
    fn hash<H: core::hash::Hasher>(&self, state: &mut H) {
        self.as_bytes().hash(state);
    }
}
impl<R> fmt::Debug for PublicKey<R> {
    /// Says what it is, not which: keys identify people.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Ed25519 public key")
    }
}
impl fmt::Debug for Signature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Ed25519 signature")
    }
}

#[cfg(test)]
#[path = "signature_tests.rs"]
mod tests;
