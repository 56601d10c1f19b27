//! Two sides of a post-quantum ratchet without the Double Ratchet: chains of headers, handed over in turn.

use rand_chacha::ChaCha20Rng;

use super::{IllegalFields, Mix, PqFields, PqRatchet};
use crate::primitives::codec::{Reader, Writer};
use crate::test_support::rng;

pub(super) struct Sides {
    pub(super) rng: ChaCha20Rng,
    pub(super) a: PqRatchet,
    pub(super) b: PqRatchet,
    /// What the last root step of each side mixed.
    pub(super) mixed_by_a: Option<Mix>,
    pub(super) mixed_by_b: Option<Mix>,
    /// Whose turn it is to open a chain.
    pub(super) a_sends: bool,
}

impl Sides {
    /// A's first message was accepted, and B's turn has come.
    pub(super) fn new(seed: u8) -> Self {
        let mut rng = rng(seed);
        let (mut a, key) = PqRatchet::initiator(&mut rng);
        let mut b = PqRatchet::responder(key.as_bytes());
        let first = a.fields(&mut rng);
        a.sent(&first);
        b.received(&first);
        Self {
            rng,
            a,
            b,
            mixed_by_a: None,
            mixed_by_b: None,
            a_sends: false,
        }
    }

    /// The side whose turn it is takes its sending root step.
    pub(super) fn step(&mut self) {
        let (side, mixed) = if self.a_sends {
            (&mut self.a, &mut self.mixed_by_a)
        } else {
            (&mut self.b, &mut self.mixed_by_b)
        };
        let (next, mix) = side.sending_root_step(&mut self.rng);
        *side = next;
        if mix.is_some() {
            *mixed = mix;
        }
    }

    /// Messages of the open chain.
    pub(super) fn send(&mut self, count: usize) -> Vec<PqFields> {
        let side = if self.a_sends {
            &mut self.a
        } else {
            &mut self.b
        };
        (0..count)
            .map(|_| {
                let fields = side.fields(&mut self.rng);
                side.sent(&fields);
                fields
            })
            .collect()
    }

    /// The other side opens the chain and all its messages; then it is its turn.
    pub(super) fn deliver(&mut self, chain: &[PqFields]) -> Result<(), IllegalFields> {
        let (side, mixed) = if self.a_sends {
            (&mut self.b, &mut self.mixed_by_b)
        } else {
            (&mut self.a, &mut self.mixed_by_a)
        };
        if let Some((first, rest)) = chain.split_first() {
            if let Some(mix) = side.next_chain(first)? {
                *mixed = Some(mix.fork());
            }
            side.chain_opened(first);
            rest.iter().for_each(|fields| side.received(fields));
        }
        self.a_sends = !self.a_sends;
        Ok(())
    }

    /// A chain of that many messages, all of which arrive.
    pub(super) fn turn(&mut self, count: usize) {
        self.step();
        let chain = self.send(count);
        assert!(self.deliver(&chain).is_ok());
    }

    /// The side that sends next, and the other one.
    pub(super) fn next(&mut self) -> (&mut PqRatchet, &mut PqRatchet) {
        if self.a_sends {
            (&mut self.a, &mut self.b)
        } else {
            (&mut self.b, &mut self.a)
        }
    }

    /// The side that sends next, as [`Sides::next`], without the other one.
    pub(super) fn sender(&mut self) -> &mut PqRatchet {
        self.next().0
    }

    /// Turns of five messages, past the first epoch, until a sending root step has led to a state, or has left it as it
    /// is; nothing is sent on the new chain yet.
    pub(super) fn stepped(seed: u8, code: u8) -> Self {
        let mut sides = Self::new(seed);
        for _ in 0..60 {
            sides.step();
            if sides.a.epoch.min(sides.b.epoch) > 1 && sides.sender().state.code() == code {
                return sides;
            }
            let chain = sides.send(5);
            assert!(sides.deliver(&chain).is_ok());
        }
        panic!("no step leads to state {code}")
    }

    /// The same, until messages have led to a state, or have left it as it is; the next step is not taken yet.
    pub(super) fn received(seed: u8, code: u8) -> Self {
        let mut sides = Self::new(seed);
        for _ in 0..60 {
            sides.turn(5);
            if sides.a.epoch.min(sides.b.epoch) > 1 && sides.sender().state.code() == code {
                return sides;
            }
        }
        panic!("no message leads to state {code}")
    }
}

/// Both stored parts.
pub(super) fn stored(side: &PqRatchet) -> (Vec<u8>, Vec<u8>) {
    let mut bytes = Vec::new();
    side.write(&mut Writer::new(&mut bytes));
    (bytes, side.material().to_vec())
}

/// The side that was stored.
pub(super) fn read(side: &PqRatchet, (bytes, material): &(Vec<u8>, Vec<u8>)) -> Option<PqRatchet> {
    let mut reader = Reader::new(bytes);
    let read = PqRatchet::read(side.role, &mut reader, material).ok()?;
    reader.finish().ok().map(|()| read)
}

impl PqRatchet {
    /// The epoch, and the state's number in the encoding.
    pub(crate) fn inspect(&self) -> (u64, u8) {
        (self.epoch, self.state.code())
    }

    /// As if so many epochs had passed.
    pub(crate) fn skip_epochs(&mut self, count: u64) {
        self.epoch += count;
    }
}
