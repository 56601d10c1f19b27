//! Padding of plaintexts to the buckets that the relay sees: `content ‖ 0x80 ‖ 0x00…` (ISO/IEC 7816-4).
//!
//! Invariant: the length of an envelope is a bucket and depends on nothing but the bucket that its content fits.
//! Not its concern: what the content is (`content`).

use crate::limits::ENVELOPE_OVERHEAD;
use crate::session::limits::{MAX_ENVELOPE, MIN_ENVELOPE};

/// First byte of the padding.
const MARK: u8 = 0x80;

/// Longest content of one envelope, in bytes.
pub const MAX_CONTENT: usize = MAX_ENVELOPE - ENVELOPE_OVERHEAD - 1;

/// The padded length, in bytes, of `content_len` bytes of content: an envelope of `ENVELOPE_OVERHEAD` more is a bucket, a power
/// of two from 512 to 65,536. `None` when the content is longer than [`MAX_CONTENT`].
pub fn padded_len(content_len: usize) -> Option<usize> {
    if content_len > MAX_CONTENT {
        return None;
    }
    let bucket = (content_len + 1 + ENVELOPE_OVERHEAD)
        .next_power_of_two()
        .max(MIN_ENVELOPE);
    Some(bucket - ENVELOPE_OVERHEAD)
}

/// Whether an envelope may have this length.
pub fn is_bucket(envelope_len: usize) -> bool {
    envelope_len.is_power_of_two() && (MIN_ENVELOPE..=MAX_ENVELOPE).contains(&envelope_len)
}

/// Appends `content` and its padding, `padded_len` bytes in all, to `out`. `padded_len` exceeds the content's length.
pub(crate) fn pad(content: &[u8], padded_len: usize, out: &mut Vec<u8>) {
    let end = out.len() + padded_len;
    out.extend_from_slice(content);
    out.push(MARK);
    out.resize(end, 0);
}

/// The length of the content in front of the padding, or `None` when there is no padding.
pub(crate) fn unpadded_len(padded: &[u8]) -> Option<usize> {
    let mark = padded.iter().rposition(|byte| *byte != 0)?;
    (padded[mark] == MARK).then_some(mark)
}

#[cfg(test)]
#[path = "padding_tests.rs"]
mod tests;
