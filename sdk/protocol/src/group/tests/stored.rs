use super::super::limits::*;
use super::super::receiving::ReceivingChain;
use super::super::testing::*;
use super::super::*;

/// Length of what stands in front of a sender's chains, without their count.
const WHO: usize = 101;

/// A fixture whose receiver has `chains` chains, each with `skipped` skipped keys.
fn fixture(chains: usize, skipped: usize) -> Fixture {
    let mut fixture = Fixture::new(1);
    for chain in 0..chains {
        if chain > 0 {
            fixture.rotate(true);
        }
        for _ in 0..skipped {
            fixture.seal(b"skipped");
        }
        let envelope = fixture.seal(b"text");
        fixture.open(&envelope).unwrap();
    }
    fixture
}

#[test]
fn a_header_seed_is_stored_as_it_is() {
    assert_eq!(GroupHeaderSeed::from_bytes(&[9; 32]).expose(), &[9; 32]);
}

/// Bytes that grow leave a copy of the secrets behind.
#[test]
fn stored_state_is_encoded_where_it_stays() {
    let fixture = fixture(3, 2);
    let sending = fixture.sending.to_bytes();
    assert_eq!((sending.len(), sending.capacity()), (WHO + 88, WHO + 88));
    let receiving = fixture.receiving.to_bytes();
    // When it was superseded is not written of the newest chain.
    let reserved = WHO + 1 + 3 * (90 + 2 * 36);
    assert_eq!(
        (receiving.len(), receiving.capacity()),
        (reserved - 8, reserved)
    );
}

#[test]
fn a_stored_sender_is_somewhere_in_its_chain() {
    let bytes = Fixture::new(2).sending.to_bytes();
    for (first, n, taken) in [
        (0, 0, true),
        (0, 100, true),
        (0, 101, false),
        (5, 4, false),
        (65_535, 65_536, true),
        (65_535, 65_537, false),
        (65_536, 65_536, false),
    ] {
        let mut changed = bytes.to_vec();
        changed[109..113].copy_from_slice(&u32::to_be_bytes(first));
        changed[113..117].copy_from_slice(&u32::to_be_bytes(n));
        assert_eq!(
            SendingChain::from_bytes(&changed).is_ok(),
            taken,
            "{n} of a chain from {first}"
        );
    }
}

#[test]
fn six_chains_are_stored_and_no_more_are_read() {
    let mut fixture = fixture(MAX_OLD_CHAINS + 1, 0);
    let bytes = fixture.state();
    assert_eq!(usize::from(bytes[WHO]), MAX_OLD_CHAINS + 1);
    let read = ReceivingSender::from_bytes(&bytes).unwrap();
    assert_eq!(*read.to_bytes(), bytes);

    fixture.rotate(false);
    let chain = Box::new(ReceivingChain::new(fixture.sending.distribution().unwrap()));
    fixture.receiving.chains.insert(chain.start, chain);
    assert_eq!(
        ReceivingSender::from_bytes(&fixture.state()).err(),
        Some(MalformedChain)
    );
}

#[test]
fn a_stored_chain_begins_and_ends_at_a_number_of_the_epoch() {
    let bytes = Fixture::new(3).state();
    for (start, next, taken) in [
        (7, 6, false),
        (7, 107, true),
        (7, 108, false),
        (65_435, 65_535, true),
        (65_435, 65_536, false),
        (65_436, 65_536, true),
        (65_437, 65_536, true),
        (65_437, 65_537, false),
        (65_534, 65_534, true),
        (65_535, 65_535, true),
        (65_535, 65_536, true),
        (65_536, 65_536, false),
    ] {
        let mut changed = bytes.clone();
        let at = WHO + 1 + 40;
        changed[at..at + 4].copy_from_slice(&u32::to_be_bytes(start));
        changed[at + 4..at + 8].copy_from_slice(&u32::to_be_bytes(next));
        assert_eq!(
            ReceivingSender::from_bytes(&changed).is_ok(),
            taken,
            "{next} of a chain from {start}"
        );
    }
}

#[test]
fn stored_skipped_keys_ascend_below_the_next_number() {
    // The next number is 4.
    let bytes = fixture(1, 3).state();
    for (skipped, taken) in [
        ([0, 1, 2], true),
        ([0, 2, 3], true),
        ([1, 2, 3], true),
        ([0, 0, 1], false),
        ([0, 2, 1], false),
        ([1, 1, 2], false),
        ([1, 2, 2], false),
        ([2, 3, 4], false),
    ] {
        let mut changed = bytes.clone();
        for (index, n) in skipped.into_iter().enumerate() {
            let at = WHO + 1 + 82 + 36 * index;
            changed[at..at + 4].copy_from_slice(&u32::to_be_bytes(n));
        }
        assert_eq!(
            ReceivingSender::from_bytes(&changed).is_ok(),
            taken,
            "{skipped:?}"
        );
    }
}
