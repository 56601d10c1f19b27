use proptest::prelude::*;

use super::super::testing::*;
use super::*;
use crate::envelope::{KIND_MESSAGE, Sealer};
use crate::pq_ratchet::Slot;
use crate::primitives::dh::PublicKey;
use crate::session::limits::MAX_N;
use crate::test_support::bad_points;

fn encrypt(pair: &mut Pair, from_a: bool, text: &[u8]) -> Vec<u8> {
    let mut envelope = Vec::new();
    let from = if from_a { &mut pair.a } else { &mut pair.b };
    from.encrypt(&mut pair.rng, text, &mut envelope).unwrap();
    envelope
}

/// Keys in a vector that grows are left behind where it was.
#[test]
fn room_for_skipped_keys_is_taken_once_and_is_bounded() {
    let room = |closed, open| room_for(&closed, &open).map(|keys| keys.capacity());
    assert_eq!(room(0..3, 0..4), Ok(7));
    assert_eq!(room(7..7 + MAX_SKIP, 0..0), Ok(MAX_SKIP as usize));
    assert_eq!(room(0..0, 0..MAX_SKIP), Ok(MAX_SKIP as usize));
    for (closed, open) in [(0..MAX_SKIP + 1, 0..0), (0..0, 0..MAX_SKIP + 1)] {
        assert_eq!(room(closed, open), Err(OpenError::Header));
    }
    let mut pair = pair(42);
    for _ in 0..5 {
        drop(encrypt(&mut pair, true, b"skipped"));
    }
    let last = encrypt(&mut pair, true, b"last");
    let envelope = Envelope::parse(&last).unwrap();
    let found = position(&pair.b, envelope.tag()).unwrap();
    let opened = pair.b.open(found, envelope, &mut Vec::new()).unwrap();
    let skipped = opened.commit();
    assert_eq!((skipped.len(), skipped.capacity()), (5, 5));
}

fn open_error(session: &mut Session, position: Position, envelope: &[u8]) -> Option<OpenError> {
    let mut content = vec![1, 2, 3];
    let error = session
        .open(position, Envelope::parse(envelope).ok()?, &mut content)
        .err();
    assert!(error.is_none() || content.is_empty());
    error
}

/// Every byte flip of `envelope` fails at `position` and changes nothing; then the original opens.
fn assert_rigid(session: &mut Session, position: Position, envelope: &[u8], text: &[u8]) {
    let before = state(session);
    let mut changed = envelope.to_vec();
    for at in 0..envelope.len() {
        changed[at] ^= 1 << (at % 8);
        if let Ok(parsed) = Envelope::parse(&changed) {
            let mut content = Vec::new();
            assert!(
                session.open(position, parsed, &mut content).is_err(),
                "byte {at} may be flipped"
            );
            assert!(content.is_empty());
        }
        changed[at] = envelope[at];
    }
    for len in 0..envelope.len() {
        assert!(
            Envelope::parse(&envelope[..len]).is_err(),
            "a prefix of {len} bytes is accepted"
        );
    }
    assert_eq!(state(session), before);
    receive(session, envelope, text);
}

/// R1.
#[test]
fn r1_every_byte_flip_of_an_envelope_is_rejected_and_changes_nothing() {
    let mut pair = pair(1);
    let opening = encrypt(&mut pair, false, b"opens a chain");
    assert_rigid(
        &mut pair.a,
        Position::Next { n: 0 },
        &opening,
        b"opens a chain",
    );
    let following = encrypt(&mut pair, false, b"goes on");
    assert_rigid(
        &mut pair.a,
        Position::Current { n: 1 },
        &following,
        b"goes on",
    );
    let late: Vec<_> = (0..3).map(|_| encrypt(&mut pair, false, b"late")).collect();
    assert_rigid(&mut pair.a, Position::Current { n: 4 }, &late[2], b"late");
}

/// R1 for skipped messages: in the current chain, and in a closed one.
#[test]
fn r1_every_byte_flip_of_a_skipped_envelope_is_rejected() {
    let mut pair = pair(2);
    let late = [
        encrypt(&mut pair, false, b"first"),
        encrypt(&mut pair, false, b"second"),
    ];
    let last = encrypt(&mut pair, false, b"third");
    let skipped = receive(&mut pair.a, &last, b"third");
    assert_eq!(
        skipped.iter().map(|key| key.number().n).collect::<Vec<_>>(),
        [0, 1]
    );
    for chain_closed in [false, true] {
        let (envelope, key) = if chain_closed {
            (&late[1], &skipped[1])
        } else {
            (&late[0], &skipped[0])
        };
        if chain_closed {
            pair.send(true, b"a reply");
            pair.send(false, b"a new chain");
        }
        let mut changed = envelope.clone();
        for at in 0..envelope.len() {
            changed[at] ^= 1 << (at % 8);
            if let Ok(parsed) = Envelope::parse(&changed) {
                let mut content = vec![1];
                assert!(
                    pair.a.open_skipped(key, parsed, &mut content).is_err(),
                    "byte {at} may be flipped"
                );
                assert!(content.is_empty());
            }
            changed[at] = envelope[at];
        }
        let mut content = Vec::new();
        pair.a
            .open_skipped(key, Envelope::parse(envelope).unwrap(), &mut content)
            .unwrap()
            .commit();
        assert_eq!(
            content,
            if chain_closed {
                b"second".to_vec()
            } else {
                b"first".to_vec()
            }
        );
    }
}

#[test]
fn a_skipped_key_opens_its_own_message_only() {
    let mut pair = pair(3);
    let first = encrypt(&mut pair, false, b"first");
    let second = encrypt(&mut pair, false, b"second");
    let third = encrypt(&mut pair, false, b"third");
    let skipped = receive(&mut pair.a, &third, b"third");
    let mut content = Vec::new();
    let wrong = pair
        .a
        .open_skipped(&skipped[0], Envelope::parse(&second).unwrap(), &mut content);
    assert_eq!(wrong.err(), Some(OpenError::NotExpected));
    let stored =
        SkippedKey::from_parts(skipped[0].number(), skipped[0].tag(), *skipped[0].expose());
    pair.a
        .open_skipped(&stored, Envelope::parse(&first).unwrap(), &mut content)
        .unwrap()
        .commit();
    assert_eq!(content, b"first");
}

#[test]
fn dropping_what_was_opened_changes_nothing() {
    let mut pair = pair(4);
    for from_a in [false, true, true] {
        let envelope = encrypt(&mut pair, from_a, b"text");
        let to = if from_a { &mut pair.b } else { &mut pair.a };
        let before = state(to);
        let parsed = Envelope::parse(&envelope).unwrap();
        let at = position(to, parsed.tag()).unwrap();
        let mut content = Vec::new();
        drop(to.open(at, parsed, &mut content).unwrap());
        assert_eq!(state(to), before);
        receive(to, &envelope, b"text");
        assert_ne!(state(to), before);
    }
}

#[test]
fn a_message_opens_once() {
    let mut pair = pair(5);
    let envelope = encrypt(&mut pair, false, b"once");
    receive(&mut pair.a, &envelope, b"once");
    let error = open_error(&mut pair.a, Position::Current { n: 0 }, &envelope);
    assert_eq!(error, Some(OpenError::NotExpected));
    assert_eq!(
        open_error(&mut pair.a, Position::Next { n: 0 }, &envelope),
        Some(OpenError::Header)
    );
}

/// What the peer seals with its own keys under a number and header of its choice.
fn forge(pair: &mut Pair, tag_n: u32, change: impl Fn(&mut Header)) -> Vec<u8> {
    let Sending::Open(chain) = &pair.b.sending else {
        panic!("B has no open chain")
    };
    let mut chain_key = ChainKey::from_bytes(*chain.chain_key.as_bytes());
    let mut message_key = chain_key.step();
    for _ in chain.n..tag_n.min(1_000) {
        message_key = chain_key.step();
    }
    let mut header = Header {
        dh: pair.b.ratchet.public_key(),
        previous_length: 0,
        n: tag_n,
        pq: PqFields {
            epoch: 1,
            slot: pair.b.pq.fields(&mut pair.rng).slot,
        },
    };
    change(&mut header);
    let sealer = Sealer {
        context: Context::Session(&pair.b.transcript),
        keys: &chain.keys,
        tag: chain.keys.tag.maker().tag(header.n),
        header,
        message_key: &message_key,
        salt: [3; 12],
    };
    let mut envelope = vec![KIND_MESSAGE];
    sealer.seal(b"forged", 256, &mut envelope).unwrap();
    // The tag is that of the header's number; the position is what the caller passes.
    envelope
}

#[test]
fn a_header_that_contradicts_its_tag_or_chain_is_rejected() {
    let mut pair = pair(6);
    pair.send(false, b"opens B's chain");
    let other = PublicKey::parse(&[9; 32]).unwrap();
    let before = state(&pair.a);
    // Control: what nothing was changed in opens.
    let honest = forge(&mut pair, 3, |_| {});
    assert_eq!(
        open_error(&mut pair.a, Position::Current { n: 3 }, &honest),
        None
    );
    // N ≠ n.
    assert_eq!(
        open_error(&mut pair.a, Position::Current { n: 2 }, &honest),
        Some(OpenError::Header)
    );
    // DH ≠ DHr under the current chain's key.
    let forged = forge(&mut pair, 3, |header| header.dh = other);
    assert_eq!(
        open_error(&mut pair.a, Position::Current { n: 3 }, &forged),
        Some(OpenError::Contradiction)
    );
    // Another post-quantum epoch.
    for epoch in [0, 2, u16::MAX] {
        let forged = forge(&mut pair, 3, |header| header.pq.epoch = epoch);
        assert_eq!(
            open_error(&mut pair.a, Position::Current { n: 3 }, &forged),
            Some(OpenError::Header)
        );
    }
    assert_eq!(state(&pair.a), before);
}

/// B8: (epoch, kind, flags) are the chain's; the index is the message's.
#[test]
fn b8_a_header_that_announces_something_else_than_its_chain_is_rejected() {
    let mut pair = pair(18);
    let others = [Slot::Idle, Slot::HaveCiphertext, Slot::Mix];
    for _ in others {
        encrypt(&mut pair, false, b"overtaken");
    }
    let last = encrypt(&mut pair, false, b"last");
    let skipped = receive(&mut pair.a, &last, b"last");
    let before = state(&pair.a);
    for (slot, key) in others.into_iter().zip(&skipped) {
        let n = 7;
        let forged = forge(&mut pair, n, |header| header.pq.slot = slot);
        assert_eq!(
            open_error(&mut pair.a, Position::Current { n }, &forged),
            Some(OpenError::Header)
        );
        // The same of a message that was overtaken: its key opens the body, its header is read first.
        let forged = forge_skipped(&pair, key, slot);
        let mut content = vec![1];
        let opened = pair
            .a
            .open_skipped(key, Envelope::parse(&forged).unwrap(), &mut content);
        assert_eq!(opened.err(), Some(OpenError::Header));
        assert!(content.is_empty());
    }
    assert_eq!(state(&pair.a), before);
}

/// What B seals under the key of a message that A skipped.
fn forge_skipped(pair: &Pair, key: &SkippedKey, slot: Slot) -> Vec<u8> {
    let Sending::Open(chain) = &pair.b.sending else {
        panic!("B has no open chain")
    };
    let sealer = Sealer {
        context: Context::Session(&pair.b.transcript),
        keys: &chain.keys,
        tag: key.tag(),
        header: Header {
            dh: pair.b.ratchet.public_key(),
            previous_length: 0,
            n: key.number().n,
            pq: PqFields { epoch: 1, slot },
        },
        message_key: key.message_key(),
        salt: [4; 12],
    };
    let mut envelope = vec![KIND_MESSAGE];
    sealer.seal(b"forged", 256, &mut envelope).unwrap();
    envelope
}

#[test]
fn a_new_chain_needs_a_new_ratchet_key() {
    let mut pair = pair(7);
    pair.send(false, b"opens B's chain");
    pair.send(true, b"answer");
    // B's next chain, under NHK, with B's old ratchet key.
    let old = pair.b.ratchet.public_key();
    let mut fresh = Vec::new();
    pair.b
        .encrypt(&mut pair.rng, b"new chain", &mut fresh)
        .unwrap();
    let forged = forge(&mut pair, 0, |header| header.dh = old);
    let before = state(&pair.a);
    assert_eq!(
        open_error(&mut pair.a, Position::Next { n: 0 }, &forged),
        Some(OpenError::Header)
    );
    assert_eq!(state(&pair.a), before);
    receive(&mut pair.a, &fresh, b"new chain");
}

#[test]
fn a_new_chain_begins_with_the_number_of_its_tag() {
    let mut pair = pair(19);
    pair.send(false, b"opens B's chain");
    pair.send(true, b"answer");
    let fresh = encrypt(&mut pair, false, b"new chain");
    let before = state(&pair.a);
    assert_eq!(
        open_error(&mut pair.a, Position::Next { n: 1 }, &fresh),
        Some(OpenError::Header)
    );
    assert_eq!(state(&pair.a), before);
    receive(&mut pair.a, &fresh, b"new chain");
}

#[test]
fn a_chain_ends_after_999_messages_and_the_last_one_skips_998() {
    let mut pair = pair(8);
    let mut last = Vec::new();
    for n in 0..=MAX_N {
        assert_eq!(pair.b.remaining(), MAX_N + 1 - n);
        last.clear();
        let number = pair.b.encrypt(&mut pair.rng, b"text", &mut last).unwrap();
        assert_eq!((number.chain, number.n), (0, n));
    }
    let before = state(&pair.b);
    let mut out = vec![7];
    let full = pair.b.encrypt(&mut pair.rng, b"text", &mut out);
    assert_eq!(full, Err(crate::session::EncryptError::ChainFull));
    assert_eq!((out, state(&pair.b)), (vec![7], before));

    assert_eq!(receive(&mut pair.a, &last, b"text").len(), 998);
    // PN = 999 in the next chain is accepted.
    pair.send(true, b"answer");
    pair.send(false, b"new chain");
}

/// R2: whatever a peer sends, one message leaves at most 1,997 keys, and they are those of the messages in between.
#[test]
fn r2_one_message_skips_a_bounded_number_of_keys() {
    let mut pair = pair(9);
    pair.send(false, b"first");
    let mut unread = Vec::new();
    for _ in 1..=MAX_N {
        unread.clear();
        pair.b
            .encrypt(&mut pair.rng, b"never read", &mut unread)
            .unwrap();
    }
    pair.send(true, b"answer");
    let mut last = Vec::new();
    for _ in 0..=MAX_N {
        last.clear();
        pair.b.encrypt(&mut pair.rng, b"last", &mut last).unwrap();
    }
    let skipped = receive(&mut pair.a, &last, b"last");
    let numbers: Vec<_> = skipped
        .iter()
        .map(|key| (key.number().chain, key.number().n))
        .collect();
    let expected: Vec<_> = (1..999)
        .map(|n| (0, n))
        .chain((0..998).map(|n| (1, n)))
        .collect();
    assert_eq!(numbers, expected);
}

/// Keys of a closed chain are gone from the state; those of a live one are there (the control).
#[test]
fn keys_of_closed_chains_are_deleted() {
    let mut pair = pair(10);
    pair.send(false, b"opens B's chain");
    let chain = pair.a.receiving.as_ref().unwrap();
    let keys: Vec<[u8; 32]> = vec![
        *chain.keys.header.as_bytes(),
        *chain.keys.tag.as_bytes(),
        *chain.chain_key.as_bytes(),
    ];
    let sending: Vec<[u8; 32]> = match &pair.a.sending {
        Sending::Open(chain) => vec![*chain.keys.header.as_bytes(), *chain.chain_key.as_bytes()],
        Sending::Due { .. } => Vec::new(),
    };
    let holds =
        |session: &Session, key: &[u8; 32]| state(session).windows(32).any(|part| part == key);
    assert!(keys.iter().all(|key| holds(&pair.a, key)));
    pair.send(true, b"answer");
    pair.send(false, b"new chain");
    assert!(keys.iter().chain(&sending).all(|key| !holds(&pair.a, key)));
}

#[test]
fn the_sending_step_waits_for_the_first_send() {
    let mut pair = pair(11);
    pair.send(false, b"opens B's chain");
    let ratchet = *pair.a.ratchet.public_key().as_bytes();
    assert!(pair.a.owes_step());
    pair.send(false, b"more");
    assert_eq!(*pair.a.ratchet.public_key().as_bytes(), ratchet);
    pair.send(true, b"answer");
    assert!(!pair.a.owes_step());
    assert_ne!(*pair.a.ratchet.public_key().as_bytes(), ratchet);
}

#[test]
fn a_session_survives_storage_at_every_point() {
    let mut pair = pair(12);
    for (turn, from_a) in [false, false, true, true, false, true]
        .into_iter()
        .enumerate()
    {
        pair.a = restored(&state(&pair.a));
        pair.b = restored(&state(&pair.b));
        pair.send(from_a, format!("turn {turn}").as_bytes());
    }
    let whole = state(&pair.a);
    assert_eq!(state(&restored(&whole)), whole);
    let (bytes, material) = (pair.a.to_bytes(), pair.a.pq.material());
    for len in 0..bytes.len() {
        assert!(Session::from_bytes(&bytes[..len], &material).is_err());
    }
    for len in 0..material.len() {
        assert!(Session::from_bytes(&bytes, &material[..len]).is_err());
    }
    assert!(Session::from_bytes(&[&bytes[..], &[0]].concat(), &material).is_err());
    assert!(Session::from_bytes(&bytes, &[&material[..], &[0]].concat()).is_err());
}

/// What each message writes is small and of a constant size; what is large is written when an epoch advances.
#[test]
fn a_stored_session_has_two_parts() {
    let mut pair = pair(17);
    let (mut largest, mut written) = (0, 0);
    for turn in 0..84 {
        pair.send(turn % 2 == 1, b"text");
        for session in [&mut pair.a, &mut pair.b] {
            // The longest has its room at once: bytes that grow leave a copy of the secrets behind.
            assert_eq!(session.to_bytes().capacity(), 585);
            if let Some(material) = session.take_changed_pq_material() {
                largest = largest.max(material.len());
                written += 1;
            }
        }
    }
    assert_eq!(largest, 10 + 64 + 2 * 1_190);
    // A message is stored by two sides; in two epochs, 40 chunks came, and each side's state changed a few times.
    assert!((40..70).contains(&written), "{written} of 168");
    let (open, owed) = (pair.a.to_bytes().len(), pair.b.to_bytes().len());
    assert_eq!((owed, open), (554, 585));
}

/// R6: a rolled-back disk repeats tag and message key, never a (key, nonce); the peer sees a duplicate.
#[test]
fn r6_a_rolled_back_session_repeats_a_tag_but_no_salt() {
    let mut pair = pair(13);
    pair.send(true, b"before");
    let snapshot = state(&pair.a);
    let mut first = Vec::new();
    pair.a.encrypt(&mut pair.rng, b"one", &mut first).unwrap();
    pair.a = restored(&snapshot);
    let mut second = Vec::new();
    pair.a.encrypt(&mut pair.rng, b"two", &mut second).unwrap();
    assert_eq!(first[1..17], second[1..17]);
    assert_ne!(first[17..29], second[17..29]);
    receive(&mut pair.b, &first, b"one");
    let error = open_error(&mut pair.b, Position::Current { n: 2 }, &second);
    assert_eq!(error, Some(OpenError::NotExpected));
}

/// B17: a disk put back over a sending root step opens the chain again. Every message of it says so, those too whose numbers
/// were used, and nothing that a relay can make of an honest message does.
#[test]
fn b17_a_chain_that_is_opened_twice_contradicts_itself() {
    let mut pair = pair(19);
    pair.send(false, b"B's chain: A owes a step");
    let snapshot = state(&pair.a);
    let honest: Vec<_> = (0..2).map(|_| encrypt(&mut pair, true, b"lost")).collect();
    for envelope in &honest {
        receive(&mut pair.b, envelope, b"lost");
    }
    pair.a = restored(&snapshot);
    let again: Vec<_> = (0..4).map(|_| encrypt(&mut pair, true, b"new")).collect();
    let before = state(&pair.b);
    for (n, envelope) in (0..).zip(&again) {
        let expected = if n < 2 {
            OpenError::NotExpected
        } else {
            OpenError::Contradiction
        };
        let position = Position::Current { n };
        assert_eq!(open_error(&mut pair.b, position, envelope), Some(expected));
        let parsed = Envelope::parse(envelope).unwrap();
        assert!(pair.b.is_contradicted_by(n, parsed));
        assert!(!pair.b.is_contradicted_by(n + 1, parsed), "another number");
    }
    assert_eq!(state(&pair.b), before);
    for envelope in &honest {
        for at in 0..envelope.len() {
            let mut changed = envelope.clone();
            changed[at] ^= 1;
            if let Ok(parsed) = Envelope::parse(&changed) {
                for n in 0..2 {
                    assert!(!pair.b.is_contradicted_by(n, parsed), "byte {at}");
                }
            }
        }
        let replayed = Envelope::parse(envelope).unwrap();
        assert!(!(0..2).any(|n| pair.b.is_contradicted_by(n, replayed)));
    }
}

/// B17, for a message that others overtook.
#[test]
fn b17_a_skipped_number_of_a_chain_that_is_opened_twice_contradicts_it() {
    let mut pair = pair(20);
    pair.send(false, b"B's chain: A owes a step");
    let snapshot = state(&pair.a);
    drop(encrypt(&mut pair, true, b"never arrives"));
    let second = encrypt(&mut pair, true, b"second");
    let skipped = receive(&mut pair.b, &second, b"second");
    pair.a = restored(&snapshot);
    let again = encrypt(&mut pair, true, b"in its place");
    let parsed = Envelope::parse(&again).unwrap();
    let opened = pair.b.open_skipped(&skipped[0], parsed, &mut Vec::new());
    assert_eq!(opened.err(), Some(OpenError::Contradiction));
}

proptest! {
    /// R8: a peer's header may hold any integers.
    #[test]
    fn r8_arbitrary_header_integers_never_panic(n: u32, previous_length: u32, position_n: u32, epoch: u16, next: bool) {
        let mut pair = pair(14);
        pair.send(false, b"opens B's chain");
        let before = state(&pair.a);
        let forged = forge(&mut pair, n, |header| {
            header.previous_length = previous_length;
            header.pq.epoch = epoch;
        });
        let position =
            if next { Position::Next { n: position_n } } else { Position::Current { n: position_n } };
        let legal = !next && n == position_n && (1..=998).contains(&n) && previous_length <= 999 && epoch == 1;
        prop_assert_eq!(open_error(&mut pair.a, position, &forged).is_none(), legal);
        prop_assert_eq!(state(&pair.a), before);
    }
}

#[test]
fn e6_another_sessions_envelope_does_not_open() {
    let (mut one, mut other) = (pair(15), pair(16));
    let envelope = encrypt(&mut one, false, b"text");
    for position in [Position::Next { n: 0 }, Position::Current { n: 0 }] {
        assert!(open_error(&mut other.a, position, &envelope).is_some());
        // Reflection: one's own envelope.
        assert!(open_error(&mut one.b, position, &envelope).is_some());
    }
}

/// E1: DH of a header that is authentic and opens a chain. (In a chain that goes on, any key but the one there is rejected.)
#[test]
fn e1_low_order_and_non_canonical_ratchet_keys_are_rejected() {
    let mut pair = pair(19);
    let opening = encrypt(&mut pair, false, b"opens B's chain");
    let before = state(&pair.a);
    // Control: with the key that was there, it is the same envelope.
    let honest = *pair.b.ratchet.public_key().as_bytes();
    assert_eq!(with_ratchet_key(&pair, &opening, &honest), opening);
    for point in bad_points() {
        let changed = with_ratchet_key(&pair, &opening, &point);
        let error = open_error(&mut pair.a, Position::Next { n: 0 }, &changed);
        assert_eq!(error, Some(OpenError::Header));
    }
    assert_eq!(state(&pair.a), before);
    receive(&mut pair.a, &opening, b"opens B's chain");
}

/// B's envelope with another key in its header, which is encrypted again as B would.
fn with_ratchet_key(pair: &Pair, envelope: &[u8], dh: &[u8; 32]) -> Vec<u8> {
    let Sending::Open(chain) = &pair.b.sending else {
        panic!("B has no open chain")
    };
    let mut changed = envelope.to_vec();
    let salt: [u8; 12] = envelope[17..29].try_into().unwrap();
    let ad = [pair.b.transcript.as_bytes(), &envelope[..17]].concat();
    let mut header: [u8; 179] = envelope[29..208].try_into().unwrap();
    chain.keys.header.open(&salt, &ad, &mut header).unwrap();
    header[..32].copy_from_slice(dh);
    chain.keys.header.seal(&salt, &ad, &mut header).unwrap();
    changed[29..208].copy_from_slice(&header);
    changed
}
