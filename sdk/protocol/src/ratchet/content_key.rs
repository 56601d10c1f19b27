//! K: the AEAD key of one message's body.

use zeroize::{Zeroize, ZeroizeOnDrop};

use crate::primitives::aead::{self, AeadError, NONCE_LEN};

/// The key of one body. A rolled-back disk may derive it twice, which the random nonce answers.
#[derive(Zeroize, ZeroizeOnDrop)]
pub(crate) struct ContentKey([u8; 32]);

impl ContentKey {
    pub(super) const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// Encrypts all but the last 16 bytes of `buffer` in place and writes the tag over those.
    #[inline]
    pub(crate) fn seal(
        &self,
        salt: &[u8; NONCE_LEN],
        ad: &[u8],
        buffer: &mut [u8],
    ) -> Result<(), AeadError> {
        aead::seal(&self.0, salt, ad, buffer)
    }

    /// Decrypts `buffer` in place; a buffer that is not authentic stays as it is.
    #[inline]
    pub(crate) fn open<'b>(
        &self,
        salt: &[u8; NONCE_LEN],
        ad: &[u8],
        buffer: &'b mut [u8],
    ) -> Result<&'b mut [u8], AeadError> {
        aead::open(&self.0, salt, ad, buffer)
    }
}
