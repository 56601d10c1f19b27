//! One chain of a sender, as a receiver holds it.
//!
//! Invariant: what is learned from a message takes effect by [`ReceivingChain::advance`] alone. Each skipped key lies in a
//! box, so that moving it leaves no copy behind. Not its concern: which chain a message belongs to, and when a chain ends
//! because another one took over (`sender`).

use std::collections::BTreeMap;

use super::limits::{CHAIN_MESSAGES, MAX_GROUP_N};
use super::message::{GroupOpenError, Unverified};
use super::{EpochId, KeyId, Sender, SenderKeyDistribution, VerificationKey};
use crate::ratchet::{ChainKey, MessageKey};
use crate::time::Timestamp;

pub(super) struct ReceivingChain {
    pub(super) key: KeyId,
    pub(super) verification_key: VerificationKey,
    /// Number of the first message that can be read.
    pub(super) start: u32,
    /// Number of the next message.
    pub(super) next: u32,
    /// That of message `next`.
    pub(super) chain_key: ChainKey,
    /// Keys of messages below `next` that others overtook: fewer than 100.
    pub(super) skipped: BTreeMap<u32, Box<MessageKey>>,
    /// When a later chain was learned.
    pub(super) superseded: Option<Timestamp>,
}

/// What an authentic message does to its chain.
pub(super) enum Advance {
    /// The chain goes on behind the message.
    Behind {
        chain_key: ChainKey,
        next: u32,
        skipped: BTreeMap<u32, Box<MessageKey>>,
    },
    /// The key of a skipped message was used.
    Late { n: u32 },
}

impl ReceivingChain {
    pub(super) fn new(distribution: SenderKeyDistribution) -> Self {
        Self {
            key: distribution.key,
            verification_key: distribution.verification_key,
            start: distribution.n,
            next: distribution.n,
            chain_key: distribution.chain_key,
            skipped: BTreeMap::new(),
            superseded: None,
        }
    }

    /// Number behind the last that the chain can have: a chain has 100 messages, and where the receiver was given it is not
    /// before its first.
    pub(super) const fn end(&self) -> u32 {
        let end = self.start.saturating_add(CHAIN_MESSAGES);
        if end > MAX_GROUP_N {
            MAX_GROUP_N + 1
        } else {
            end
        }
    }

    /// Opens a message that names this chain. `end` is the number behind the chain's last.
    pub(super) fn open(
        &self,
        message: Unverified<'_>,
        (epoch, sender): (&EpochId, &Sender),
        end: u32,
        content: &mut Vec<u8>,
    ) -> Result<Advance, GroupOpenError> {
        let n = message.named.n;
        if n < self.start {
            return Err(GroupOpenError::BeforeKey);
        }
        if n >= end {
            return Err(GroupOpenError::ChainEnded);
        }
        let late = self.skipped.get(&n);
        if n < self.next && late.is_none() {
            return Err(GroupOpenError::Duplicate);
        }
        let message = message.verify(epoch, sender, &self.verification_key)?;
        if let Some(key) = late {
            message.open_body(key, content)?;
            return Ok(Advance::Late { n });
        }
        let mut chain_key = self.chain_key.fork();
        let skipped = (self.next..n).map(|n| (n, Box::new(chain_key.step())));
        let skipped = skipped.collect();
        message.open_body(&chain_key.step(), content)?;
        Ok(Advance::Behind {
            chain_key,
            next: n.saturating_add(1),
            skipped,
        })
    }

    /// Makes the message part of the chain's history.
    pub(super) fn advance(&mut self, advance: Advance) {
        match advance {
            Advance::Behind {
                chain_key,
                next,
                mut skipped,
            } => {
                self.chain_key = chain_key;
                self.next = next;
                self.skipped.append(&mut skipped);
            }
            Advance::Late { n } => _ = self.skipped.remove(&n),
        }
    }
}
