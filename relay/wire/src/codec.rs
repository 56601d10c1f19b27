//! A frame to bytes and back, within limits.
//!
//! Unknown fields are skipped and an unknown body decodes as `None`, so that a newer peer is answered `UNSUPPORTED`
//! instead of being cut off. What a frame's fields mean is the service's and the engine's concern.

use bytes::{Buf, Bytes, BytesMut};
use prost::Message;
use prost::encoding::{DecodeContext, WireType, decode_key, decode_varint, skip_field};

use crate::Frame;
use crate::limits::{MAX_BODY_FIELDS, MAX_FRAME_BYTES};

/// Why bytes are no frame. Acts: the peer that sent them (a bug, or an attack); retrying does not help.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum FrameDecodeError {
    /// More than [`MAX_FRAME_BYTES`].
    #[error("the frame is larger than the limit")]
    TooLarge,
    /// More than [`MAX_BODY_FIELDS`] fields in its body.
    #[error("the frame has more entries than the limit")]
    TooManyFields,
    /// Truncated, or no protobuf of this schema.
    #[error("the frame does not parse")]
    Malformed,
}

/// Why a frame cannot be sent. Acts: whoever built it (a bug).
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum FrameEncodeError {
    /// More than [`MAX_FRAME_BYTES`].
    #[error("the frame is larger than the limit")]
    TooLarge,
}

impl Frame {
    /// The bytes of one WebSocket message.
    ///
    /// # Errors
    /// [`FrameEncodeError::TooLarge`], so that no peer ever has to refuse what this side sent.
    pub fn to_bytes(&self) -> Result<Bytes, FrameEncodeError> {
        let len = self.encoded_len();
        if len > MAX_FRAME_BYTES {
            return Err(FrameEncodeError::TooLarge);
        }
        let mut out = BytesMut::with_capacity(len);
        self.encode_raw(&mut out);
        Ok(out.freeze())
    }

    /// The frame in one WebSocket message. Its byte fields share the memory of `bytes`.
    ///
    /// # Errors
    /// [`FrameDecodeError`]; memory stays within a small multiple of [`MAX_FRAME_BYTES`] whatever the bytes are.
    pub fn from_bytes(bytes: Bytes) -> Result<Self, FrameDecodeError> {
        if bytes.len() > MAX_FRAME_BYTES {
            return Err(FrameDecodeError::TooLarge);
        }
        if body_fields(&bytes)? > MAX_BODY_FIELDS {
            return Err(FrameDecodeError::TooManyFields);
        }
        Self::decode(bytes).map_err(|_| FrameDecodeError::Malformed)
    }
}

/// Counts the fields inside all length-delimited fields of the frame, without allocating.
fn body_fields(mut frame: &[u8]) -> Result<usize, FrameDecodeError> {
    const MALFORMED: FrameDecodeError = FrameDecodeError::Malformed;
    let mut count = 0usize;
    while frame.has_remaining() {
        let (tag, wire_type) = decode_key(&mut frame).map_err(|_| MALFORMED)?;
        if wire_type != WireType::LengthDelimited {
            skip_field(wire_type, tag, &mut frame, DecodeContext::default())
                .map_err(|_| MALFORMED)?;
            continue;
        }
        let len = decode_varint(&mut frame).map_err(|_| MALFORMED)?;
        let len = usize::try_from(len).map_err(|_| MALFORMED)?;
        let (mut body, rest) = frame.split_at_checked(len).ok_or(MALFORMED)?;
        frame = rest;
        while body.has_remaining() {
            let (tag, wire_type) = decode_key(&mut body).map_err(|_| MALFORMED)?;
            skip_field(wire_type, tag, &mut body, DecodeContext::default())
                .map_err(|_| MALFORMED)?;
            count += 1;
        }
    }
    Ok(count)
}
