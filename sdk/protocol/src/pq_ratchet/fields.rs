//! The post-quantum part of the ratchet header, 123 bytes: epoch 2 ‖ kind and index 1 ‖ flags 1 ‖ chunk 119.
//!
//! Invariant: parsed fields are one of the five combinations of kind and flags that exist, with an index below ten, and
//! an idle chunk is zeros. Not its concern: whether they fit a session's state.

use super::chunks::{CHUNK_LEN, Chunk, ChunkIndex};

/// Length of the fields in bytes.
pub(crate) const FIELDS_LEN: usize = 2 + 1 + 1 + CHUNK_LEN;

const KIND_IDLE: u8 = 0;
const KIND_EK: u8 = 1;
const KIND_CT: u8 = 2;

const HAVE_EK: u8 = 0x01;
const HAVE_CT: u8 = 0x02;
const MIX: u8 = 0x04;

/// What a chain says about the state of its sender: kind and flags.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Announcement {
    /// Kind 0, no flags: neither sends nor acknowledges. By both sides.
    Idle,
    /// Kind 1: chunks of ek. By the proposer.
    Key,
    /// Kind 2, `HAVE_EK`: chunks of ct; ek is held. By the responder.
    Ciphertext,
    /// `HAVE_CT`: ct is held and decapsulated. By the proposer.
    HaveCiphertext,
    /// `MIX`: the root step that opened this chain mixed the secret. By the responder.
    Mix,
}

/// What is the same in all headers of a chain.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Announced {
    /// The epoch modulo 2^16.
    pub(crate) epoch: u16,
    pub(crate) announcement: Announcement,
}

/// What one header carries.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Slot {
    Idle,
    Key(Chunk),
    Ciphertext(Chunk),
    HaveCiphertext,
    Mix,
}

/// The post-quantum part of one header.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct PqFields {
    /// The epoch modulo 2^16.
    pub(crate) epoch: u16,
    pub(crate) slot: Slot,
}

/// Fields that no honest peer sends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct IllegalFields;

impl Announcement {
    const fn kind_and_flags(self) -> (u8, u8) {
        match self {
            Self::Idle => (KIND_IDLE, 0),
            Self::Key => (KIND_EK, 0),
            Self::Ciphertext => (KIND_CT, HAVE_EK),
            Self::HaveCiphertext => (KIND_IDLE, HAVE_CT),
            Self::Mix => (KIND_IDLE, MIX),
        }
    }

    const fn parse(kind: u8, flags: u8) -> Result<Self, IllegalFields> {
        match (kind, flags) {
            (KIND_IDLE, 0) => Ok(Self::Idle),
            (KIND_EK, 0) => Ok(Self::Key),
            (KIND_CT, HAVE_EK) => Ok(Self::Ciphertext),
            (KIND_IDLE, HAVE_CT) => Ok(Self::HaveCiphertext),
            (KIND_IDLE, MIX) => Ok(Self::Mix),
            _ => Err(IllegalFields),
        }
    }

    /// Whether the proposer of an epoch, or else its responder, may say this.
    pub(super) const fn may_come_from(self, proposer: bool) -> bool {
        match self {
            Self::Idle => true,
            Self::Key | Self::HaveCiphertext => proposer,
            Self::Ciphertext | Self::Mix => !proposer,
        }
    }
}

impl Announced {
    /// Epoch, kind and flags, as a chain's headers have them, with index 0; for sealed storage.
    pub(crate) const fn to_bytes(self) -> [u8; 4] {
        let (kind, flags) = self.announcement.kind_and_flags();
        let [high, low] = self.epoch.to_be_bytes();
        [high, low, kind << 4, flags]
    }

    /// Reads what [`Announced::to_bytes`] wrote.
    pub(crate) fn from_bytes(bytes: [u8; 4]) -> Result<Self, IllegalFields> {
        let [high, low, kind_index, flags] = bytes;
        if kind_index & 0x0f != 0 {
            return Err(IllegalFields);
        }
        Ok(Self {
            epoch: u16::from_be_bytes([high, low]),
            announcement: Announcement::parse(kind_index >> 4, flags)?,
        })
    }
}

impl Slot {
    const fn announcement(&self) -> Announcement {
        match self {
            Self::Idle => Announcement::Idle,
            Self::Key(_) => Announcement::Key,
            Self::Ciphertext(_) => Announcement::Ciphertext,
            Self::HaveCiphertext => Announcement::HaveCiphertext,
            Self::Mix => Announcement::Mix,
        }
    }

    pub(crate) const fn chunk(&self) -> Option<&Chunk> {
        match self {
            Self::Key(chunk) | Self::Ciphertext(chunk) => Some(chunk),
            Self::Idle | Self::HaveCiphertext | Self::Mix => None,
        }
    }
}

impl PqFields {
    /// What ephemeral messages carry: the epoch of the chain beside which they are sent.
    pub(crate) const fn idle(epoch: u16) -> Self {
        let slot = Slot::Idle;
        Self { epoch, slot }
    }

    /// What the header says about its whole chain.
    pub(crate) const fn announced(&self) -> Announced {
        Announced {
            epoch: self.epoch,
            announcement: self.slot.announcement(),
        }
    }

    pub(crate) fn write(&self, out: &mut [u8; FIELDS_LEN]) {
        let [high, low, kind_index, flags, chunk @ ..] = out;
        [*high, *low] = self.epoch.to_be_bytes();
        let (kind, announced) = self.slot.announcement().kind_and_flags();
        *flags = announced;
        let part = self.slot.chunk();
        *kind_index = kind << 4 | part.map_or(0, |part| part.index.get());
        *chunk = part.map_or([0; CHUNK_LEN], |part| part.bytes);
    }

    pub(crate) fn parse(bytes: &[u8; FIELDS_LEN]) -> Result<Self, IllegalFields> {
        let [high, low, kind_index, flags, chunk @ ..] = bytes;
        let announcement = Announcement::parse(kind_index >> 4, *flags)?;
        let index = kind_index & 0x0f;
        let part = || {
            let index = ChunkIndex::new(index).ok_or(IllegalFields)?;
            let bytes = *chunk;
            Ok(Chunk { index, bytes })
        };
        let idle = |slot| {
            let empty = index == 0 && chunk.iter().all(|byte| *byte == 0);
            if empty { Ok(slot) } else { Err(IllegalFields) }
        };
        Ok(Self {
            epoch: u16::from_be_bytes([*high, *low]),
            slot: match announcement {
                Announcement::Key => Slot::Key(part()?),
                Announcement::Ciphertext => Slot::Ciphertext(part()?),
                Announcement::Idle => idle(Slot::Idle)?,
                Announcement::HaveCiphertext => idle(Slot::HaveCiphertext)?,
                Announcement::Mix => idle(Slot::Mix)?,
            },
        })
    }
}

#[cfg(test)]
#[path = "fields_tests.rs"]
mod tests;
