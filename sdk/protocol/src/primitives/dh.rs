//! X25519 with one type per role of a key.
//!
//! Invariant: a [`PublicKey`] is canonically encoded and not of low order, and a [`SharedSecret`] is never all zero; both
//! are checked where a key is parsed and again where two keys agree (RFC 7748, section 6.1). Which pairs of roles may
//! agree at all is decided here, at compile time, by [`Agrees`].

use core::{fmt, marker::PhantomData};

use rand_core::CryptoRng;
use x25519_dalek::StaticSecret;
use zeroize::ZeroizeOnDrop;

/// Bytes of a public key, a secret key and a shared secret.
pub const KEY_LEN: usize = 32;

/// The roles of X25519 keys.
pub mod role {
    /// IK: the identity key of a device.
    pub struct Identity;
    /// SPK: the signed prekey.
    pub struct SignedPrekey;
    /// OPK: a one-time prekey.
    pub struct OneTimePrekey;
    /// EK: the initiator's ephemeral key.
    pub struct Ephemeral;
    /// A Double Ratchet key.
    pub struct Ratchet;
}

/// Roles whose secret key may be combined with a public key of role `Other`.
pub trait Agrees<Other> {}

macro_rules! agree {
    ($($a:ident and $b:ident;)*) => {
        $(impl Agrees<role::$b> for role::$a {} impl Agrees<role::$a> for role::$b {})*
    };
}

agree! {
    Identity and SignedPrekey;       // DH1
    Ephemeral and Identity;          // DH2
    Ephemeral and SignedPrekey;      // DH3
    Ephemeral and OneTimePrekey;     // DH4
    Identity and OneTimePrekey;      // DH5
    Ratchet and SignedPrekey;        // the first root steps: B's first ratchet key is its signed prekey
}
impl Agrees<role::Ratchet> for role::Ratchet {}

/// Why bytes are no acceptable key, or two keys do not agree. The peer who sent the key is at fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DhError {
    /// The encoding is not the only one of its point: the top bit is set, or the number is not below 2^255 − 19.
    #[error("public key not in canonical form")]
    NotCanonical,
    /// The point has low order, so that the result does not depend on the other side's key.
    #[error("public key of low order")]
    LowOrder,
    /// The result is all zero.
    #[error("keys do not contribute")]
    NotContributory,
}

/// A public X25519 key of role `R`, canonical and not of low order.
pub struct PublicKey<R>([u8; KEY_LEN], PhantomData<R>);

/// A secret X25519 key of role `R`, with its public half: deriving that again costs a scalar multiplication. Wiped on drop;
/// neither `Clone` nor `Debug`.
pub struct SecretKey<R> {
    secret: Box<StaticSecret>,
    public: PublicKey<R>,
}

/// What two keys agree on: 32 bytes, never all zero. Wiped on drop. A KDF input, not a key.
pub struct SharedSecret(x25519_dalek::SharedSecret);

impl<R> ZeroizeOnDrop for SecretKey<R> {}
impl ZeroizeOnDrop for SharedSecret {}

/// The u-coordinates of low order in canonical form, little-endian (RFC 7748; the non-canonical ones fail before).
const LOW_ORDER: [[u8; KEY_LEN]; 5] = [
    [0; KEY_LEN],
    [
        1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
        0, 0,
    ],
    [
        0xe0, 0xeb, 0x7a, 0x7c, 0x3b, 0x41, 0xb8, 0xae, 0x16, 0x56, 0xe3, 0xfa, 0xf1, 0x9f, 0xc4,
        0x6a, 0xda, 0x09, 0x8d, 0xeb, 0x9c, 0x32, 0xb1, 0xfd, 0x86, 0x62, 0x05, 0x16, 0x5f, 0x49,
        0xb8, 0x00,
    ],
    [
        0x5f, 0x9c, 0x95, 0xbc, 0xa3, 0x50, 0x8c, 0x24, 0xb1, 0xd0, 0xb1, 0x55, 0x9c, 0x83, 0xef,
        0x5b, 0x04, 0x44, 0x5c, 0xc4, 0x58, 0x1c, 0x8e, 0x86, 0xd8, 0x22, 0x4e, 0xdd, 0xd0, 0x9f,
        0x11, 0x57,
    ],
    [
        0xec, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
        0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
        0xff, 0x7f,
    ],
];

/// Whether `bytes`, little-endian, are a number below 2^255 − 19.
pub(super) fn is_canonical_field_element(bytes: &[u8; KEY_LEN]) -> bool {
    let [first, middle @ .., last] = bytes;
    *last < 0x7f || (*last == 0x7f && (*first < 0xed || middle.iter().any(|b| *b != 0xff)))
}

impl<R> PublicKey<R> {
    /// Parses an encoded key.
    ///
    /// # Errors
    /// [`DhError::NotCanonical`] or [`DhError::LowOrder`].
    pub fn parse(bytes: &[u8; KEY_LEN]) -> Result<Self, DhError> {
        if !is_canonical_field_element(bytes) {
            return Err(DhError::NotCanonical);
        }
        if LOW_ORDER.contains(bytes) {
            return Err(DhError::LowOrder);
        }
        Ok(Self(*bytes, PhantomData))
    }

    /// The encoding (RFC 7748: u-coordinate, little-endian).
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; KEY_LEN] {
        &self.0
    }
}

impl PublicKey<role::SignedPrekey> {
    /// The same key as the responder's first ratchet key (Double Ratchet, section 7.1).
    #[must_use]
    pub const fn as_first_ratchet_key(&self) -> PublicKey<role::Ratchet> {
        PublicKey(self.0, PhantomData)
    }
}

impl<R> SecretKey<R> {
    /// A fresh random key.
    #[must_use]
    pub fn generate(rng: &mut impl CryptoRng) -> Self {
        Self::derive(Box::new(StaticSecret::random_from_rng(rng)))
    }

    /// Reads a key that [`SecretKey::expose`] gave, and derives its public half. Any 32 bytes are a key; the caller wipes
    /// the original.
    #[must_use]
    pub fn from_bytes(bytes: &[u8; KEY_LEN]) -> Self {
        Self::derive(Box::new(StaticSecret::from(*bytes)))
    }

    /// Reads a key whose public half was stored beside it. Two that do not belong together agree with nobody.
    #[must_use]
    pub fn from_parts(bytes: &[u8; KEY_LEN], public: PublicKey<R>) -> Self {
        Self {
            secret: Box::new(StaticSecret::from(*bytes)),
            public,
        }
    }

    fn derive(secret: Box<StaticSecret>) -> Self {
        let public = PublicKey(
            x25519_dalek::PublicKey::from(&*secret).to_bytes(),
            PhantomData,
        );
        Self { secret, public }
    }

    /// The secret bytes, for sealed storage.
    #[must_use]
    pub fn expose(&self) -> &[u8; KEY_LEN] {
        self.secret.as_bytes()
    }

    /// The public half.
    #[must_use]
    pub const fn public_key(&self) -> PublicKey<R> {
        self.public
    }

    /// X25519 of this key and `their_public`.
    ///
    /// # Errors
    /// [`DhError::NotContributory`] when the result is all zero.
    pub fn agree<S>(&self, their_public: &PublicKey<S>) -> Result<SharedSecret, DhError>
    where
        R: Agrees<S>,
    {
        let shared = self
            .secret
            .diffie_hellman(&x25519_dalek::PublicKey::from(their_public.0));
        if shared.was_contributory() {
            Ok(SharedSecret(shared))
        } else {
            Err(DhError::NotContributory)
        }
    }
}

impl SharedSecret {
    /// The bytes, as KDF input.
    #[must_use]
    pub fn expose(&self) -> &[u8; KEY_LEN] {
        self.0.as_bytes()
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
        self.0 == other.0
    }
}
impl<R> Eq for PublicKey<R> {}
impl<R> fmt::Debug for PublicKey<R> {
    /// Says what it is, not which: keys identify people.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("X25519 public key")
    }
}

#[cfg(test)]
#[path = "dh_tests.rs"]
mod tests;
