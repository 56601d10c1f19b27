use super::super::testing::{Pair, pair, receive, restored, state};
use super::*;
use crate::envelope::SealedError;
use crate::ratchet::MessageKey;
use crate::tag::Numbered;

/// An ephemeral envelope from one side.
fn ephemeral(pair: &mut Pair, from_a: bool) -> Result<Vec<u8>, EphemeralError> {
    let from = if from_a { &mut pair.a } else { &mut pair.b };
    let mut envelope = Vec::new();
    from.encrypt_ephemeral(&mut pair.rng, b"typing", &mut envelope)
        .map(|_| envelope)
}

/// The number of an ephemeral envelope in the current receiving chain.
fn number(session: &Session, envelope: &[u8]) -> Option<u32> {
    let tag = Envelope::parse(envelope).unwrap().tag();
    let key = &session.receiving.as_ref()?.keys.tag;
    match key.reader().read(tag)? {
        Numbered::Ephemeral(number) => Some(number),
        Numbered::Message(_) => None,
    }
}

fn see(session: &mut Session, envelope: &[u8]) -> Result<u32, OpenError> {
    let number = number(session, envelope).ok_or(OpenError::NotExpected)?;
    let mut content = vec![9];
    let parsed = Envelope::parse(envelope).unwrap();
    let opened = session.open_ephemeral(number, parsed, &mut content);
    let result = opened.map(OpenedEphemeral::commit);
    assert_eq!(content, if result.is_ok() { &b"typing"[..] } else { b"" });
    result.map(|()| number)
}

#[test]
fn ephemeral_messages_go_both_ways_and_leave_the_chains_alone() {
    let mut pair = pair(1);
    pair.send(false, b"opens B's chain");
    pair.send(true, b"answer");
    let chains = |pair: &Pair| {
        let Sending::Open(chain) = &pair.a.sending else {
            panic!("A has no chain")
        };
        (*chain.chain_key.as_bytes(), chain.n)
    };
    let before = chains(&pair);
    for expected in 0..5 {
        let from_a = ephemeral(&mut pair, true).unwrap();
        assert_eq!(from_a.len(), 512);
        assert_eq!(see(&mut pair.b, &from_a), Ok(expected));
    }
    assert_eq!(chains(&pair), before);
    // The chain goes on without a gap.
    pair.send(true, b"durable");
    let from_b = ephemeral(&mut pair, false).unwrap();
    assert_eq!(see(&mut pair.a, &from_b), Ok(0));
}

#[test]
fn there_is_none_before_the_first_durable_message() {
    let mut pair = pair(2);
    assert_eq!(ephemeral(&mut pair, false), Err(EphemeralError::NoChain));
    // The initiator has a chain, that of its first message.
    let envelope = ephemeral(&mut pair, true).unwrap();
    assert_eq!(see(&mut pair.b, &envelope), Ok(0));
}

/// B16: never a root step: what is pending stays pending, and the peer still reads the chain before.
#[test]
fn b16_ephemeral_messages_take_no_root_step() {
    let mut pair = pair(3);
    pair.send(false, b"opens B's chain");
    pair.send(true, b"answer");
    let beside_open = ephemeral(&mut pair, false).unwrap();
    assert!(pair.b.owes_step());
    let ratchet = *pair.b.ratchet.public_key().as_bytes();
    let epoch = pair.b.pq.inspect();
    assert_eq!(see(&mut pair.a, &beside_open), Ok(0));
    assert!(pair.b.owes_step());
    assert_eq!(*pair.b.ratchet.public_key().as_bytes(), ratchet);
    assert_eq!(pair.b.pq.inspect(), epoch);
    // Also from storage.
    pair.b = restored(&state(&pair.b));
    let stored = ephemeral(&mut pair, false).unwrap();
    assert!(see(&mut pair.a, &stored).is_ok());
    pair.send(false, b"next chain");
    let beside_next = ephemeral(&mut pair, false).unwrap();
    assert_eq!(see(&mut pair.a, &beside_next), Ok(0));
    // What was beside the chain before can no longer be read.
    assert_eq!(see(&mut pair.a, &stored), Err(OpenError::NotExpected));
}

/// The post-quantum ratchet neither reads nor advances by them, whatever the chain announces.
#[test]
fn they_are_nothing_to_the_post_quantum_ratchet() {
    let mut pair = pair(4);
    let mut announced = Vec::new();
    for _ in 0..60 {
        for from_a in [false, true] {
            pair.send(from_a, b"turn");
            let envelope = ephemeral(&mut pair, from_a).unwrap();
            let to = if from_a { &mut pair.b } else { &mut pair.a };
            let chain = to.receiving.as_ref().unwrap().announced;
            let stored = |session: &Session| {
                let mut bytes = Vec::new();
                let mut writer = crate::primitives::codec::Writer::new(&mut bytes);
                session.pq.write(&mut writer);
                (bytes, session.pq.material().to_vec())
            };
            let before = stored(to);
            assert!(see(to, &envelope).is_ok());
            assert!(stored(to) == before);
            announced.push(chain.announcement);
        }
    }
    for kind in [
        Announcement::Idle,
        Announcement::Key,
        Announcement::Ciphertext,
        Announcement::HaveCiphertext,
        Announcement::Mix,
    ] {
        assert!(announced.contains(&kind), "{kind:?} chains were not tried");
    }
}

#[test]
fn older_and_repeated_ones_are_dropped() {
    let mut pair = pair(5);
    let all: Vec<_> = (0..4)
        .map(|_| ephemeral(&mut pair, true).unwrap())
        .collect();
    assert_eq!(see(&mut pair.b, &all[2]), Ok(2));
    let before = state(&pair.b);
    for late in [0, 1, 2] {
        assert_eq!(see(&mut pair.b, &all[late]), Err(OpenError::NotExpected));
    }
    assert_eq!(state(&pair.b), before);
    pair.b = restored(&before);
    assert_eq!(see(&mut pair.b, &all[2]), Err(OpenError::NotExpected));
    assert_eq!(see(&mut pair.b, &all[3]), Ok(3));
}

#[test]
fn sixty_four_go_out_until_the_peer_is_heard() {
    let mut pair = pair(6);
    let spend = |pair: &mut Pair| {
        for _ in 0..MAX_EPHEMERALS {
            ephemeral(pair, true).unwrap();
        }
        let before = state(&pair.a);
        assert_eq!(ephemeral(pair, true), Err(EphemeralError::Unheard));
        assert_eq!(state(&pair.a), before);
        pair.a = restored(&before);
        assert_eq!(ephemeral(pair, true), Err(EphemeralError::Unheard));
    };
    spend(&mut pair);
    // A durable message of the peer, the next one of its chain, and an ephemeral one renew the allowance.
    pair.send(false, b"opens B's chain");
    spend(&mut pair);
    pair.send(false, b"goes on");
    spend(&mut pair);
    let seen = ephemeral(&mut pair, false).unwrap();
    assert_eq!(see(&mut pair.a, &seen), Ok(0));
    spend(&mut pair);
    // So does one that was overtaken.
    let mut late = Vec::new();
    pair.b.encrypt(&mut pair.rng, b"late", &mut late).unwrap();
    let mut last = Vec::new();
    pair.b.encrypt(&mut pair.rng, b"last", &mut last).unwrap();
    let skipped = receive(&mut pair.a, &last, b"last");
    spend(&mut pair);
    let late = Envelope::parse(&late).unwrap();
    let opened = pair.a.open_skipped(&skipped[0], late, &mut Vec::new());
    opened.unwrap().commit();
    spend(&mut pair);
}

/// A number is used once, although the session is stored but now and then.
#[test]
fn numbers_do_not_repeat_across_restarts() {
    let mut pair = pair(7);
    let mut stored = state(&pair.a);
    let mut seen = 0;
    for message in 0..3 * EPHEMERAL_BLOCK {
        let mut envelope = Vec::new();
        let must_store = pair
            .a
            .encrypt_ephemeral(&mut pair.rng, b"typing", &mut envelope)
            .unwrap();
        pair.a.heard();
        if must_store {
            stored = state(&pair.a);
        }
        let number = see(&mut pair.b, &envelope).unwrap();
        assert!(number >= seen, "{number} after {seen}");
        seen = number + 1;
        if message % 100 == 99 {
            pair.a = restored(&stored);
        }
    }
    assert!(seen > 3 * EPHEMERAL_BLOCK);
}

#[test]
fn r1_every_byte_flip_of_an_ephemeral_message_is_rejected_and_changes_nothing() {
    let mut pair = pair(8);
    let envelope = ephemeral(&mut pair, true).unwrap();
    let before = state(&pair.b);
    for at in 0..envelope.len() {
        let mut changed = envelope.clone();
        changed[at] ^= 1 << (at % 8);
        let Ok(parsed) = Envelope::parse(&changed) else {
            continue;
        };
        let mut content = vec![1];
        let opened = pair.b.open_ephemeral(0, parsed, &mut content);
        assert!(opened.is_err(), "byte {at} may be flipped");
        assert!(content.is_empty());
    }
    assert_eq!(state(&pair.b), before);
    assert_eq!(see(&mut pair.b, &envelope), Ok(0));
}

#[test]
fn a_header_that_no_honest_peer_writes_is_rejected() {
    let mut pair = pair(9);
    let other = crate::primitives::dh::PublicKey::parse(&[9; 32]).unwrap();
    type Change = fn(&mut Header);
    let changes: [(bool, Change); 6] = [
        (true, |_| {}),
        (false, |header| header.n = 1),
        (false, |header| header.pq.epoch = 2),
        (false, |header| header.previous_length = 1_000),
        (false, |header| {
            header.pq.slot = crate::pq_ratchet::Slot::HaveCiphertext;
        }),
        (true, |header| header.previous_length = 999),
    ];
    for (accepted, change) in changes {
        let forged = forge(&pair, change);
        let opened = see(&mut pair.b, &forged);
        assert_eq!(
            opened,
            if accepted {
                Ok(0)
            } else {
                Err(OpenError::Header)
            }
        );
        pair.b.receiving.as_mut().unwrap().side.next = 0;
    }
    // Another ratchet key than the chain's.
    let envelope = ephemeral(&mut pair, true).unwrap();
    pair.b.peer_ratchet = other;
    assert_eq!(see(&mut pair.b, &envelope), Err(OpenError::Header));
}

/// A's ephemeral message number 0 with a header of the test's choice.
fn forge(pair: &Pair, change: impl Fn(&mut Header)) -> Vec<u8> {
    let Sending::Open(chain) = &pair.a.sending else {
        panic!("A has no chain")
    };
    let mut header = Header {
        dh: pair.a.ratchet.public_key(),
        previous_length: chain.previous_length,
        n: 0,
        pq: PqFields::idle(1),
    };
    change(&mut header);
    let sealer = Sealer {
        context: Context::Session(&pair.a.transcript),
        keys: &chain.keys,
        tag: chain.keys.tag.maker().ephemeral_tag(0),
        header,
        message_key: &chain.side.seed.key(0),
        salt: [3; NONCE_LEN],
    };
    let mut envelope = vec![KIND_MESSAGE];
    sealer.seal(b"typing", 256, &mut envelope).unwrap();
    envelope
}

/// Side keys and message keys are of different families: the chain's key opens nothing beside it.
#[test]
fn c1_no_other_key_opens_an_ephemeral_message() {
    let mut pair = pair(10);
    let envelope = ephemeral(&mut pair, true).unwrap();
    let sealed = Envelope::parse(&envelope).unwrap().sealed();
    let context = Context::Session(&pair.b.transcript);
    let chain = pair.b.receiving.as_ref().unwrap();
    let wrong = MessageKey::from_bytes(*chain.side.seed.as_bytes());
    let (seed, mut out) = (&chain.side.seed, Vec::new());
    let commitment = Err(SealedError::Commitment);
    assert_eq!(sealed.open_body(context, &wrong, &mut out), commitment);
    assert_eq!(
        sealed.open_body(context, &seed.key(1), &mut out),
        commitment
    );
    assert_eq!(sealed.open_body(context, &seed.key(0), &mut out), Ok(()));
}

#[test]
fn content_that_fits_no_envelope_is_refused() {
    let mut pair = pair(11);
    let before = state(&pair.a);
    let mut out = vec![7];
    let long = vec![0; 65_280];
    let refused = pair.a.encrypt_ephemeral(&mut pair.rng, &long, &mut out);
    assert_eq!(refused, Err(EphemeralError::TooLong));
    assert_eq!((out, state(&pair.a)), (vec![7], before));
}
