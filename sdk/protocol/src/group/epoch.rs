//! A key epoch: the header key and the tag key that all its members share.
//!
//! What they protect is hidden from the relay, not from members: whoever is in the group can write a header. Invariant: a
//! [`GroupNumber`] is in range. Not its concern: when an epoch ends.

use rand_core::CryptoRng;

use super::limits::MAX_GROUP_N;
use super::{EpochId, SenderIndex};
use crate::labels;
use crate::primitives::secret::SecretBytes;
use crate::ratchet::HeaderKeys;
use crate::tag::Tag;

/// GHS: 32 random bytes, made by whoever begins the epoch, and known to its members. Wiped on drop.
pub struct GroupHeaderSeed(SecretBytes<32>);

impl GroupHeaderSeed {
    /// A fresh seed.
    #[must_use]
    pub fn generate(rng: &mut impl CryptoRng) -> Self {
        Self(SecretBytes::random(rng))
    }

    /// The seed with these bytes. The caller wipes the original.
    #[must_use]
    pub fn from_bytes(bytes: &[u8; 32]) -> Self {
        Self(SecretBytes::copy_from(bytes))
    }

    /// The bytes, for sealed storage and for the members.
    #[must_use]
    pub fn expose(&self) -> &[u8; 32] {
        self.0.expose()
    }
}

/// Which message of an epoch: the relay cannot read it, every member can.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct GroupNumber {
    /// The sender.
    pub sender: SenderIndex,
    /// The message's number among the sender's in the epoch, from 0 to [`MAX_GROUP_N`].
    pub n: u32,
}

/// The keys of a key epoch.
pub struct GroupEpoch {
    pub(super) id: EpochId,
    pub(super) keys: HeaderKeys,
}

impl GroupEpoch {
    /// HK ‖ TK = HKDF-Expand(GHS, "grp-header", 64).
    #[must_use]
    pub fn new(id: EpochId, seed: &GroupHeaderSeed) -> Self {
        Self {
            id,
            keys: HeaderKeys::of(seed.expose(), labels::GRP_HEADER),
        }
    }

    /// Which epoch it is.
    #[must_use]
    pub const fn id(&self) -> EpochId {
        self.id
    }

    /// Which message of the epoch a tag belongs to, if to any. The tag of anything else passes with probability 2^-98, and
    /// then its header does not open.
    #[must_use]
    pub fn locate(&self, tag: Tag) -> Option<GroupNumber> {
        let (sender, n) = self.keys.tag.reader().group(tag)?;
        let sender = SenderIndex::new(sender)?;
        (n <= MAX_GROUP_N).then_some(GroupNumber { sender, n })
    }

    pub(super) fn tag(&self, number: GroupNumber) -> Tag {
        let maker = self.keys.tag.maker();
        maker.group_tag(number.sender.get(), number.n)
    }
}
