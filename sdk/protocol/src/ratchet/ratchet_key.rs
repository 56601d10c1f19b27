//! DHs and DHr: the keys whose agreement heals the root key.

use rand_core::CryptoRng;

use crate::primitives::dh::{PublicKey, SecretKey, role};

/// A ratchet public key.
pub(crate) type RatchetPublicKey = PublicKey<role::Ratchet>;

/// A ratchet key pair. The public half is kept: deriving it again would cost every message a scalar multiplication.
pub(crate) struct RatchetKeyPair {
    pub(crate) secret: SecretKey<role::Ratchet>,
    pub(crate) public: RatchetPublicKey,
}

impl RatchetKeyPair {
    pub(crate) fn generate(rng: &mut impl CryptoRng) -> Self {
        Self::from_secret(SecretKey::generate(rng))
    }

    pub(crate) fn from_secret(secret: SecretKey<role::Ratchet>) -> Self {
        let public = secret.public_key();
        Self { secret, public }
    }
}
