//! Two parties and a hostile network, any schedule: every message that arrives is delivered once.

use std::cell::RefCell;
use std::collections::{HashMap, HashSet};
use std::rc::Rc;

use proptest::prelude::*;

use super::testing::{Pair, pair, restored, state};
use super::*;
use crate::envelope::Envelope;
use crate::primitives::aead::instrument;
use crate::tag_index::{Lookup, TagIndex};
use crate::test_support::rng;

/// One device: its session, its index of tags, and its store of skipped keys.
struct Party {
    session: Session,
    index: TagIndex,
    store: HashMap<MessageNumber, SkippedKey>,
    delivered: Vec<Vec<u8>>,
    /// The ring of consumed tags does not survive a restart: a replay of a closed chain is then unknown.
    restarted: bool,
}

impl Party {
    fn new(session: Session) -> Self {
        let mut index = TagIndex::new(&mut rng(1));
        index.track(&session);
        Self {
            session,
            index,
            store: HashMap::new(),
            delivered: Vec::new(),
            restarted: false,
        }
    }

    /// A process that ends and starts again: everything from its stored bytes.
    fn restart(&mut self) {
        self.restarted = true;
        self.session = restored(&state(&self.session));
        self.index = TagIndex::new(&mut rng(2));
        self.index.track(&self.session);
        for key in self.store.values() {
            self.index
                .expect_skipped(self.session.id(), key.number(), key.tag());
        }
    }

    fn receive(&mut self, bytes: &[u8]) -> Received {
        let Ok(envelope) = Envelope::parse(bytes) else {
            return Received::Rejected;
        };
        let mut content = Vec::new();
        match self.index.lookup(envelope.tag(), 0) {
            Lookup::Live { position, .. } => {
                let Ok(opened) = self.session.open(position, envelope, &mut content) else {
                    return Received::Rejected;
                };
                let skipped = opened.commit();
                self.index.follow(&self.session, envelope.tag(), &skipped);
                self.store
                    .extend(skipped.into_iter().map(|key| (key.number(), key)));
            }
            Lookup::Skipped { number, .. } => {
                let key = self
                    .store
                    .get(&number)
                    .expect("an expected tag has its key in the store");
                let Ok(opened) = self.session.open_skipped(key, envelope, &mut content) else {
                    return Received::Rejected;
                };
                opened.commit();
                self.store.remove(&number);
                self.index.consume_skipped(envelope.tag());
            }
            Lookup::Ephemeral { .. } => panic!("nothing ephemeral was sent"),
            Lookup::Duplicate => return Received::Duplicate,
            Lookup::Unknown => return Received::Unknown,
            Lookup::Later { .. } => panic!("an honest message needs no budget"),
        }
        self.delivered.push(content);
        Received::Delivered
    }

    fn state(&self) -> (Vec<u8>, usize, usize) {
        (state(&self.session), self.store.len(), self.delivered.len())
    }
}

#[derive(Debug, PartialEq, Eq)]
enum Received {
    Delivered,
    Duplicate,
    Rejected,
    Unknown,
}

#[derive(Debug, Clone)]
enum Op {
    Send {
        from_a: bool,
        count: u8,
    },
    Deliver {
        to_a: bool,
        pick: usize,
    },
    DeliverInOrder {
        to_a: bool,
        count: u8,
    },
    Duplicate {
        to_a: bool,
        pick: usize,
    },
    Drop {
        to_a: bool,
        pick: usize,
    },
    Corrupt {
        to_a: bool,
        pick: usize,
        at: usize,
        bit: u8,
    },
    Reflect {
        to_a: bool,
        pick: usize,
    },
    Restart {
        a: bool,
    },
}

fn op() -> impl Strategy<Value = Op> {
    prop_oneof![
        4 => (any::<bool>(), 1..12_u8).prop_map(|(from_a, count)| Op::Send { from_a, count }),
        4 => (any::<bool>(), any::<usize>()).prop_map(|(to_a, pick)| Op::Deliver { to_a, pick }),
        3 => (any::<bool>(), 1..12_u8).prop_map(|(to_a, count)| Op::DeliverInOrder { to_a, count }),
        1 => (any::<bool>(), any::<usize>()).prop_map(|(to_a, pick)| Op::Duplicate { to_a, pick }),
        1 => (any::<bool>(), any::<usize>()).prop_map(|(to_a, pick)| Op::Drop { to_a, pick }),
        1 => (any::<bool>(), any::<usize>(), any::<usize>(), 0..8_u8)
            .prop_map(|(to_a, pick, at, bit)| Op::Corrupt { to_a, pick, at, bit }),
        1 => (any::<bool>(), any::<usize>()).prop_map(|(to_a, pick)| Op::Reflect { to_a, pick }),
        1 => any::<bool>().prop_map(|a| Op::Restart { a }),
    ]
}

/// What travels in one direction: the text and the envelope.
#[derive(Default)]
struct Lane {
    in_flight: Vec<(Vec<u8>, Vec<u8>)>,
    past: Vec<Vec<u8>>,
    lost: HashSet<Vec<u8>>,
    sent: u32,
}

struct World {
    rng: rand_chacha::ChaCha20Rng,
    a: Party,
    b: Party,
    to_a: Lane,
    to_b: Lane,
}

impl World {
    fn new() -> Self {
        let Pair { rng, a, b } = pair(1);
        let (a, b) = (Party::new(a), Party::new(b));
        Self {
            rng,
            a,
            b,
            to_a: Lane::default(),
            to_b: Lane::default(),
        }
    }

    fn side(&mut self, to_a: bool) -> (&mut Party, &mut Lane) {
        if to_a {
            (&mut self.a, &mut self.to_a)
        } else {
            (&mut self.b, &mut self.to_b)
        }
    }

    fn step(&mut self, op: &Op) {
        match *op {
            Op::Send { from_a, count } => (0..count).for_each(|_| self.send(from_a)),
            Op::Deliver { to_a, pick } => self.deliver(to_a, pick),
            Op::DeliverInOrder { to_a, count } => (0..count).for_each(|_| self.deliver(to_a, 0)),
            Op::Duplicate { to_a, pick } => {
                let (party, lane) = self.side(to_a);
                if let Some(envelope) = pick
                    .checked_rem(lane.past.len())
                    .map(|at| lane.past[at].clone())
                {
                    let before = party.state();
                    match party.receive(&envelope) {
                        Received::Duplicate => {}
                        Received::Unknown => assert!(party.restarted),
                        other @ (Received::Delivered | Received::Rejected) => {
                            panic!("a duplicate is {other:?}")
                        }
                    }
                    assert_eq!(party.state(), before);
                }
            }
            Op::Drop { to_a, pick } => {
                let (_, lane) = self.side(to_a);
                if let Some(at) = pick.checked_rem(lane.in_flight.len()) {
                    let (text, _) = lane.in_flight.remove(at);
                    lane.lost.insert(text);
                }
            }
            Op::Corrupt {
                to_a,
                pick,
                at,
                bit,
            } => {
                let (party, lane) = self.side(to_a);
                if let Some(pick) = pick.checked_rem(lane.in_flight.len()) {
                    let mut envelope = lane.in_flight[pick].1.clone();
                    let at = at % envelope.len();
                    envelope[at] ^= 1 << bit;
                    let before = party.state();
                    let received = party.receive(&envelope);
                    assert!(
                        matches!(received, Received::Rejected | Received::Unknown),
                        "{received:?}"
                    );
                    assert_eq!(party.state(), before);
                }
            }
            Op::Reflect { to_a, pick } => {
                let envelope = {
                    let (_, lane) = self.side(!to_a);
                    pick.checked_rem(lane.in_flight.len())
                        .map(|at| lane.in_flight[at].1.clone())
                };
                let (party, _) = self.side(to_a);
                if let Some(envelope) = envelope {
                    assert_eq!(party.receive(&envelope), Received::Unknown);
                }
            }
            Op::Restart { a } => self.side(a).0.restart(),
        }
    }

    fn send(&mut self, from_a: bool) {
        let (party, lane) = if from_a {
            (&mut self.a, &mut self.to_b)
        } else {
            (&mut self.b, &mut self.to_a)
        };
        let text = [
            &[u8::from(from_a)][..],
            &lane.sent.to_be_bytes(),
            &vec![7; lane.sent as usize % 400],
        ]
        .concat();
        let mut envelope = Vec::new();
        if party
            .session
            .encrypt(&mut self.rng, &text, &mut envelope)
            .is_ok()
        {
            lane.sent += 1;
            lane.in_flight.push((text, envelope));
        }
    }

    fn deliver(&mut self, to_a: bool, pick: usize) {
        let (party, lane) = self.side(to_a);
        if let Some(at) = pick.checked_rem(lane.in_flight.len()) {
            let (text, envelope) = lane.in_flight.remove(at);
            assert_eq!(party.receive(&envelope), Received::Delivered);
            assert_eq!(party.delivered.last(), Some(&text));
            lane.past.push(envelope);
        }
    }

    /// Everything still in flight arrives, the newest first; then nothing is missing and nothing came twice.
    fn settle(mut self) {
        for to_a in [true, false] {
            while !self.side(to_a).1.in_flight.is_empty() {
                let newest = self.side(to_a).1.in_flight.len() - 1;
                self.deliver(to_a, newest);
            }
            let (party, lane) = self.side(to_a);
            let unique: HashSet<_> = party.delivered.iter().collect();
            assert_eq!(unique.len(), party.delivered.len());
            assert_eq!(party.delivered.len() + lane.lost.len(), lane.sent as usize);
            assert_eq!(party.store.len(), lane.lost.len().min(party.store.len()));
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn r4_any_schedule_delivers_each_message_once(ops in proptest::collection::vec(op(), 1..80)) {
        let mut world = World::new();
        ops.iter().for_each(|op| world.step(op));
        world.settle();
    }
}

/// C2, R6, R7: no schedule of sends, crashes and rollbacks seals twice under one key and nonce.
#[test]
fn c2_no_key_and_nonce_repeat_across_crashes_and_rollbacks() {
    let seen = Rc::new(RefCell::new(HashSet::new()));
    let observed = Rc::clone(&seen);
    let previous = instrument::install(Some(Box::new(move |key, nonce| {
        assert!(
            observed.borrow_mut().insert((key, nonce)),
            "a (key, nonce) pair repeats"
        );
    })));
    let mut world = World::new();
    let mut snapshots = Vec::new();
    for round in 0_usize..1_000 {
        let from_a = round % 7 < 4;
        snapshots.push(state(&world.side(from_a).0.session));
        world.send(from_a);
        if round % 3 == 0 {
            world.deliver(!from_a, 0);
        }
        if round % 5 == 0 {
            // The disk goes back to an older state of this device, and it sends again.
            let snapshot = snapshots[snapshots.len() - 1 - round % 2 * 3 % snapshots.len()].clone();
            let mut clone = restored(&snapshot);
            for text in [&b"one"[..], b"another"] {
                let _ = clone.encrypt(&mut world.rng, text, &mut Vec::new());
            }
        }
    }
    instrument::install(previous);
    assert!(seen.borrow().len() > 2_000);
}

/// A second copy of a state derives the same keys: the control of the test above, which the salt alone passes.
#[test]
fn a_rolled_back_state_repeats_its_keys() {
    let keys = Rc::new(RefCell::new(Vec::new()));
    let observed = Rc::clone(&keys);
    let mut pair = pair(2);
    pair.send(true, b"opens the chain");
    let snapshot = state(&pair.a);
    let previous = instrument::install(Some(Box::new(move |key, _| {
        observed.borrow_mut().push(key)
    })));
    for _ in 0..2 {
        let mut clone = restored(&snapshot);
        clone
            .encrypt(&mut pair.rng, b"text", &mut Vec::new())
            .unwrap();
    }
    instrument::install(previous);
    let keys = keys.borrow();
    assert_eq!(
        (keys.len(), keys[0] == keys[2], keys[1] == keys[3]),
        (4, true, true)
    );
}

/// R2: a peer who skips as much as he can, for ever, is held to the limits, and honest late messages still open.
#[test]
fn r2_a_flood_of_skipped_messages_is_bounded() {
    let mut world = World::new();
    for round in 0..8 {
        for _ in 0..=MAX_N {
            world.send(true);
        }
        let last = world.to_b.in_flight.pop().unwrap();
        assert_eq!(world.b.receive(&last.1), Received::Delivered);
        let excess = session_eviction(world.b.store.len());
        let mut numbers: Vec<_> = world.b.store.keys().copied().collect();
        numbers.sort_unstable();
        for number in numbers.iter().take(excess) {
            let evicted = world.b.store.remove(number).unwrap();
            world.b.index.forget_skipped(evicted.tag());
        }
        assert!(world.b.store.len() <= limits::MAX_SKIPPED_PER_SESSION);
        // The newest of the late messages is within the limit.
        let late = world.to_b.in_flight.pop().unwrap();
        assert_eq!(
            world.b.receive(&late.1),
            Received::Delivered,
            "round {round}"
        );
        world.send(false);
        world.deliver(true, 0);
    }
}

#[test]
fn content_that_fits_no_envelope_is_refused() {
    let mut pair = pair(3);
    let before = state(&pair.a);
    let mut out = vec![7];
    let longest = crate::padding::MAX_CONTENT;
    let refused = pair
        .a
        .encrypt(&mut pair.rng, &vec![0; longest + 1], &mut out);
    assert_eq!(refused, Err(EncryptError::TooLong));
    assert_eq!((out, state(&pair.a)), (vec![7], before));
    pair.send(true, &vec![1; longest]);
}

/// R9: what one envelope may cost. A tag names its message, so that no key is tried: a header and a body are opened, or less.
#[test]
fn r9_an_envelope_costs_at_most_two_openings() {
    let mut world = World::new();
    // Other sessions of the device, whose keys could be tried as well.
    for seed in 2..40 {
        world.b.index.track(&pair(seed).b);
    }
    (0..5).for_each(|_| world.send(true));
    let cost = |party: &mut Party, envelope: &[u8]| instrument::opens(|| party.receive(envelope));
    let changed = |envelope: &[u8], at: usize| {
        let mut envelope = envelope.to_vec();
        envelope[at] ^= 1;
        envelope
    };
    let sent: Vec<_> = world
        .to_b
        .in_flight
        .drain(..)
        .map(|(_, envelope)| envelope)
        .collect();
    let [skipped, late, third, fourth, last] = sent.as_slice() else {
        panic!("five were sent")
    };
    // Garbage and a changed tag: nothing matches, and nothing is opened.
    assert_eq!(
        cost(&mut world.b, &changed(third, 1)),
        (Received::Unknown, 0)
    );
    assert_eq!(cost(&mut world.b, &[0x11; 512]), (Received::Unknown, 0));
    // Salt and header, commitment, body.
    for (at, opens) in [(17, 1), (29, 1), (208, 1), (300, 2)] {
        assert_eq!(
            cost(&mut world.b, &changed(third, at)),
            (Received::Rejected, opens),
            "byte {at}"
        );
    }
    assert_eq!(cost(&mut world.b, third), (Received::Delivered, 2));
    assert_eq!(cost(&mut world.b, third), (Received::Duplicate, 0));
    // A message that others overtook, and one whose chain is closed.
    assert_eq!(cost(&mut world.b, skipped), (Received::Delivered, 2));
    assert_eq!(cost(&mut world.b, fourth), (Received::Delivered, 2));
    assert_eq!(cost(&mut world.b, last), (Received::Delivered, 2));
    world.send(false);
    world.deliver(true, 0);
    world.send(true);
    let (_, opening) = world.to_b.in_flight.pop().unwrap();
    assert_eq!(cost(&mut world.b, &opening), (Received::Delivered, 2));
    assert_eq!(cost(&mut world.b, late), (Received::Delivered, 1));
}

#[test]
fn s5_secrets_are_neither_cloned_nor_printed() {
    crate::test_support::assert_not_impl!(Session: Clone);
    crate::test_support::assert_not_impl!(Session: core::fmt::Debug);
    crate::test_support::assert_not_impl!(SkippedKey: Clone);
    crate::test_support::assert_not_impl!(SkippedKey: core::fmt::Debug);
    crate::test_support::assert_not_impl!(RootKey: Clone);
    crate::test_support::assert_not_impl!(ChainKey: Clone);
}
