//! What a sender gives each member in a pairwise session, so that it can read a chain from here on.
//!
//! ```text
//! format 1 = 01 ‖ group id 16 ‖ epoch hash 32 ‖ sender index u32 ‖ key id 8 ‖ n u32 ‖ CK 32 ‖ verification key 32
//! ```
//!
//! Invariant: index and number are in range, and the verification key is acceptable. It authenticates nobody: the session
//! that it came in does.

use zeroize::Zeroizing;

use super::limits::MAX_GROUP_N;
use super::{EpochId, KeyId, SenderIndex, VerificationKey};
use crate::primitives::codec::{DecodeError, Reader, Writer};
use crate::ratchet::ChainKey;

const FORMAT: u8 = 1;

/// A chain as it stands: its key is that of message `n`, so that nothing before it can be read.
pub struct SenderKeyDistribution {
    pub(super) epoch: EpochId,
    pub(super) index: SenderIndex,
    pub(super) key: KeyId,
    pub(super) n: u32,
    pub(super) chain_key: ChainKey,
    pub(super) verification_key: VerificationKey,
}

impl SenderKeyDistribution {
    /// Bytes of its encoding.
    pub const LEN: usize = 1 + 16 + 32 + 4 + KeyId::LEN + 4 + 32 + 32;

    /// The epoch it belongs to.
    #[must_use]
    pub const fn epoch(&self) -> EpochId {
        self.epoch
    }

    /// The sender's index.
    #[must_use]
    pub const fn index(&self) -> SenderIndex {
        self.index
    }

    /// Number of the first message that can be read.
    #[must_use]
    pub const fn n(&self) -> u32 {
        self.n
    }

    /// The encoding, which is secret.
    #[must_use]
    pub fn to_bytes(&self) -> Zeroizing<Vec<u8>> {
        let mut bytes = Zeroizing::new(Vec::with_capacity(Self::LEN));
        let mut writer = Writer::new(&mut bytes);
        writer.u8(FORMAT);
        self.epoch.write(&mut writer);
        writer
            .u32(self.index.get())
            .bytes(self.key.as_bytes())
            .u32(self.n)
            .bytes(self.chain_key.as_bytes())
            .bytes(self.verification_key.as_bytes());
        bytes
    }

    /// Parses an encoding. The caller wipes the original.
    ///
    /// # Errors
    /// [`DecodeError`]: the sender is at fault.
    pub fn parse(bytes: &[u8]) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(bytes);
        if reader.u8()? != FORMAT {
            return Err(DecodeError::InvalidValue);
        }
        let distribution = Self {
            epoch: EpochId::read(&mut reader)?,
            index: SenderIndex::read(&mut reader)?,
            key: KeyId::from_bytes(*reader.array()?),
            n: reader.u32()?,
            chain_key: ChainKey::from_bytes(*reader.array()?),
            verification_key: VerificationKey::parse(reader.array()?)?,
        };
        reader.finish()?;
        if distribution.n > MAX_GROUP_N {
            return Err(DecodeError::TooLong);
        }
        Ok(distribution)
    }
}
