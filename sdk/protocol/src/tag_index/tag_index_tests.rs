use super::*;
use crate::envelope::Envelope;
use crate::session::limits::{SCAN_BURST, SCAN_PER_SECOND};
use crate::session::testing::{Pair, pair, restored, state};
use crate::test_support::rng;

struct World {
    pair: Pair,
    index: TagIndex,
    skipped: Vec<SkippedKey>,
}

impl World {
    /// B's messages are looked up in A's index.
    fn new(seed: u8) -> Self {
        let pair = pair(seed);
        let mut index = TagIndex::new(&mut rng(seed));
        index.track(&pair.a);
        Self {
            pair,
            index,
            skipped: Vec::new(),
        }
    }

    fn send(&mut self) -> Vec<u8> {
        let mut envelope = Vec::new();
        self.pair
            .b
            .encrypt(&mut self.pair.rng, b"text", &mut envelope)
            .unwrap();
        envelope
    }

    fn lookup(&mut self, envelope: &[u8]) -> Lookup {
        self.index.lookup(tag(envelope), 0)
    }

    fn receive(&mut self, envelope: &[u8]) {
        let mut content = Vec::new();
        match self.lookup(envelope) {
            Lookup::Live { position, .. } => {
                let parsed = Envelope::parse(envelope).unwrap();
                let skipped = self
                    .pair
                    .a
                    .open(position, parsed, &mut content)
                    .unwrap()
                    .commit();
                self.index.follow(&self.pair.a, tag(envelope), &skipped);
                self.skipped.extend(skipped);
            }
            Lookup::Skipped { number, .. } => {
                let at = self
                    .skipped
                    .iter()
                    .position(|key| key.number() == number)
                    .unwrap();
                let key = self.skipped.swap_remove(at);
                let parsed = Envelope::parse(envelope).unwrap();
                self.pair
                    .a
                    .open_skipped(&key, parsed, &mut content)
                    .unwrap()
                    .commit();
                self.index.consume_skipped(tag(envelope));
            }
            other @ (Lookup::Ephemeral { .. }
            | Lookup::Duplicate
            | Lookup::Unknown
            | Lookup::Later { .. }) => panic!("not found: {other:?}"),
        }
        assert_eq!(content, b"text");
    }

    fn answer(&mut self) {
        self.pair.send(true, b"answer");
    }

    fn scans(&self) -> bool {
        !self.index.expected.0.is_empty()
    }
}

fn tag(envelope: &[u8]) -> Tag {
    Envelope::parse(envelope).unwrap().tag()
}

#[test]
fn messages_of_every_position_are_found() {
    let mut world = World::new(1);
    let id = world.pair.a.id();
    let envelopes: Vec<_> = (0..60).map(|_| world.send()).collect();
    // Inside the window of the next chain, outside of it, and far outside.
    for n in [0, 1, 2, 50] {
        let found = world.lookup(&envelopes[n as usize]);
        assert_eq!(
            found,
            Lookup::Live {
                session: id,
                position: Position::Next { n }
            }
        );
    }
    world.receive(&envelopes[10]);
    for n in [11, 18, 19, 59] {
        let found = world.lookup(&envelopes[n as usize]);
        assert_eq!(
            found,
            Lookup::Live {
                session: id,
                position: Position::Current { n }
            }
        );
    }
    for n in [0, 9] {
        let number = MessageNumber { chain: 0, n };
        assert_eq!(
            world.lookup(&envelopes[n as usize]),
            Lookup::Skipped {
                session: id,
                number
            }
        );
    }
    assert_eq!(world.lookup(&envelopes[10]), Lookup::Duplicate);
    for envelope in envelopes
        .iter()
        .filter(|envelope| tag(envelope) != tag(&envelopes[10]))
    {
        world.receive(envelope);
    }
    assert!(
        envelopes
            .iter()
            .all(|envelope| world.lookup(envelope) == Lookup::Duplicate)
    );
}

#[test]
fn a_closed_chain_keeps_its_skipped_messages_and_its_replays_are_duplicates() {
    let mut world = World::new(2);
    let late = world.send();
    let opened = world.send();
    world.receive(&opened);
    for _ in 0..3 {
        world.answer();
        let next = world.send();
        world.receive(&next);
    }
    let number = MessageNumber { chain: 0, n: 0 };
    assert_eq!(
        world.lookup(&late),
        Lookup::Skipped {
            session: world.pair.a.id(),
            number
        }
    );
    assert_eq!(world.lookup(&opened), Lookup::Duplicate);
    world.receive(&late);
    assert_eq!(world.lookup(&late), Lookup::Duplicate);
}

#[test]
fn all_sixteen_bytes_are_compared() {
    let mut world = World::new(3);
    let envelope = world.send();
    for at in 0..16 {
        let mut bytes = *tag(&envelope).as_bytes();
        bytes[at] ^= 1;
        assert_eq!(
            world.index.lookup(Tag::from_bytes(bytes), 0),
            Lookup::Unknown,
            "byte {at}"
        );
    }
}

#[test]
fn a_restored_index_finds_what_the_old_one_found() {
    let mut world = World::new(4);
    let envelopes: Vec<_> = (0..12).map(|_| world.send()).collect();
    world.receive(&envelopes[5]);
    let mut restored = TagIndex::new(&mut rng(9));
    restored.track(&world.pair.a);
    for key in &world.skipped {
        restored.expect_skipped(world.pair.a.id(), key.number(), key.tag());
    }
    for (n, envelope) in envelopes.iter().enumerate() {
        // What the ring knew is still known from the number, as long as the chain lives.
        assert_eq!(
            restored.lookup(tag(envelope), 0),
            world.lookup(envelope),
            "message {n}"
        );
    }
}

#[test]
fn a_forgotten_session_and_a_forgotten_key_are_unknown() {
    let mut world = World::new(5);
    let envelopes: Vec<_> = (0..3).map(|_| world.send()).collect();
    world.receive(&envelopes[2]);
    world.index.forget_skipped(tag(&envelopes[0]));
    // Its number is below the chain's next one: nothing can open it.
    assert_eq!(world.lookup(&envelopes[0]), Lookup::Duplicate);
    world.index.forget(world.pair.a.id());
    assert_eq!(world.lookup(&envelopes[1]), Lookup::Unknown);
    assert!(!world.scans(), "a forgotten session leaves tags behind");
}

#[test]
fn tracking_again_follows_a_session_that_was_rolled_back() {
    let mut world = World::new(6);
    let first = world.send();
    let before = state(&world.pair.a);
    world.receive(&first);
    world.pair.a = restored(&before);
    world.index.track(&world.pair.a);
    let second = world.send();
    let found = world.lookup(&second);
    assert_eq!(
        found,
        Lookup::Live {
            session: world.pair.a.id(),
            position: Position::Next { n: 1 }
        }
    );
}

#[test]
fn the_map_holds_the_windows_and_no_more() {
    let mut world = World::new(7);
    for _ in 0..5 {
        for _ in 0..40 {
            let envelope = world.send();
            world.receive(&envelope);
        }
        world.answer();
    }
    assert_eq!(
        world.index.expected.0.len(),
        (WINDOW_CURRENT + WINDOW_NEXT) as usize
    );
}

#[test]
fn scans_for_garbage_are_budgeted_and_found_messages_are_free() {
    let mut world = World::new(8);
    let garbage = |i: u32| Tag::from_bytes(u128::from(i).to_be_bytes());
    let far: Vec<_> = (0..30).map(|_| world.send()).collect();
    for i in 0..SCAN_BURST {
        assert_eq!(world.index.lookup(garbage(i), 5), Lookup::Unknown);
        assert!(matches!(world.lookup(&far[29]), Lookup::Live { .. }) || i == SCAN_BURST - 1);
    }
    assert_eq!(
        world.index.lookup(garbage(0), 5),
        Lookup::Later {
            after_ms: u64::from(1_000 / SCAN_PER_SECOND)
        }
    );
    // What is in a window needs no scan.
    assert!(matches!(
        world.index.lookup(tag(&far[0]), 5),
        Lookup::Live { .. }
    ));
    assert_eq!(world.index.lookup(garbage(0), 30), Lookup::Unknown);
}

#[test]
fn the_ring_remembers_recent_tags() {
    let seed = Seed::random(&mut rng(9));
    let mut consumed = ConsumedTags::new(seed);
    assert!(!consumed.contains(1));
    for tag in 1..=200_000_u64 {
        consumed.insert(tag);
    }
    assert!(!consumed.contains(0));
    let recent = (180_001..=200_000)
        .filter(|tag| consumed.contains(*tag))
        .count();
    assert!(
        recent > 19_900,
        "only {recent} of the last 20,000 are remembered"
    );
    assert!((1..=100_000).filter(|tag| consumed.contains(*tag)).count() < 2_000);
}

/// An ephemeral message is found by inversion alone, beside the current chain only, and costs no scan budget.
#[test]
fn ephemeral_messages_are_found_beside_the_current_chain() {
    let mut world = World::new(20);
    let id = world.pair.a.id();
    let ephemeral = |world: &mut World| {
        let mut envelope = Vec::new();
        let Pair { rng, b, .. } = &mut world.pair;
        b.encrypt_ephemeral(rng, b"typing", &mut envelope).unwrap();
        envelope
    };
    let first = world.send();
    // B's chain is not open yet at A: nothing can be done with what is beside it.
    let early = ephemeral(&mut world);
    assert_eq!(world.lookup(&early), Lookup::Duplicate);
    world.receive(&first);
    for number in 0..2 * u64::from(SCAN_BURST) {
        let found = Lookup::Ephemeral {
            session: id,
            number: 0,
        };
        assert_eq!(world.lookup(&early), found, "lookup {number}");
    }
    let next = ephemeral(&mut world);
    let found = Lookup::Ephemeral {
        session: id,
        number: 1,
    };
    assert_eq!(world.lookup(&next), found);
}

#[test]
fn of_a_duplicate_the_number_is_known_while_its_chain_is_open() {
    let mut world = World::new(9);
    let id = world.pair.a.id();
    let envelopes: Vec<_> = (0..3).map(|_| world.send()).collect();
    world.receive(&envelopes[0]);
    world.receive(&envelopes[2]);
    assert_eq!(world.index.replayed(tag(&envelopes[2]), 0), Some((id, 2)));
    let of_others = World::new(11).send();
    assert_eq!(world.index.replayed(tag(&of_others), 0), None);
    world.answer();
    let next = world.send();
    assert_eq!(world.index.replayed(tag(&next), 0), None, "it is new");
    world.receive(&next);
    assert_eq!(world.index.replayed(tag(&next), 0), Some((id, 0)));
    assert_eq!(world.index.replayed(tag(&envelopes[2]), 0), None);
}

/// Of a message that did not come before, nothing was used before.
#[test]
fn what_was_not_opened_yet_is_no_replay() {
    let mut world = World::new(60);
    let (first, second, third) = (world.send(), world.send(), world.send());
    world.receive(&first);
    assert!(world.index.replayed(tag(&first), 0).is_some());
    for unopened in [&second, &third] {
        assert_eq!(world.index.replayed(tag(unopened), 0), None);
    }
}

/// An index that missed what its session did finds what the session expects now.
#[test]
fn an_index_that_missed_two_chains_catches_up() {
    let mut world = World::new(61);
    let first = world.send();
    world.receive(&first);
    // Two turns of the conversation go past the index.
    for _ in 0..2 {
        world.answer();
        world.pair.send(false, b"text");
    }
    let last = world.send();
    let envelope = Envelope::parse(&last).unwrap();
    let at = crate::session::testing::position(&world.pair.a, envelope.tag()).unwrap();
    let opened = world.pair.a.open(at, envelope, &mut Vec::new()).unwrap();
    let skipped = opened.commit();
    world.index.follow(&world.pair.a, envelope.tag(), &skipped);
    let next = world.send();
    world.receive(&next);
    world.answer();
    let of_next_chain = world.send();
    world.receive(&of_next_chain);
}

#[test]
fn looks_at_duplicates_are_budgeted_and_take_nothing_from_what_is_new() {
    let mut world = World::new(10);
    let envelope = world.send();
    world.receive(&envelope);
    let mut looks =
        (0..2 * SCAN_BURST).filter(|_| world.index.replayed(tag(&envelope), 0).is_some());
    assert_eq!(looks.by_ref().count(), SCAN_BURST as usize);
    let far = (0..20).map(|_| world.send()).last().unwrap();
    assert!(matches!(world.lookup(&far), Lookup::Live { .. }));
    let later = 1_000 / u64::from(SCAN_PER_SECOND);
    assert!(world.index.replayed(tag(&envelope), later).is_some());
}
