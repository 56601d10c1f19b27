//! The store's key, and the check that tells a wrong key from a damaged file without touching the file.
//!
//! SQLCipher derives only its page-authentication key from the 16-byte salt at the start of the file; the encryption key
//! is given raw. The salt may therefore be chosen: 8 random bytes and the first 8 of their HMAC under a key derived from
//! the store key. Opening recomputes it: a mismatch is a wrong key, known from 16 bytes that are merely read; with a match,
//! whatever fails later is damage.

use hkdf::Hkdf;
use sha2::Sha256;
use subtle::ConstantTimeEq;
use undertone_protocol::primitives::secret::SecretBytes;
use zeroize::Zeroizing;

use super::error::OpenError;

/// Bytes of salt at the start of a SQLCipher file.
pub(super) const SALT_LEN: usize = 16;
const RANDOM_LEN: usize = SALT_LEN / 2;

const LABEL_CHECK: &[u8] = b"undertone/v1/store-check";
const LABEL_WRAP: &[u8] = b"undertone/v1/store-wrap";

/// The 32-byte key of a store, random, from the platform's keystore. Wiped when dropped.
pub struct StoreKey(SecretBytes<32>);

impl StoreKey {
    /// Takes the key. The caller wipes its own copy.
    #[must_use]
    pub fn new(bytes: &[u8; 32]) -> Self {
        Self(SecretBytes::copy_from(bytes))
    }

    /// The first bytes of a new file.
    pub(super) fn new_salt(&self, random: [u8; RANDOM_LEN]) -> Result<[u8; SALT_LEN], OpenError> {
        let mut salt = [0; SALT_LEN];
        let (head, check) = salt.split_at_mut(RANDOM_LEN);
        head.copy_from_slice(&random);
        self.check(&random, check)?;
        Ok(salt)
    }

    /// Whether a file that starts with these bytes was made with this key.
    pub(super) fn matches(&self, salt: &[u8; SALT_LEN]) -> Result<bool, OpenError> {
        let (random, found) = salt.split_at(RANDOM_LEN);
        let mut expected = [0; RANDOM_LEN];
        self.check(random, &mut expected)?;
        Ok(bool::from(expected.as_slice().ct_eq(found)))
    }

    /// SQLCipher's notation of a raw key with its salt: 96 hex digits.
    pub(super) fn pragma(&self, salt: &[u8; SALT_LEN]) -> Zeroizing<String> {
        let mut text = Zeroizing::new(String::with_capacity(2 * (32 + SALT_LEN) + 3));
        text.push_str("x'");
        for byte in self.0.expose().iter().chain(salt) {
            for nibble in [byte >> 4, byte & 0x0f] {
                text.push(char::from_digit(u32::from(nibble), 16).unwrap_or('0'));
            }
        }
        text.push('\'');
        text
    }

    /// The key that wraps the column key.
    pub(super) fn wrapping_key(&self) -> Result<SecretBytes<32>, OpenError> {
        let mut key = SecretBytes::zeroed();
        self.expand(&[LABEL_WRAP], key.expose_mut())?;
        Ok(key)
    }

    fn check(&self, random: &[u8], out: &mut [u8]) -> Result<(), OpenError> {
        self.expand(&[LABEL_CHECK, random], out)
    }

    /// HKDF-Expand-SHA256 (RFC 5869, section 2.3) with the store key as PRK.
    fn expand(&self, info: &[&[u8]], out: &mut [u8]) -> Result<(), OpenError> {
        Hkdf::<Sha256>::from_prk(self.0.expose())
            .ok()
            .and_then(|hkdf| hkdf.expand_multi_info(info, out).ok())
            .ok_or(OpenError::Internal(rusqlite::ffi::SQLITE_INTERNAL))
    }
}
