//! The content header, 76 bytes: what every message says about itself before its body.
//!
//! Not its concern: the body (`super`), and whether a stream's numbers and hashes continue what came before.

use super::ContentError;
use super::hlc::Hlc;
use crate::id::id;
use crate::primitives::codec::{Reader, Writer};

/// Length of the content header in bytes.
pub const CONTENT_HEADER_LEN: usize = 76;

/// The version of the content encoding.
const VERSION: u8 = 1;

id! {
    /// Identifies a message across devices and resends: 16 random bytes chosen by its author.
    MessageId
}

/// Truncated hash of the content before this one in its stream; zeros for the first one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct PreviousHash(pub(super) [u8; 16]);

impl PreviousHash {
    /// A hash from its bytes.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(bytes)
    }

    /// Its bytes.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }
}

/// What every message says about itself.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct ContentHeader {
    /// Bits that later versions define; carried as they are.
    pub flags: u16,
    /// The message's id, the same in every copy and resend.
    pub message_id: MessageId,
    /// Position in the stream of (sender's device, conversation), from 1; 0 for what is no part of a stream.
    pub stream_seq: u64,
    /// Hash of the content at `stream_seq - 1`.
    pub previous: PreviousHash,
    /// When it was written, on the sender's hybrid clock.
    pub hlc: Hlc,
    /// Version of the sender's account manifest: recovery epoch in the upper, counter in the lower 32 bits.
    pub manifest_version: u64,
    /// First 16 bytes of that manifest's hash.
    pub manifest_hash: [u8; 16],
}

impl ContentHeader {
    pub(super) fn encode(&self, kind: u8, writer: &mut Writer<'_>) {
        writer
            .u8(VERSION)
            .u8(kind)
            .u16(self.flags)
            .bytes(&self.message_id.0);
        writer
            .u64(self.stream_seq)
            .bytes(&self.previous.0)
            .u64(self.hlc.as_packed());
        writer.u64(self.manifest_version).bytes(&self.manifest_hash);
    }

    /// Reads the header; returns it with the content's type.
    pub(super) fn parse(reader: &mut Reader<'_>) -> Result<(Self, u8), ContentError> {
        if reader.u8()? != VERSION {
            return Err(ContentError::Version);
        }
        let kind = reader.u8()?;
        let header = Self {
            flags: reader.u16()?,
            message_id: MessageId::from_bytes(*reader.array()?),
            stream_seq: reader.u64()?,
            previous: PreviousHash(*reader.array()?),
            hlc: Hlc::from_packed(reader.u64()?),
            manifest_version: reader.u64()?,
            manifest_hash: *reader.array()?,
        };
        Ok((header, kind))
    }
}
