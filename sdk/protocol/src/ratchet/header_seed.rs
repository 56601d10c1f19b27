//! HS: the seed of a chain's header key and tag key. The Double Ratchet specification calls it HK or NHK.

use zeroize::{Zeroize, ZeroizeOnDrop};

use super::HeaderKey;
use crate::labels::{self, KdfLabel};
use crate::primitives::kdf;
use crate::tag::TagKey;

/// A header seed.
#[derive(Zeroize, ZeroizeOnDrop)]
pub(crate) struct HeaderSeed([u8; 32]);

/// The two keys that the headers and tags of one chain, or of one epoch of a group, take; derived once.
pub(crate) struct HeaderKeys {
    pub(crate) header: HeaderKey,
    pub(crate) tag: TagKey,
}

impl HeaderSeed {
    pub(crate) const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The seed, for sealed storage.
    pub(crate) const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// A second copy, for the chain that takes it over.
    pub(crate) const fn fork(&self) -> Self {
        Self(self.0)
    }

    /// HK ‖ TK = HKDF-Expand(HS, "dr-header", 64).
    pub(crate) fn expand(&self) -> HeaderKeys {
        HeaderKeys::of(&self.0, labels::DR_HEADER)
    }
}

impl HeaderKeys {
    /// HK ‖ TK = HKDF-Expand(seed, label, 64): of a chain, or of a group's epoch.
    pub(crate) fn of(seed: &[u8; 32], label: KdfLabel) -> Self {
        let okm = kdf::expand::<64>(seed, label, &[]);
        let (mut header, mut tag) = ([0; 32], [0; 32]);
        header.copy_from_slice(&okm[..32]);
        tag.copy_from_slice(&okm[32..]);
        let keys = Self {
            header: HeaderKey::from_bytes(header),
            tag: TagKey::from_bytes(tag),
        };
        header.zeroize();
        tag.zeroize();
        keys
    }

    /// A second copy, for the session that an authenticated message will put in place of the present one.
    pub(crate) const fn fork(&self) -> Self {
        Self {
            header: HeaderKey::from_bytes(*self.header.as_bytes()),
            tag: self.tag.fork(),
        }
    }
}
