//! Sending: the next message of the sending chain, or the first of a new one.

use rand_core::CryptoRng;

use super::{MessageNumber, Sending, SendingChain, Session, SideChain};
use crate::envelope::{Context, KIND_MESSAGE, Sealer};
use crate::header::Header;
use crate::padding;
use crate::pq_ratchet::{Mix, PqRatchet};
use crate::primitives::aead::NONCE_LEN;
use crate::primitives::dh::DhError;
use crate::ratchet::{EphemeralSeed, HeaderSeed, RatchetKey, RatchetPublicKey, RootKey};
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
pub(super) struct SendingStep {
    pub(super) root: RootKey,
    pub(super) ratchet: RatchetKey,
    pub(super) chain: SendingChain,
}

impl SendingStep {
    /// A fresh ratchet key, and the root step it makes with the peer's. It opens chain number `chain`, whose header seed
    /// is `seed`, after one of `previous_length` messages.
    pub(super) fn new(
        rng: &mut impl CryptoRng,
        (root, mix, epoch): (&RootKey, Option<&Mix>, u16),
        peer_ratchet: &RatchetPublicKey,
        (chain, seed, previous_length): (u32, &HeaderSeed, u32),
    ) -> Result<Self, DhError> {
        let ratchet = RatchetKey::generate(rng);
        let step = root.step(&ratchet.agree(peer_ratchet)?, mix);
        let side = SideChain::new(EphemeralSeed::of_chain(&step.chain));
        let chain = SendingChain {
            chain,
            keys: seed.expand(),
            chain_key: step.chain,
            n: 0,
            previous_length,
            next_seed: step.next_seed,
            epoch,
            side,
        };
        Ok(Self {
            root: step.root,
            ratchet,
            chain,
        })
    }
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
        out.reserve_exact(padded_len + crate::limits::ENVELOPE_OVERHEAD);
        out.push(KIND_MESSAGE);
        let sealed = self.seal_next(rng, None, content, padded_len, out);
        if sealed.is_err() {
            out.truncate(start);
        }
        sealed
    }

    /// Appends the next message of the session from its tag on. `front` is the hash of what stands in front of it in a
    /// first message. The session is unchanged on failure.
    pub(super) fn seal_next(
        &mut self,
        rng: &mut impl CryptoRng,
        front: Option<[u8; 32]>,
        content: &[u8],
        padded_len: usize,
        out: &mut Vec<u8>,
    ) -> Result<MessageNumber, EncryptError> {
        let transcript = &self.transcript;
        let context = front.map_or(Context::Session(transcript), |front| {
            Context::First(transcript, front)
        });
        match &mut self.sending {
            Sending::Open(chain) => chain.seal(
                rng,
                context,
                (self.ratchet.public_key(), &mut self.pq),
                (content, padded_len),
                out,
            ),
            Sending::Due {
                chain,
                seed,
                previous_length,
                ..
            } => {
                let next = (*chain, &*seed, *previous_length);
                let (mut pq, mix) = self.pq.sending_root_step(rng);
                let root = (&self.root, mix.as_ref(), pq.epoch());
                let mut step = SendingStep::new(rng, root, &self.peer_ratchet, next)?;
                let number = step.chain.seal(
                    rng,
                    context,
                    (step.ratchet.public_key(), &mut pq),
                    (content, padded_len),
                    out,
                )?;
                self.root = step.root;
                self.ratchet = step.ratchet;
                self.pq = pq;
                self.sending = Sending::Open(step.chain);
                Ok(number)
            }
        }
    }
}

impl SendingChain {
    /// Appends the chain's next message and moves behind it.
    fn seal(
        &mut self,
        rng: &mut impl CryptoRng,
        context: Context<'_>,
        (dh, pq): (RatchetPublicKey, &mut PqRatchet),
        (content, padded_len): (&[u8], usize),
        out: &mut Vec<u8>,
    ) -> Result<MessageNumber, EncryptError> {
        if self.n > MAX_N {
            return Err(EncryptError::ChainFull);
        }
        let mut salt = [0; NONCE_LEN];
        rng.fill_bytes(&mut salt);
        let mut chain_key = self.chain_key.fork();
        let message_key = chain_key.step();
        let fields = pq.fields(rng);
        let header = Header {
            dh,
            previous_length: self.previous_length,
            n: self.n,
            pq: fields,
        };
        let sealer = Sealer {
            context,
            keys: &self.keys,
            tag: self.keys.tag.maker().tag(self.n),
            header,
            message_key: &message_key,
            salt,
        };
        sealer
            .seal(content, padded_len, out)
            .map_err(|_| EncryptError::TooLong)?;
        let number = MessageNumber {
            chain: self.chain,
            n: self.n,
        };
        self.chain_key = chain_key;
        self.n += 1;
        pq.sent(&fields);
        Ok(number)
    }
}
