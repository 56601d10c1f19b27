//! Prekeys: what a device leaves at its relay so that others can write to it while it is offline.
//!
//! - [`page`]: the signed prekey with the device statement, sealed, given to every initiator ([`PrekeyPage`]).
//! - [`one_time`]: batches of one-time keys, X25519 and ML-KEM-1024, signed by one Merkle root.
//! - [`last_resort`]: the ML-KEM-1024 key for when those are used up.
//! - [`bundle`]: what an initiator checks before using any of it ([`VerifiedBundle`]).
//!
//! Invariant: every key is signed by the device signing key under a label of its own kind, together with account, device,
//! id, kind and lifetime, so that no relay can move one to another slot, device, account or time. To the relay all of it
//! is opaque bytes with random ids. Storing private halves, and deciding when to publish, is not this module's concern.

pub mod bundle;
#[cfg(test)]
mod fixture;
mod item;
pub mod last_resort;
mod merkle;
pub mod one_time;
pub mod page;

use core::fmt;

use rand_core::CryptoRng;

use crate::{
    account::AccountId,
    device::{DeviceId, DeviceSigningKey},
    primitives::{codec::DecodeError, dh},
};

pub use bundle::{BundleError, PrekeyBundle, VerifiedBundle};
pub use item::ItemError;
pub use last_resort::LastResortPrekey;
pub use one_time::{BatchError, OneTimeKemPrekey, OneTimePrekey};
pub use page::{PageError, PrekeyPage, SignedPrekey};

/// SPK, private.
pub type SignedPrekeySecret = dh::SecretKey<dh::role::SignedPrekey>;
/// SPK.
pub type SignedPrekeyPublic = dh::PublicKey<dh::role::SignedPrekey>;
/// OPK, private.
pub type OneTimePrekeySecret = dh::SecretKey<dh::role::OneTimePrekey>;
/// OPK.
pub type OneTimePrekeyPublic = dh::PublicKey<dh::role::OneTimePrekey>;

/// The id of a prekey: random, so that a relay or a sender learns nothing from its order. Unique within one device and
/// kind.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PrekeyId(u32);

impl PrekeyId {
    /// What stands in a handshake in place of the id of an absent one-time prekey. No prekey has it.
    pub const ABSENT: u32 = u32::MAX;

    /// A fresh random id. In place of [`PrekeyId::ABSENT`] it is 0; drawing again would never end with a broken generator.
    #[must_use]
    pub fn generate(rng: &mut impl CryptoRng) -> Self {
        Self::new(rng.next_u32()).unwrap_or(Self(0))
    }

    /// The id with this number; `None` for [`PrekeyId::ABSENT`].
    #[must_use]
    pub const fn new(id: u32) -> Option<Self> {
        if id == Self::ABSENT {
            None
        } else {
            Some(Self(id))
        }
    }

    /// The number.
    #[must_use]
    pub const fn get(self) -> u32 {
        self.0
    }

    /// The number, as the relay and signed bodies carry it.
    #[must_use]
    pub const fn to_bytes(self) -> [u8; 4] {
        self.0.to_be_bytes()
    }
}

impl fmt::Debug for PrekeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PrekeyId(..)")
    }
}

/// The kind of a prekey, as it is signed and hashed into the handshake.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u8)]
pub enum PrekeyKind {
    /// SPK: X25519, for weeks.
    Signed = 1,
    /// OPK: X25519, for one session.
    OneTime = 2,
    /// KPK: ML-KEM-1024, for one session.
    KemOneTime = 3,
    /// KPK: ML-KEM-1024, when the one-time keys are used up.
    KemLastResort = 4,
}

impl PrekeyKind {
    /// The kind's byte.
    #[must_use]
    pub const fn to_byte(self) -> u8 {
        self as u8
    }

    /// The kind with this byte.
    ///
    /// # Errors
    /// [`DecodeError::InvalidValue`] for any other byte.
    pub const fn from_byte(byte: u8) -> Result<Self, DecodeError> {
        match byte {
            1 => Ok(Self::Signed),
            2 => Ok(Self::OneTime),
            3 => Ok(Self::KemOneTime),
            4 => Ok(Self::KemLastResort),
            _ => Err(DecodeError::InvalidValue),
        }
    }
}

/// The device that makes prekeys.
pub struct PrekeyOwner<'a> {
    /// Its account.
    pub account: AccountId,
    /// Its id.
    pub device: DeviceId,
    /// DSK.
    pub signing_key: &'a DeviceSigningKey,
}

#[cfg(test)]
#[path = "prekeys_tests.rs"]
mod tests;

#[cfg(test)]
mod signed_keys_tests;
