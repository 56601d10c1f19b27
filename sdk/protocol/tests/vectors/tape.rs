//! Random bytes that are drawn again by the second computation.

use std::{collections::VecDeque, convert::Infallible};

use rand_core::{Rng, TryCryptoRng, TryRng};

use crate::support::rng;

/// A generator that remembers what was drawn.
pub(crate) struct Tape {
    source: rand_chacha::ChaCha20Rng,
    drawn: VecDeque<Vec<u8>>,
}

impl Tape {
    pub(crate) fn new(seed: u8) -> Self {
        Self {
            source: rng(seed),
            drawn: VecDeque::new(),
        }
    }

    /// The bytes of the oldest draw not taken yet.
    pub(crate) fn take<const N: usize>(&mut self) -> [u8; N] {
        self.drawn
            .pop_front()
            .expect("the library drew less")
            .try_into()
            .expect("the library drew another length")
    }

    /// Whether everything that was drawn was taken.
    pub(crate) fn is_used_up(&self) -> bool {
        self.drawn.is_empty()
    }
}

impl TryRng for Tape {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        Ok(self.source.next_u32())
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        Ok(self.source.next_u64())
    }

    fn try_fill_bytes(&mut self, dst: &mut [u8]) -> Result<(), Infallible> {
        self.source.fill_bytes(dst);
        self.drawn.push_back(dst.to_vec());
        Ok(())
    }
}

impl TryCryptoRng for Tape {}
