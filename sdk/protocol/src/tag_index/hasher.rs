//! A seeded hash for tables of tags: tags are random to everybody but the contact who made them, and he does not know the
//! seed.

use std::hash::{BuildHasher, Hasher};

use rand_core::CryptoRng;

/// The seed of a table.
#[derive(Clone, Copy)]
pub(super) struct Seed {
    start: u64,
    factor: u64,
}

/// A folded multiplication a word.
pub(super) struct TagHasher {
    state: u64,
    factor: u64,
}

impl Seed {
    pub(super) fn random(rng: &mut impl CryptoRng) -> Self {
        Self {
            start: rng.next_u64(),
            factor: rng.next_u64() | 1,
        }
    }

    /// The hash of one word.
    pub(super) fn word(self, word: u64) -> u64 {
        let mut hasher = self.build_hasher();
        hasher.write_u64(word);
        hasher.finish()
    }
}

impl BuildHasher for Seed {
    type Hasher = TagHasher;

    #[inline]
    fn build_hasher(&self) -> TagHasher {
        TagHasher {
            state: self.start,
            factor: self.factor,
        }
    }
}

impl Hasher for TagHasher {
    #[inline]
    fn write_u64(&mut self, word: u64) {
        let product = u128::from(self.state ^ word) * u128::from(self.factor);
        let [a, b, c, d, e, f, g, h, low @ ..] = product.to_be_bytes();
        self.state = u64::from_be_bytes([a, b, c, d, e, f, g, h]) ^ u64::from_be_bytes(low);
    }

    fn write(&mut self, bytes: &[u8]) {
        for chunk in bytes.chunks(8) {
            let mut word = [0; 8];
            word[..chunk.len()].copy_from_slice(chunk);
            self.write_u64(u64::from_be_bytes(word));
        }
    }

    #[inline]
    fn finish(&self) -> u64 {
        self.state
    }
}

#[cfg(test)]
#[path = "hasher_tests.rs"]
mod tests;
