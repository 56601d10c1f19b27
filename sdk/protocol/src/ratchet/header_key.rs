//! HK: the AEAD key of the headers of one chain.

use zeroize::{Zeroize, ZeroizeOnDrop};

use crate::header::HEADER_LEN;
use crate::primitives::aead::{self, AeadError, NONCE_LEN, TAG_LEN};

/// Length of an encrypted header in bytes.
pub(crate) const SEALED_HEADER_LEN: usize = HEADER_LEN + TAG_LEN;

/// A header key (Double Ratchet specification, section 4).
#[derive(Zeroize, ZeroizeOnDrop)]
pub(crate) struct HeaderKey([u8; 32]);

impl HeaderKey {
    pub(crate) const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The key, for sealed storage.
    pub(crate) const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// Encrypts the header in the first 163 bytes of `buffer` in place and writes the tag behind it.
    #[inline]
    pub(crate) fn seal(
        &self,
        salt: &[u8; NONCE_LEN],
        ad: &[u8],
        buffer: &mut [u8; SEALED_HEADER_LEN],
    ) -> Result<(), AeadError> {
        aead::seal(&self.0, salt, ad, buffer)
    }

    /// Decrypts a header in place.
    #[inline]
    pub(crate) fn open<'b>(
        &self,
        salt: &[u8; NONCE_LEN],
        ad: &[u8],
        buffer: &'b mut [u8; SEALED_HEADER_LEN],
    ) -> Result<&'b [u8; HEADER_LEN], AeadError> {
        let header = aead::open(&self.0, salt, ad, buffer)?;
        header.first_chunk().ok_or(AeadError::Length)
    }
}
