//! What all signed prekeys have in common: whose they are, and how long they live.

use crate::{
    account::AccountId,
    device::DeviceId,
    limits::CLOCK_TOLERANCE_MS,
    prekeys::PrekeyKind,
    primitives::{
        codec::{DecodeError, Reader, Writer},
        signature::SignatureError,
    },
    time::Timestamp,
};

/// When a prekey may be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Lifetime {
    pub(super) issued: Timestamp,
    pub(super) expires: Timestamp,
}

impl Lifetime {
    pub(super) const fn starting(now: Timestamp, length_ms: u64) -> Self {
        Self {
            issued: now,
            expires: now.plus(length_ms),
        }
    }

    pub(super) fn write(self, writer: &mut Writer<'_>) {
        writer.u64(self.issued.0).u64(self.expires.0);
    }

    pub(super) fn read(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Ok(Self {
            issued: Timestamp(reader.u64()?),
            expires: Timestamp(reader.u64()?),
        })
    }

    /// Checks that `now` is inside it, and that it is no longer than `longest_ms`.
    pub(super) fn check(self, longest_ms: u64, now: Timestamp) -> Result<(), ItemError> {
        let length = self.expires.since(self.issued);
        if length == 0 || length > longest_ms {
            return Err(ItemError::Lifetime);
        }
        if self.issued > now.plus(CLOCK_TOLERANCE_MS) {
            return Err(ItemError::NotYetValid);
        }
        if self.expires < now {
            Err(ItemError::Expired)
        } else {
            Ok(())
        }
    }
}

/// Begins a signed body: `account 32 ‖ device 16 ‖ kind 1`.
pub(super) fn begin_body(account: &AccountId, device: &DeviceId, kind: PrekeyKind) -> Vec<u8> {
    let mut body = Vec::with_capacity(1_700);
    Writer::new(&mut body)
        .bytes(account.as_bytes())
        .bytes(device.as_bytes())
        .u8(kind.to_byte());
    body
}

/// Why one prekey was not accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ItemError {
    /// Not the encoding of a prekey of the kind that belongs here.
    #[error("malformed prekey: {0}")]
    Malformed(#[from] DecodeError),
    /// Not signed by this device for this account, kind, id and lifetime.
    #[error("prekey not signed by the device")]
    Signature,
    /// Its time is over: the device was not online for long, or the relay serves an old one.
    #[error("prekey expired")]
    Expired,
    /// Issued more than a day in the future: one of the clocks is wrong.
    #[error("prekey from the future")]
    NotYetValid,
    /// It lives longer than any of its kind may, or not at all.
    #[error("prekey with a lifetime that is not allowed")]
    Lifetime,
}

impl From<SignatureError> for ItemError {
    fn from(_: SignatureError) -> Self {
        Self::Signature
    }
}
