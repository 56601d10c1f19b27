//! Sealed columns: secrets are encrypted once more inside the encrypted database, so that a page cache or a freed page
//! holds none.
//!
//! A sealed value is `nonce 12 ‖ AES-256-GCM(column key, nonce, AAD = place, plaintext)`. The place (table, column, row) in
//! the AAD makes a value useless anywhere else. Nonces are random: at one write per message, 2^32 messages stay below a
//! collision probability of 2^-32 (NIST SP 800-38D, section 8.3). The column key is random, kept in `meta` under a key
//! derived from the store key, and lives in memory only while the store is open.

use aes_gcm::Aes256Gcm;
use aes_gcm::aead::{AeadInOut, KeyInit, Nonce, Tag};
use rand::TryRng;
use rand::rngs::SysRng;
use undertone_protocol::primitives::secret::SecretBytes;
use zeroize::{Zeroize, Zeroizing};

use super::error::StoreError;

const NONCE_LEN: usize = 12;
const TAG_LEN: usize = 16;

/// Where a sealed value belongs.
pub(super) struct Place<'a> {
    /// The table's name.
    pub(super) table: &'static str,
    /// The column's name.
    pub(super) column: &'static str,
    /// The row's natural key.
    pub(super) row: &'a [u8],
}

impl Place<'_> {
    fn aad(&self) -> Vec<u8> {
        // Table and column names are short literals without NUL, so the encoding is injective.
        let mut aad = Vec::with_capacity(self.table.len() + self.column.len() + self.row.len() + 2);
        aad.extend_from_slice(self.table.as_bytes());
        aad.push(0);
        aad.extend_from_slice(self.column.as_bytes());
        aad.push(0);
        aad.extend_from_slice(self.row);
        aad
    }
}

/// The key of the sealed columns, at one heap address. Wiped when dropped.
pub(super) struct ColumnKey(Box<Aes256Gcm>);

impl ColumnKey {
    /// The cipher of a key.
    pub(super) fn new(key: &SecretBytes<32>) -> Self {
        Self(Box::new(Aes256Gcm::new(key.expose().into())))
    }

    /// Seals a value for a place.
    pub(super) fn seal(&self, place: &Place<'_>, plaintext: &[u8]) -> Result<Vec<u8>, StoreError> {
        let mut sealed = Vec::with_capacity(NONCE_LEN + plaintext.len() + TAG_LEN);
        sealed.resize(NONCE_LEN, 0);
        random(&mut sealed)?;
        sealed.extend_from_slice(plaintext);
        let (nonce, body) = sealed.split_at_mut(NONCE_LEN);
        let nonce = Nonce::<Aes256Gcm>::try_from(&*nonce).map_err(|_| StoreError::OutOfRange)?;
        let tag = self
            .0
            .encrypt_inout_detached(&nonce, &place.aad(), body.into())
            .map_err(|_| StoreError::OutOfRange)?;
        sealed.extend_from_slice(&tag);
        Ok(sealed)
    }

    /// Opens a value of a place. One that was changed, or moved from another place, is corruption.
    pub(super) fn open(
        &self,
        place: &Place<'_>,
        sealed: &[u8],
    ) -> Result<Zeroizing<Vec<u8>>, StoreError> {
        let (nonce, rest) = sealed
            .split_at_checked(NONCE_LEN)
            .ok_or(StoreError::Corrupt)?;
        let body_len = rest.len().checked_sub(TAG_LEN).ok_or(StoreError::Corrupt)?;
        let (body, tag) = rest.split_at(body_len);
        let nonce = Nonce::<Aes256Gcm>::try_from(nonce).map_err(|_| StoreError::Corrupt)?;
        let tag = Tag::<Aes256Gcm>::try_from(tag).map_err(|_| StoreError::Corrupt)?;
        let mut plaintext = Zeroizing::new(body.to_vec());
        self.0
            .decrypt_inout_detached(&nonce, &place.aad(), plaintext.as_mut_slice().into(), &tag)
            .map_err(|_| StoreError::Corrupt)?;
        Ok(plaintext)
    }
}

/// Fills a buffer from the operating system. The store is I/O: the engine's own randomness stays a parameter.
pub(super) fn random(out: &mut [u8]) -> Result<(), StoreError> {
    SysRng
        .try_fill_bytes(out)
        .map_err(|_| StoreError::Io(rusqlite::ffi::SQLITE_IOERR))
}

/// Bytes of the stack that [`burn_stack`] overwrites: more than the ciphers and their callers use.
const BURN: usize = 64 * 1024;

/// Overwrites the stack below the caller, where ciphers left copies of key schedules.
#[inline(never)]
pub(super) fn burn_stack() {
    let mut stack = [0_u8; BURN];
    stack.zeroize();
    std::hint::black_box(&stack);
}
