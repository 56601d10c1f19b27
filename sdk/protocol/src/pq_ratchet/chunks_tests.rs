use proptest::prelude::*;

use super::*;
use crate::test_support::{FixedRng, rng};

fn index(index: u8) -> ChunkIndex {
    ChunkIndex::new(index).unwrap()
}

fn all_chunks(outgoing: &mut Outgoing, seed: u8) -> Vec<Chunk> {
    let mut rng = rng(seed);
    (0..10)
        .map(|_| {
            let chunk = outgoing.draw(&mut rng);
            outgoing.sent(chunk.index);
            chunk
        })
        .collect()
}

#[test]
fn chunks_are_cut_where_the_specification_says() {
    let key = core::array::from_fn(|at| u8::try_from(at % 251).unwrap());
    let mut outgoing = Outgoing::key(&key);
    let whole = [&key[..], &[0; 6]].concat();
    assert_eq!(outgoing.expose()[..], whole);
    for chunk in all_chunks(&mut outgoing, 1) {
        let start = usize::from(chunk.index.get()) * 119;
        assert_eq!(chunk.bytes, whole[start..start + 119]);
    }
    let ciphertext = Ciphertext(Box::new([7; CIPHERTEXT_LEN]));
    let outgoing = Outgoing::ciphertext(&ciphertext, &[8; 32]);
    let whole = [&[7; 1_088][..], &[8; 32], &[0; 70]].concat();
    assert_eq!(outgoing.expose()[..], whole);
}

#[test]
fn there_are_ten_chunks() {
    assert!(ChunkIndex::new(9).is_some());
    for none in [10, 11, 15, 16, 255] {
        assert_eq!(ChunkIndex::new(none), None);
    }
    for bits in [0, 1, 0x3ff] {
        assert_eq!(IndexSet::from_bits(bits).map(IndexSet::bits), Some(bits));
    }
    for bits in [0x400, 0x7ff, 0x8000, 0xffff] {
        assert_eq!(IndexSet::from_bits(bits), None);
    }
}

#[test]
fn the_choice_is_uniform_among_what_has_not_left() {
    let mut counts = [0_u32; 10];
    let mut rng = rng(2);
    let mut outgoing = Outgoing::key(&[1; PUBLIC_KEY_LEN]);
    for sent in [0, 3, 9] {
        outgoing.sent(index(sent));
    }
    for _ in 0..7_000 {
        counts[usize::from(outgoing.draw(&mut rng).index.get())] += 1;
    }
    for (at, count) in counts.into_iter().enumerate() {
        if [0, 3, 9].contains(&at) {
            assert_eq!(count, 0);
        } else {
            assert!((850..1_150).contains(&count), "chunk {at}: {count}");
        }
    }
    // The extremes of the random number reach the first and the last member.
    for (byte, chosen) in [(0x00, 1), (0xff, 8)] {
        let drawn = outgoing.draw(&mut FixedRng::new(&[byte]));
        assert_eq!(drawn.index, index(chosen));
    }
}

#[test]
fn a_chunk_that_is_held_never_changes() {
    let mut collected = Collected::new();
    let chunk = Chunk {
        index: index(3),
        bytes: [5; CHUNK_LEN],
    };
    assert!(collected.is_empty());
    assert_eq!(collected.store(&chunk), Ok(true));
    assert!(!collected.is_empty());
    assert_eq!(collected.store(&chunk), Ok(false));
    let mut other = chunk;
    other.bytes[118] = 6;
    assert_eq!(collected.store(&other), Err(Contradiction));
    assert_eq!(collected.expose()[357..476], [5; 119]);
    assert_eq!(collected.held().bits(), 1 << 3);
}

#[test]
fn what_follows_a_key_or_a_ciphertext_is_zeros() {
    for at in 0..WHOLE_LEN {
        let mut bytes = [0; WHOLE_LEN];
        bytes[at] = 1;
        let collected = Collected::from_parts(SecretBytes::copy_from(&bytes), IndexSet::ALL);
        assert_eq!(collected.as_key().is_some(), at < 1_184, "byte {at}");
        assert_eq!(collected.as_ciphertext().is_some(), at < 1_120, "byte {at}");
    }
}

proptest! {
    /// Each leaves once a round, whatever the randomness and wherever the set was stored and read in between.
    #[test]
    fn every_round_sends_every_chunk(seed: u8, restarts: u16) {
        let mut rng = rng(seed);
        let key = [seed; PUBLIC_KEY_LEN];
        let mut outgoing = Outgoing::key(&key);
        for round in 0..3 {
            let mut collected = Collected::new();
            for message in 0..10 {
                prop_assert!(!collected.is_complete());
                let chunk = outgoing.draw(&mut rng);
                outgoing.sent(chunk.index);
                prop_assert_eq!(collected.store(&chunk), Ok(true), "round {}", round);
                if restarts >> message & 1 == 1 {
                    let unsent = IndexSet::from_bits(outgoing.unsent().bits()).unwrap();
                    outgoing = Outgoing::from_parts(SecretBytes::copy_from(outgoing.expose()), unsent);
                }
            }
            prop_assert!(collected.is_complete());
            prop_assert_eq!(collected.as_key(), Some(&key));
        }
    }
}
