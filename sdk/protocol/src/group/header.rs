//! The header of a group message, 163 bytes, before and after its encryption.
//!
//! Not its concern: the encryption, and whether the signature verifies (`message`).

use super::{KeyId, SenderIndex};
use crate::header::HEADER_LEN;
use crate::primitives::codec::{DecodeError, Reader};
use crate::primitives::signature::{SIGNATURE_LEN, Signature};

/// Bytes in front of the signature.
pub(super) const NAMED_LEN: usize = KeyId::LEN + 4 + 4;

/// Reserved bytes behind the signature: zeros.
const RESERVED_LEN: usize = HEADER_LEN - NAMED_LEN - SIGNATURE_LEN;

/// What a header says in front of its signature: which message it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Named {
    pub(super) key: KeyId,
    pub(super) sender: SenderIndex,
    /// N: number of the message among those of the sender in the epoch.
    pub(super) n: u32,
}

impl Named {
    pub(super) fn to_bytes(self) -> [u8; NAMED_LEN] {
        let mut bytes = [0; NAMED_LEN];
        bytes[..KeyId::LEN].copy_from_slice(self.key.as_bytes());
        bytes[KeyId::LEN..KeyId::LEN + 4].copy_from_slice(&self.sender.get().to_be_bytes());
        bytes[KeyId::LEN + 4..].copy_from_slice(&self.n.to_be_bytes());
        bytes
    }

    pub(super) fn with(self, signature: &Signature) -> [u8; HEADER_LEN] {
        let mut bytes = [0; HEADER_LEN];
        bytes[..NAMED_LEN].copy_from_slice(&self.to_bytes());
        bytes[NAMED_LEN..NAMED_LEN + SIGNATURE_LEN].copy_from_slice(&signature.0);
        bytes
    }
}

/// Parses a header.
pub(super) fn parse(bytes: &[u8; HEADER_LEN]) -> Result<(Named, Signature), DecodeError> {
    let mut reader = Reader::new(bytes);
    let named = Named {
        key: KeyId::from_bytes(*reader.array()?),
        sender: SenderIndex::read(&mut reader)?,
        n: reader.u32()?,
    };
    let signature = Signature(*reader.array()?);
    reader.zeros(RESERVED_LEN)?;
    reader.finish()?;
    Ok((named, signature))
}

const _: () = assert!(RESERVED_LEN == 83);
