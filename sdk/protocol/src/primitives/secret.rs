//! Secret bytes that are wiped when they go, and cannot be copied, compared, or printed by accident.
//!
//! Invariant: a [`SecretBytes`] has one owner and lives at one heap address, so that moving it leaves no copy behind.
//! Short-lived values of the hot path use [`Zeroizing`] arrays on the stack instead.

use rand_core::CryptoRng;
use subtle::ConstantTimeEq;
use zeroize::{ZeroizeOnDrop, Zeroizing};

/// `N` secret bytes on the heap, wiped on drop. Neither `Clone` nor `Debug`.
pub struct SecretBytes<const N: usize>(Box<Zeroizing<[u8; N]>>);

impl<const N: usize> SecretBytes<N> {
    /// `N` zero bytes, to be filled in place.
    #[must_use]
    pub fn zeroed() -> Self {
        Self(Box::new(Zeroizing::new([0; N])))
    }

    /// `N` fresh random bytes.
    #[must_use]
    pub fn random(rng: &mut impl CryptoRng) -> Self {
        let mut secret = Self::zeroed();
        rng.fill_bytes(secret.0.as_mut_slice());
        secret
    }

    /// Copies `bytes`. The caller wipes the original.
    #[must_use]
    pub fn copy_from(bytes: &[u8; N]) -> Self {
        let mut secret = Self::zeroed();
        secret.0.copy_from_slice(bytes);
        secret
    }

    /// The bytes, for a primitive or for sealed storage.
    #[must_use]
    pub fn expose(&self) -> &[u8; N] {
        &self.0
    }

    /// The bytes, to be overwritten in place.
    pub fn expose_mut(&mut self) -> &mut [u8; N] {
        &mut self.0
    }

    /// Whether both are equal, in time that does not depend on the bytes.
    #[must_use]
    pub fn ct_eq(&self, other: &Self) -> bool {
        self.0.as_slice().ct_eq(other.0.as_slice()).into()
    }
}

impl<const N: usize> ZeroizeOnDrop for SecretBytes<N> {}

#[cfg(test)]
#[path = "secret_tests.rs"]
mod tests;
