//! Two devices with a session, and between them a network that a program of bytes drives.
//!
//! One byte is one event: the upper half says what happens, the lowest bit to whom, the rest how often or to which envelope. The model knows what
//! each side has opened, and the sides store after each event, as a device commits before anything leaves it.

use std::collections::HashSet;
use std::sync::LazyLock;

use rand_chacha::ChaCha8Rng;
use rand_core::Rng;
use undertone_protocol::session::{MessageNumber, PqFailure, Session};

use crate::device::{Device, Received, Stored};
use crate::edit::edited;
use crate::party::{pair, rng};

/// Bytes of a program: beyond it an input is only slow.
const MAX_EVENTS: usize = 64;

/// Events in front of an edit, and bytes of an edit.
const EVENTS_PER_EDIT: usize = 4;

/// Messages of the smallest burst: eight of the largest fill a chain.
const BURST: usize = 16;

/// Envelopes in flight to one side.
const MAX_FLYING: usize = 1_200;

/// States of a disk that it may go back to.
const MAX_DISKS: usize = 64;

/// Where a stored session has the public ratchet key, and from its end the post-quantum ratchet's epoch and state.
const RATCHET_KEY: core::ops::Range<usize> = 114..146;
const PQ_FROM_END: usize = 19;
const PQ_LEN: usize = 18;

/// Numbers of the post-quantum ratchet's states in storage.
const R_EK: u8 = 5;
const R_MIXED: u8 = 7;

/// Both sides after the first message.
static BEGUN: LazyLock<[Stored; 2]> =
    LazyLock::new(|| pair(&mut rng(30)).map(|session| Device::new(session).stored()));

struct Flying {
    number: Number,
    text: Vec<u8>,
    envelope: Vec<u8>,
}

/// What a message is known by.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
enum Number {
    Message(MessageNumber),
    Ephemeral(u32),
}

struct Side {
    device: Device,
    /// What it has opened, as its history on disk has it.
    opened: HashSet<Number>,
    /// The newest is the last.
    disks: Vec<(Stored, HashSet<Number>)>,
    /// In flight to it.
    flying: Vec<Flying>,
}

/// How much of the conversation is honest.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Honesty {
    /// Both sides and their disks.
    Full,
    /// A disk went back inside a sending chain: numbers are used twice, and what was read before may be unknown now.
    DiskWentBack,
    /// The first side's post-quantum ratchet says what it was told to.
    Tampered,
}

pub(crate) struct Net {
    rng: ChaCha8Rng,
    sides: [Side; 2],
    honesty: Honesty,
    ephemerals: u32,
}

impl Side {
    fn new(stored: &Stored) -> Self {
        let mut side = Self {
            device: Device::restored(stored),
            opened: HashSet::new(),
            disks: Vec::new(),
            flying: Vec::new(),
        };
        side.store();
        side
    }

    fn store(&mut self) {
        if self.disks.len() == MAX_DISKS {
            self.disks.remove(0);
        }
        self.disks.push((self.device.stored(), self.opened.clone()));
    }

    fn last(&self) -> &Stored {
        &self.disks[self.disks.len() - 1].0
    }

    /// The process ends and starts from the disk as it was `back` events ago, but not before the last sending root step.
    fn restart(&mut self, back: usize) -> bool {
        let newest = self.disks.len() - 1;
        let key = |at: usize| self.disks[at].0.session[RATCHET_KEY].to_vec();
        let same =
            (0..=back).take_while(|back| *back <= newest && key(newest - back) == key(newest));
        let back = same.last().unwrap_or(0);
        self.disks.truncate(newest - back + 1);
        let (stored, opened) = &self.disks[newest - back];
        self.device = Device::restored(stored);
        self.opened.clone_from(opened);
        assert_eq!(
            self.device.stored(),
            *self.last(),
            "a restart changes what is stored"
        );
        back > 0
    }

    /// The post-quantum ratchet's epoch and state.
    fn pq(&self) -> (u64, u8) {
        let bytes = &self.last().session;
        let at = bytes.len() - PQ_FROM_END;
        let epoch = bytes[at..at + 8].try_into().unwrap();
        (u64::from_be_bytes(epoch), bytes[at + 8])
    }
}

impl Net {
    pub(crate) fn new() -> Self {
        Self {
            sides: [0, 1].map(|side: usize| Side::new(&BEGUN[side])),
            rng: rng(31),
            honesty: Honesty::Full,
            ephemerals: 0,
        }
    }

    /// Runs a program in which nobody lies but the network; whatever is left in flight then arrives.
    pub(crate) fn run(&mut self, program: &[u8]) {
        for event in program.iter().take(MAX_EVENTS) {
            self.event(*event);
        }
        for side in [0, 1] {
            while !self.sides[side].flying.is_empty() {
                self.deliver(side, 0, false);
            }
        }
        self.settle();
    }

    /// Runs a program between whose events the first side's post-quantum ratchet is edited: four
    /// events, four bytes of edit, and so on.
    pub(crate) fn run_tampered(&mut self, program: &[u8]) {
        for events in program
            .chunks(2 * EVENTS_PER_EDIT)
            .take(MAX_EVENTS / EVENTS_PER_EDIT)
        {
            let (events, edit) = events.split_at(events.len().min(EVENTS_PER_EDIT));
            events.iter().for_each(|event| self.event(*event));
            self.tamper(edit);
        }
        self.event(0xe1);
    }

    fn event(&mut self, event: u8) {
        let (side, many) = (usize::from(event & 1), usize::from(event >> 1 & 7));
        match event >> 4 {
            0..=1 => (0..=many).for_each(|_| self.send(side)),
            2 => (0..BURST * (many + 1)).for_each(|_| self.send(side)),
            3..=5 => (0..=many).for_each(|_| self.deliver(side, 0, false)),
            6 => self.deliver(side, many, false),
            7 => self.deliver(side, many, true),
            8 => _ = self.take(side, many),
            9 => self.corrupt(side, many),
            10 => self.crash(side, many),
            11 => self.restart(side, 0),
            12 => self.restart(side, many),
            13 => self.send_ephemeral(side),
            14 => (0..=many).for_each(|_| self.round_trip(side)),
            _ => self.reflect(side, many),
        }
        self.settle();
    }

    fn text(&mut self) -> Vec<u8> {
        let len = usize::from(self.rng.next_u32().to_be_bytes()[0]) + 8;
        let mut text = vec![0; len];
        self.rng.fill_bytes(&mut text);
        text
    }

    fn send(&mut self, from: usize) {
        let text = self.text();
        let sent = self.sides[from].device.send(&mut self.rng, &text);
        if let Some((number, envelope)) = sent {
            self.fly(1 - from, Number::Message(number), text, envelope);
        }
    }

    fn send_ephemeral(&mut self, from: usize) {
        let text = self.text();
        let sent = self.sides[from].device.send_ephemeral(&mut self.rng, &text);
        self.ephemerals += 1;
        if let Some(envelope) = sent {
            self.fly(1 - from, Number::Ephemeral(self.ephemerals), text, envelope);
        }
    }

    fn fly(&mut self, to: usize, number: Number, text: Vec<u8>, envelope: Vec<u8>) {
        let flying = &mut self.sides[to].flying;
        if flying.len() < MAX_FLYING {
            flying.push(Flying {
                number,
                text,
                envelope,
            });
        }
    }

    fn round_trip(&mut self, first: usize) {
        for from in [first, 1 - first] {
            self.send(from);
            if let Some(last) = self.sides[1 - from].flying.len().checked_sub(1) {
                self.deliver(1 - from, last, false);
            }
        }
    }

    fn take(&mut self, to: usize, at: usize) -> Option<Flying> {
        let flying = &mut self.sides[to].flying;
        let at = at.min(flying.len().checked_sub(1)?);
        Some(flying.remove(at))
    }

    /// Delivers an envelope; one that is to come again stays in flight.
    fn deliver(&mut self, to: usize, at: usize, again: bool) {
        let Some(message) = self.take(to, at) else {
            return;
        };
        let honest = self.honesty == Honesty::Full;
        let side = &mut self.sides[to];
        let before = side.device.stored();
        let received = side.device.receive(&message.envelope, false);
        let known = side.opened.contains(&message.number);
        match (&received, message.number) {
            (Received::Opened(content), Number::Message(_))
            | (Received::Ephemeral(content), Number::Ephemeral(_)) => {
                assert_eq!(*content, message.text, "the sides have other keys");
                assert!(!known, "opened twice");
                side.opened.insert(message.number);
            }
            // What was consumed is remembered only until the process ends.
            (Received::Duplicate | Received::Unknown, Number::Message(_)) if known => {}
            (Received::Duplicate | Received::Unknown, Number::Ephemeral(_)) => {}
            (Received::Duplicate | Received::Unknown | Received::Rejected(_), _) if !honest => {
                let tampered = self.honesty == Honesty::Tampered;
                let refused = matches!(received, Received::Rejected(_));
                assert!(tampered || !refused, "{received:?}");
            }
            _ => panic!("{received:?} of {:?}", message.number),
        }
        if !matches!(received, Received::Opened(_) | Received::Ephemeral(_)) {
            assert_eq!(side.device.stored(), before, "changed by what did not open");
        }
        if again {
            side.flying.insert(0, message);
        }
    }

    /// A changed copy arrives before the message.
    fn corrupt(&mut self, to: usize, at: usize) {
        let place = usize::try_from(self.rng.next_u32()).unwrap();
        let side = &mut self.sides[to];
        let Some(last) = side.flying.len().checked_sub(1) else {
            return;
        };
        let mut bytes = side.flying[at.min(last)].envelope.clone();
        let place = place % bytes.len();
        bytes[place] ^= 1 << (place % 8);
        let before = side.device.stored();
        let received = side.device.receive(&bytes, false);
        let opened = matches!(received, Received::Opened(_) | Received::Ephemeral(_));
        assert!(!opened, "byte {place} may be changed");
        assert_eq!(side.device.stored(), before, "changed by what did not open");
    }

    /// Both a message that is received and one that is sent are lost with the process before the commit.
    fn crash(&mut self, at_side: usize, at: usize) {
        let text = self.text();
        let side = &mut self.sides[at_side];
        if let Some(last) = side.flying.len().checked_sub(1) {
            let before = side.device.stored();
            let _ = side
                .device
                .receive(&side.flying[at.min(last)].envelope, true);
            assert_eq!(side.device.stored(), before, "changed without a commit");
        }
        let _ = side.device.send(&mut self.rng, &text);
        side.restart(0);
    }

    fn restart(&mut self, side: usize, back: usize) {
        if self.sides[side].restart(back) {
            self.honesty = self.honesty.max(Honesty::DiskWentBack);
        }
    }

    /// A message comes back to its sender.
    fn reflect(&mut self, to: usize, at: usize) {
        let Some(last) = self.sides[1 - to].flying.len().checked_sub(1) else {
            return;
        };
        let envelope = self.sides[1 - to].flying[at.min(last)].envelope.clone();
        let device = &mut self.sides[to].device;
        let before = device.stored();
        assert_eq!(device.receive(&envelope, false), Received::Unknown);
        assert_eq!(device.stored(), before, "changed by a reflected message");
    }

    /// Edits what the first side has stored of its post-quantum ratchet, and starts it from there if that is a state at all.
    fn tamper(&mut self, script: &[u8]) {
        let side = &mut self.sides[0];
        let mut stored = side.device.stored();
        let Some((part, script)) = script.split_first() else {
            return;
        };
        if part % 2 == 0 {
            let at = stored.session.len() - PQ_FROM_END;
            let mut edit = [0; 4];
            edit[3] = script.get(1).copied().unwrap_or(0);
            edit[2] = script.first().copied().unwrap_or(0);
            edit[0] = script.get(2).copied().unwrap_or(0) % 2;
            let pq = edited(&stored.session[at..at + PQ_LEN], &edit);
            stored.session[at..at + PQ_LEN].copy_from_slice(&pq);
        } else if !stored.material.is_empty() {
            let (high, low) = (script.first().copied(), script.get(1).copied());
            let value = script.get(2).copied().unwrap_or(1);
            let edit = [0, high.unwrap_or(0), low.unwrap_or(0), value];
            stored.material = edited(&stored.material, &edit);
        }
        let changed = stored != side.device.stored();
        if changed && Session::from_bytes(&stored.session, &stored.material).is_ok() {
            side.device = Device::restored(&stored);
            self.honesty = Honesty::Tampered;
            self.settle();
        }
    }

    /// The event is over: both sides store.
    fn settle(&mut self) {
        self.sides.iter_mut().for_each(Side::store);
        self.check();
    }

    /// One epoch, one proposer; the proposer is ahead by one while the responder has mixed. What is stored can be read.
    fn check(&self) {
        for side in &self.sides {
            let stored = side.last();
            assert!(Session::from_bytes(&stored.session, &stored.material).is_ok());
        }
        if self.honesty == Honesty::Tampered {
            return;
        }
        let [(e_a, code_a), (e_b, code_b)] = [self.sides[0].pq(), self.sides[1].pq()];
        if e_a == e_b {
            assert_ne!(code_a < R_EK, code_b < R_EK, "not one proposer");
        } else if e_a < e_b {
            assert_eq!((e_a + 1, code_a, code_b), (e_b, R_MIXED, R_EK));
        } else {
            assert_eq!((e_b + 1, code_b, code_a), (e_a, R_MIXED, R_EK));
        }
        for side in &self.sides {
            let failure = side.device.session.pq_failure();
            assert_ne!(
                failure,
                Some(PqFailure::Stopped),
                "an honest peer contradicts itself"
            );
        }
    }
}
