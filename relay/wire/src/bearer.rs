//! Bearers: 16 secret bytes that give the right to send. The relay keeps their hash only.

use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use crate::labels;

/// Bytes of a bearer.
pub const BEARER_LEN: usize = 16;

/// `SHA-256(label ‖ bearer)`, as the owner registers it and the relay keeps it. Compared in constant time.
#[derive(Clone, Copy)]
pub struct BearerHash([u8; 32]);

impl BearerHash {
    /// The hash of this bearer.
    #[must_use]
    pub fn of(bearer: &[u8; BEARER_LEN]) -> Self {
        let mut hash = Sha256::new();
        hash.update(labels::BEARER_HASH);
        hash.update(bearer);
        Self(hash.finalize().into())
    }

    /// The hash with these bytes.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The bytes of the hash.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl PartialEq for BearerHash {
    fn eq(&self, other: &Self) -> bool {
        self.0.ct_eq(&other.0).into()
    }
}

impl Eq for BearerHash {}

impl core::fmt::Debug for BearerHash {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("BearerHash(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hash_is_labelled() {
        let mut input = labels::BEARER_HASH.as_bytes().to_vec();
        input.extend_from_slice(&[5; 16]);
        assert_eq!(
            BearerHash::of(&[5; 16]).as_bytes()[..],
            Sha256::digest(input)[..]
        );
        assert_eq!(BearerHash::of(&[5; 16]), BearerHash::of(&[5; 16]));
        assert_ne!(BearerHash::of(&[5; 16]), BearerHash::of(&[6; 16]));
    }

    #[test]
    fn debug_shows_no_byte() {
        assert_eq!(format!("{:?}", BearerHash::of(&[5; 16])), "BearerHash(..)");
    }
}
