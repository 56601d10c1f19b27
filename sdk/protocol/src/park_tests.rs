use super::*;
use crate::envelope::Envelope;
use crate::session::testing::pair;
use crate::test_support::{FixedRng, rng};

fn tag(i: u64) -> Tag {
    Tag::from_bytes((u128::from(i) << 64 | 1).to_be_bytes())
}

#[test]
fn follow_ups_are_found_when_their_session_appears() {
    let mut pair = pair(1);
    let mut rng = rng(1);
    let mut park = Park::default();
    let mut parked = Vec::new();
    for id in 0..5 {
        let mut envelope = Vec::new();
        pair.a
            .encrypt(&mut pair.rng, b"follow-up", &mut envelope)
            .unwrap();
        parked.push((
            ParkedId(100 - id),
            Envelope::parse(&envelope).unwrap().tag(),
        ));
    }
    for (id, tag) in parked.iter().rev() {
        assert!(
            park.insert(&mut rng, *id, *tag, 512, Timestamp(0))
                .is_empty()
        );
    }
    park.insert(&mut rng, ParkedId(1), tag(1), 512, Timestamp(0));
    let found = park.matching(&pair.b);
    let expected: Vec<_> = (1..6)
        .map(|n| (ParkedId(101 - u64::from(n)), Position::Current { n }))
        .collect();
    assert_eq!(found, expected);
    // A's own session does not match what A sent.
    assert!(park.matching(&pair.a).is_empty());
    park.remove(ParkedId(100));
    assert_eq!(park.matching(&pair.b), expected[1..]);
    assert_eq!(park.len(), 5);
}

#[test]
fn a_flood_keeps_the_number_and_the_bytes_within_limits() {
    let mut rng = rng(2);
    let mut park = Park::default();
    let mut evicted = Vec::new();
    for i in 0..3_000 {
        evicted.extend(park.insert(&mut rng, ParkedId(i), tag(i), 512, Timestamp(0)));
        assert!(park.len() <= MAX_PARKED && park.bytes <= MAX_PARKED_BYTES);
    }
    assert_eq!(park.len() + evicted.len(), 3_000);
    // Random replacement: neither the oldest nor the newest are safe.
    assert!(
        evicted.iter().any(|id| id.0 > 2_000)
            && park.entries.iter().any(|entry| entry.id.0 < 1_000)
    );
    for i in 3_000..3_100 {
        park.insert(&mut rng, ParkedId(i), tag(i), 65_536, Timestamp(0));
        assert!(park.bytes <= MAX_PARKED_BYTES);
    }
}

#[test]
fn what_was_parked_before_a_time_goes() {
    let mut rng = rng(3);
    let mut park = Park::default();
    park.insert(&mut rng, ParkedId(1), tag(1), 512, Timestamp(0));
    park.insert(&mut rng, ParkedId(2), tag(2), 512, Timestamp(1));
    assert!(park.expire(Timestamp(0)).is_empty());
    assert_eq!(park.expire(Timestamp(1)), [ParkedId(1)]);
    assert_eq!((park.len(), park.is_empty()), (1, false));
}

#[test]
fn a_park_is_full_at_its_last_byte_and_not_before() {
    let mut rng = rng(4);
    let mut park = Park::default();
    let mut insert =
        |park: &mut Park, id, len| park.insert(&mut rng, ParkedId(id), tag(id), len, Timestamp(0));
    for id in 1..=16 {
        assert!(insert(&mut park, id, MAX_PARKED_BYTES / 16).is_empty());
    }
    assert_eq!(park.bytes, MAX_PARKED_BYTES);
    park.remove(ParkedId(3));
    assert!(insert(&mut park, 17, MAX_PARKED_BYTES / 16).is_empty());
    assert_eq!(insert(&mut park, 18, 1).len(), 1);
}

#[test]
fn a_park_is_empty_until_something_is_parked_and_when_it_has_gone() {
    let mut park = Park::default();
    assert!(park.is_empty());
    park.insert(&mut rng(5), ParkedId(1), tag(1), 512, Timestamp(0));
    assert!(!park.is_empty());
    park.remove(ParkedId(1));
    assert!(park.is_empty());
    assert_eq!(park.bytes, 0);
}

#[test]
fn a_random_index_is_the_same_part_of_the_length_as_the_number_of_its_range() {
    for (number, index) in [(0, 0), (1 << 62, 2), (1 << 63, 5), (u64::MAX, 9)] {
        let mut rng = FixedRng::new(&u64::to_be_bytes(number));
        assert_eq!(random_below(&mut rng, 10), index);
    }
}
