//! Looking for a key in the memory of this process.
//!
//! The key exists in the clear only while something is made of it: what is kept is masked, and the search compares byte by
//! byte, so that it does not find itself.

use std::fs::File;
use std::os::unix::fs::FileExt;

const MASK: u8 = 0xA5;

/// Bytes of memory that are read at once.
const CHUNK: usize = 1 << 20;

/// Bytes that are looked through at once.
const BLOCK: usize = 64;

/// Bytes of the stack that are overwritten: more than what is called with a key uses.
const BURN: usize = 256 * 1024;

/// A key that nobody else in this process has.
pub(crate) struct MaskedKey([u8; 32]);

impl MaskedKey {
    /// A key with these bytes, each of them masked.
    pub(crate) fn from_masked(masked: [u8; 32]) -> Self {
        Self(masked)
    }

    /// A byte of a key, masked.
    pub(crate) fn mask(byte: u8) -> u8 {
        byte ^ MASK
    }

    /// Makes something of the key in the clear, and overwrites the stack that it passed.
    pub(crate) fn using<T>(&self, make: impl FnOnce([u8; 32]) -> T) -> T {
        let made = self.clear(make);
        burn_stack();
        made
    }

    #[inline(never)]
    fn clear<T>(&self, make: impl FnOnce([u8; 32]) -> T) -> T {
        make(self.0.map(Self::mask))
    }

    /// How often the key is in the memory of this process that can be written: as bytes, and in hexadecimal digits, as
    /// SQLCipher is told it.
    pub(crate) fn in_memory(&self) -> (usize, usize) {
        let memory = File::open("/proc/self/mem").unwrap();
        let maps = std::fs::read_to_string("/proc/self/maps").unwrap();
        let mut buffer = vec![0_u8; CHUNK + 63];
        let mut found = (0, 0);
        for line in maps.lines().filter(|line| line.contains(" rw")) {
            let (start, rest) = line.split_once('-').unwrap();
            let (end, _) = rest.split_once(' ').unwrap();
            let (mut at, end) = (address(start), address(end));
            while at < end {
                let len = usize::try_from(end - at).unwrap().min(buffer.len());
                buffer.fill(0);
                if memory.read_exact_at(&mut buffer[..len], at).is_err() {
                    break;
                }
                let (raw, hex) = self.in_bytes(&buffer[..len]);
                found = (found.0 + raw, found.1 + hex);
                at += CHUNK as u64;
            }
            buffer.fill(0);
        }
        found
    }

    /// How often the key begins in the first [`CHUNK`] of some bytes.
    fn in_bytes(&self, bytes: &[u8]) -> (usize, usize) {
        let first = Self::mask(self.0[0]);
        let first_digit = digit(first >> 4);
        let mut found = (0, 0);
        // Blocks are looked through quickly, also in a build that is not optimised.
        for block in (0..bytes.len().min(CHUNK)).step_by(BLOCK) {
            let starts = block..bytes.len().min(CHUNK).min(block + BLOCK);
            if bytes[starts.clone()].contains(&first) {
                found.0 += starts
                    .clone()
                    .filter(|at| self.is_raw(&bytes[*at..]))
                    .count();
            }
            if bytes[starts.clone()].contains(&first_digit) {
                found.1 += starts.filter(|at| self.is_hex(&bytes[*at..])).count();
            }
        }
        found
    }

    fn is_raw(&self, bytes: &[u8]) -> bool {
        let mut pairs = bytes.iter().zip(self.0);
        bytes.len() >= 32 && pairs.all(|(byte, masked)| Self::mask(*byte) == masked)
    }

    fn is_hex(&self, bytes: &[u8]) -> bool {
        let mut pairs = bytes.chunks_exact(2).zip(self.0);
        bytes.len() >= 64
            && pairs.all(|(pair, masked)| {
                let byte = Self::mask(masked);
                pair[0] == digit(byte >> 4) && pair[1] == digit(byte & 15)
            })
    }
}

fn digit(nibble: u8) -> u8 {
    b"0123456789abcdef"[usize::from(nibble)]
}

fn address(hexadecimal: &str) -> u64 {
    u64::from_str_radix(hexadecimal, 16).unwrap()
}

/// Overwrites the stack below the caller.
#[inline(never)]
pub(crate) fn burn_stack() {
    let stack = [0_u8; BURN];
    std::hint::black_box(&stack);
}
