//! A key or a ciphertext in ten chunks: cutting it up, choosing the next one, putting it together again.
//!
//! ```text
//! ek   1,184 ‖ 0×6
//! ct   1,088 ‖ H 32 ‖ 0×70            H = SHA-256(ek ‖ ct)
//! chunk i = bytes 119·i to 119·i + 118
//! ```
//!
//! Invariants: a chunk that is held never changes; each of the ten leaves once before any leaves twice, in an order that
//! nobody can predict, also across restarts: a relay that drops every k-th envelope would else drop the same chunk for
//! ever. Not its concern: whether what was put together is a key.

use rand_core::CryptoRng;

use crate::primitives::kem::mlkem768::{CIPHERTEXT_LEN, Ciphertext, PUBLIC_KEY_LEN};
use crate::primitives::secret::SecretBytes;

/// Length of a chunk in bytes: 119 makes an envelope 256 bytes larger than its plaintext.
pub(crate) const CHUNK_LEN: usize = 119;

/// Chunks of a key or a ciphertext.
const CHUNKS: u8 = 10;

/// Length of ten chunks in bytes.
pub(super) const WHOLE_LEN: usize = CHUNK_LEN * 10;

/// Length in bytes of the hash that binds a ciphertext to the key it was made for.
pub(super) const HASH_LEN: usize = 32;

/// Where H ends, in a ciphertext's chunks.
const CIPHERTEXT_END: usize = CIPHERTEXT_LEN + HASH_LEN;

const _: () = assert!(PUBLIC_KEY_LEN < WHOLE_LEN && CIPHERTEXT_END < WHOLE_LEN);

/// Number of a chunk, 0 to 9.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ChunkIndex(u8);

/// One of the ten parts.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Chunk {
    pub(crate) index: ChunkIndex,
    pub(crate) bytes: [u8; CHUNK_LEN],
}

/// A set of chunk numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct IndexSet(u16);

/// A chunk that is held arrived again with other bytes: the peer contradicts itself.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Contradiction;

/// What is sent, with the numbers that have not left in this round.
pub(super) struct Outgoing {
    whole: SecretBytes<WHOLE_LEN>,
    unsent: IndexSet,
}

/// What has arrived so far.
pub(super) struct Collected {
    whole: SecretBytes<WHOLE_LEN>,
    held: IndexSet,
}

impl ChunkIndex {
    pub(crate) const fn new(index: u8) -> Option<Self> {
        if index < CHUNKS {
            Some(Self(index))
        } else {
            None
        }
    }

    pub(crate) const fn get(self) -> u8 {
        self.0
    }

    fn start(self) -> usize {
        usize::from(self.0) * CHUNK_LEN
    }
}

impl IndexSet {
    pub(super) const EMPTY: Self = Self(0);
    pub(super) const ALL: Self = Self((1 << CHUNKS) - 1);

    /// A stored set.
    pub(super) const fn from_bits(bits: u16) -> Option<Self> {
        if bits & !Self::ALL.0 == 0 {
            Some(Self(bits))
        } else {
            None
        }
    }

    pub(super) const fn bits(self) -> u16 {
        self.0
    }

    pub(super) const fn contains(self, index: ChunkIndex) -> bool {
        self.0 & 1 << index.0 != 0
    }

    const fn insert(&mut self, index: ChunkIndex) {
        self.0 |= 1 << index.0;
    }

    const fn remove(&mut self, index: ChunkIndex) {
        self.0 &= !(1 << index.0);
    }

    fn iter(self) -> impl Iterator<Item = ChunkIndex> {
        (0..CHUNKS)
            .map(ChunkIndex)
            .filter(move |index| self.contains(*index))
    }

    /// One of a set's members, each as likely as the others up to 2^-28; of all ten when the set is empty.
    fn pick(self, rng: &mut impl CryptoRng) -> ChunkIndex {
        let set = if self == Self::EMPTY { Self::ALL } else { self };
        let mut draw = [0; 4];
        rng.fill_bytes(&mut draw);
        let scaled = u64::from(u32::from_be_bytes(draw)) * u64::from(set.0.count_ones());
        let nth = scaled >> 32;
        let mut members = set.iter().zip(0_u64..);
        members
            .find(|(_, at)| *at == nth)
            .map_or(ChunkIndex(0), |(index, _)| index)
    }
}

/// Ten chunks that begin with `parts`; the rest is zeros.
fn whole(parts: &[&[u8]]) -> SecretBytes<WHOLE_LEN> {
    let mut whole = SecretBytes::zeroed();
    let mut room = whole.expose_mut().iter_mut();
    for (byte, to) in parts.iter().copied().flatten().zip(&mut room) {
        *to = *byte;
    }
    whole
}

impl Outgoing {
    pub(super) fn key(key: &[u8; PUBLIC_KEY_LEN]) -> Self {
        Self::from_parts(whole(&[key]), IndexSet::EMPTY)
    }

    pub(super) fn ciphertext(ciphertext: &Ciphertext, hash: &[u8; HASH_LEN]) -> Self {
        Self::from_parts(whole(&[&*ciphertext.0, hash]), IndexSet::EMPTY)
    }

    pub(super) const fn from_parts(whole: SecretBytes<WHOLE_LEN>, unsent: IndexSet) -> Self {
        Self { whole, unsent }
    }

    /// The ten chunks, for sealed storage.
    pub(super) fn expose(&self) -> &[u8; WHOLE_LEN] {
        self.whole.expose()
    }

    pub(super) const fn unsent(&self) -> IndexSet {
        self.unsent
    }

    pub(super) fn fork(&self) -> Self {
        Self::from_parts(SecretBytes::copy_from(self.whole.expose()), self.unsent)
    }

    /// A chunk to send.
    pub(super) fn draw(&self, rng: &mut impl CryptoRng) -> Chunk {
        let index = self.unsent.pick(rng);
        let mut bytes = [0; CHUNK_LEN];
        let part = self.whole.expose().iter().skip(index.start());
        for (to, from) in bytes.iter_mut().zip(part) {
            *to = *from;
        }
        Chunk { index, bytes }
    }

    /// The chunk of that number was sent.
    pub(super) const fn sent(&mut self, index: ChunkIndex) {
        if self.unsent.0 == IndexSet::EMPTY.0 {
            self.unsent = IndexSet::ALL;
        }
        self.unsent.remove(index);
    }
}

impl Collected {
    pub(super) fn new() -> Self {
        Self::from_parts(SecretBytes::zeroed(), IndexSet::EMPTY)
    }

    /// A key that came whole.
    pub(super) fn key(key: &[u8; PUBLIC_KEY_LEN]) -> Self {
        Self::from_parts(whole(&[key]), IndexSet::ALL)
    }

    pub(super) const fn from_parts(whole: SecretBytes<WHOLE_LEN>, held: IndexSet) -> Self {
        Self { whole, held }
    }

    /// What is held, with zeros where a chunk is missing; for sealed storage.
    pub(super) fn expose(&self) -> &[u8; WHOLE_LEN] {
        self.whole.expose()
    }

    pub(super) const fn held(&self) -> IndexSet {
        self.held
    }

    pub(super) fn fork(&self) -> Self {
        Self::from_parts(SecretBytes::copy_from(self.whole.expose()), self.held)
    }

    /// Whether nothing has arrived.
    pub(super) fn is_empty(&self) -> bool {
        self.held == IndexSet::EMPTY
    }

    /// Takes a chunk in; tells whether it is new.
    pub(super) fn store(&mut self, chunk: &Chunk) -> Result<bool, Contradiction> {
        let start = chunk.index.start();
        let place = self
            .whole
            .expose_mut()
            .get_mut(start..start + CHUNK_LEN)
            .ok_or(Contradiction)?;
        if self.held.contains(chunk.index) {
            return if place == chunk.bytes {
                Ok(false)
            } else {
                Err(Contradiction)
            };
        }
        place.copy_from_slice(&chunk.bytes);
        self.held.insert(chunk.index);
        Ok(true)
    }

    /// Whether all ten chunks are held.
    pub(super) fn is_complete(&self) -> bool {
        self.held == IndexSet::ALL
    }

    /// What is held as a key: its bytes, when what follows them is zeros.
    pub(super) fn as_key(&self) -> Option<&[u8; PUBLIC_KEY_LEN]> {
        let (key, rest) = self.expose().split_first_chunk()?;
        zeros(rest).then_some(key)
    }

    /// What is held as a ciphertext and its hash, when what follows them is zeros.
    pub(super) fn as_ciphertext(&self) -> Option<(Ciphertext, &[u8; HASH_LEN])> {
        let (ciphertext, rest) = self.expose().split_first_chunk()?;
        let (hash, rest) = rest.split_first_chunk()?;
        zeros(rest).then(|| (Ciphertext(Box::new(*ciphertext)), hash))
    }
}

fn zeros(bytes: &[u8]) -> bool {
    bytes.iter().all(|byte| *byte == 0)
}

#[cfg(test)]
#[path = "chunks_tests.rs"]
mod tests;
