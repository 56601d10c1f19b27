//! The states of one epoch, a type each, and what leads from one to the next.
//!
//! A transition consumes the state it leaves, so that one that does not exist does not compile, and what a state held
//! and the next one does not take over is wiped. Invariant: keys are generated, encapsulated to and decapsulated in
//! sending root steps only; whatever a peer's message does here, it costs no more than a copy. Not its concern: epochs,
//! and who may say what when ([`PqRatchet`](super::PqRatchet)).

use rand_core::CryptoRng;
use zeroize::Zeroize;

use super::chunks::{ChunkIndex, Collected, Outgoing};
use super::fields::Slot;
use super::mix::{Mix, binding};
use crate::primitives::kem::mlkem768::{PUBLIC_KEY_LEN, PublicKey, SecretKey};
use crate::primitives::secret::SecretBytes;

/// Where this side stands in the current epoch.
pub(super) enum State {
    PNew(PNew),
    PEk(PEk),
    PCt(PCt),
    PHave(PHave),
    REk(REk),
    RCt(RCt),
    RMixed(RMixed),
    Stopped(Stopped),
}

/// P_NEW: this side proposes the epoch, and has no key yet.
pub(super) struct PNew;

/// P_EK: sends ek until a chunk of ct acknowledges it.
pub(super) struct PEk {
    pub(super) secret: SecretKey,
    pub(super) key: Outgoing,
    pub(super) ciphertext: Collected,
}

/// P_CT: the responder has ek; collects ct.
pub(super) struct PCt {
    pub(super) secret: SecretKey,
    pub(super) ciphertext: Collected,
}

/// P_HAVE: has the secret; waits for the responder's mixed chain.
pub(super) struct PHave {
    pub(super) mix: Mix,
}

/// R_EK: collects ek.
pub(super) struct REk {
    pub(super) key: Collected,
}

/// R_CT: sends ct until the proposer has it.
pub(super) struct RCt {
    pub(super) ciphertext: Outgoing,
    pub(super) mix: Mix,
    /// The proposer said so.
    pub(super) seen_ct: bool,
}

/// R_MIXED: has mixed; waits for the proposer's next chain.
pub(super) struct RMixed;

/// X: the peer contradicted itself. Messages go on, the post-quantum ratchet does not. What the open sending chain
/// announced goes on until the chain ends, because a chain's headers agree.
pub(super) struct Stopped {
    pub(super) last: Option<Last>,
}

/// What a stopped side still sends on its open chain.
pub(super) enum Last {
    Key(Outgoing),
    Ciphertext(Outgoing),
}

impl PNew {
    pub(super) fn propose(self, rng: &mut impl CryptoRng) -> (PEk, PublicKey) {
        let secret = SecretKey::generate(rng);
        let public = secret.public_key();
        let proposed = PEk {
            secret,
            key: Outgoing::key(public.as_bytes()),
            ciphertext: Collected::new(),
        };
        (proposed, public)
    }
}

impl PEk {
    fn sending_root_step(self, epoch: u16) -> State {
        if self.ciphertext.is_empty() {
            return State::PEk(self);
        }
        let acknowledged = PCt {
            secret: self.secret,
            ciphertext: self.ciphertext,
        };
        acknowledged.sending_root_step(epoch)
    }
}

impl PCt {
    fn sending_root_step(self, epoch: u16) -> State {
        if self.ciphertext.is_complete() {
            self.decapsulate(epoch)
                .map_or(State::Stopped(Stopped { last: None }), State::PHave)
        } else {
            State::PCt(self)
        }
    }

    /// The secret, unless the ciphertext is another one than the responder made for this key.
    fn decapsulate(self, epoch: u16) -> Option<PHave> {
        let (mut ciphertext, hash) = self.ciphertext.as_ciphertext()?;
        let (secret, public) = self.secret.decapsulate(&ciphertext);
        let mix = Mix::new(&secret, binding(public.as_bytes(), &ciphertext), epoch);
        ciphertext.0.as_mut_slice().zeroize();
        (mix.hash() == hash).then_some(PHave { mix })
    }
}

impl PHave {
    /// The responder's mixed chain was opened: the epoch is over.
    pub(super) fn mixed(self) -> REk {
        REk {
            key: Collected::new(),
        }
    }
}

impl REk {
    /// The key came whole, in the first message.
    pub(super) fn whole(key: &[u8; PUBLIC_KEY_LEN]) -> Self {
        Self {
            key: Collected::key(key),
        }
    }

    fn sending_root_step(self, epoch: u16, rng: &mut impl CryptoRng) -> State {
        if self.key.is_complete() {
            self.encapsulate(epoch, rng)
                .map_or(State::Stopped(Stopped { last: None }), State::RCt)
        } else {
            State::REk(self)
        }
    }

    /// A fresh secret for the key, unless it is none.
    fn encapsulate(self, epoch: u16, rng: &mut impl CryptoRng) -> Option<RCt> {
        let key = PublicKey::parse(self.key.as_key()?).ok()?;
        let (mut ciphertext, secret) = key.encapsulate(rng);
        let mix = Mix::new(&secret, binding(key.as_bytes(), &ciphertext), epoch);
        let outgoing = Outgoing::ciphertext(&ciphertext, mix.hash());
        ciphertext.0.as_mut_slice().zeroize();
        Some(RCt {
            ciphertext: outgoing,
            mix,
            seen_ct: false,
        })
    }
}

impl RCt {
    fn sending_root_step(self) -> (State, Option<Mix>) {
        if self.seen_ct {
            (State::RMixed(RMixed), Some(self.mix))
        } else {
            (State::RCt(self), None)
        }
    }
}

impl RMixed {
    /// The proposer's next chain was opened: it has mixed, and the epoch is over.
    pub(super) fn answered(self) -> PNew {
        PNew
    }
}

impl State {
    /// What a sending root step makes of the state, and what this root step mixes. `epoch` is modulo 2^16.
    pub(super) fn sending_root_step(
        self,
        epoch: u16,
        rng: &mut impl CryptoRng,
    ) -> (Self, Option<Mix>) {
        match self {
            Self::PNew(new) => (Self::PEk(new.propose(rng).0), None),
            Self::PEk(state) => (state.sending_root_step(epoch), None),
            Self::PCt(state) => (state.sending_root_step(epoch), None),
            Self::REk(state) => (state.sending_root_step(epoch, rng), None),
            Self::RCt(state) => state.sending_root_step(),
            Self::Stopped(_) => (Self::Stopped(Stopped { last: None }), None),
            Self::PHave(_) | Self::RMixed(_) => (self, None),
        }
    }

    /// What a receiving root step makes of the state; `mix`: it mixed. Tells whether the epoch is over.
    pub(super) fn receiving_root_step(&mut self, mix: bool) -> bool {
        match core::mem::replace(self, Self::PNew(PNew)) {
            Self::PHave(state) if mix => {
                *self = Self::REk(state.mixed());
                true
            }
            Self::RMixed(state) => {
                *self = Self::PNew(state.answered());
                true
            }
            same @ (Self::PNew(_)
            | Self::PEk(_)
            | Self::PCt(_)
            | Self::PHave(_)
            | Self::REk(_)
            | Self::RCt(_)
            | Self::Stopped(_)) => {
                *self = same;
                false
            }
        }
    }

    /// The content of a message of this epoch. Tells whether a chunk was new.
    pub(super) fn receive(&mut self, slot: &Slot) -> bool {
        let stored = match (&mut *self, slot) {
            (
                Self::PEk(PEk { ciphertext, .. }) | Self::PCt(PCt { ciphertext, .. }),
                Slot::Ciphertext(chunk),
            ) => ciphertext.store(chunk),
            (Self::REk(REk { key }), Slot::Key(chunk)) => key.store(chunk),
            (Self::REk(_), Slot::HaveCiphertext) => Err(super::chunks::Contradiction),
            (Self::RCt(state), Slot::HaveCiphertext) => {
                state.seen_ct = true;
                Ok(false)
            }
            _ => Ok(false),
        };
        stored.unwrap_or_else(|_| {
            self.stop();
            false
        })
    }

    /// X. Everything goes but what the open chain has begun to send.
    pub(super) fn stop(&mut self) {
        let stopped = Self::Stopped(Stopped { last: None });
        let last = match core::mem::replace(self, stopped) {
            Self::PEk(state) => Some(Last::Key(state.key)),
            Self::RCt(state) => Some(Last::Ciphertext(state.ciphertext)),
            Self::Stopped(stopped) => stopped.last,
            Self::PNew(_) | Self::PCt(_) | Self::PHave(_) | Self::REk(_) | Self::RMixed(_) => None,
        };
        *self = Self::Stopped(Stopped { last });
    }

    /// What the next header carries.
    pub(super) fn slot(&self, rng: &mut impl CryptoRng) -> Slot {
        match self {
            Self::PEk(PEk { key, .. })
            | Self::Stopped(Stopped {
                last: Some(Last::Key(key)),
            }) => Slot::Key(key.draw(rng)),
            Self::RCt(RCt { ciphertext, .. })
            | Self::Stopped(Stopped {
                last: Some(Last::Ciphertext(ciphertext)),
            }) => Slot::Ciphertext(ciphertext.draw(rng)),
            Self::PHave(_) => Slot::HaveCiphertext,
            Self::RMixed(_) => Slot::Mix,
            Self::PNew(_) | Self::PCt(_) | Self::REk(_) | Self::Stopped(Stopped { last: None }) => {
                Slot::Idle
            }
        }
    }

    /// A chunk was sent.
    pub(super) const fn sent(&mut self, index: ChunkIndex) {
        match self {
            Self::PEk(PEk { key: outgoing, .. })
            | Self::RCt(RCt {
                ciphertext: outgoing,
                ..
            })
            | Self::Stopped(Stopped {
                last: Some(Last::Key(outgoing) | Last::Ciphertext(outgoing)),
            }) => outgoing.sent(index),
            Self::PNew(_)
            | Self::PCt(_)
            | Self::PHave(_)
            | Self::REk(_)
            | Self::RMixed(_)
            | Self::Stopped(Stopped { last: None }) => {}
        }
    }

    /// A second copy, to run ahead on before it is known whether the message can be sealed.
    pub(super) fn fork(&self) -> Self {
        let secret = |key: &SecretKey| SecretKey::from_seed(SecretBytes::copy_from(key.expose()));
        match self {
            Self::PNew(_) => Self::PNew(PNew),
            Self::PEk(state) => Self::PEk(PEk {
                secret: secret(&state.secret),
                key: state.key.fork(),
                ciphertext: state.ciphertext.fork(),
            }),
            Self::PCt(state) => Self::PCt(PCt {
                secret: secret(&state.secret),
                ciphertext: state.ciphertext.fork(),
            }),
            Self::PHave(state) => Self::PHave(PHave {
                mix: state.mix.fork(),
            }),
            Self::REk(state) => Self::REk(REk {
                key: state.key.fork(),
            }),
            Self::RCt(state) => Self::RCt(RCt {
                ciphertext: state.ciphertext.fork(),
                mix: state.mix.fork(),
                seen_ct: state.seen_ct,
            }),
            Self::RMixed(_) => Self::RMixed(RMixed),
            Self::Stopped(state) => Self::Stopped(Stopped {
                last: state.last.as_ref().map(|last| match last {
                    Last::Key(outgoing) => Last::Key(outgoing.fork()),
                    Last::Ciphertext(outgoing) => Last::Ciphertext(outgoing.fork()),
                }),
            }),
        }
    }
}
