//! One AES-256 block: the permutation behind message tags.
//!
//! A tag is an encrypted message number, so that a recipient can also invert it. This is no encryption of content: two
//! equal blocks give equal tags. Source: FIPS 197.

use aes::{
    Aes256Dec, Aes256Enc,
    cipher::{Block, BlockCipherDecrypt, BlockCipherEncrypt, KeyInit},
};

/// Bytes of a block.
pub const BLOCK_LEN: usize = 16;
/// Bytes of a key.
pub const KEY_LEN: usize = 32;

/// A key schedule for encrypting blocks. Wiped on drop.
pub struct BlockEncryptor(Aes256Enc);

impl BlockEncryptor {
    /// Schedules `key`.
    #[inline]
    #[must_use]
    pub fn new(key: &[u8; KEY_LEN]) -> Self {
        Self(Aes256Enc::new(key.into()))
    }

    /// Replaces each of `blocks` by its image; several at once cost little more than one.
    #[inline]
    pub fn encrypt_all(&self, blocks: &mut [[u8; BLOCK_LEN]]) {
        self.0
            .encrypt_blocks(Block::<Aes256Enc>::cast_slice_from_core_mut(blocks));
    }

    /// The block's image under the key.
    #[inline]
    #[must_use]
    pub fn encrypt(&self, block: [u8; BLOCK_LEN]) -> [u8; BLOCK_LEN] {
        let mut block = Block::<Aes256Enc>::from(block);
        self.0.encrypt_block(&mut block);
        block.into()
    }
}

/// A key schedule for inverting blocks. Wiped on drop.
pub struct BlockDecryptor(Aes256Dec);

impl BlockDecryptor {
    /// Schedules `key`.
    #[inline]
    #[must_use]
    pub fn new(key: &[u8; KEY_LEN]) -> Self {
        Self(Aes256Dec::new(key.into()))
    }

    /// The block whose image is `block`.
    #[inline]
    #[must_use]
    pub fn decrypt(&self, block: [u8; BLOCK_LEN]) -> [u8; BLOCK_LEN] {
        let mut block = Block::<Aes256Dec>::from(block);
        self.0.decrypt_block(&mut block);
        block.into()
    }

    /// Inverts each of `blocks` in place; several at once cost little more than one.
    #[inline]
    pub fn decrypt_all(&self, blocks: &mut [[u8; BLOCK_LEN]]) {
        self.0
            .decrypt_blocks(Block::<Aes256Dec>::cast_slice_from_core_mut(blocks));
    }
}

#[cfg(test)]
#[path = "block_tests.rs"]
mod tests;
