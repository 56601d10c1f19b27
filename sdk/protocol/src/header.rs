//! The ratchet header, 163 bytes, before and after its encryption.
//!
//! Invariant: a parsed [`Header`] obeys the limit PN ≤ 999, its ratchet key is canonical and not of low order, and its
//! post-quantum fields are some that exist. Not its concern: the encryption and the limit of N (`envelope`), and whether
//! the fields fit a session.

use crate::pq_ratchet::{FIELDS_LEN, PqFields};
use crate::primitives::dh::PublicKey;
use crate::ratchet::RatchetPublicKey;
use crate::session::limits::MAX_PN;

/// Length of a header in bytes.
pub(crate) const HEADER_LEN: usize = 163;

const PN: usize = 32;
const N: usize = 36;
const PQ: usize = 40;

/// What a message says about the chain it belongs to (Double Ratchet specification, section 3.5).
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Header {
    /// The sender's ratchet public key, canonical and not of low order.
    pub(crate) dh: RatchetPublicKey,
    /// How many messages the sender's previous chain had.
    pub(crate) previous_length: u32,
    /// Number of this message in its chain, from 0.
    pub(crate) n: u32,
    /// The post-quantum ratchet's part.
    pub(crate) pq: PqFields,
}

/// A header that no honest peer sends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct IllegalHeader;

impl Header {
    pub(crate) fn to_bytes(self) -> [u8; HEADER_LEN] {
        let mut bytes = [0; HEADER_LEN];
        bytes[..PN].copy_from_slice(self.dh.as_bytes());
        bytes[PN..N].copy_from_slice(&self.previous_length.to_be_bytes());
        bytes[N..PQ].copy_from_slice(&self.n.to_be_bytes());
        if let Some(fields) = bytes.last_chunk_mut() {
            self.pq.write(fields);
        }
        bytes
    }

    pub(crate) fn parse(bytes: &[u8; HEADER_LEN]) -> Result<Self, IllegalHeader> {
        let (dh, rest) = bytes.split_first_chunk::<32>().ok_or(IllegalHeader)?;
        let (previous_length, rest) = rest.split_first_chunk::<4>().ok_or(IllegalHeader)?;
        let (n, rest) = rest.split_first_chunk::<4>().ok_or(IllegalHeader)?;
        let pq = rest.first_chunk().ok_or(IllegalHeader)?;
        let header = Self {
            dh: PublicKey::parse(dh).map_err(|_| IllegalHeader)?,
            previous_length: u32::from_be_bytes(*previous_length),
            n: u32::from_be_bytes(*n),
            pq: PqFields::parse(pq).map_err(|_| IllegalHeader)?,
        };
        if header.previous_length > MAX_PN {
            return Err(IllegalHeader);
        }
        Ok(header)
    }
}

const _: () = assert!(PQ + FIELDS_LEN == HEADER_LEN);

#[cfg(test)]
#[path = "header_tests.rs"]
mod tests;
