//! The profile key: what a contact needs to read an account's profile.
//!
//! It travels in the first message and in the acceptance, and is replaced when a device or a contact must lose access.
//! The profile's record is not this module's concern.

use rand_core::CryptoRng;
use zeroize::ZeroizeOnDrop;

use crate::primitives::secret::SecretBytes;

/// Bytes of a profile key.
pub const PROFILE_KEY_LEN: usize = 32;

/// The key of an account's profile. Wiped on drop.
pub struct ProfileKey(SecretBytes<PROFILE_KEY_LEN>);

impl ZeroizeOnDrop for ProfileKey {}

impl ProfileKey {
    /// A fresh random key.
    #[must_use]
    pub fn generate(rng: &mut impl CryptoRng) -> Self {
        Self(SecretBytes::random(rng))
    }

    /// Reads a key that [`ProfileKey::expose`] gave. The caller wipes the original.
    #[must_use]
    pub fn from_bytes(bytes: &[u8; PROFILE_KEY_LEN]) -> Self {
        Self(SecretBytes::copy_from(bytes))
    }

    /// The bytes, for a message to a contact and for sealed storage.
    #[must_use]
    pub fn expose(&self) -> &[u8; PROFILE_KEY_LEN] {
        self.0.expose()
    }
}
