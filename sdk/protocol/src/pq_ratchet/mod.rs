//! The post-quantum ratchet: ML-KEM-768, one epoch after the other, in chunks of the ratchet header.
//!
//! ```text
//! proposer    P_NEW → P_EK → P_CT → P_HAVE ──────┐        P(e) = initiator if e is odd, else responder
//! responder   R_EK ───→ R_CT ───→ R_MIXED ──┐    │
//! next epoch  P_NEW ←───────────────────────┘    └→ R_EK
//! ```
//!
//! The proposer sends ek, the responder ct, ten chunks each, one in every header until acknowledged; then each side mixes
//! the secret in a root step. Invariants: all work, all randomness and every change of what is announced happen in a
//! sending root step, where there is a fresh Diffie-Hellman key anyway, so that a disk that was rolled back inside a chain
//! cannot contradict what the peer accepted; a message changes something only when its body has opened; a secret is
//! deleted by the root step that mixes it. Not its concern: the Double Ratchet (`session`) and the key schedule
//! (`ratchet`).

mod chunks;
mod encoding;
mod fields;
mod mix;
mod progress;
mod state;

pub(crate) use encoding::STORED_LEN;
pub(crate) use fields::{Announced, Announcement, FIELDS_LEN, IllegalFields, PqFields};
pub(crate) use mix::Mix;
#[cfg(test)]
pub(crate) use {
    chunks::{CHUNK_LEN, Chunk, ChunkIndex},
    encoding::{R_EK, R_MIXED},
    fields::Slot,
};

use rand_core::CryptoRng;

use crate::primitives::kem::mlkem768::{PUBLIC_KEY_LEN, PublicKey};
use crate::session::Role;
use progress::Progress;
use state::{PNew, REk, State};

/// The first epoch.
const FIRST_EPOCH: u64 = 1;

/// Why the post-quantum ratchet of a session does not go on: its messages still do, healed by Diffie-Hellman alone, and a
/// fresh handshake with the next message that the user writes repairs it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PqFailure {
    /// The peer contradicted itself: its software is at fault, or somebody else speaks with its keys.
    Stopped,
    /// A hundred messages went each way without progress: its disk was rolled back, or somebody withholds messages by
    /// what they carry.
    Stalled,
}

/// One side of the post-quantum ratchet of a session.
pub(crate) struct PqRatchet {
    role: Role,
    /// e, from 1.
    epoch: u64,
    state: State,
    progress: Progress,
    /// Whether keys, ciphertexts and secrets are others than the store has.
    material_changed: bool,
}

impl PqRatchet {
    /// An initiator's, and the key that travels whole in the first message: epoch 1 is proposed in the sending root step
    /// that opens chain 0.
    pub(crate) fn initiator(rng: &mut impl CryptoRng) -> (Self, PublicKey) {
        let (proposed, key) = PNew.propose(rng);
        (Self::new(Role::Initiator, State::PEk(proposed)), key)
    }

    /// A responder's, from the key in the first message.
    pub(crate) fn responder(key: &[u8; PUBLIC_KEY_LEN]) -> Self {
        Self::new(Role::Responder, State::REk(REk::whole(key)))
    }

    fn new(role: Role, state: State) -> Self {
        Self {
            role,
            epoch: FIRST_EPOCH,
            state,
            progress: Progress::default(),
            material_changed: true,
        }
    }

    /// What a sending root step makes of it, and what this root step mixes. The original stays, for the message may fail
    /// to be sealed.
    pub(crate) fn sending_root_step(&self, rng: &mut impl CryptoRng) -> (Self, Option<Mix>) {
        let before = self.state.code();
        let epoch = wire(self.epoch);
        let (state, mix) = self.state.fork().sending_root_step(epoch, rng);
        let mut next = Self { state, ..*self };
        if next.state.code() != before {
            next.progressed();
        }
        (next, mix)
    }

    /// The epoch modulo 2^16, as the headers of a chain that opens now say it.
    pub(crate) const fn epoch(&self) -> u16 {
        wire(self.epoch)
    }

    /// What the next header of the open chain carries.
    pub(crate) fn fields(&self, rng: &mut impl CryptoRng) -> PqFields {
        PqFields {
            epoch: wire(self.epoch),
            slot: self.state.slot(rng),
        }
    }

    /// A message with these fields was sealed.
    pub(crate) const fn sent(&mut self, fields: &PqFields) {
        if let Some(chunk) = fields.slot.chunk() {
            self.state.sent(chunk.index);
        }
        self.progress.sent();
    }

    /// Checks the fields of a message that would open the peer's next chain, and gives what that root step mixes.
    pub(crate) fn next_chain(&self, fields: &PqFields) -> Result<Option<&Mix>, IllegalFields> {
        let epoch = self.next_chain_epoch();
        let announced = fields.announced();
        let proposer = !proposes(self.role, epoch);
        if announced.epoch != wire(epoch) || !announced.announcement.may_come_from(proposer) {
            return Err(IllegalFields);
        }
        match (announced.announcement, &self.state) {
            (Announcement::Mix, State::PHave(state)) => Ok(Some(&state.mix)),
            (Announcement::Mix, _) => Err(IllegalFields),
            _ => Ok(None),
        }
    }

    /// The epoch that the peer's next chain belongs to.
    const fn next_chain_epoch(&self) -> u64 {
        if let State::RMixed(_) = self.state {
            self.epoch.saturating_add(1)
        } else {
            self.epoch
        }
    }

    /// The message that opens the peer's next chain was opened: the receiving root step, then the message's content.
    pub(crate) fn chain_opened(&mut self, fields: &PqFields) {
        let mix = fields.announced().announcement == Announcement::Mix;
        if self.state.receiving_root_step(mix) {
            self.epoch = self.epoch.saturating_add(1);
            #[cfg(any(test, feature = "instrument"))]
            instrument::report(self.epoch);
            self.progressed();
        }
        self.received(fields);
    }

    /// A message was opened whose header was read: its content, unless it belongs to an epoch that is over.
    pub(crate) fn received(&mut self, fields: &PqFields) {
        self.progress.received();
        if fields.epoch != wire(self.epoch) {
            return;
        }
        let before = self.state.code();
        if self.state.receive(&fields.slot) || self.state.code() != before {
            self.progressed();
        }
    }

    /// The session was replaced by a fresh handshake and only receives from now on. What the peer may still say is
    /// understood; what is left of the epoch's secrets is deleted, but for one that the peer may have mixed already.
    pub(crate) fn retire(&mut self) {
        match self.state {
            State::PHave(_) | State::RMixed(_) | State::Stopped(_) => {}
            State::PNew(_) | State::PEk(_) | State::PCt(_) | State::REk(_) | State::RCt(_) => {
                self.state.stop();
                self.progressed();
            }
        }
    }

    /// Whether and why it does not go on.
    pub(crate) const fn failure(&self) -> Option<PqFailure> {
        if let State::Stopped(_) = self.state {
            Some(PqFailure::Stopped)
        } else if self.progress.is_stalled() {
            Some(PqFailure::Stalled)
        } else {
            None
        }
    }

    /// The state changed, or a chunk came.
    fn progressed(&mut self) {
        self.progress = Progress::default();
        self.material_changed = true;
    }
}

/// Observation of epochs, for tests only.
#[cfg(any(test, feature = "instrument"))]
pub mod instrument {
    use std::cell::Cell;

    thread_local! {
        static HIGHEST: Cell<u64> = const { Cell::new(0) };
    }

    pub(super) fn report(epoch: u64) {
        HIGHEST.set(HIGHEST.get().max(epoch));
    }

    /// The highest epoch that a session of the current thread has reached since this was asked last: one less have been
    /// completed.
    pub fn take_highest() -> u64 {
        HIGHEST.replace(0)
    }
}

/// Whether a side proposes an epoch, rather than its peer.
const fn proposes(role: Role, epoch: u64) -> bool {
    let initiators = epoch % 2 == 1;
    match role {
        Role::Initiator => initiators,
        Role::Responder => !initiators,
    }
}

/// An epoch as headers and root steps name it: its low 16 bits.
const fn wire(epoch: u64) -> u16 {
    let [.., high, low] = epoch.to_be_bytes();
    u16::from_be_bytes([high, low])
}

#[cfg(test)]
mod testing;

#[cfg(test)]
mod tests;
