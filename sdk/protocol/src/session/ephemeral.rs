//! Ephemeral messages: typing, presence, ringing. Sealed under a side key of the chain that is open, or was last, in their
//! direction; never a root step, no number of the chain, nothing to skip, and no row to write but now and then.

use rand_core::CryptoRng;

use super::limits::{EPHEMERAL_BLOCK, MAX_EPHEMERALS, MAX_PN};
use super::{ReceivingChain, Sending, SendingChain, Session};
use crate::envelope::{Context, Envelope, KIND_MESSAGE, Sealer};
use crate::header::Header;
use crate::padding;
use crate::pq_ratchet::{Announced, Announcement, PqFields};
use crate::primitives::aead::NONCE_LEN;
use crate::ratchet::{EphemeralSeed, HeaderKeys};
use crate::session::OpenError;

/// Why an ephemeral message was not encrypted. The session is unchanged; the caller lets the message go.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum EphemeralError {
    /// The content does not fit the largest envelope.
    #[error("content longer than an envelope")]
    TooLong,
    /// Nothing durable was sent in this session yet: there is no chain.
    #[error("no chain to send beside")]
    NoChain,
    /// So many were sent since the peer's last message that it is not there to see them.
    #[error("too many ephemeral messages without a message of the peer")]
    Unheard,
}

/// What a direction's ephemeral messages take beside its header keys: sending, the next number; receiving, the lowest
/// that is not too old.
pub(super) struct SideChain {
    pub(super) seed: EphemeralSeed,
    pub(super) next: u32,
}

/// A sending chain that the peer's new chain has closed. Durable messages wait for the root step; ephemeral ones do not.
pub(super) struct ClosedChain {
    pub(super) keys: HeaderKeys,
    pub(super) previous_length: u32,
    /// The epoch modulo 2^16 of the chain.
    pub(super) epoch: u16,
    pub(super) side: SideChain,
}

impl SideChain {
    pub(super) const fn new(seed: EphemeralSeed) -> Self {
        Self { seed, next: 0 }
    }

    /// The number behind all that may have been sent until the session is stored again.
    pub(super) const fn reserved(&self) -> u32 {
        let blocks = self.next.div_ceil(EPHEMERAL_BLOCK);
        blocks.saturating_mul(EPHEMERAL_BLOCK)
    }

    /// A second copy, for whoever takes it over.
    pub(super) const fn fork(&self) -> Self {
        Self {
            seed: self.seed.fork(),
            next: self.next,
        }
    }
}

impl SendingChain {
    /// What is left of the chain when the peer's new one closes it.
    pub(super) const fn close(&self) -> ClosedChain {
        ClosedChain {
            keys: self.keys.fork(),
            previous_length: self.previous_length,
            epoch: self.epoch,
            side: self.side.fork(),
        }
    }
}

/// An authentic ephemeral message. Dropping it changes nothing.
#[must_use = "a replay is accepted until this is committed"]
pub struct OpenedEphemeral<'s> {
    session: &'s mut Session,
    number: u32,
}

impl OpenedEphemeral<'_> {
    /// The message was seen: it and older ones are refused from now on, and this side may send ephemeral ones again. The
    /// session need not be stored for that.
    pub fn commit(self) {
        if let Some(chain) = &mut self.session.receiving {
            chain.side.next = self.number.saturating_add(1);
        }
        self.session.heard();
    }
}

impl Session {
    /// A message of the peer was opened: it is there to see ephemeral ones.
    pub(super) const fn heard(&mut self) {
        self.ephemerals = 0;
    }

    /// Encrypts `content` into an envelope appended to `out`, for a peer that is there now; tells whether the session must
    /// be stored before the envelope leaves the device, which is so for the first beside a chain, and then once in 256.
    ///
    /// # Errors
    /// [`EphemeralError`]; the session is then unchanged, and `out` as long as before.
    pub fn encrypt_ephemeral(
        &mut self,
        rng: &mut impl CryptoRng,
        content: &[u8],
        out: &mut Vec<u8>,
    ) -> Result<bool, EphemeralError> {
        let padded_len = padding::padded_len(content.len()).ok_or(EphemeralError::TooLong)?;
        if self.ephemerals >= MAX_EPHEMERALS {
            return Err(EphemeralError::Unheard);
        }
        let (keys, previous_length, epoch, side) = match &mut self.sending {
            Sending::Open(chain) => {
                let SendingChain {
                    keys,
                    previous_length,
                    epoch,
                    side,
                    ..
                } = chain;
                (&*keys, *previous_length, *epoch, side)
            }
            Sending::Due { closed, .. } => {
                let ClosedChain {
                    keys,
                    previous_length,
                    epoch,
                    side,
                } = closed.as_mut().ok_or(EphemeralError::NoChain)?;
                (&*keys, *previous_length, *epoch, side)
            }
        };
        let number = side.next;
        let next = number.checked_add(1).ok_or(EphemeralError::NoChain)?;
        let mut salt = [0; NONCE_LEN];
        rng.fill_bytes(&mut salt);
        let sealer = Sealer {
            context: Context::Session(&self.transcript),
            keys,
            tag: keys.tag.maker().ephemeral_tag(number),
            header: Header {
                dh: self.ratchet.public_key(),
                previous_length,
                n: number,
                pq: PqFields::idle(epoch),
            },
            message_key: &side.seed.key(number),
            salt,
        };
        let start = out.len();
        out.push(KIND_MESSAGE);
        if sealer.seal(content, padded_len, out).is_err() {
            out.truncate(start);
            return Err(EphemeralError::TooLong);
        }
        side.next = next;
        self.ephemerals += 1;
        Ok(number.is_multiple_of(EPHEMERAL_BLOCK))
    }

    /// Opens an ephemeral envelope whose tag has this number in the current receiving chain; `content` is replaced by the
    /// plaintext.
    ///
    /// # Errors
    /// [`OpenError`]; session unchanged, `content` empty. The envelope is dropped, whatever the error, and no gap
    /// recorded.
    pub fn open_ephemeral<'s>(
        &'s mut self,
        number: u32,
        envelope: Envelope<'_>,
        content: &mut Vec<u8>,
    ) -> Result<OpenedEphemeral<'s>, OpenError> {
        content.clear();
        let chain = self
            .receiving
            .as_ref()
            .filter(|chain| number >= chain.side.next)
            .ok_or(OpenError::NotExpected)?;
        let (context, sealed) = (Context::Session(&self.transcript), envelope.sealed());
        let header = sealed.open_any_header(context, &chain.keys.header)?;
        let fits = header.n == number
            && header.dh == self.peer_ratchet
            && header.previous_length <= MAX_PN
            && header.pq.announced() == idle(chain);
        if !fits {
            return Err(OpenError::Header);
        }
        sealed.open_body(context, &chain.side.seed.key(number), content)?;
        Ok(OpenedEphemeral {
            session: self,
            number,
        })
    }
}

/// What the headers of ephemeral messages say beside a chain.
const fn idle(chain: &ReceivingChain) -> Announced {
    Announced {
        epoch: chain.announced.epoch,
        announcement: Announcement::Idle,
    }
}

#[cfg(test)]
#[path = "ephemeral_tests.rs"]
mod tests;
