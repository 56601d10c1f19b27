//! Sending: the next message of the sending chain, or the first of a new one.

use rand_core::CryptoRng;

use super::{MessageNumber, PQ_EPOCH, Sending, SendingChain, Session};
use crate::envelope::{Context, KIND_MESSAGE, Sealer};
use crate::header::Header;
use crate::padding;
use crate::primitives::aead::NONCE_LEN;
use crate::primitives::dh::DhError;
use crate::ratchet::{RatchetKeyPair, RootKey};
use crate::session::limits::MAX_N;

/// Why a message was not encrypted. The session is unchanged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum EncryptError {
    /// The content does not fit the largest envelope. The caller sends less, or a blob.
    #[error("content longer than an envelope")]
    TooLong,
    /// The chain has its 999 messages and the peer has not answered. The caller begins a new session.
    #[error("the session must be replaced by a fresh handshake")]
    ChainFull,
    /// The peer's ratchet key does not contribute. The peer is at fault; the caller begins a new session.
    #[error("the peer's ratchet key does not contribute")]
    RatchetKey(#[from] DhError),
}

/// A sending root step, not yet taken.
struct SendingStep {
    root: RootKey,
    ratchet: RatchetKeyPair,
    chain: SendingChain,
}

impl Session {
    /// Encrypts `content` into an envelope appended to `out`, whose length is the bucket that fits the content.
    ///
    /// The new state must be durable before the envelope leaves the device. The sending root step, when one is owed, is
    /// taken here.
    ///
    /// # Errors
    /// [`EncryptError`]; the session is then unchanged, and `out` as long as before.
    pub fn encrypt(
        &mut self,
        rng: &mut impl CryptoRng,
        content: &[u8],
        out: &mut Vec<u8>,
    ) -> Result<MessageNumber, EncryptError> {
        let padded_len = padding::padded_len(content.len()).ok_or(EncryptError::TooLong)?;
        let start = out.len();
        out.reserve_exact(padded_len + crate::envelope::OVERHEAD);
        out.push(KIND_MESSAGE);
        let sealed = self.seal_next(rng, None, content, padded_len, out);
        if sealed.is_err() {
            out.truncate(start);
        }
        sealed
    }

    /// Appends the next message of the session from its tag on. `handshake` is the hash of what stands in front of it in
    /// a first message. The session is unchanged on failure.
    pub(super) fn seal_next(
        &mut self,
        rng: &mut impl CryptoRng,
        handshake: Option<[u8; 32]>,
        content: &[u8],
        padded_len: usize,
        out: &mut Vec<u8>,
    ) -> Result<MessageNumber, EncryptError> {
        let step = match &self.sending {
            Sending::Due { .. } => Some(self.sending_step(rng)?),
            Sending::Open(_) => None,
        };
        let (chain, dh) = match (&step, &self.sending) {
            (Some(step), _) => (&step.chain, step.ratchet.public),
            (None, Sending::Open(chain)) => (chain, self.ratchet.public),
            (None, Sending::Due { .. }) => return Err(EncryptError::ChainFull),
        };
        if chain.n > MAX_N {
            return Err(EncryptError::ChainFull);
        }
        let number = MessageNumber {
            chain: chain.chain,
            n: chain.n,
        };
        let mut salt = [0; NONCE_LEN];
        rng.fill_bytes(&mut salt);
        let mut chain_key = chain.chain_key.fork();
        let message_key = chain_key.step();
        let transcript = &self.transcript;
        let sealer = Sealer {
            context: handshake.map_or(Context::Session(transcript), |hash| {
                Context::First(transcript, hash)
            }),
            keys: &chain.keys,
            header: Header {
                dh,
                previous_length: chain.previous_length,
                n: chain.n,
                pq_epoch: PQ_EPOCH,
            },
            message_key: &message_key,
            salt,
        };
        sealer
            .seal(content, padded_len, out)
            .map_err(|_| EncryptError::TooLong)?;

        if let Some(step) = step {
            self.root = step.root;
            self.ratchet = step.ratchet;
            self.sending = Sending::Open(step.chain);
        }
        if let Sending::Open(chain) = &mut self.sending {
            chain.chain_key = chain_key;
            chain.n = number.n.saturating_add(1);
        }
        Ok(number)
    }

    /// A fresh ratchet key, and the root step it makes with the peer's.
    fn sending_step(&self, rng: &mut impl CryptoRng) -> Result<SendingStep, EncryptError> {
        let Sending::Due {
            chain,
            seed,
            previous_length,
        } = &self.sending
        else {
            return Err(EncryptError::ChainFull);
        };
        let ratchet = RatchetKeyPair::generate(rng);
        let step = self.root.step(&ratchet.secret.agree(&self.peer_ratchet)?);
        let chain = SendingChain {
            chain: *chain,
            keys: seed.expand(),
            chain_key: step.chain,
            n: 0,
            previous_length: *previous_length,
            next_seed: step.next_seed,
        };
        Ok(SendingStep {
            root: step.root,
            ratchet,
            chain,
        })
    }
}
