//! Several frames in one body of the long-poll transport: each as a `u32` big-endian length, then its bytes.

use bytes::{Buf, BufMut, Bytes, BytesMut};

use crate::limits::MAX_FRAME_BYTES;
use crate::{Frame, FrameDecodeError, FrameEncodeError};

/// Appends `frame` to a body.
///
/// # Errors
/// [`FrameEncodeError::TooLarge`]; the body is unchanged then.
pub fn push(body: &mut BytesMut, frame: &Frame) -> Result<(), FrameEncodeError> {
    let bytes = frame.to_bytes()?;
    let len = u32::try_from(bytes.len()).map_err(|_| FrameEncodeError::TooLarge)?;
    body.put_u32(len);
    body.put(bytes);
    Ok(())
}

/// Takes the next frame off a body; `None` at its end.
///
/// # Errors
/// [`FrameDecodeError`] for a length that exceeds the body or the limit, or a frame that does not parse.
pub fn pop(body: &mut Bytes) -> Result<Option<Frame>, FrameDecodeError> {
    if body.is_empty() {
        return Ok(None);
    }
    if body.len() < 4 {
        return Err(FrameDecodeError::Malformed);
    }
    let len = usize::try_from(body.get_u32()).map_err(|_| FrameDecodeError::TooLarge)?;
    if len > MAX_FRAME_BYTES {
        return Err(FrameDecodeError::TooLarge);
    }
    if len > body.len() {
        return Err(FrameDecodeError::Malformed);
    }
    Frame::from_bytes(body.split_to(len)).map(Some)
}
