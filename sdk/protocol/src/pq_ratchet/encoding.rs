//! The stored form, in two parts: what every message may change, and what few do.
//!
//! ```text
//! with the session   e 8 ‖ state 1 ‖ unsent 2 ‖ held 2 ‖ seen_ct 1 ‖ sent 2 ‖ received 2
//! material           empty, or version 1 ‖ e 8 ‖ state 1 ‖ what the state holds:
//!                    P_EK  seed 64 ‖ ek in chunks 1,190 ‖ ct in chunks 1,190
//!                    P_CT  seed 64 ‖ ct in chunks 1,190
//!                    P_HAVE  ss 32 ‖ H 32
//!                    R_EK  ek in chunks 1,190
//!                    R_CT  ct in chunks 1,190 ‖ ss 32 ‖ H 32
//!                    X while its chain still sends ek or ct  that in chunks 1,190
//! ```
//!
//! Sets of chunk numbers have bit i for chunk i. Both parts are written in one transaction, the material only when it
//! changed; epoch and state in it prove that they belong together.

use zeroize::Zeroizing;

use super::chunks::{Collected, IndexSet, Outgoing, WHOLE_LEN};
use super::mix::Mix;
use super::progress::Progress;
use super::state::{Last, PCt, PEk, PHave, PNew, RCt, REk, RMixed, State, Stopped};
use super::{PqRatchet, proposes, wire};
use crate::primitives::codec::{DecodeError, Reader, Writer};
use crate::primitives::kem::SEED_LEN;
use crate::primitives::kem::mlkem768::SecretKey;
use crate::primitives::secret::SecretBytes;
use crate::session::Role;

/// Version of the material's encoding.
const VERSION: u8 = 1;

/// Length of the part that is stored with the session.
pub(crate) const STORED_LEN: usize = 8 + 1 + 2 + 2 + 1 + 2 + 2;

/// The longest material, so that the buffer never grows and leaves secrets behind.
const MAX_MATERIAL: usize = 1 + 8 + 1 + SEED_LEN + 2 * WHOLE_LEN;

pub(super) const P_NEW: u8 = 1;
pub(super) const P_EK: u8 = 2;
pub(super) const P_CT: u8 = 3;
pub(super) const P_HAVE: u8 = 4;
pub(crate) const R_EK: u8 = 5;
pub(super) const R_CT: u8 = 6;
pub(crate) const R_MIXED: u8 = 7;
pub(super) const STOPPED: u8 = 8;
pub(super) const STOPPED_WITH_EK: u8 = 9;
pub(super) const STOPPED_WITH_CT: u8 = 10;

impl State {
    /// The state's number in the encoding; differs where what is held differs in kind.
    pub(super) const fn code(&self) -> u8 {
        match self {
            Self::PNew(_) => P_NEW,
            Self::PEk(_) => P_EK,
            Self::PCt(_) => P_CT,
            Self::PHave(_) => P_HAVE,
            Self::REk(_) => R_EK,
            Self::RCt(_) => R_CT,
            Self::RMixed(_) => R_MIXED,
            Self::Stopped(Stopped { last: None }) => STOPPED,
            Self::Stopped(Stopped {
                last: Some(Last::Key(_)),
            }) => STOPPED_WITH_EK,
            Self::Stopped(Stopped {
                last: Some(Last::Ciphertext(_)),
            }) => STOPPED_WITH_CT,
        }
    }

    fn unsent(&self) -> IndexSet {
        match self {
            Self::PEk(PEk { key: outgoing, .. })
            | Self::RCt(RCt {
                ciphertext: outgoing,
                ..
            })
            | Self::Stopped(Stopped {
                last: Some(Last::Key(outgoing) | Last::Ciphertext(outgoing)),
            }) => outgoing.unsent(),
            Self::PNew(_)
            | Self::PCt(_)
            | Self::PHave(_)
            | Self::REk(_)
            | Self::RMixed(_)
            | Self::Stopped(Stopped { last: None }) => IndexSet::EMPTY,
        }
    }

    fn held(&self) -> IndexSet {
        match self {
            Self::PEk(PEk {
                ciphertext: collected,
                ..
            })
            | Self::PCt(PCt {
                ciphertext: collected,
                ..
            })
            | Self::REk(REk { key: collected }) => collected.held(),
            Self::PNew(_) | Self::PHave(_) | Self::RCt(_) | Self::RMixed(_) | Self::Stopped(_) => {
                IndexSet::EMPTY
            }
        }
    }

    fn write_material(&self, writer: &mut Writer<'_>) {
        match self {
            Self::PNew(_) | Self::RMixed(_) | Self::Stopped(Stopped { last: None }) => {}
            Self::PEk(state) => {
                writer.bytes(state.secret.expose());
                writer.bytes(state.key.expose());
                writer.bytes(state.ciphertext.expose());
            }
            Self::PCt(state) => {
                writer.bytes(state.secret.expose());
                writer.bytes(state.ciphertext.expose());
            }
            Self::PHave(state) => write_mix(&state.mix, writer),
            Self::REk(state) => _ = writer.bytes(state.key.expose()),
            Self::RCt(state) => {
                writer.bytes(state.ciphertext.expose());
                write_mix(&state.mix, writer);
            }
            Self::Stopped(Stopped {
                last: Some(Last::Key(outgoing) | Last::Ciphertext(outgoing)),
            }) => _ = writer.bytes(outgoing.expose()),
        }
    }
}

fn write_mix(mix: &Mix, writer: &mut Writer<'_>) {
    writer.bytes(mix.secret()).bytes(mix.hash());
}

/// What is stored with the session.
struct Stored {
    epoch: u64,
    code: u8,
    unsent: IndexSet,
    held: IndexSet,
    seen_ct: bool,
}

impl Stored {
    fn state(&self, reader: &mut Reader<'_>) -> Result<State, DecodeError> {
        Ok(match self.code {
            P_NEW => State::PNew(PNew),
            P_EK => State::PEk(PEk {
                secret: seed(reader)?,
                key: self.outgoing(reader)?,
                ciphertext: self.collected(reader)?,
            }),
            P_CT => State::PCt(PCt {
                secret: seed(reader)?,
                ciphertext: self.collected(reader)?,
            }),
            P_HAVE => State::PHave(PHave {
                mix: self.mix(reader)?,
            }),
            R_EK => State::REk(REk {
                key: self.collected(reader)?,
            }),
            R_CT => State::RCt(RCt {
                ciphertext: self.outgoing(reader)?,
                mix: self.mix(reader)?,
                seen_ct: self.seen_ct,
            }),
            R_MIXED => State::RMixed(RMixed),
            STOPPED => State::Stopped(Stopped { last: None }),
            STOPPED_WITH_EK => State::Stopped(Stopped {
                last: Some(Last::Key(self.outgoing(reader)?)),
            }),
            STOPPED_WITH_CT => State::Stopped(Stopped {
                last: Some(Last::Ciphertext(self.outgoing(reader)?)),
            }),
            _ => return Err(DecodeError::InvalidValue),
        })
    }

    fn outgoing(&self, reader: &mut Reader<'_>) -> Result<Outgoing, DecodeError> {
        let whole = SecretBytes::copy_from(reader.array()?);
        Ok(Outgoing::from_parts(whole, self.unsent))
    }

    fn collected(&self, reader: &mut Reader<'_>) -> Result<Collected, DecodeError> {
        let whole = SecretBytes::copy_from(reader.array()?);
        Ok(Collected::from_parts(whole, self.held))
    }

    fn mix(&self, reader: &mut Reader<'_>) -> Result<Mix, DecodeError> {
        let secret = reader.array()?;
        Ok(Mix::from_parts(secret, *reader.array()?, wire(self.epoch)))
    }

    /// Whether a state of this number may be a device's of that role in that epoch.
    const fn fits(&self, role: Role) -> bool {
        match self.code {
            P_NEW | P_EK | P_CT | P_HAVE | STOPPED_WITH_EK => proposes(role, self.epoch),
            R_EK | R_CT | R_MIXED | STOPPED_WITH_CT => !proposes(role, self.epoch),
            _ => true,
        }
    }
}

fn seed(reader: &mut Reader<'_>) -> Result<SecretKey, DecodeError> {
    Ok(SecretKey::from_seed(SecretBytes::copy_from(
        reader.array()?,
    )))
}

fn index_set(reader: &mut Reader<'_>) -> Result<IndexSet, DecodeError> {
    IndexSet::from_bits(reader.u16()?).ok_or(DecodeError::InvalidValue)
}

impl PqRatchet {
    /// Appends what is stored with the session.
    pub(crate) fn write(&self, writer: &mut Writer<'_>) {
        writer.u64(self.epoch).u8(self.state.code());
        writer.u16(self.state.unsent().bits());
        writer.u16(self.state.held().bits());
        let seen_ct = matches!(&self.state, State::RCt(state) if state.seen_ct);
        writer.u8(u8::from(seen_ct));
        writer.u16(self.progress.sent).u16(self.progress.received);
    }

    /// The material, all of it secret; empty when the state holds none.
    pub(crate) fn material(&self) -> Zeroizing<Vec<u8>> {
        let mut bytes = Zeroizing::new(Vec::with_capacity(MAX_MATERIAL));
        let mut writer = Writer::new(&mut bytes);
        writer.u8(VERSION).u64(self.epoch).u8(self.state.code());
        self.state.write_material(&mut writer);
        if bytes.len() == 1 + 8 + 1 {
            bytes.clear();
        }
        bytes
    }

    /// The material, when it changed since it was last asked for, or read.
    pub(crate) fn take_changed_material(&mut self) -> Option<Zeroizing<Vec<u8>>> {
        core::mem::take(&mut self.material_changed).then(|| self.material())
    }

    /// Reads what [`PqRatchet::write`] and [`PqRatchet::material`] gave. The caller wipes the originals.
    pub(crate) fn read(
        role: Role,
        reader: &mut Reader<'_>,
        material: &[u8],
    ) -> Result<Self, DecodeError> {
        let stored = Stored {
            epoch: reader.u64()?,
            code: reader.u8()?,
            unsent: index_set(reader)?,
            held: index_set(reader)?,
            seen_ct: match reader.u8()? {
                0 => false,
                1 => true,
                _ => return Err(DecodeError::InvalidValue),
            },
        };
        let progress = Progress {
            sent: reader.u16()?,
            received: reader.u16()?,
        };
        let mut material = Reader::new(material);
        if !material.rest().is_empty() {
            let belongs = material.u8()? == VERSION
                && material.u64()? == stored.epoch
                && material.u8()? == stored.code;
            if !belongs {
                return Err(DecodeError::InvalidValue);
            }
        }
        let state = stored.state(&mut material)?;
        material.finish()?;
        let consistent =
            stored.fits(role) && state.unsent() == stored.unsent && state.held() == stored.held;
        if !consistent {
            return Err(DecodeError::InvalidValue);
        }
        Ok(Self {
            role,
            epoch: stored.epoch,
            state,
            progress,
            material_changed: false,
        })
    }
}

#[cfg(test)]
#[path = "encoding_tests.rs"]
mod tests;
