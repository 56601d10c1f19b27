use std::cell::RefCell;
use std::collections::HashSet;
use std::rc::Rc;

use super::super::limits::*;
use super::super::testing::*;
use super::super::*;
use crate::envelope::Envelope;
use crate::primitives::aead::instrument;
use crate::test_support::assert_not_impl;
use crate::time::{HOUR_MS, Timestamp};

fn refused(fixture: &mut Fixture, now: Timestamp, text: &[u8]) -> Option<SealError> {
    let before = fixture.sending.to_bytes();
    let mut out = vec![7; 3];
    let sealed = fixture
        .sending
        .seal(&mut fixture.rng, &fixture.epoch, now, text, &mut out);
    if sealed.is_err() {
        assert_eq!(out, [7; 3]);
        assert_eq!(*fixture.sending.to_bytes(), *before);
    }
    sealed.err()
}

#[test]
fn a_group_message_has_the_buckets_of_every_envelope() {
    let mut fixture = Fixture::new(1);
    for (content, len) in [
        (0, 512),
        (255, 512),
        (256, 1_024),
        (767, 1_024),
        (768, 2_048),
        (65_279, 65_536),
    ] {
        let text = vec![3; content];
        let envelope = fixture.seal(&text);
        assert_eq!((envelope.len(), envelope[0]), (len, 0x11));
        assert_eq!(fixture.open(&envelope), Ok(text));
    }
    let too_long = vec![0; 65_280];
    assert_eq!(
        refused(&mut fixture, NOW, &too_long),
        Some(SealError::TooLong)
    );
}

#[test]
fn the_memory_of_an_envelope_is_reserved_at_once() {
    let mut fixture = Fixture::new(11);
    let mut out = vec![7; 3];
    fixture
        .sending
        .seal(&mut fixture.rng, &fixture.epoch, NOW, b"text", &mut out)
        .unwrap();
    assert_eq!((out.len(), out.capacity()), (3 + 512, 3 + 512));
}

#[test]
fn one_envelope_serves_every_member() {
    let mut fixture = Fixture::new(2);
    let mut others: Vec<_> = (0..3)
        .map(|_| ReceivingSender::new(fixture.epoch.id(), (fixture.who, index(INDEX))))
        .collect();
    for other in &mut others {
        let distribution = fixture.sending.distribution().unwrap();
        other.learn(distribution, &fixture.who, NOW).unwrap();
    }
    let envelope = fixture.seal(b"to all");
    for other in &mut others {
        assert_eq!(
            open(other, &fixture.epoch, &envelope),
            Ok(b"to all".to_vec())
        );
    }
    assert_eq!(fixture.open(&envelope), Ok(b"to all".to_vec()));
}

#[test]
fn g4_a_chain_seals_100_messages() {
    let mut fixture = Fixture::new(3);
    for _ in 0..CHAIN_MESSAGES {
        let envelope = fixture.seal(b"text");
        fixture.open(&envelope).unwrap();
    }
    assert!(fixture.sending.distribution().is_none());
    assert_eq!(
        refused(&mut fixture, NOW, b"one more"),
        Some(SealError::RotationDue)
    );
    fixture.rotate(true);
    let envelope = fixture.seal(b"of the next chain");
    assert!(fixture.open(&envelope).is_ok());
}

#[test]
fn g4_a_chain_seals_for_24_hours() {
    const LIFETIME_MS: u64 = 24 * HOUR_MS;
    let mut fixture = Fixture::new(4);
    let last = NOW.plus(LIFETIME_MS - 1);
    assert_eq!(refused(&mut fixture, last, b"the last"), None);
    for out_of_time in [last.plus(1), last.plus(LIFETIME_MS), NOW.minus(1)] {
        assert_eq!(
            refused(&mut fixture, out_of_time, b"text"),
            Some(SealError::RotationDue)
        );
    }
}

/// All members encrypt tags under one key: a number that came back would be seen by the relay.
#[test]
fn numbers_go_on_after_a_rotation_and_no_tag_repeats() {
    let mut fixture = Fixture::new(5);
    let mut tags = HashSet::new();
    let mut numbers = Vec::new();
    for _ in 0..4 {
        for _ in 0..3 {
            let envelope = fixture.seal(b"text");
            let tag = Envelope::parse(&envelope).unwrap().tag();
            assert!(tags.insert(tag));
            numbers.push(fixture.epoch.locate(tag).unwrap().n);
        }
        fixture.rotate(true);
    }
    assert_eq!(numbers, [0, 1, 2, 4, 5, 6, 8, 9, 10, 12, 13, 14]);
    let mut other = SendingChain::begin(
        &mut fixture.rng,
        fixture.epoch.id(),
        (fixture.who, index(INDEX + 1)),
        NOW,
    );
    let mut envelope = Vec::new();
    other
        .seal(&mut fixture.rng, &fixture.epoch, NOW, b"", &mut envelope)
        .unwrap();
    assert!(tags.insert(Envelope::parse(&envelope).unwrap().tag()));
}

#[test]
fn a_rotation_replaces_every_key_and_begins_behind_a_chain_that_sent_nothing() {
    let mut fixture = Fixture::new(6);
    let before = fixture.sending.to_bytes();
    fixture.rotate(true);
    let after = &fixture.sending;
    let old = SendingChain::from_bytes(&before).unwrap();
    assert_ne!(after.key, old.key);
    assert_ne!(after.chain_key.as_bytes(), old.chain_key.as_bytes());
    assert_ne!(after.signing_key.expose(), old.signing_key.expose());
    assert_eq!((old.n, after.first, after.n), (0, 1, 1));
}

#[test]
fn an_epoch_has_65_536_numbers_for_a_sender() {
    let mut fixture = Fixture::new(7);
    fixture.sending.first = MAX_GROUP_N - 1;
    fixture.sending.n = MAX_GROUP_N - 1;
    fixture.rotate(true);
    let envelope = fixture.seal(b"the last");
    assert!(fixture.open(&envelope).is_ok());
    assert_eq!(
        refused(&mut fixture, NOW, b"text"),
        Some(SealError::NumbersSpent)
    );
    assert!(fixture.sending.distribution().is_none());
    let spent = SendingChain::from_bytes(&fixture.sending.to_bytes()).unwrap();
    assert_eq!(
        spent.rotate(&mut fixture.rng, NOW).err(),
        Some(NumbersSpent)
    );
}

#[test]
fn a_chain_seals_in_its_own_epoch_only() {
    let mut fixture = Fixture::new(8);
    let seed = GroupHeaderSeed::from_bytes(&[10; 32]);
    for id in [
        EpochId {
            group: GroupId::from_bytes([1; 16]),
            ..fixture.epoch.id()
        },
        EpochId {
            hash: EpochHash([1; 32]),
            ..fixture.epoch.id()
        },
    ] {
        fixture.epoch = GroupEpoch::new(id, &seed);
        assert_eq!(
            refused(&mut fixture, NOW, b"text"),
            Some(SealError::OtherEpoch)
        );
    }
}

/// C2: the header key is shared by all senders, and a rolled-back disk repeats every key; the salts keep them apart.
#[test]
fn c2_no_key_and_nonce_repeat_among_senders_and_rollbacks() {
    let seen = Rc::new(RefCell::new(HashSet::new()));
    let observed = Rc::clone(&seen);
    let previous = instrument::install(Some(Box::new(move |key, nonce| {
        assert!(
            observed.borrow_mut().insert((key, nonce)),
            "a (key, nonce) pair repeats"
        );
    })));
    let mut fixture = Fixture::new(9);
    let mut chains: Vec<_> = (0..8)
        .map(|at| {
            let who = (sender(&mut fixture.rng), index(at));
            SendingChain::begin(&mut fixture.rng, fixture.epoch.id(), who, NOW)
        })
        .collect();
    for round in 0..40 {
        for chain in &mut chains {
            let disk = chain.to_bytes();
            let mut seal = |chain: &mut SendingChain| {
                let mut out = Vec::new();
                chain
                    .seal(&mut fixture.rng, &fixture.epoch, NOW, b"text", &mut out)
                    .unwrap();
            };
            seal(chain);
            if round % 4 == 0 {
                seal(&mut SendingChain::from_bytes(&disk).unwrap());
            }
        }
    }
    instrument::install(previous);
    assert_eq!(seen.borrow().len(), 2 * (8 * 40 + 8 * 10));
}

#[test]
fn a_stored_chain_goes_on_where_it_was_and_a_malformed_one_is_refused() {
    let mut fixture = Fixture::new(10);
    let envelope = fixture.seal(b"before");
    fixture.open(&envelope).unwrap();
    let bytes = fixture.sending.to_bytes();
    fixture.sending = SendingChain::from_bytes(&bytes).unwrap();
    assert_eq!(*fixture.sending.to_bytes(), *bytes);
    let envelope = fixture.seal(b"after");
    assert_eq!(fixture.open(&envelope), Ok(b"after".to_vec()));

    let refused = |bytes: &[u8]| SendingChain::from_bytes(bytes).err() == Some(MalformedChain);
    for len in 0..bytes.len() {
        assert!(refused(&bytes[..len]), "{len} bytes");
    }
    assert!(refused(&[&bytes[..], &[0]].concat()));
    let changed = |at: usize, to: &[u8]| {
        let mut changed = bytes.to_vec();
        changed[at..at + to.len()].copy_from_slice(to);
        changed
    };
    assert!(refused(&changed(0, &[2])));
    assert!(refused(&changed(97, &16_384_u32.to_be_bytes())));
    // first and n.
    assert!(refused(&changed(109, &2_u32.to_be_bytes())));
    assert!(refused(&changed(109, &65_536_u32.to_be_bytes())));
    assert!(refused(&changed(113, &101_u32.to_be_bytes())));
}

#[test]
fn secrets_are_neither_cloned_nor_printed() {
    assert_not_impl!(SendingChain: Clone);
    assert_not_impl!(SendingChain: core::fmt::Debug);
    assert_not_impl!(ReceivingSender: Clone);
    assert_not_impl!(ReceivingSender: core::fmt::Debug);
    assert_not_impl!(SenderKeyDistribution: Clone);
    assert_not_impl!(SenderKeyDistribution: core::fmt::Debug);
    assert_not_impl!(GroupHeaderSeed: Clone);
    assert_not_impl!(GroupHeaderSeed: core::fmt::Debug);
    assert_not_impl!(GroupEpoch: Clone);
    assert_not_impl!(GroupEpoch: core::fmt::Debug);
}

#[test]
fn ids_are_not_printed() {
    assert_eq!(
        format!("{:?}", epoch_id(0xab)),
        "EpochId { group: GroupId(..), hash: EpochHash(..) }"
    );
    assert_eq!(
        format!("{:?}", KeyId::from_bytes([0xab; KeyId::LEN])),
        "KeyId(..)"
    );
}
