use super::super::limits::*;
use super::super::testing::*;
use super::super::*;
use crate::primitives::codec::DecodeError;
use crate::time::DAY_MS;

fn copy(chain: &SendingChain) -> SendingChain {
    SendingChain::from_bytes(&chain.to_bytes()).unwrap()
}

/// G4: whoever copied a member's state reads what is left of the chain, and nothing of the next one.
#[test]
fn g4_a_stolen_state_opens_nothing_behind_a_rotation() {
    let mut fixture = Fixture::new(1);
    let envelope = fixture.seal(b"text");
    fixture.open(&envelope).unwrap();
    let stolen = fixture.state();
    let stolen_key = fixture.receiving.chains[&0].chain_key.fork();
    let mut thief = ReceivingSender::from_bytes(&stolen).unwrap();
    let readable = fixture.seal(b"before the rotation");
    assert!(open(&mut thief, &fixture.epoch, &readable).is_ok());
    // The control: the keys of what was before the rotation are among those that follow from the stolen one.
    let derivable = commitments(&stolen_key, 2 * CHAIN_MESSAGES);
    assert!(derivable.contains(&commitment_of(&readable)));
    fixture.rotate(true);
    for _ in 0..CHAIN_MESSAGES {
        let envelope = fixture.seal(b"after the rotation");
        assert_eq!(
            open(&mut thief, &fixture.epoch, &envelope),
            Err(GroupOpenError::UnknownKey)
        );
        assert!(!derivable.contains(&commitment_of(&envelope)));
        assert!(fixture.open(&envelope).is_ok());
    }
}

/// G4: whoever copied a sender's whole state, with its signing key, cannot write under the numbers of the chain that
/// follows.
#[test]
fn g4_a_stolen_sender_is_silenced_by_the_next_chain() {
    let mut fixture = Fixture::new(2);
    let mut thief = copy(&fixture.sending);
    let envelope = fixture.seal(b"text");
    fixture.open(&envelope).unwrap();
    fixture.rotate(true);
    let mut forged = Vec::new();
    for _ in 0..3 {
        forged.clear();
        thief
            .seal(
                &mut fixture.rng,
                &fixture.epoch,
                NOW,
                b"forged",
                &mut forged,
            )
            .unwrap();
    }
    let before = fixture.state();
    assert_eq!(fixture.open(&forged), Err(GroupOpenError::ChainEnded));
    assert_eq!(fixture.state(), before);
    let envelope = fixture.seal(b"the sender's own");
    assert!(fixture.open(&envelope).is_ok());
}

#[test]
fn late_messages_of_an_old_chain_open_whatever_order_the_chains_were_given_in() {
    let mut fixture = Fixture::new(3);
    let first = fixture.seal(b"first chain");
    fixture.rotate(false);
    let second_chain = fixture.sending.distribution().unwrap();
    let second = fixture.seal(b"second chain");
    fixture.rotate(true);
    let third = fixture.seal(b"third chain");
    assert_eq!(fixture.open(&third), Ok(b"third chain".to_vec()));
    assert_eq!(fixture.open(&second), Err(GroupOpenError::UnknownKey));
    let learned = fixture.receiving.learn(second_chain, &fixture.who, NOW);
    assert_eq!(learned, Ok(Learned::New));
    assert_eq!(fixture.open(&second), Ok(b"second chain".to_vec()));
    assert_eq!(fixture.open(&first), Ok(b"first chain".to_vec()));
    let superseded: Vec<_> = fixture
        .receiving
        .chains
        .values()
        .map(|chain| chain.superseded.is_some())
        .collect();
    assert_eq!(superseded, [true, true, false]);
}

#[test]
fn keys_that_a_stolen_chain_skipped_behind_its_end_are_deleted() {
    let mut fixture = Fixture::new(4);
    let mut thief = copy(&fixture.sending);
    let mut forged = Vec::new();
    for _ in 0..10 {
        forged.clear();
        thief
            .seal(
                &mut fixture.rng,
                &fixture.epoch,
                NOW,
                b"forged",
                &mut forged,
            )
            .unwrap();
    }
    assert!(fixture.open(&forged).is_ok());
    assert_eq!(fixture.receiving.chains[&0].skipped.len(), 9);
    // The sender itself has sent one message, and rotates: its new chain begins at 2.
    let envelope = fixture.seal(b"text");
    fixture.rotate(true);
    assert_eq!(
        fixture.receiving.chains[&0]
            .skipped
            .keys()
            .copied()
            .collect::<Vec<_>>(),
        [0, 1]
    );
    assert!(fixture.open(&envelope).is_ok());
}

/// G3: a chain is one of the device in whose session it came, and of no other.
#[test]
fn g3_a_chain_is_taken_only_from_the_device_it_speaks_for() {
    let mut fixture = Fixture::new(5);
    fixture.rotate(false);
    let before = fixture.state();
    let stranger = sender(&mut fixture.rng);
    let origins = [
        stranger,
        Sender {
            account: stranger.account,
            ..fixture.who
        },
        Sender {
            device: stranger.device,
            ..fixture.who
        },
    ];
    for origin in origins {
        let forwarded = fixture.sending.distribution().unwrap();
        assert_eq!(
            fixture.receiving.learn(forwarded, &origin, NOW),
            Err(LearnError::NotTheSender)
        );
    }
    let other = EpochId {
        hash: EpochHash([0; 32]),
        ..fixture.epoch.id()
    };
    for (epoch, at) in [(other, INDEX), (fixture.epoch.id(), INDEX + 1)] {
        let chain = SendingChain::begin(&mut fixture.rng, epoch, (fixture.who, index(at)), NOW);
        let distribution = chain.distribution().unwrap();
        assert_eq!(
            fixture.receiving.learn(distribution, &fixture.who, NOW),
            Err(LearnError::NotTheSender)
        );
    }
    assert_eq!(fixture.state(), before);
    assert_eq!(fixture.learn(), Ok(Learned::New));
}

#[test]
fn what_is_known_of_a_chain_stays() {
    let mut fixture = Fixture::new(6);
    let first = fixture.seal(b"first");
    let before = fixture.state();
    assert_eq!(fixture.learn(), Ok(Learned::Known));
    assert_eq!(fixture.state(), before);
    assert_eq!(fixture.open(&first), Ok(b"first".to_vec()));
}

#[test]
fn a_chain_that_contradicts_another_one_is_not_taken() {
    let mut fixture = Fixture::new(7);
    let who = (fixture.who, index(INDEX));
    let same_number = SendingChain::begin(&mut fixture.rng, fixture.epoch.id(), who, NOW);
    let mut same_id = copy(&same_number);
    same_id.key = fixture.sending.key;
    same_id.first = 50;
    same_id.n = 50;
    let before = fixture.state();
    for chain in [same_number, same_id] {
        let distribution = chain.distribution().unwrap();
        assert_eq!(
            fixture.receiving.learn(distribution, &fixture.who, NOW),
            Err(LearnError::Contradiction)
        );
        assert_eq!(fixture.state(), before);
    }
}

#[test]
fn five_old_chains_are_kept_for_7_days() {
    let mut fixture = Fixture::new(8);
    let mut envelopes = vec![fixture.seal(b"text")];
    let first = copy(&fixture.sending).distribution().unwrap();
    for _ in 0..MAX_OLD_CHAINS + 1 {
        fixture.rotate(true);
        envelopes.push(fixture.seal(b"text"));
    }
    assert_eq!(fixture.receiving.chains.len(), MAX_OLD_CHAINS + 1);
    assert_eq!(fixture.open(&envelopes[0]), Err(GroupOpenError::UnknownKey));
    assert_eq!(
        fixture.receiving.learn(first, &fixture.who, NOW),
        Err(LearnError::TooOld)
    );
    assert!(fixture.open(&envelopes[1]).is_ok());
    let last = NOW.plus(7 * DAY_MS - 1);
    assert!(!fixture.receiving.forget_old(last));
    assert!(fixture.open(&envelopes[2]).is_ok());
    assert!(fixture.receiving.forget_old(last.plus(1)));
    assert_eq!(fixture.receiving.chains.len(), 1);
    assert_eq!(fixture.open(&envelopes[3]), Err(GroupOpenError::UnknownKey));
    assert!(fixture.open(&envelopes[MAX_OLD_CHAINS + 1]).is_ok());
}

#[test]
fn a_distribution_has_129_bytes_and_one_encoding() {
    let mut fixture = Fixture::new(9);
    fixture.seal(b"text");
    let bytes = fixture.sending.distribution().unwrap().to_bytes();
    assert_eq!(bytes.len(), 129);
    assert_eq!(bytes.len(), SenderKeyDistribution::LEN);
    let parsed = SenderKeyDistribution::parse(&bytes).unwrap();
    assert_eq!(*parsed.to_bytes(), *bytes);
    assert_eq!(
        (parsed.epoch(), parsed.index(), parsed.n()),
        (fixture.epoch.id(), index(INDEX), 1)
    );
    let error = |bytes: &[u8]| SenderKeyDistribution::parse(bytes).err();
    for len in 0..bytes.len() {
        assert_eq!(error(&bytes[..len]), Some(DecodeError::Truncated));
    }
    assert_eq!(
        error(&[&bytes[..], &[0]].concat()),
        Some(DecodeError::TrailingBytes)
    );
    let changed = |at: usize, to: &[u8]| {
        let mut changed = bytes.to_vec();
        changed[at..at + to.len()].copy_from_slice(to);
        error(&changed)
    };
    assert_eq!(changed(0, &[2]), Some(DecodeError::InvalidValue));
    let index_above = 16_384_u32.to_be_bytes();
    assert_eq!(changed(49, &index_above), Some(DecodeError::InvalidValue));
    let n_above = 65_536_u32.to_be_bytes();
    assert_eq!(changed(61, &n_above), Some(DecodeError::TooLong));
    assert_eq!(changed(61, &65_535_u32.to_be_bytes()), None);
    // A verification key of low order.
    assert_eq!(changed(97, &[0; 32]), Some(DecodeError::InvalidKey));
}
