//! SHA-256 over labelled, unambiguous input.
//!
//! Source: FIPS 180-4.

use sha2::{Digest, Sha256};

use crate::labels::HashLabel;

/// Bytes of a SHA-256 output.
pub const HASH_LEN: usize = 32;

/// SHA-256 of the concatenation of `parts`. The caller makes the concatenation unambiguous.
#[must_use]
pub fn sha256(parts: &[&[u8]]) -> [u8; HASH_LEN] {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update(part);
    }
    hash.finalize().into()
}

/// SHA-256 of `label` followed by the concatenation of `parts`.
#[must_use]
pub fn labelled(label: HashLabel, parts: &[&[u8]]) -> [u8; HASH_LEN] {
    let mut hash = Sha256::new();
    hash.update(label.as_bytes());
    for part in parts {
        hash.update(part);
    }
    hash.finalize().into()
}

#[cfg(test)]
#[path = "hash_tests.rs"]
mod tests;
