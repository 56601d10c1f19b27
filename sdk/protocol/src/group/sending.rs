//! A sender's own chain.
//!
//! Invariants: a chain seals at most 100 messages and for at most 24 hours; its numbers go on where those of the chain
//! before it ended, so that no tag of the epoch repeats; a chain that was rotated is gone, and cannot seal again.
//! Not its concern: who must be given the new chain's key before a message is sent, and when else to rotate (a removal, a
//! revoked device, a restored store).

use rand_core::CryptoRng;

use super::header::Named;
use super::limits::{CHAIN_LIFETIME_MS, CHAIN_MESSAGES, MAX_GROUP_N};
use super::message::Sealer;
use super::{
    EpochId, GroupEpoch, GroupNumber, KeyId, Sender, SenderIndex, SenderKeyDistribution,
    SenderSigningKey,
};
use crate::envelope::KIND_MESSAGE;
use crate::limits::ENVELOPE_OVERHEAD;
use crate::padding;
use crate::primitives::aead::NONCE_LEN;
use crate::primitives::secret::SecretBytes;
use crate::ratchet::ChainKey;
use crate::time::Timestamp;

/// Why a message was not sealed. The chain is unchanged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SealError {
    /// The content does not fit the largest envelope. The caller sends less, or a blob.
    #[error("content longer than an envelope")]
    TooLong,
    /// The chain has its 100 messages, or its 24 hours, or was made at a time that is still to come. The caller rotates it
    /// and gives the members the new one.
    #[error("the chain must be rotated")]
    RotationDue,
    /// The sender has used its numbers up. The group needs a new epoch.
    #[error("no number left in this epoch")]
    NumbersSpent,
    /// The chain belongs to another epoch. A mistake of the caller.
    #[error("chain of another epoch")]
    OtherEpoch,
}

/// The sender has used its numbers of this epoch up, and the group needs a new one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("no number left in this epoch")]
pub struct NumbersSpent;

/// The chain that one device sends with in one epoch of a group.
pub struct SendingChain {
    pub(super) epoch: EpochId,
    pub(super) sender: Sender,
    pub(super) index: SenderIndex,
    pub(super) key: KeyId,
    /// Number of the chain's first message.
    pub(super) first: u32,
    /// Number of the next message.
    pub(super) n: u32,
    pub(super) made: Timestamp,
    pub(super) chain_key: ChainKey,
    pub(super) signing_key: SenderSigningKey,
}

impl SendingChain {
    /// The first chain of a sender in an epoch. Once for each epoch: a second one would repeat tags.
    #[must_use]
    pub fn begin(
        rng: &mut impl CryptoRng,
        epoch: EpochId,
        (sender, index): (Sender, SenderIndex),
        now: Timestamp,
    ) -> Self {
        Self::fresh(rng, epoch, (sender, index), 0, now)
    }

    /// The next chain of the epoch: new chain key, signing key and key id. Its numbers begin one behind the last, so that
    /// of two chains the later one is known by its number, even when the earlier one sent nothing.
    ///
    /// # Errors
    /// [`NumbersSpent`]. The old chain is gone all the same: it had to be replaced.
    pub fn rotate(self, rng: &mut impl CryptoRng, now: Timestamp) -> Result<Self, NumbersSpent> {
        let first = self.n.saturating_add(1);
        if first > MAX_GROUP_N {
            return Err(NumbersSpent);
        }
        let sender = (self.sender, self.index);
        Ok(Self::fresh(rng, self.epoch, sender, first, now))
    }

    fn fresh(
        rng: &mut impl CryptoRng,
        epoch: EpochId,
        (sender, index): (Sender, SenderIndex),
        first: u32,
        made: Timestamp,
    ) -> Self {
        let chain_key = SecretBytes::random(rng);
        Self {
            epoch,
            sender,
            index,
            key: KeyId::random(rng),
            first,
            n: first,
            made,
            chain_key: ChainKey::from_bytes(*chain_key.expose()),
            signing_key: SenderSigningKey::generate(rng),
        }
    }

    /// The epoch it belongs to.
    #[must_use]
    pub const fn epoch(&self) -> EpochId {
        self.epoch
    }

    /// What a member needs to read the chain from its next message on; `None` when there will be none.
    #[must_use]
    pub fn distribution(&self) -> Option<SenderKeyDistribution> {
        self.next_number().ok().map(|n| SenderKeyDistribution {
            epoch: self.epoch,
            index: self.index,
            key: self.key,
            n,
            chain_key: self.chain_key.fork(),
            verification_key: self.signing_key.public_key(),
        })
    }

    /// The number of the next message, if the chain takes one more.
    const fn next_number(&self) -> Result<u32, SealError> {
        if self.n > MAX_GROUP_N {
            Err(SealError::NumbersSpent)
        } else if self.n - self.first >= CHAIN_MESSAGES {
            Err(SealError::RotationDue)
        } else {
            Ok(self.n)
        }
    }

    /// Seals `content` into an envelope appended to `out`, whose length is the bucket that fits the content. It serves every
    /// member that has the chain's key.
    ///
    /// The new state must be durable before the envelope leaves the device.
    ///
    /// # Errors
    /// [`SealError`]; the chain is then unchanged, and `out` as long as before.
    pub fn seal(
        &mut self,
        rng: &mut impl CryptoRng,
        epoch: &GroupEpoch,
        now: Timestamp,
        content: &[u8],
        out: &mut Vec<u8>,
    ) -> Result<GroupNumber, SealError> {
        if epoch.id != self.epoch {
            return Err(SealError::OtherEpoch);
        }
        let padded_len = padding::padded_len(content.len()).ok_or(SealError::TooLong)?;
        let n = self.next_number()?;
        if now < self.made || now.since(self.made) >= CHAIN_LIFETIME_MS {
            return Err(SealError::RotationDue);
        }
        let mut salt = [0; NONCE_LEN];
        rng.fill_bytes(&mut salt);
        let mut chain_key = self.chain_key.fork();
        let message_key = chain_key.step();
        let sealer = Sealer {
            epoch,
            sender: &self.sender,
            named: Named {
                key: self.key,
                sender: self.index,
                n,
            },
            message_key: &message_key,
            signing_key: &self.signing_key,
            salt,
        };
        let start = out.len();
        out.reserve_exact(padded_len + ENVELOPE_OVERHEAD);
        out.push(KIND_MESSAGE);
        if sealer.seal(content, padded_len, out).is_err() {
            out.truncate(start);
            return Err(SealError::TooLong);
        }
        self.chain_key = chain_key;
        self.n += 1;
        Ok(GroupNumber {
            sender: self.index,
            n,
        })
    }
}
