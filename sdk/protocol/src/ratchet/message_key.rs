//! mk: one message's key, expanded to a commitment and an AEAD key.

use subtle::ConstantTimeEq;
use zeroize::{Zeroize, ZeroizeOnDrop};

use super::ContentKey;
use crate::labels;
use crate::primitives::kdf;

/// Length of a commitment in bytes: 32, so that a collision costs 2^128.
pub(crate) const COMMITMENT_LEN: usize = 32;

/// A message key.
#[derive(Zeroize, ZeroizeOnDrop)]
pub(crate) struct MessageKey([u8; 32]);

/// Binds an envelope to one message key: AES-GCM alone lets one ciphertext open under two keys.
pub(crate) struct Commitment([u8; COMMITMENT_LEN]);

impl MessageKey {
    pub(crate) const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// A key that `fill` writes where it stays, so that no copy has to be wiped.
    #[inline]
    pub(crate) fn filled(fill: impl FnOnce(&mut [u8; 32])) -> Self {
        let mut key = Self([0; 32]);
        fill(&mut key.0);
        key
    }

    /// The key, for sealed storage.
    pub(crate) const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

/// A key that gives one body its commitment and its AEAD key.
pub(crate) trait BodyKey {
    /// Both.
    fn expand(&self) -> (Commitment, ContentKey);
}

impl BodyKey for MessageKey {
    /// commitment ‖ K = HKDF-Expand(mk, "dr-msg", 64).
    #[inline]
    fn expand(&self) -> (Commitment, ContentKey) {
        body_keys(&kdf::expand(&self.0, labels::DR_MSG, &[]))
    }
}

/// commitment ‖ K, taken apart.
#[inline]
pub(super) fn body_keys(okm: &[u8; 64]) -> (Commitment, ContentKey) {
    let (mut commitment, mut key) = ([0; COMMITMENT_LEN], [0; 32]);
    commitment.copy_from_slice(&okm[..COMMITMENT_LEN]);
    key.copy_from_slice(&okm[COMMITMENT_LEN..]);
    let expanded = (Commitment(commitment), ContentKey::from_bytes(key));
    key.zeroize();
    expanded
}

impl Commitment {
    /// The bytes that travel in the envelope.
    pub(crate) const fn as_bytes(&self) -> &[u8; COMMITMENT_LEN] {
        &self.0
    }

    /// Whether an envelope carries this commitment, in time that does not depend on its bytes.
    #[inline]
    pub(crate) fn matches(&self, carried: &[u8]) -> bool {
        self.0.ct_eq(carried).into()
    }
}
