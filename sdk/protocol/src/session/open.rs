//! Receiving: nothing changes until the body has opened and the caller commits.

use core::ops::Range;

use super::{
    MessageNumber, Position, ReceivingChain, Sending, Session, SideChain, SkippedKey,
    limits::MAX_SKIP,
};
use crate::envelope::{Context, Envelope, Sealed, SealedError};
use crate::header::Header;
use crate::pq_ratchet::{Mix, PqFields};
use crate::primitives::dh::{Agrees, SecretKey, role};
use crate::ratchet::{ChainKey, EphemeralSeed, HeaderKeys, RatchetPublicKey, RootKey};

/// Why an envelope did not open. The session is unchanged, byte for byte, and the caller shows nothing and answers
/// nothing: whoever flips a bit must not see who reacts.
///
/// A tag that matched says that the peer sent *something* under this number, so that all but [`OpenError::NotExpected`]
/// are transport corruption or a faulty peer: the envelope is acknowledged, its bytes kept, and the number recorded as a
/// gap.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum OpenError {
    /// The position is behind the session's state: the message was opened or skipped before. The caller's table of tags
    /// is out of date.
    #[error("message number behind the chain")]
    NotExpected,
    /// The header is not authentic, or says what no honest peer says at this position: another number than its tag, an
    /// illegal number or post-quantum field.
    #[error("header rejected")]
    Header,
    /// The header is authentic and names another ratchet key than its chain was opened with: the peer opened this chain twice,
    /// because its disk was put back. Nobody else can make such a header, whoever carries it. The session cannot go on; the
    /// caller ends it, and makes a fresh handshake when something is to be sent.
    #[error("the peer opened a chain twice")]
    Contradiction,
    /// The peer's new ratchet key does not contribute to the agreement.
    #[error("ratchet key rejected")]
    RatchetKey,
    /// The message was made with another message key.
    #[error("commitment does not match")]
    Commitment,
    /// The body is not authentic.
    #[error("body not authentic")]
    Body,
    /// The body is authentic and its padding is not as specified.
    #[error("padding malformed")]
    Padding,
}

impl From<SealedError> for OpenError {
    fn from(error: SealedError) -> Self {
        match error {
            SealedError::Header => Self::Header,
            SealedError::Commitment => Self::Commitment,
            SealedError::Body => Self::Body,
            SealedError::Padding => Self::Padding,
        }
    }
}

/// An authentic message, not yet part of the session's history. Dropping it changes nothing.
#[must_use = "the session has not advanced until this is committed"]
pub struct Opened<'s> {
    session: &'s mut Session,
    number: MessageNumber,
    advance: Advance,
}

/// What the session becomes.
pub(super) enum Advance {
    /// The chain goes on behind the message.
    Within {
        chain_key: ChainKey,
        n: u32,
        skipped: Vec<SkippedKey>,
        pq: PqFields,
    },
    /// The message opened a chain.
    Chain(Box<NewChain>),
}

/// A receiving root step, and the message that proves it.
pub(super) struct NewChain {
    pub(super) root: RootKey,
    pub(super) peer_ratchet: RatchetPublicKey,
    pub(super) receiving: ReceivingChain,
    pub(super) next_receiving: HeaderKeys,
    pub(super) skipped: Vec<SkippedKey>,
    pub(super) pq: PqFields,
}

/// An authentic message that others overtook, not yet part of the session's history. Dropping it changes nothing.
#[must_use = "the session has not advanced until this is committed"]
pub struct OpenedSkipped<'s> {
    session: &'s mut Session,
    /// Of a message whose chain is still open.
    pq: Option<PqFields>,
}

impl OpenedSkipped<'_> {
    /// Makes the message part of the session's history; tells whether the session changed. The caller stores it if so,
    /// deletes the key, and keeps the content, in one transaction.
    pub fn commit(self) -> bool {
        self.session.heard();
        if let Some(pq) = &self.pq {
            self.session.pq.received(pq);
        }
        self.pq.is_some()
    }
}

impl Opened<'_> {
    /// Which message of the session it is.
    #[must_use]
    pub const fn number(&self) -> MessageNumber {
        self.number
    }

    /// Makes the message part of the session's history. The caller stores the session, the returned keys of skipped
    /// messages and the content in one transaction.
    #[must_use = "skipped messages cannot be read without their keys"]
    pub fn commit(self) -> Vec<SkippedKey> {
        self.session.heard();
        match self.advance {
            Advance::Within {
                chain_key,
                n,
                skipped,
                pq,
            } => {
                if let Some(receiving) = &mut self.session.receiving {
                    receiving.chain_key = chain_key;
                    receiving.n = n;
                }
                self.session.pq.received(&pq);
                skipped
            }
            Advance::Chain(mut new) => self.session.enter_chain(&mut new),
        }
    }
}

impl Session {
    /// Opens an envelope whose tag was found at `position`; `content` is replaced by the plaintext.
    ///
    /// # Errors
    /// [`OpenError`]; session unchanged, `content` empty.
    pub fn open<'s>(
        &'s mut self,
        position: Position,
        envelope: Envelope<'_>,
        content: &mut Vec<u8>,
    ) -> Result<Opened<'s>, OpenError> {
        content.clear();
        let sealed = envelope.sealed();
        let (number, advance) = match position {
            Position::Current { n } => self.open_current(n, sealed, content)?,
            Position::Next { n } => self.open_next(n, sealed, content)?,
        };
        Ok(Opened {
            session: self,
            number,
            advance,
        })
    }

    /// Opens a message that was skipped, with the key that the store kept; `content` is replaced by the plaintext.
    ///
    /// The header of a message of the current chain is checked; the header keys of closed chains are gone, and the body's
    /// associated data covers what they encrypted.
    ///
    /// # Errors
    /// [`OpenError`]; session unchanged, `content` empty.
    pub fn open_skipped<'s>(
        &'s mut self,
        key: &SkippedKey,
        envelope: Envelope<'_>,
        content: &mut Vec<u8>,
    ) -> Result<OpenedSkipped<'s>, OpenError> {
        content.clear();
        let sealed = envelope.sealed();
        if sealed.tag() != key.tag() {
            return Err(OpenError::NotExpected);
        }
        let context = Context::Session(&self.transcript);
        let number = key.number();
        let mut pq = None;
        if let Some(chain) = self
            .receiving
            .as_ref()
            .filter(|chain| chain.chain == number.chain)
        {
            let header = sealed.open_header(context, &chain.keys.header)?;
            self.check_current(chain, &header, number.n)?;
            pq = Some(header.pq);
        }
        sealed.open_body(context, key.message_key(), content)?;
        Ok(OpenedSkipped { session: self, pq })
    }

    /// N = n, DH = DHr, and what the chain announced.
    fn check_current(
        &self,
        chain: &ReceivingChain,
        header: &Header,
        n: u32,
    ) -> Result<(), OpenError> {
        if header.n != n {
            Err(OpenError::Header)
        } else if header.dh != self.peer_ratchet {
            Err(OpenError::Contradiction)
        } else if header.pq.announced() != chain.announced {
            Err(OpenError::Header)
        } else {
            Ok(())
        }
    }

    /// Whether an envelope under a number of the current receiving chain that was used before is no copy of what came then,
    /// but says that the peer opened the chain twice ([`OpenError::Contradiction`]).
    #[must_use]
    pub fn is_contradicted_by(&self, n: u32, envelope: Envelope<'_>) -> bool {
        let context = Context::Session(&self.transcript);
        let Some(chain) = &self.receiving else {
            return false;
        };
        envelope
            .sealed()
            .open_header(context, &chain.keys.header)
            .is_ok_and(|header| {
                self.check_current(chain, &header, n) == Err(OpenError::Contradiction)
            })
    }

    fn open_current(
        &self,
        n: u32,
        sealed: Sealed<'_>,
        content: &mut Vec<u8>,
    ) -> Result<(MessageNumber, Advance), OpenError> {
        let chain = self
            .receiving
            .as_ref()
            .filter(|chain| n >= chain.n)
            .ok_or(OpenError::NotExpected)?;
        let context = Context::Session(&self.transcript);
        let header = sealed.open_header(context, &chain.keys.header)?;
        self.check_current(chain, &header, n)?;
        let mut chain_key = chain.chain_key.fork();
        let mut skipped = room_for(&(chain.n..n), &(0..0))?;
        SkippedKey::skip(
            chain.chain,
            chain.n..n,
            &mut chain_key,
            &chain.keys,
            &mut skipped,
        );
        sealed.open_body(context, &chain_key.step(), content)?;
        let number = MessageNumber {
            chain: chain.chain,
            n,
        };
        Ok((
            number,
            Advance::Within {
                chain_key,
                n: n.saturating_add(1),
                skipped,
                pq: header.pq,
            },
        ))
    }

    fn open_next(
        &self,
        n: u32,
        sealed: Sealed<'_>,
        content: &mut Vec<u8>,
    ) -> Result<(MessageNumber, Advance), OpenError> {
        let context = Context::Session(&self.transcript);
        let header = sealed.open_header(context, &self.next_receiving.header)?;
        if header.n != n || header.dh == self.peer_ratchet {
            return Err(OpenError::Header);
        }
        let mix = self
            .pq
            .next_chain(&header.pq)
            .map_err(|_| OpenError::Header)?;
        let number = MessageNumber {
            chain: self.next_chain(),
            n,
        };
        let unread = self
            .receiving
            .as_ref()
            .map_or(0..0, |old| old.n..header.previous_length);
        let mut skipped = room_for(&unread, &(0..n))?;
        if let Some(old) = &self.receiving {
            SkippedKey::skip(
                old.chain,
                unread,
                &mut old.chain_key.fork(),
                &old.keys,
                &mut skipped,
            );
        }
        let step = OpenChain {
            root: &self.root,
            mix,
            ratchet: &self.ratchet,
            keys: &self.next_receiving,
            chain: number.chain,
            header: &header,
        };
        let new = step.open(sealed, context, skipped, content)?;
        Ok((number, Advance::Chain(Box::new(new))))
    }

    /// The receiving root step takes effect; the closed chain's keys are dropped, the next send owes a root step.
    ///
    /// Keys are copied, not moved: where `new` is, they are then wiped, and not left behind in memory that is given back.
    fn enter_chain(&mut self, new: &mut NewChain) -> Vec<SkippedKey> {
        self.root = new.root.fork();
        self.peer_ratchet = new.peer_ratchet;
        self.receiving = Some(new.receiving.fork());
        self.next_receiving = new.next_receiving.fork();
        self.pq.chain_opened(&new.pq);
        if let Sending::Open(chain) = &self.sending {
            self.sending = Sending::Due {
                chain: chain.chain.saturating_add(1),
                seed: chain.next_seed.fork(),
                previous_length: chain.n,
                closed: Some(chain.close()),
            };
        }
        core::mem::take(&mut new.skipped)
    }
}

/// What a message that opens a chain is checked against.
pub(super) struct OpenChain<'a, R> {
    pub(super) root: &'a RootKey,
    /// What the root step mixes.
    pub(super) mix: Option<&'a Mix>,
    pub(super) ratchet: &'a SecretKey<R>,
    pub(super) keys: &'a HeaderKeys,
    pub(super) chain: u32,
    /// Authentic under `keys`.
    pub(super) header: &'a Header,
}

impl<R: Agrees<role::Ratchet>> OpenChain<'_, R> {
    /// Takes the receiving root step that the header asks for and opens the body with it. `skipped` holds the keys of the
    /// chain before, and has room for those of this one.
    pub(super) fn open(
        &self,
        sealed: Sealed<'_>,
        context: Context<'_>,
        mut skipped: Vec<SkippedKey>,
        content: &mut Vec<u8>,
    ) -> Result<NewChain, OpenError> {
        let header = self.header;
        let shared = self
            .ratchet
            .agree(&header.dh)
            .map_err(|_| OpenError::RatchetKey)?;
        let step = self.root.step(&shared, self.mix);
        let side = SideChain::new(EphemeralSeed::of_chain(&step.chain));
        let mut chain_key = step.chain;
        SkippedKey::skip(
            self.chain,
            0..header.n,
            &mut chain_key,
            self.keys,
            &mut skipped,
        );
        sealed.open_body(context, &chain_key.step(), content)?;
        let n = header.n.saturating_add(1);
        Ok(NewChain {
            root: step.root,
            peer_ratchet: header.dh,
            receiving: ReceivingChain {
                chain: self.chain,
                keys: self.keys.fork(),
                chain_key,
                n,
                announced: header.pq.announced(),
                side,
            },
            next_receiving: step.next_seed.expand(),
            skipped,
            pq: header.pq,
        })
    }
}

/// Room for the keys of these messages. Headers keep to limits that make more than [`MAX_SKIP`] a chain impossible.
fn room_for(closed: &Range<u32>, open: &Range<u32>) -> Result<Vec<SkippedKey>, OpenError> {
    let too_many = |numbers: &Range<u32>| numbers.end.saturating_sub(numbers.start) > MAX_SKIP;
    if too_many(closed) || too_many(open) {
        return Err(OpenError::Header);
    }
    Ok(Vec::with_capacity(closed.len() + open.len()))
}

#[cfg(test)]
#[path = "open_tests.rs"]
mod tests;
