//! RK: heals with every Diffie-Hellman step, and with every post-quantum one.

use zeroize::{Zeroize, ZeroizeOnDrop};

use super::{ChainKey, HeaderSeed};
use crate::labels;
use crate::pq_ratchet::Mix;
use crate::primitives::dh::SharedSecret;
use crate::primitives::kdf;

/// Of a root step that mixes nothing, ss_pq, SHA-256(ek ‖ ct) and the epoch are zero.
const NOTHING: [u8; 32] = [0; 32];
const NO_EPOCH: u16 = 0;

/// A root key (Double Ratchet specification, section 2.3).
#[derive(Zeroize, ZeroizeOnDrop)]
pub(crate) struct RootKey([u8; 32]);

/// What a root step gives.
pub(crate) struct RootStep {
    pub(crate) root: RootKey,
    pub(crate) chain: ChainKey,
    /// NHS: the seed of the chain *after* the one that `chain` opens.
    pub(crate) next_seed: HeaderSeed,
}

impl RootKey {
    pub(crate) const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The key, for sealed storage.
    pub(crate) const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// A second copy, for the session that an authenticated message will put in place of the present one.
    pub(crate) const fn fork(&self) -> Self {
        Self(self.0)
    }

    /// RK' ‖ CK ‖ NHS = HKDF(salt = RK, ikm = DH ‖ ss_pq, info = "dr-root" ‖ SHA-256(ek ‖ ct) ‖ pq_epoch, 96).
    pub(crate) fn step(&self, dh: &SharedSecret, mix: Option<&Mix>) -> RootStep {
        let secret = mix.map_or(&NOTHING, Mix::secret);
        let hash = mix.map_or(&NOTHING, Mix::hash);
        let epoch = mix.map_or(NO_EPOCH, Mix::epoch).to_be_bytes();
        let ikm: [&[u8]; 2] = [dh.expose(), secret];
        let okm = kdf::hkdf::<96>(&self.0, &ikm, labels::DR_ROOT, &[hash, &epoch]);
        let (mut root, mut chain, mut seed) = ([0; 32], [0; 32], [0; 32]);
        root.copy_from_slice(&okm[..32]);
        chain.copy_from_slice(&okm[32..64]);
        seed.copy_from_slice(&okm[64..]);
        let step = RootStep {
            root: Self(root),
            chain: ChainKey::from_bytes(chain),
            next_seed: HeaderSeed::from_bytes(seed),
        };
        root.zeroize();
        chain.zeroize();
        seed.zeroize();
        step
    }
}
