//! ESK: a chain's side key. Gives the messages that are seen now or never their keys, so that they use up no number of the
//! chain: one that is lost leaves no gap, and no key behind.

use zeroize::{Zeroize, ZeroizeOnDrop};

use super::message_key::{BodyKey, Commitment, body_keys};
use super::{ChainKey, ContentKey};
use crate::labels;
use crate::primitives::kdf;

/// The seed of the ephemeral messages of one chain. Nothing is deleted between two of them: whoever gets it reads those of
/// the whole chain.
#[derive(Zeroize, ZeroizeOnDrop)]
pub(crate) struct EphemeralSeed([u8; 32]);

/// The key of one ephemeral message.
pub(crate) struct EphemeralKey<'a> {
    seed: &'a EphemeralSeed,
    number: u32,
}

impl EphemeralSeed {
    /// ESK = HKDF-Expand(CK, "eph-seed", 32), from the first chain key of a chain.
    pub(crate) fn of_chain(first: &ChainKey) -> Self {
        let mut seed = [0; 32];
        kdf::expand_into(first.as_bytes(), labels::EPH_SEED, &[], &mut seed);
        let own = Self(seed);
        seed.zeroize();
        own
    }

    pub(crate) const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The seed, for sealed storage.
    pub(crate) const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// A second copy, for the state that keeps it when the chain is closed.
    pub(crate) const fn fork(&self) -> Self {
        Self(self.0)
    }

    pub(crate) const fn key(&self, number: u32) -> EphemeralKey<'_> {
        EphemeralKey { seed: self, number }
    }
}

impl BodyKey for EphemeralKey<'_> {
    /// commitment ‖ K = HKDF-Expand(ESK, "eph-msg" ‖ number, 64).
    fn expand(&self) -> (Commitment, ContentKey) {
        let number = self.number.to_be_bytes();
        body_keys(&kdf::expand(&self.seed.0, labels::EPH_MSG, &[&number]))
    }
}
