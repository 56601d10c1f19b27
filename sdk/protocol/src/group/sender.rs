//! The chains of one sender in one epoch, as a receiver holds them.
//!
//! Invariants: a chain is taken only from the device that it speaks for; chains are in the order of their numbers, and each
//! ends where the next one begins, so that whoever copied an old chain's keys cannot write behind the new one.
//! Not its concern: which device has which index (the group's state).

use std::collections::BTreeMap;

use super::limits::{MAX_OLD_CHAINS, OLD_CHAIN_LIFETIME_MS};
use super::message::{GroupOpenError, Unverified};
use super::receiving::{Advance, ReceivingChain};
use super::{EpochId, GroupEpoch, GroupNumber, Sender, SenderIndex, SenderKeyDistribution};
use crate::envelope::Envelope;
use crate::time::Timestamp;

/// One sender of an epoch, with the chains that it gave.
pub struct ReceivingSender {
    pub(super) epoch: EpochId,
    pub(super) sender: Sender,
    pub(super) index: SenderIndex,
    /// By the number they begin with. Each in a box, so that moving it leaves no copy of its key behind.
    pub(super) chains: BTreeMap<u32, Box<ReceivingChain>>,
}

/// What a distribution brought.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Learned {
    /// A chain that was not known. Messages that were kept for want of it may open now.
    New,
    /// A chain that is known; what is known of it stays.
    Known,
}

/// Why a chain was not taken. Nothing changed; who sent it is at fault, but for [`LearnError::TooOld`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum LearnError {
    /// It came from another device than the one whose chain it claims to be, or is for another group, epoch or index.
    #[error("sender key of somebody else")]
    NotTheSender,
    /// It has the id or the first number of a chain that is known, and other keys.
    #[error("sender key contradicts another one")]
    Contradiction,
    /// Five later ones, and the newest, are known.
    #[error("sender key of a chain that is too old")]
    TooOld,
}

/// An authentic message, not yet part of the history. Dropping it changes nothing.
#[must_use = "the chain has not advanced until this is committed"]
pub struct OpenedGroupMessage<'s> {
    chain: &'s mut ReceivingChain,
    advance: Advance,
    number: GroupNumber,
}

impl OpenedGroupMessage<'_> {
    /// Which message of the epoch it is.
    #[must_use]
    pub const fn number(&self) -> GroupNumber {
        self.number
    }

    /// Makes the message part of the history. The caller stores the sender's state and the content in one transaction.
    pub fn commit(self) {
        self.chain.advance(self.advance);
    }
}

impl ReceivingSender {
    /// A sender, of whom no chain is known yet, with the index that the group's state gives its device.
    #[must_use]
    pub const fn new(epoch: EpochId, (sender, index): (Sender, SenderIndex)) -> Self {
        Self {
            epoch,
            sender,
            index,
            chains: BTreeMap::new(),
        }
    }

    /// Who it is.
    #[must_use]
    pub const fn sender(&self) -> Sender {
        self.sender
    }

    /// Takes a chain that came in a pairwise session with the device `origin`.
    ///
    /// # Errors
    /// [`LearnError`]; nothing changed.
    pub fn learn(
        &mut self,
        distribution: SenderKeyDistribution,
        origin: &Sender,
        now: Timestamp,
    ) -> Result<Learned, LearnError> {
        if *origin != self.sender
            || distribution.epoch != self.epoch
            || distribution.index != self.index
        {
            return Err(LearnError::NotTheSender);
        }
        let mut chains = self.chains.values();
        if let Some(known) = chains.find(|chain| chain.key == distribution.key) {
            return if known.verification_key == distribution.verification_key {
                Ok(Learned::Known)
            } else {
                Err(LearnError::Contradiction)
            };
        }
        let start = distribution.n;
        if self.chains.contains_key(&start) {
            return Err(LearnError::Contradiction);
        }
        let full = self.chains.len() > MAX_OLD_CHAINS;
        if full && self.chains.range(..start).next().is_none() {
            return Err(LearnError::TooOld);
        }
        let chain = Box::new(ReceivingChain::new(distribution));
        self.chains.insert(start, chain);
        if full {
            self.chains.pop_first();
        }
        self.supersede(now);
        Ok(Learned::New)
    }

    /// Every chain but the newest is superseded, and has no key behind its end.
    fn supersede(&mut self, now: Timestamp) {
        let mut end = None;
        for chain in self.chains.values_mut().rev() {
            if let Some(end) = end {
                chain.superseded.get_or_insert(now);
                chain.skipped.retain(|n, _| *n < end);
            }
            end = Some(chain.start);
        }
    }

    /// Deletes chains that were superseded 7 days ago; tells whether there were any.
    pub fn forget_old(&mut self, now: Timestamp) -> bool {
        let before = self.chains.len();
        self.chains.retain(|_, chain| {
            chain
                .superseded
                .is_none_or(|since| now.since(since) < OLD_CHAIN_LIFETIME_MS)
        });
        self.chains.len() < before
    }

    /// Opens an envelope whose tag is one of this sender's ([`GroupEpoch::locate`]); `content` is replaced by the plaintext.
    ///
    /// # Errors
    /// [`GroupOpenError`]; nothing changed, `content` empty.
    pub fn open<'s>(
        &'s mut self,
        epoch: &GroupEpoch,
        envelope: Envelope<'_>,
        content: &mut Vec<u8>,
    ) -> Result<OpenedGroupMessage<'s>, GroupOpenError> {
        content.clear();
        let sealed = envelope.sealed();
        let number = epoch
            .locate(sealed.tag())
            .filter(|number| epoch.id == self.epoch && number.sender == self.index)
            .ok_or(GroupOpenError::NotExpected)?;
        let message = Unverified::open(epoch, number, sealed)?;
        let key = message.named.key;
        let mut chains = self.chains.values();
        let named = chains.find(|chain| chain.key == key);
        let start = named.ok_or(GroupOpenError::UnknownKey)?.start;
        let mut next = self.chains.range(start.saturating_add(1)..);
        let next_start = next.next().map(|(start, _)| *start);
        let chain = self.chains.get_mut(&start);
        let chain = chain.ok_or(GroupOpenError::UnknownKey)?;
        let end = next_start.map_or(chain.end(), |start| start.min(chain.end()));
        let who = (&self.epoch, &self.sender);
        let advance = chain.open(message, who, end, content)?;
        Ok(OpenedGroupMessage {
            chain,
            advance,
            number,
        })
    }
}
