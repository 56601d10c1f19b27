//! Proof of work for strangers: the price of a knock.
//!
//! Invariant: work is bound to one mailbox and one message (or one taking of prekeys), so it cannot be spent twice: a
//! second use is a retry of the same id. How hard it must be is the relay's choice, within [`MAX_DIFFICULTY`].

use core::ops::ControlFlow;

use sha2::{Digest, Sha256};

use crate::labels;
use crate::limits::MAX_DIFFICULTY;
use crate::{MailboxId, MessageId, PopId};

/// What is worked for: the fixed part of the hash.
#[derive(Clone)]
pub struct WorkSubject(Sha256);

impl WorkSubject {
    /// A message to a stranger's mailbox:
    /// `label ‖ challenge ‖ mailbox ‖ message id ‖ SHA-256(envelope)`.
    #[must_use]
    pub fn knock(
        challenge: &[u8],
        mailbox: MailboxId,
        message: MessageId,
        envelope: &[u8],
    ) -> Self {
        let mut hash = Self::start(labels::KNOCK_WORK, challenge, mailbox);
        hash.update(message.as_bytes());
        hash.update(Sha256::digest(envelope));
        Self(hash)
    }

    /// Taking a stranger's prekeys: `label ‖ challenge ‖ mailbox ‖ pop id`.
    #[must_use]
    pub fn pop(challenge: &[u8], mailbox: MailboxId, pop: PopId) -> Self {
        let mut hash = Self::start(labels::POP_WORK, challenge, mailbox);
        hash.update(pop.as_bytes());
        Self(hash)
    }

    fn start(label: &str, challenge: &[u8], mailbox: MailboxId) -> Sha256 {
        let mut hash = Sha256::new();
        hash.update(label);
        hash.update(challenge);
        hash.update(mailbox.as_bytes());
        hash
    }

    /// Leading zero bits of `SHA-256(subject ‖ nonce as u64 big-endian)`.
    #[must_use]
    pub fn difficulty_of(&self, nonce: u64) -> u32 {
        let mut hash = self.0.clone();
        hash.update(nonce.to_be_bytes());
        let mut bits = 0;
        for byte in hash.finalize() {
            bits += byte.leading_zeros();
            if byte != 0 {
                break;
            }
        }
        bits
    }

    /// Tries `tries` nonces from `from` on. `Break(nonce)` when one has `difficulty` leading zero bits, else
    /// `Continue(next nonce)`, so that a caller can stop, yield or show progress in between.
    ///
    /// # Errors
    /// [`TooHard`] when `difficulty` exceeds [`MAX_DIFFICULTY`].
    pub fn search(
        &self,
        difficulty: u32,
        from: u64,
        tries: u32,
    ) -> Result<ControlFlow<u64, u64>, TooHard> {
        if difficulty > MAX_DIFFICULTY {
            return Err(TooHard);
        }
        let mut nonce = from;
        for _ in 0..tries {
            if self.difficulty_of(nonce) >= difficulty {
                return Ok(ControlFlow::Break(nonce));
            }
            nonce = nonce.wrapping_add(1);
        }
        Ok(ControlFlow::Continue(nonce))
    }

    /// Works until a nonce is found.
    ///
    /// # Errors
    /// [`TooHard`] when `difficulty` exceeds [`MAX_DIFFICULTY`].
    pub fn solve(&self, difficulty: u32) -> Result<u64, TooHard> {
        let mut from = 0;
        loop {
            match self.search(difficulty, from, u32::MAX)? {
                ControlFlow::Break(nonce) => return Ok(nonce),
                ControlFlow::Continue(next) => from = next,
            }
        }
    }
}

/// A relay asked for more work than a client does. Acts: the relay's operator; try again later.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the relay asks for more work than this client does")]
pub struct TooHard;

#[cfg(test)]
#[path = "work_tests.rs"]
mod tests;
