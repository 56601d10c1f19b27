//! What names a group, an epoch, a sender and a chain.

use core::fmt;

use rand_core::CryptoRng;

use super::limits::MAX_SENDER_INDEX;
use crate::account::AccountId;
use crate::device::DeviceId;
use crate::id::id;
use crate::primitives::codec::{DecodeError, Reader, Writer};

id! {
    /// Identifies a group: 16 random bytes.
    GroupId
}

/// The hash of the group's state with which a key epoch began. Whoever has another one is in another epoch, or in a fork.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct EpochHash(pub [u8; 32]);

impl fmt::Debug for EpochHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("EpochHash(..)")
    }
}

/// One key epoch of one group.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct EpochId {
    /// The group.
    pub group: GroupId,
    /// The epoch.
    pub hash: EpochHash,
}

/// A device as a sender: what a signature and a body say about who wrote them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sender {
    /// The member.
    pub account: AccountId,
    /// Its device.
    pub device: DeviceId,
}

/// A sender's place among the senders of an epoch, which the group's state gives it: at most 16,383.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SenderIndex(u32);

impl SenderIndex {
    /// `None` above the limit.
    #[must_use]
    pub const fn new(index: u32) -> Option<Self> {
        if index <= MAX_SENDER_INDEX {
            Some(Self(index))
        } else {
            None
        }
    }

    /// The number.
    #[must_use]
    pub const fn get(self) -> u32 {
        self.0
    }

    pub(super) fn read(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Self::new(reader.u32()?).ok_or(DecodeError::InvalidValue)
    }
}

/// Identifies a chain among those of one sender in one epoch: 8 random bytes.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct KeyId([u8; Self::LEN]);

impl KeyId {
    /// Bytes of the id.
    pub const LEN: usize = 8;

    /// The id with these bytes.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; Self::LEN]) -> Self {
        Self(bytes)
    }

    /// The bytes.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; Self::LEN] {
        &self.0
    }

    pub(super) fn random(rng: &mut impl CryptoRng) -> Self {
        let mut bytes = [0; Self::LEN];
        rng.fill_bytes(&mut bytes);
        Self(bytes)
    }
}

impl fmt::Debug for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("KeyId(..)")
    }
}

impl EpochId {
    pub(super) fn write(&self, writer: &mut Writer<'_>) {
        writer.bytes(self.group.as_bytes()).bytes(&self.hash.0);
    }

    pub(super) fn read(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Ok(Self {
            group: GroupId::from_bytes(*reader.array()?),
            hash: EpochHash(*reader.array()?),
        })
    }
}

impl Sender {
    pub(super) fn write(&self, writer: &mut Writer<'_>) {
        writer
            .bytes(self.account.as_bytes())
            .bytes(self.device.as_bytes());
    }

    pub(super) fn read(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Ok(Self {
            account: AccountId::parse(reader.array()?)?,
            device: DeviceId::from_bytes(*reader.array()?),
        })
    }
}
