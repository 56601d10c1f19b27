//! A session: the hot state of the Double Ratchet with one device of a peer.
//!
//! Invariants: an attempt that fails leaves the state as it was, byte for byte; what [`Session::open`] learned takes
//! effect only through [`Opened::commit`], and the borrow keeps everything else out in between; the keys of a closed
//! chain are gone. Skipped message keys leave the session as [`SkippedKey`] and live in the store.
//! Not its concern: which session an envelope belongs to (`tag_index`), who the peer is, which of several sessions with
//! one device is used (the engine's, by [`SessionId`]), and storage.

mod encoding;
mod encrypt;
mod ephemeral;
mod handshake;
pub mod limits;
mod open;
mod skipped;

pub use crate::pq_ratchet::PqFailure;
#[cfg(any(test, feature = "instrument"))]
pub use crate::pq_ratchet::instrument;
pub use encoding::MalformedSession;
pub use encrypt::EncryptError;
pub use ephemeral::{EphemeralError, OpenedEphemeral};
pub use handshake::{InitiateError, Initiated, Initiator, RespondError, Responded, Responder};
pub use open::{OpenError, Opened, OpenedSkipped};
pub use skipped::{Eviction, SkippedKey, device_eviction, session_eviction};

use crate::id::id;
use crate::pq_ratchet::{Announced, PqRatchet};
use crate::pqxdh::TranscriptHash;
use crate::ratchet::{ChainKey, HeaderKeys, HeaderSeed, RatchetKey, RatchetPublicKey, RootKey};
use ephemeral::{ClosedChain, SideChain};
use limits::MAX_N;

id! {
    /// Identifies a session on both sides: 16 bytes from the handshake. Of two sessions that both sides began at once, the
    /// one with the lower id is used for sending.
    SessionId
}

/// Which message of a session, in one direction. Both sides count alike: a sender opens a chain only after it has
/// received one of the peer's, so that the i-th chain sent is the i-th chain received.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MessageNumber {
    /// The chain, from 0.
    pub chain: u32,
    /// The message in the chain (N of the Double Ratchet specification), from 0.
    pub n: u32,
}

/// Where in a session's receiving chains a tag belongs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Position {
    /// In the current receiving chain.
    Current {
        /// The message's number in the chain.
        n: u32,
    },
    /// In the next receiving chain, which this message opens.
    Next {
        /// The message's number in the chain.
        n: u32,
    },
}

/// Who began a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// This device sent the first message.
    Initiator,
    /// The peer's device sent it.
    Responder,
}

/// The hot state of a session with one device of a peer.
pub struct Session {
    id: SessionId,
    role: Role,
    /// TH: associated data of every message.
    transcript: TranscriptHash,
    /// RK.
    root: RootKey,
    /// DHs.
    ratchet: RatchetKey,
    /// DHr: the peer's last ratchet key, at first the initiator's view of the signed prekey.
    peer_ratchet: RatchetPublicKey,
    sending: Sending,
    receiving: Option<ReceivingChain>,
    /// NHKr and NTKr.
    next_receiving: HeaderKeys,
    pq: PqRatchet,
    /// Ephemeral messages sent since the last message of the peer.
    ephemerals: u8,
}

/// The sending half. A root step is deferred to the first message after the peer's new chain (Double Ratchet
/// specification, section 6.5): a device that only reads makes no keys.
enum Sending {
    /// The next message opens a chain.
    Due {
        chain: u32,
        /// NHSs: becomes the chain's header seed.
        seed: HeaderSeed,
        /// PN: how many messages the chain before had.
        previous_length: u32,
        /// The chain before, unless there was none: ephemeral messages still go beside it.
        closed: Option<ClosedChain>,
    },
    /// A chain is open.
    Open(SendingChain),
}

struct SendingChain {
    chain: u32,
    keys: HeaderKeys,
    chain_key: ChainKey,
    /// Ns: number of the next message.
    n: u32,
    /// PN.
    previous_length: u32,
    /// NHSs.
    next_seed: HeaderSeed,
    /// The post-quantum ratchet's epoch modulo 2^16, as all headers of the chain say it.
    epoch: u16,
    side: SideChain,
}

struct ReceivingChain {
    chain: u32,
    keys: HeaderKeys,
    chain_key: ChainKey,
    /// Nr: number of the next message.
    n: u32,
    /// What all headers of the chain say of the post-quantum ratchet.
    announced: Announced,
    side: SideChain,
}

impl ReceivingChain {
    /// A second copy, for the session that enters the chain.
    const fn fork(&self) -> Self {
        Self {
            chain: self.chain,
            keys: self.keys.fork(),
            chain_key: self.chain_key.fork(),
            n: self.n,
            announced: self.announced,
            side: self.side.fork(),
        }
    }
}

impl Session {
    /// The session's id, the same on both sides.
    #[must_use]
    pub const fn id(&self) -> SessionId {
        self.id
    }

    /// Who began the session.
    #[must_use]
    pub const fn role(&self) -> Role {
        self.role
    }

    /// Whether a message of the peer was ever opened in this session: to an initiator, the sign that it is answered.
    #[must_use]
    pub const fn has_received(&self) -> bool {
        self.receiving.is_some()
    }

    /// Whether the next message opens a sending chain: this device owes the peer a ratchet step.
    #[must_use]
    pub const fn owes_step(&self) -> bool {
        matches!(self.sending, Sending::Due { .. })
    }

    /// How many messages of the peer's chain wait for the ratchet step that this device owes; 0 when it owes none.
    #[must_use]
    pub fn unanswered(&self) -> u32 {
        let received = self.receiving.as_ref().map_or(0, |chain| chain.n);
        if self.owes_step() { received } else { 0 }
    }

    /// How many more messages the session takes without an answer of the peer, at most 999.
    #[must_use]
    pub fn remaining(&self) -> u32 {
        match &self.sending {
            Sending::Due { .. } => MAX_N + 1,
            Sending::Open(chain) => (MAX_N + 1).saturating_sub(chain.n),
        }
    }

    /// Whether the post-quantum ratchet no longer goes on. The session works as before, healed by Diffie-Hellman alone,
    /// until the caller makes a fresh handshake with the next message that the user writes.
    #[must_use]
    pub const fn pq_failure(&self) -> Option<PqFailure> {
        self.pq.failure()
    }

    /// A fresh handshake replaced this session, which only receives from now on: secrets of the post-quantum ratchet that
    /// are no longer needed for that are deleted.
    pub fn retire(&mut self) {
        self.pq.retire();
    }

    /// Which of the peer's messages a position stands for.
    #[must_use]
    pub fn number_at(&self, position: Position) -> MessageNumber {
        match position {
            Position::Current { n } => MessageNumber {
                chain: self.receiving.as_ref().map_or(0, |chain| chain.chain),
                n,
            },
            Position::Next { n } => MessageNumber {
                chain: self.next_chain(),
                n,
            },
        }
    }

    /// The number the next receiving chain will have.
    fn next_chain(&self) -> u32 {
        self.receiving
            .as_ref()
            .map_or(0, |receiving| receiving.chain.saturating_add(1))
    }

    /// What a table of expected tags needs to know: the current chain's tag key and next number, and the next chain's
    /// tag key, with the number of the chain each belongs to.
    pub(crate) fn expected(&self) -> Expected<'_> {
        Expected {
            current: self
                .receiving
                .as_ref()
                .map(|chain| (&chain.keys.tag, chain.chain, chain.n)),
            next: (&self.next_receiving.tag, self.next_chain()),
        }
    }
}

/// The tags a session may receive.
pub(crate) struct Expected<'a> {
    /// TKr, chain and Nr.
    pub(crate) current: Option<(&'a crate::tag::TagKey, u32, u32)>,
    /// NTKr and chain.
    pub(crate) next: (&'a crate::tag::TagKey, u32),
}

#[cfg(test)]
pub(crate) mod testing;

#[cfg(test)]
#[path = "session_tests.rs"]
mod tests;

#[cfg(test)]
mod pq_simulation;

#[cfg(test)]
mod pq_simulation_tests;

#[cfg(test)]
#[path = "standing_tests.rs"]
mod standing_tests;
