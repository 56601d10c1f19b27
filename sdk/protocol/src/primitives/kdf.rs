//! Key derivation: HMAC-SHA-256, HKDF-SHA-256, and HKDF-Expand alone.
//!
//! `Expand` without `Extract` is used wherever the input key is already uniform (RFC 5869, section 3.3): it saves four
//! compressions on every message. Sources: RFC 2104, RFC 5869.

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use zeroize::{Zeroize, Zeroizing};

use super::hash::HASH_LEN;
use crate::labels::KdfLabel;

/// Bytes of one SHA-256 input block, to which HMAC pads its key.
const BLOCK_LEN: usize = 64;

/// An HMAC-SHA-256 key whose schedule is computed once, for several inputs.
pub struct HmacKey(Hmac<Sha256>);

impl HmacKey {
    /// Schedules `key`.
    #[must_use]
    pub fn new(key: &[u8; HASH_LEN]) -> Self {
        let mut padded = [0; BLOCK_LEN];
        for (to, from) in padded.iter_mut().zip(key) {
            *to = *from;
        }
        let hmac = Hmac::new(&padded.into());
        // The padding is no secret.
        padded[..HASH_LEN].zeroize();
        Self(hmac)
    }

    /// As [`mac_into`](Self::mac_into), for the key's last input: its schedule is not copied.
    #[inline]
    pub fn finish_into(self, parts: &[&[u8]], out: &mut [u8; HASH_LEN]) {
        finish(self.0, parts, out);
    }

    /// HMAC of the concatenation of `parts`, written to `out`.
    #[inline]
    pub fn mac_into(&self, parts: &[&[u8]], out: &mut [u8; HASH_LEN]) {
        finish(self.0.clone(), parts, out);
    }

    /// HMAC of the concatenation of `parts`.
    #[must_use]
    pub fn mac(&self, parts: &[&[u8]]) -> Zeroizing<[u8; HASH_LEN]> {
        let mut out = Zeroizing::new([0; HASH_LEN]);
        self.mac_into(parts, &mut out);
        out
    }
}

#[inline]
fn finish(mut hmac: Hmac<Sha256>, parts: &[&[u8]], out: &mut [u8; HASH_LEN]) {
    for part in parts {
        hmac.update(part);
    }
    *out = hmac.finalize().into_bytes().into();
}

/// HKDF-Expand: `N` bytes from a uniform 32-byte key. The info is `label` followed by the concatenation of `context`.
///
/// `N` is at most 8,160 (RFC 5869, section 2.3), checked at compile time.
#[inline]
pub fn expand_into<const N: usize>(
    prk: &[u8; HASH_LEN],
    label: KdfLabel,
    context: &[&[u8]],
    out: &mut [u8; N],
) {
    const { assert!(N <= 255 * HASH_LEN) };
    expand_raw(&HmacKey::new(prk), label.as_bytes(), context, out);
}

/// HKDF-Expand of at most 8,160 bytes; the info is `label` followed by the concatenation of `context`.
#[inline]
pub(super) fn expand_raw(key: &HmacKey, label: &[u8], context: &[&[u8]], out: &mut [u8]) {
    let mut counter = 0_u8;
    let mut block = Zeroizing::new([0; HASH_LEN]);
    for chunk in out.chunks_mut(HASH_LEN) {
        let mut hmac = key.0.clone();
        if counter > 0 {
            hmac.update(block.as_slice());
        }
        hmac.update(label);
        for part in context {
            hmac.update(part);
        }
        counter = counter.wrapping_add(1);
        hmac.update(&[counter]);
        *block = hmac.finalize().into_bytes().into();
        for (to, from) in chunk.iter_mut().zip(block.iter()) {
            *to = *from;
        }
    }
}

/// [`expand_into`] a fresh array.
#[must_use]
pub fn expand<const N: usize>(
    prk: &[u8; HASH_LEN],
    label: KdfLabel,
    context: &[&[u8]],
) -> Zeroizing<[u8; N]> {
    let mut out = Zeroizing::new([0; N]);
    expand_into(prk, label, context, &mut out);
    out
}

/// HKDF-Extract with a 32-byte salt (all zero where the specification says `salt = 0`).
///
/// `ikm` is the concatenation of its parts.
#[must_use]
pub fn extract(salt: &[u8; HASH_LEN], ikm: &[&[u8]]) -> Zeroizing<[u8; HASH_LEN]> {
    HmacKey::new(salt).mac(ikm)
}

/// HKDF: [`extract`], then [`expand_into`].
pub fn hkdf_into<const N: usize>(
    salt: &[u8; HASH_LEN],
    ikm: &[&[u8]],
    label: KdfLabel,
    context: &[&[u8]],
    out: &mut [u8; N],
) {
    expand_into(&extract(salt, ikm), label, context, out);
}

/// [`hkdf_into`] a fresh array.
#[must_use]
pub fn hkdf<const N: usize>(
    salt: &[u8; HASH_LEN],
    ikm: &[&[u8]],
    label: KdfLabel,
    context: &[&[u8]],
) -> Zeroizing<[u8; N]> {
    let mut out = Zeroizing::new([0; N]);
    hkdf_into(salt, ikm, label, context, &mut out);
    out
}

#[cfg(test)]
#[path = "kdf_tests.rs"]
mod tests;
