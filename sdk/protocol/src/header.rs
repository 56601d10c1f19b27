//! The ratchet header, 163 bytes, before and after its encryption.
//!
//! Invariant: a parsed [`Header`] obeys the limits N ≤ 998 and PN ≤ 999, its ratchet key is canonical and not of low order,
//! and its post-quantum slot is idle: index 0, no flags, a chunk of zeros. Not its concern: the encryption (`envelope`), and whether the fields fit a session.

use crate::primitives::dh::PublicKey;
use crate::ratchet::RatchetPublicKey;
use crate::session::limits::{MAX_N, MAX_PN};

/// Length of a header in bytes.
pub(crate) const HEADER_LEN: usize = 163;

/// Length of the post-quantum chunk in bytes: 119 makes an envelope 256 bytes larger than its plaintext.
pub(crate) const PQ_CHUNK_LEN: usize = 119;

const PN: usize = 32;
const N: usize = 36;
const PQ_EPOCH: usize = 40;
const PQ_KIND_IDX: usize = 42;

/// What a message says about the chain it belongs to (Double Ratchet specification, section 3.5).
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Header {
    /// The sender's ratchet public key, canonical and not of low order.
    pub(crate) dh: RatchetPublicKey,
    /// How many messages the sender's previous chain had.
    pub(crate) previous_length: u32,
    /// Number of this message in its chain, from 0.
    pub(crate) n: u32,
    /// Epoch of the post-quantum ratchet, modulo 2^16.
    pub(crate) pq_epoch: u16,
}

/// A header that no honest peer sends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct IllegalHeader;

impl Header {
    pub(crate) fn to_bytes(self) -> [u8; HEADER_LEN] {
        let mut bytes = [0; HEADER_LEN];
        bytes[..PN].copy_from_slice(self.dh.as_bytes());
        bytes[PN..N].copy_from_slice(&self.previous_length.to_be_bytes());
        bytes[N..PQ_EPOCH].copy_from_slice(&self.n.to_be_bytes());
        bytes[PQ_EPOCH..PQ_KIND_IDX].copy_from_slice(&self.pq_epoch.to_be_bytes());
        bytes
    }

    pub(crate) fn parse(bytes: &[u8; HEADER_LEN]) -> Result<Self, IllegalHeader> {
        let (dh, rest) = bytes.split_first_chunk::<32>().ok_or(IllegalHeader)?;
        let (previous_length, rest) = rest.split_first_chunk::<4>().ok_or(IllegalHeader)?;
        let (n, rest) = rest.split_first_chunk::<4>().ok_or(IllegalHeader)?;
        let (pq_epoch, slot) = rest.split_first_chunk::<2>().ok_or(IllegalHeader)?;
        let header = Self {
            dh: PublicKey::parse(dh).map_err(|_| IllegalHeader)?,
            previous_length: u32::from_be_bytes(*previous_length),
            n: u32::from_be_bytes(*n),
            pq_epoch: u16::from_be_bytes(*pq_epoch),
        };
        let idle = slot.iter().all(|byte| *byte == 0);
        if header.n > MAX_N || header.previous_length > MAX_PN || !idle {
            return Err(IllegalHeader);
        }
        Ok(header)
    }
}

const _: () = assert!(PQ_KIND_IDX + 2 + PQ_CHUNK_LEN == HEADER_LEN);

#[cfg(test)]
#[path = "header_tests.rs"]
mod tests;
