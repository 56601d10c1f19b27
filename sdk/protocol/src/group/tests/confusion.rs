//! G3 (a): what was sealed for a group is no message of a session, and the other way round, even under equal keys.

use super::super::testing::*;
use super::super::*;
use crate::envelope::Envelope;
use crate::session::testing::{next_receiving_keys, pair, state};
use crate::session::{OpenError, Position};
use crate::tag_index::{Lookup, TagIndex};
use crate::test_support::rng;

#[test]
fn g3_a_group_envelope_is_no_message_of_a_session() {
    let mut fixture = Fixture::new(1);
    let mut pair = pair(1);
    pair.send(false, b"opens a chain");
    let group = fixture.seal(b"group");
    let before = state(&pair.a);
    let mut index = TagIndex::new(&mut rng(1));
    index.track(&pair.a);
    let envelope = Envelope::parse(&group).unwrap();
    assert_eq!(index.lookup(envelope.tag(), 0), Lookup::Unknown);
    for position in [Position::Current { n: 1 }, Position::Next { n: 0 }] {
        let mut content = Vec::new();
        let opened = pair.a.open(position, envelope, &mut content);
        assert_eq!(opened.err(), Some(OpenError::Header));
    }
    assert_eq!(state(&pair.a), before);
}

#[test]
fn g3_a_message_of_a_session_is_none_of_a_group() {
    let mut fixture = Fixture::new(2);
    let mut pair = pair(2);
    let mut envelope = Vec::new();
    pair.b
        .encrypt(&mut pair.rng, b"pairwise", &mut envelope)
        .unwrap();
    let before = fixture.state();
    assert_eq!(fixture.open(&envelope), Err(GroupOpenError::NotExpected));
    // Even if the epoch had the session's header key and tag key, under which sender 0 and number 0 have the same tag: the
    // header's associated data are others.
    fixture.epoch.keys = next_receiving_keys(&pair.a);
    let tag = Envelope::parse(&envelope).unwrap().tag();
    let number = fixture.epoch.locate(tag).unwrap();
    assert_eq!((number.sender.get(), number.n), (0, 0));
    let who = (fixture.who, index(0));
    let mut receiving = ReceivingSender::new(fixture.epoch.id(), who);
    assert_eq!(
        open(&mut receiving, &fixture.epoch, &envelope),
        Err(GroupOpenError::Header)
    );
    assert_eq!(fixture.state(), before);
}

#[test]
fn a_message_belongs_to_one_group_and_epoch() {
    let mut fixture = Fixture::new(3);
    let envelope = fixture.seal(b"text");
    let seed = GroupHeaderSeed::from_bytes(&[5; 32]);
    let id = fixture.epoch.id();
    let others = [
        EpochId {
            group: GroupId::from_bytes([9; 16]),
            ..id
        },
        EpochId {
            hash: EpochHash([9; 32]),
            ..id
        },
    ];
    for other in others {
        // The same seed in another group or epoch: the tag is found, and the header does not open.
        let epoch = GroupEpoch::new(other, &seed);
        let located = epoch.locate(Envelope::parse(&envelope).unwrap().tag());
        assert_eq!(located.map(|number| number.n), Some(0));
        let mut receiving = ReceivingSender::new(other, (fixture.who, index(INDEX)));
        assert_eq!(
            open(&mut receiving, &epoch, &envelope),
            Err(GroupOpenError::Header)
        );
        // Nor does a sender of this epoch open anything with the keys of another.
        assert_eq!(
            open(&mut fixture.receiving, &epoch, &envelope),
            Err(GroupOpenError::NotExpected)
        );
    }
    assert!(fixture.open(&envelope).is_ok());
}
