//! Two devices with real sessions, a hostile network between them, and disks that crash and go back in time.

use std::collections::HashMap;

use rand_core::{Rng, SeedableRng};

use super::testing::{Pair, pair, position, restored, state};
use super::*;
use crate::envelope::{Context, Envelope};
use crate::header::Header;
use crate::pq_ratchet::{R_EK, R_MIXED};
use crate::primitives::kem::instrument::operations;
use crate::tag::Tag;

/// What a disk holds.
pub(super) struct Disk {
    pub(super) session: Vec<u8>,
    pub(super) skipped: Vec<(MessageNumber, Tag, [u8; 32])>,
    /// The last ratchet key made, which tells sending root steps apart.
    pub(super) dh: [u8; 32],
}

/// One device: its session and its store of skipped keys.
pub(super) struct Party {
    pub(super) session: Session,
    pub(super) skipped: HashMap<Tag, SkippedKey>,
    /// Of all times.
    pub(super) disks: Vec<Disk>,
}

#[derive(Debug, PartialEq, Eq)]
pub(super) enum Received {
    Opened(Vec<u8>),
    Duplicate,
    Unknown,
    Rejected(OpenError),
}

impl Party {
    pub(super) fn new(session: Session) -> Self {
        let mut party = Self {
            session,
            skipped: HashMap::new(),
            disks: Vec::new(),
        };
        party.write();
        party
    }

    pub(super) fn write(&mut self) {
        let parts = |key: &SkippedKey| (key.number(), key.tag(), *key.expose());
        self.disks.push(Disk {
            session: state(&self.session),
            skipped: self.skipped.values().map(parts).collect(),
            dh: *self.session.ratchet.public_key().as_bytes(),
        });
    }

    /// The process starts from a disk.
    pub(super) fn load(&mut self, at: usize) {
        let disk = &self.disks[at];
        self.session = restored(&disk.session);
        let key = |(number, tag, key): &_| (*tag, SkippedKey::from_parts(*number, *tag, *key));
        self.skipped = disk.skipped.iter().map(key).collect();
    }

    pub(super) fn crash(&mut self) {
        self.load(self.disks.len() - 1);
    }

    pub(super) fn receive(&mut self, bytes: &[u8]) -> Received {
        let (received, count) = operations(|| self.open(bytes));
        assert_eq!(count, 0, "receiving costs a KEM operation");
        self.write();
        received
    }

    fn open(&mut self, bytes: &[u8]) -> Received {
        let envelope = Envelope::parse(bytes).unwrap();
        let mut content = Vec::new();
        let tag = envelope.tag();
        if let Some(key) = self.skipped.get(&tag) {
            let opened = self.session.open_skipped(key, envelope, &mut content);
            return match opened.map(OpenedSkipped::commit) {
                Ok(_) => {
                    self.skipped.remove(&tag);
                    Received::Opened(content)
                }
                Err(error) => Received::Rejected(error),
            };
        }
        let Some(position) = position(&self.session, tag) else {
            return Received::Unknown;
        };
        match self.session.open(position, envelope, &mut content) {
            Ok(opened) => {
                let skipped = opened.commit();
                self.skipped
                    .extend(skipped.into_iter().map(|key| (key.tag(), key)));
                Received::Opened(content)
            }
            Err(OpenError::NotExpected) => Received::Duplicate,
            Err(error) => Received::Rejected(error),
        }
    }
}

/// Two devices, and what the relay has of their messages.
pub(super) struct Net {
    pub(super) rng: rand_chacha::ChaCha20Rng,
    pub(super) parties: [Party; 2],
    /// Towards each party: text and envelope.
    pub(super) lanes: [Vec<(Vec<u8>, Vec<u8>)>; 2],
    /// What each chain announced, by its ratchet key.
    pub(super) chains: HashMap<[u8; 32], Announced>,
    pub(super) sent: [u32; 2],
}

impl Net {
    pub(super) fn new(seed: u64) -> Self {
        let [low, ..] = seed.to_le_bytes();
        let Pair { a, b, .. } = pair(low);
        Self {
            rng: rand_chacha::ChaCha20Rng::seed_from_u64(seed),
            parties: [Party::new(a), Party::new(b)],
            lanes: [Vec::new(), Vec::new()],
            chains: HashMap::new(),
            sent: [0; 2],
        }
    }

    pub(super) fn below(&mut self, limit: usize) -> usize {
        usize::try_from(self.rng.next_u32()).unwrap() % limit
    }

    pub(super) fn chance(&mut self, percent: usize) -> bool {
        self.below(100) < percent
    }

    pub(super) fn send(&mut self, from: usize) {
        let text = [from.to_be_bytes(), self.lanes[1 - from].len().to_be_bytes()].concat();
        let text = [&text[..], &self.rng.next_u64().to_be_bytes()].concat();
        let party = &mut self.parties[from];
        let owed = party.session.owes_step();
        let mut envelope = Vec::new();
        let (number, count) =
            operations(|| party.session.encrypt(&mut self.rng, &text, &mut envelope));
        number.unwrap();
        assert!(
            count <= u32::from(owed),
            "{count} KEM operations in one send"
        );
        party.write();
        self.sent[from] += 1;
        self.check_chain(from, &envelope);
        self.lanes[1 - from].push((text, envelope));
    }

    /// The header of what a party sent last.
    pub(super) fn header(&self, from: usize, envelope: &[u8]) -> Header {
        let session = &self.parties[from].session;
        let Sending::Open(chain) = &session.sending else {
            panic!("nothing was sent")
        };
        let sealed = Envelope::parse(envelope).unwrap().sealed();
        let context = Context::Session(&session.transcript);
        sealed.open_header(context, &chain.keys.header).unwrap()
    }

    /// `fixed_s`: all headers of a chain announce the same.
    fn check_chain(&mut self, from: usize, envelope: &[u8]) {
        let header = self.header(from, envelope);
        let announced = header.pq.announced();
        let first = self.chains.entry(*header.dh.as_bytes());
        assert_eq!(*first.or_insert(announced), announced, "a chain changed");
    }

    /// Delivers the envelope at `at`, and keeps a copy in flight when it is to come twice.
    pub(super) fn deliver(&mut self, to: usize, at: usize, again: bool) -> Received {
        let (text, envelope) = if again {
            self.lanes[to][at].clone()
        } else {
            self.lanes[to].remove(at)
        };
        let received = self.parties[to].receive(&envelope);
        if let Received::Opened(content) = &received {
            assert_eq!(*content, text, "the sides have other keys");
        }
        self.check();
        received
    }

    pub(super) fn states(&self) -> [(u64, u8); 2] {
        [0, 1].map(|at: usize| self.parties[at].session.pq.inspect())
    }

    /// One epoch, one proposer; the proposer is ahead by one while the responder has mixed.
    fn check(&self) {
        let [(e_a, code_a), (e_b, code_b)] = self.states();
        let proposes = |code| code < R_EK;
        if e_a == e_b {
            assert_ne!(proposes(code_a), proposes(code_b), "not one proposer");
        } else {
            let (behind, ahead) = if e_a < e_b {
                ((e_a, code_a), (e_b, code_b))
            } else {
                ((e_b, code_b), (e_a, code_a))
            };
            assert_eq!(behind.0 + 1, ahead.0);
            assert_eq!((behind.1, ahead.1), (R_MIXED, R_EK));
        }
        assert!(self.unfailed());
    }

    pub(super) fn unfailed(&self) -> bool {
        let stopped = |party: &Party| party.session.pq_failure() == Some(PqFailure::Stopped);
        !self.parties.iter().any(stopped)
    }

    pub(super) fn epoch(&self) -> u64 {
        self.states()
            .into_iter()
            .map(|(epoch, _)| epoch)
            .min()
            .unwrap()
    }

    /// A message and an answer, both delivered at once.
    pub(super) fn round_trip(&mut self) {
        for from in [0, 1] {
            self.send(from);
            let last = self.lanes[1 - from].len() - 1;
            self.deliver(1 - from, last, false);
        }
    }

    /// Round trips until the epoch that runs has ended on both sides.
    pub(super) fn round_trips_to_next_epoch(&mut self, at_most: u32) -> u32 {
        let running = self.epoch();
        for count in 1..=at_most {
            self.round_trip();
            if self.epoch() > running {
                return count;
            }
        }
        panic!(
            "epoch {running} did not end in {at_most} round trips: {:?}",
            self.states()
        )
    }

    /// A step of a network that loses, delays and repeats.
    pub(super) fn disturb(&mut self) {
        let side = self.below(2);
        let flying = self.lanes[side].len();
        match self.below(100) {
            0..=39 => (0..=self.below(4)).for_each(|_| self.send(side)),
            40..=64 if flying > 0 => _ = self.deliver(side, 0, false),
            65..=79 if flying > 0 => {
                let at = self.below(flying);
                self.deliver(side, at, false);
            }
            80..=84 if flying > 0 => {
                let (at, again) = (self.below(flying), self.chance(50));
                self.deliver(side, at, again);
            }
            85..=92 if flying > 0 => {
                let at = self.below(flying);
                self.lanes[side].remove(at);
            }
            93..=99 => self.parties[side].crash(),
            _ => {}
        }
    }
}
