//! The tag in front of an envelope: one AES block of the message number under a key of the chain.
//!
//! To the relay a tag is random; its recipient looks it up, or inverts it and reads the number. In a group all senders
//! share one key, and their index stands beside the number. Invariant: equal tags come from equal numbers of one chain, or
//! of one sender, because the block cipher is a permutation. Not its concern: which session a tag
//! belongs to (`tag_index`, `group`).

use zeroize::{Zeroize, ZeroizeOnDrop};

use crate::primitives::block::{BlockDecryptor, BlockEncryptor};

/// Length of a tag in bytes.
pub const TAG_LEN: usize = 16;

/// How many tags are made at once: as many blocks as the processor's AES units have under way.
pub(crate) const TAGS_AT_ONCE: usize = 8;

/// Bytes at the front of the block: zeros.
const ZEROS: usize = 8;

/// What stands between the zeros and the number: which numbers are meant.
const OF_CHAIN: [u8; 4] = [0; 4];
const OF_SIDE_CHAIN: [u8; 4] = *b"EPH1";

/// The tag of an envelope.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Tag([u8; TAG_LEN]);

/// The key of one chain's tags.
#[derive(Zeroize, ZeroizeOnDrop)]
pub(crate) struct TagKey([u8; 32]);

/// A tag key with its schedule, for several tags in a row.
pub(crate) struct TagMaker(BlockEncryptor);

/// A tag key with its schedule, for inverting tags.
pub(crate) struct TagReader(BlockDecryptor);

/// What a tag says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Numbered {
    /// A message of the chain.
    Message(u32),
    /// An ephemeral message beside it.
    Ephemeral(u32),
}

impl Tag {
    /// A tag from the wire or from the store.
    pub const fn from_bytes(bytes: [u8; TAG_LEN]) -> Self {
        Self(bytes)
    }

    /// Its bytes.
    pub const fn as_bytes(&self) -> &[u8; TAG_LEN] {
        &self.0
    }

    /// First 8 and last 8 bytes: what tables are keyed by, and what is left to compare.
    pub(crate) fn halves(self) -> (u64, u64) {
        let value = u128::from_be_bytes(self.0);
        let [a, b, c, d, e, f, g, h, rest @ ..] = value.to_be_bytes();
        (
            u64::from_be_bytes([a, b, c, d, e, f, g, h]),
            u64::from_be_bytes(rest),
        )
    }
}

impl TagKey {
    pub(crate) const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The key, for sealed storage.
    pub(crate) const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// A second copy, for a table of tags.
    pub(crate) const fn fork(&self) -> Self {
        Self(self.0)
    }

    #[inline]
    pub(crate) fn maker(&self) -> TagMaker {
        TagMaker(BlockEncryptor::new(&self.0))
    }

    #[inline]
    pub(crate) fn reader(&self) -> TagReader {
        TagReader(BlockDecryptor::new(&self.0))
    }
}

impl TagMaker {
    /// tag_n = AES-256(TK, 0×12 ‖ n).
    #[inline]
    pub(crate) fn tag(&self, n: u32) -> Tag {
        self.encrypt(OF_CHAIN, n)
    }

    /// The tags of the numbers from `first` on, modulo 2^32.
    #[inline]
    pub(crate) fn tags(&self, first: u32) -> [Tag; TAGS_AT_ONCE] {
        let mut n = first;
        let mut blocks = [[0; TAG_LEN]; TAGS_AT_ONCE].map(|_| {
            let block = numbered(OF_CHAIN, n);
            n = n.wrapping_add(1);
            block
        });
        self.0.encrypt_all(&mut blocks);
        blocks.map(Tag)
    }

    /// AES-256(TK, 0×8 ‖ "EPH1" ‖ i).
    #[inline]
    pub(crate) fn ephemeral_tag(&self, number: u32) -> Tag {
        self.encrypt(OF_SIDE_CHAIN, number)
    }

    /// AES-256(TK, 0×8 ‖ sender index ‖ n), of a group.
    #[inline]
    pub(crate) fn group_tag(&self, sender: u32, n: u32) -> Tag {
        self.encrypt(sender.to_be_bytes(), n)
    }

    #[inline]
    fn encrypt(&self, numbers: [u8; 4], number: u32) -> Tag {
        Tag(self.0.encrypt(numbered(numbers, number)))
    }
}

/// What a tag says, before it is encrypted.
#[inline]
fn numbered(numbers: [u8; 4], number: u32) -> [u8; TAG_LEN] {
    let mut block = [0; TAG_LEN];
    block[ZEROS..ZEROS + 4].copy_from_slice(&numbers);
    block[ZEROS + 4..].copy_from_slice(&number.to_be_bytes());
    block
}

impl TagReader {
    /// What a tag of this chain says; `None` for a tag of another one, which passes with probability 2^-95.
    #[inline]
    pub(crate) fn read(&self, tag: Tag) -> Option<Numbered> {
        match self.decrypt(tag)? {
            (OF_CHAIN, number) => Some(Numbered::Message(number)),
            (OF_SIDE_CHAIN, number) => Some(Numbered::Ephemeral(number)),
            _ => None,
        }
    }

    /// Sender index and number that a tag of this group's epoch says; `None` for most tags of others.
    #[inline]
    pub(crate) fn group(&self, tag: Tag) -> Option<(u32, u32)> {
        let (sender, number) = self.decrypt(tag)?;
        Some((u32::from_be_bytes(sender), number))
    }

    /// What stands behind the zeros, if there are any.
    #[inline]
    fn decrypt(&self, tag: Tag) -> Option<([u8; 4], u32)> {
        let block = self.0.decrypt(tag.0);
        let (zeros, rest) = block.split_first_chunk::<ZEROS>()?;
        let (numbers, number) = rest.split_first_chunk()?;
        let number = u32::from_be_bytes(*number.first_chunk()?);
        (*zeros == [0; ZEROS]).then_some((*numbers, number))
    }

    /// The number of a message of this chain.
    #[inline]
    pub(crate) fn number(&self, tag: Tag) -> Option<u32> {
        match self.read(tag)? {
            Numbered::Message(n) => Some(n),
            Numbered::Ephemeral(_) => None,
        }
    }
}

#[cfg(test)]
#[path = "tag_tests.rs"]
mod tests;
