use super::super::limits::*;
use super::super::testing::*;
use super::super::*;
use crate::envelope::Envelope;

/// Every byte flip of `envelope` fails and changes nothing; then the original opens.
fn assert_rigid(fixture: &mut Fixture, envelope: &[u8], text: &[u8]) {
    let before = fixture.state();
    let mut changed = envelope.to_vec();
    for at in 0..envelope.len() {
        changed[at] ^= 1 << (at % 8);
        if Envelope::parse(&changed).is_ok() {
            assert!(fixture.open(&changed).is_err(), "byte {at} may be flipped");
        }
        changed[at] = envelope[at];
    }
    assert_eq!(fixture.state(), before);
    assert_eq!(fixture.open(envelope), Ok(text.to_vec()));
    assert_ne!(fixture.state(), before);
}

#[test]
fn r1_every_byte_flip_of_a_group_envelope_is_rejected_and_changes_nothing() {
    let mut fixture = Fixture::new(1);
    let envelopes: Vec<_> = [&b"first"[..], b"second", b"third"]
        .iter()
        .map(|text| fixture.seal(text))
        .collect();
    assert_rigid(&mut fixture, &envelopes[0], b"first");
    // Over a gap, and late.
    assert_rigid(&mut fixture, &envelopes[2], b"third");
    assert_rigid(&mut fixture, &envelopes[1], b"second");
}

#[test]
fn dropping_what_was_opened_changes_nothing() {
    let mut fixture = Fixture::new(2);
    let envelopes: Vec<_> = (0..3).map(|_| fixture.seal(b"text")).collect();
    for at in [2, 0, 1] {
        let before = fixture.state();
        let envelope = Envelope::parse(&envelopes[at]).unwrap();
        let mut content = Vec::new();
        drop(
            fixture
                .receiving
                .open(&fixture.epoch, envelope, &mut content)
                .unwrap(),
        );
        assert_eq!(fixture.state(), before);
        assert!(fixture.open(&envelopes[at]).is_ok());
    }
}

#[test]
fn a_replay_is_a_duplicate_whether_the_message_came_late_or_not() {
    let mut fixture = Fixture::new(3);
    let envelopes: Vec<_> = (0..3).map(|_| fixture.seal(b"text")).collect();
    for at in [0, 2, 1] {
        assert!(fixture.open(&envelopes[at]).is_ok());
        let before = fixture.state();
        assert_eq!(fixture.open(&envelopes[at]), Err(GroupOpenError::Duplicate));
        assert_eq!(fixture.state(), before);
    }
}

#[test]
fn g6_a_new_member_is_given_the_chain_from_its_present_number_on() {
    let mut fixture = Fixture::new(4);
    let earlier: Vec<_> = (0..3).map(|_| fixture.seal(b"earlier")).collect();
    let distribution = fixture.sending.distribution().unwrap();
    assert_eq!(distribution.n(), 3);
    let bytes = distribution.to_bytes();
    let mut joined = ReceivingSender::new(fixture.epoch.id(), (fixture.who, index(INDEX)));
    let distribution = SenderKeyDistribution::parse(&bytes).unwrap();
    joined.learn(distribution, &fixture.who, NOW).unwrap();
    let before = joined.to_bytes();
    for envelope in &earlier {
        assert_eq!(
            open(&mut joined, &fixture.epoch, envelope),
            Err(GroupOpenError::BeforeKey)
        );
    }
    assert_eq!(*joined.to_bytes(), *before);
    // Nor does any key that follows from what it was given open them.
    let given = SenderKeyDistribution::parse(&bytes).unwrap();
    let derivable = commitments(&given.chain_key, CHAIN_MESSAGES);
    for envelope in &earlier {
        assert!(!derivable.contains(&commitment_of(envelope)));
    }
    let envelope = fixture.seal(b"from here on");
    assert!(derivable.contains(&commitment_of(&envelope)));
    assert_eq!(
        open(&mut joined, &fixture.epoch, &envelope),
        Ok(b"from here on".to_vec())
    );
}

#[test]
fn a_chain_ends_behind_its_hundredth_message() {
    let mut fixture = Fixture::new(5);
    let chain_key = fixture.sending.chain_key.fork();
    let forged = |fixture: &Fixture, n: u32| {
        let mut forged = fixture.next();
        forged.named.n = n;
        forged.tag.1 = n;
        forged.message_key = message_key(&chain_key, n);
        forged.envelope(&fixture.epoch, b"text")
    };
    let (last, behind) = (
        forged(&fixture, CHAIN_MESSAGES - 1),
        forged(&fixture, CHAIN_MESSAGES),
    );
    let before = fixture.state();
    assert_eq!(fixture.open(&behind), Err(GroupOpenError::ChainEnded));
    assert_eq!(fixture.state(), before);
    assert_eq!(fixture.open(&last), Ok(b"text".to_vec()));
    assert_eq!(fixture.receiving.chains[&0].skipped.len(), 99);
    // All that were skipped can still be read, each once.
    for n in 0..CHAIN_MESSAGES - 1 {
        let envelope = fixture.seal(b"late");
        assert_eq!(fixture.open(&envelope), Ok(b"late".to_vec()), "{n}");
    }
    assert!(fixture.receiving.chains[&0].skipped.is_empty());
}

#[test]
fn a_message_of_a_chain_that_was_not_given_waits_for_its_key() {
    let mut fixture = Fixture::new(6);
    fixture.rotate(false);
    let distribution = fixture.sending.distribution().unwrap();
    let envelope = fixture.seal(b"early");
    let before = fixture.state();
    assert_eq!(fixture.open(&envelope), Err(GroupOpenError::UnknownKey));
    assert_eq!(fixture.state(), before);
    let learned = fixture.receiving.learn(distribution, &fixture.who, NOW);
    assert_eq!(learned, Ok(Learned::New));
    assert_eq!(fixture.open(&envelope), Ok(b"early".to_vec()));
}

#[test]
fn a_stored_receiver_goes_on_where_it_was_and_a_malformed_one_is_refused() {
    let mut fixture = Fixture::new(7);
    let late = fixture.seal(b"late");
    let envelope = fixture.seal(b"text");
    fixture.open(&envelope).unwrap();
    fixture.rotate(true);
    let bytes = fixture.state();
    fixture.receiving = ReceivingSender::from_bytes(&bytes).unwrap();
    assert_eq!(fixture.state(), bytes);
    let envelope = fixture.seal(b"after");
    assert_eq!(fixture.open(&envelope), Ok(b"after".to_vec()));
    assert_eq!(fixture.open(&late), Ok(b"late".to_vec()));

    let refused = |bytes: &[u8]| ReceivingSender::from_bytes(bytes).err() == Some(MalformedChain);
    for len in 0..bytes.len() {
        assert!(refused(&bytes[..len]), "{len} bytes");
    }
    assert!(refused(&[&bytes[..], &[0]].concat()));
    let changed = |at: usize, to: &[u8]| {
        let mut changed = bytes.clone();
        changed[at..at + to.len()].copy_from_slice(to);
        changed
    };
    let chain = 101 + 1;
    for (at, to, what) in [
        (0, &[2][..], "version"),
        (97, &16_384_u32.to_be_bytes(), "index"),
        (101, &[7], "count of chains"),
        (chain + 40, &3_u32.to_be_bytes(), "start behind next"),
        (chain + 44, &101_u32.to_be_bytes(), "next behind the end"),
        (chain + 80, &[2], "superseded"),
        (chain + 90, &2_u32.to_be_bytes(), "skipped behind next"),
    ] {
        assert!(refused(&changed(at, to)), "{what}");
    }
    // Two chains that begin alike.
    let second = chain + 90 + 36;
    assert!(refused(&changed(second + 40, &0_u32.to_be_bytes())));
}
