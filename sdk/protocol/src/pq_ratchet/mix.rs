//! What one epoch gives to the root key: the encapsulated secret, bound to the key and the ciphertext it came from.

use crate::primitives::hash::sha256;
use crate::primitives::kem::mlkem768::{Ciphertext, PUBLIC_KEY_LEN};
use crate::primitives::kem::{SHARED_SECRET_LEN, SharedSecret};
use crate::primitives::secret::SecretBytes;

use super::chunks::HASH_LEN;

/// Secret and context of an epoch. Used in one root step of each side, then gone.
pub(crate) struct Mix {
    /// ss.
    secret: SecretBytes<SHARED_SECRET_LEN>,
    /// H = SHA-256(ek ‖ ct).
    hash: [u8; HASH_LEN],
    /// The epoch modulo 2^16.
    epoch: u16,
}

/// H.
pub(super) fn binding(key: &[u8; PUBLIC_KEY_LEN], ciphertext: &Ciphertext) -> [u8; HASH_LEN] {
    sha256(&[key, &*ciphertext.0])
}

impl Mix {
    pub(crate) fn new(secret: &SharedSecret, hash: [u8; HASH_LEN], epoch: u16) -> Self {
        Self::from_parts(secret.expose(), hash, epoch)
    }

    /// The caller wipes the original.
    pub(super) fn from_parts(
        secret: &[u8; SHARED_SECRET_LEN],
        hash: [u8; HASH_LEN],
        epoch: u16,
    ) -> Self {
        let secret = SecretBytes::copy_from(secret);
        Self {
            secret,
            hash,
            epoch,
        }
    }

    pub(super) fn fork(&self) -> Self {
        Self::from_parts(self.secret.expose(), self.hash, self.epoch)
    }

    /// ss, as KDF input and for sealed storage.
    pub(crate) fn secret(&self) -> &[u8; SHARED_SECRET_LEN] {
        self.secret.expose()
    }

    /// H.
    pub(crate) const fn hash(&self) -> &[u8; HASH_LEN] {
        &self.hash
    }

    /// The epoch modulo 2^16.
    pub(crate) const fn epoch(&self) -> u16 {
        self.epoch
    }
}
