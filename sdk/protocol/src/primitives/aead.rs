//! AES-256-GCM on slices, in place.
//!
//! Source: NIST SP 800-38D; 96-bit nonces, 128-bit tags. Choosing nonces is the caller's concern; a test build with the
//! feature `instrument` reports every (key, nonce) that is sealed, so that a test can prove that none repeats, and counts
//! the attempts to open.

use aes_gcm::{
    Aes256Gcm, KeyInit,
    aead::{AeadInOut, inout::InOutBuf},
};

/// Bytes of a key.
pub const KEY_LEN: usize = 32;
/// Bytes of a nonce.
pub const NONCE_LEN: usize = 12;
/// Bytes that sealing adds.
pub const TAG_LEN: usize = 16;

/// Why a buffer was not sealed or opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AeadError {
    /// The buffer has no room for the tag, or is longer than the algorithm allows. A mistake of the caller.
    #[error("buffer of a length that cannot be sealed")]
    Length,
    /// Wrong key, nonce or associated data, or bytes that were changed. Who sent the bytes must act, if anybody.
    #[error("not authentic")]
    NotAuthentic,
}

/// Encrypts all but the last [`TAG_LEN`] bytes of `buffer` and writes the tag over those.
///
/// # Errors
/// [`AeadError::Length`] when the buffer is shorter than the tag or longer than 64 GiB.
#[inline]
pub fn seal(
    key: &[u8; KEY_LEN],
    nonce: &[u8; NONCE_LEN],
    associated_data: &[u8],
    buffer: &mut [u8],
) -> Result<(), AeadError> {
    #[cfg(any(test, feature = "instrument"))]
    instrument::report(key, nonce);
    let (body, tag) = buffer
        .split_last_chunk_mut::<TAG_LEN>()
        .ok_or(AeadError::Length)?;
    let sealed = Aes256Gcm::new(key.into())
        .encrypt_inout_detached(nonce.into(), associated_data, InOutBuf::from(body))
        .map_err(|_| AeadError::Length)?;
    *tag = sealed.into();
    Ok(())
}

/// Checks `buffer` (ciphertext followed by its tag), decrypts it in place and returns the plaintext part.
///
/// A buffer that fails the check is left as it was.
///
/// # Errors
/// [`AeadError::Length`] when the buffer is shorter than a tag, [`AeadError::NotAuthentic`] when the check fails.
#[inline]
pub fn open<'b>(
    key: &[u8; KEY_LEN],
    nonce: &[u8; NONCE_LEN],
    associated_data: &[u8],
    buffer: &'b mut [u8],
) -> Result<&'b mut [u8], AeadError> {
    #[cfg(any(test, feature = "instrument"))]
    instrument::count_open();
    let (body, tag) = buffer
        .split_last_chunk_mut::<TAG_LEN>()
        .ok_or(AeadError::Length)?;
    let tag = &*tag;
    Aes256Gcm::new(key.into())
        .decrypt_inout_detached(
            nonce.into(),
            associated_data,
            InOutBuf::from(&mut *body),
            tag.into(),
        )
        .map_err(|_| AeadError::NotAuthentic)?;
    Ok(body)
}

/// Observation of what is sealed, for tests only.
#[cfg(any(test, feature = "instrument"))]
pub mod instrument {
    use std::cell::{Cell, RefCell};

    use super::{KEY_LEN, NONCE_LEN};
    use crate::primitives::hash::{HASH_LEN, sha256};

    /// Called with (SHA-256(key), nonce) of each seal.
    pub type Observer = Box<dyn FnMut([u8; HASH_LEN], [u8; NONCE_LEN])>;

    thread_local! {
        static OBSERVER: RefCell<Option<Observer>> = const { RefCell::new(None) };
        static OPENS: Cell<u64> = const { Cell::new(0) };
    }

    /// Installs `observer` for the current thread and returns the one before it.
    pub fn install(observer: Option<Observer>) -> Option<Observer> {
        OBSERVER.with(|slot| slot.replace(observer))
    }

    /// What `run` gives, and how often it tried to open something, successfully or not.
    pub fn opens<T>(run: impl FnOnce() -> T) -> (T, u64) {
        let before = OPENS.get();
        let result = run();
        (result, OPENS.get() - before)
    }

    pub(super) fn count_open() {
        OPENS.set(OPENS.get() + 1);
    }

    pub(super) fn report(key: &[u8; KEY_LEN], nonce: &[u8; NONCE_LEN]) {
        OBSERVER.with(|slot| {
            if let Ok(mut slot) = slot.try_borrow_mut()
                && let Some(observer) = slot.as_mut()
            {
                observer(sha256(&[key]), *nonce);
            }
        });
    }
}

#[cfg(test)]
#[path = "aead_tests.rs"]
mod tests;
