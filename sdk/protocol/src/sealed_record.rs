//! What an account keeps in a record of a relay: sealed, and padded to one of few sizes, whatever it is.
//!
//! Invariant: the length of a value is a bucket, and depends on nothing but the bucket that its content fits. Not its concern: keys
//! and content, which are those of the manifest and of the profile.

use rand_core::CryptoRng;

use crate::limits::MANIFEST_BUCKETS;
use crate::manifest::RecordId;
use crate::primitives::aead;
use crate::primitives::codec::{DecodeError, Reader};

/// Bytes of the length in front of the padded plaintext.
const LENGTH_LEN: usize = 4;

/// Why a value does not open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unopened {
    /// Changed, cut, under another key, or another record's.
    NotAuthentic,
    /// Authentic, and not content behind its length and before zeros.
    Malformed(DecodeError),
}

/// `nonce 12 ‖ AES-256-GCM(key, nonce, AD = record id, u32 length ‖ content ‖ zeros)`; `None` above the largest record.
pub(crate) fn seal(
    key: &[u8; aead::KEY_LEN],
    record: &RecordId,
    content: &[u8],
    rng: &mut impl CryptoRng,
) -> Option<Vec<u8>> {
    let mut nonce = [0; aead::NONCE_LEN];
    rng.fill_bytes(&mut nonce);
    let total = LENGTH_LEN + content.len() + aead::NONCE_LEN + aead::TAG_LEN;
    let bucket = MANIFEST_BUCKETS
        .into_iter()
        .find(|bucket| *bucket >= total)?;
    let length = u32::try_from(content.len()).ok()?;
    let mut value = Vec::with_capacity(bucket);
    value.extend_from_slice(&nonce);
    value.extend_from_slice(&length.to_be_bytes());
    value.extend_from_slice(content);
    value.resize(bucket, 0);
    let (_, sealed) = value.split_at_mut(aead::NONCE_LEN);
    aead::seal(key, &nonce, record.as_bytes(), sealed).ok()?;
    Some(value)
}

/// The content of what [`seal`] made.
pub(crate) fn open(
    key: &[u8; aead::KEY_LEN],
    record: &RecordId,
    value: &[u8],
) -> Result<Vec<u8>, Unopened> {
    if !MANIFEST_BUCKETS.contains(&value.len()) {
        return Err(Unopened::NotAuthentic);
    }
    let mut value = value.to_vec();
    let (nonce, sealed) = value
        .split_first_chunk_mut()
        .ok_or(Unopened::NotAuthentic)?;
    let plain =
        aead::open(key, nonce, record.as_bytes(), sealed).map_err(|_| Unopened::NotAuthentic)?;
    content(plain).map_err(Unopened::Malformed)
}

fn content(plain: &[u8]) -> Result<Vec<u8>, DecodeError> {
    let mut reader = Reader::new(plain);
    let length = usize::try_from(reader.u32()?).map_err(|_| DecodeError::TooLong)?;
    let content = reader.bytes(length)?.to_vec();
    reader.zeros(reader.rest().len())?;
    Ok(content)
}

#[cfg(test)]
#[path = "sealed_record_tests.rs"]
mod tests;
