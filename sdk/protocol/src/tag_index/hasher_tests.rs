use super::*;
use crate::test_support::FixedRng;

#[test]
fn both_halves_of_the_product_are_folded() {
    let hash = |start, factor, word| Seed { start, factor }.word(word);
    assert_eq!(hash(0, 3, 5), 15);
    // (1 ^ 5) * (2^63 + 1) = 2 * 2^64 + 4.
    assert_eq!(hash(1, (1 << 63) + 1, 5), 2 ^ 4);
}

/// An even one would lose a bit of each word.
#[test]
fn a_factor_is_odd() {
    for byte in [0, 1, 0xfe, 0xff] {
        assert_eq!(Seed::random(&mut FixedRng::new(&[byte])).factor % 2, 1);
    }
}

#[test]
fn bytes_are_hashed_as_words_the_last_one_filled_up() {
    let seed = Seed {
        start: 1,
        factor: 3,
    };
    let hash = |bytes: &[u8]| {
        let mut hasher = seed.build_hasher();
        hasher.write(bytes);
        hasher.finish()
    };
    let word = u64::from_be_bytes(*b"undertone".first_chunk().unwrap());
    assert_eq!(hash(b"underton"), seed.word(word));
    assert_ne!(hash(b"underton"), hash(b"undertone"));
    assert_eq!(hash(b"u"), seed.word(u64::from(b'u') << 56));
}
