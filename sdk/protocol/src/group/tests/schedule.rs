//! A sender, two members and a hostile network, any schedule: what arrives is delivered once.

use proptest::prelude::*;

use super::super::testing::*;
use super::super::*;

#[derive(Debug, Clone)]
enum Op {
    Send,
    /// One of what is under way, and it stays there, to come again.
    Deliver(usize),
    Drop(usize),
    Rotate,
    /// One of the distributions that the first member was not given yet.
    Give(usize),
    /// The second member joins, once.
    Join,
    /// The members' states are read from their stored bytes.
    Restart,
}

fn op() -> impl Strategy<Value = Op> {
    prop_oneof![
        8 => Just(Op::Send),
        8 => any::<usize>().prop_map(Op::Deliver),
        1 => any::<usize>().prop_map(Op::Drop),
        1 => Just(Op::Rotate),
        1 => any::<usize>().prop_map(Op::Give),
        1 => Just(Op::Join),
        1 => Just(Op::Restart),
    ]
}

struct InFlight {
    envelope: Vec<u8>,
    /// Which message it is, and of which chain.
    sent: usize,
    chain: usize,
    delivered: [bool; 2],
}

struct World {
    fixture: Fixture,
    joined: Option<(ReceivingSender, usize, usize)>,
    in_flight: Vec<InFlight>,
    sent: usize,
    /// Distributions to the first member that did not arrive, by chain.
    withheld: Vec<(usize, SenderKeyDistribution)>,
    chain: usize,
}

impl World {
    fn new() -> Self {
        Self {
            fixture: Fixture::new(1),
            joined: None,
            in_flight: Vec::new(),
            sent: 0,
            withheld: Vec::new(),
            chain: 0,
        }
    }

    fn step(&mut self, op: &Op) {
        match op {
            Op::Send => self.send(),
            Op::Deliver(pick) if !self.in_flight.is_empty() => {
                let at = pick % self.in_flight.len();
                self.deliver(at);
            }
            Op::Drop(pick) if !self.in_flight.is_empty() => {
                let at = pick % self.in_flight.len();
                self.in_flight.swap_remove(at);
            }
            // As many as a receiver keeps.
            Op::Rotate if self.chain < limits::MAX_OLD_CHAINS => self.rotate(),
            Op::Give(pick) if !self.withheld.is_empty() => {
                let (_, distribution) = self.withheld.swap_remove(pick % self.withheld.len());
                let who = self.fixture.who;
                let learned = self.fixture.receiving.learn(distribution, &who, NOW);
                assert_eq!(learned, Ok(Learned::New));
            }
            Op::Join if self.joined.is_none() => self.join(),
            Op::Restart => {
                let restored = |receiving: &ReceivingSender| {
                    ReceivingSender::from_bytes(&receiving.to_bytes()).unwrap()
                };
                self.fixture.receiving = restored(&self.fixture.receiving);
                if let Some((receiving, ..)) = &mut self.joined {
                    *receiving = restored(receiving);
                }
            }
            // What cannot happen now does not.
            Op::Deliver(_) | Op::Drop(_) | Op::Rotate | Op::Give(_) | Op::Join => {}
        }
    }

    fn send(&mut self) {
        let text = self.sent.to_be_bytes();
        let envelope = self.fixture.seal(&text);
        self.in_flight.push(InFlight {
            envelope,
            sent: self.sent,
            chain: self.chain,
            delivered: [false; 2],
        });
        self.sent += 1;
    }

    fn rotate(&mut self) {
        self.fixture.rotate(false);
        self.chain += 1;
        let distribution = || self.fixture.sending.distribution().unwrap();
        self.withheld.push((self.chain, distribution()));
        let who = self.fixture.who;
        if let Some((receiving, ..)) = &mut self.joined {
            receiving.learn(distribution(), &who, NOW).unwrap();
        }
    }

    fn join(&mut self) {
        let who = (self.fixture.who, index(INDEX));
        let mut receiving = ReceivingSender::new(self.fixture.epoch.id(), who);
        let distribution = self.fixture.sending.distribution().unwrap();
        receiving.learn(distribution, &who.0, NOW).unwrap();
        self.joined = Some((receiving, self.sent, self.chain));
    }

    fn deliver(&mut self, at: usize) {
        let message = &mut self.in_flight[at];
        let chain = message.chain;
        let known = self.withheld.iter().all(|(withheld, _)| *withheld != chain);
        let text = message.sent.to_be_bytes().to_vec();
        let expected = match (known, message.delivered[0]) {
            (false, _) => Err(GroupOpenError::UnknownKey),
            (true, true) => Err(GroupOpenError::Duplicate),
            (true, false) => Ok(text.clone()),
        };
        message.delivered[0] |= known;
        let epoch = &self.fixture.epoch;
        let opened = open(&mut self.fixture.receiving, epoch, &message.envelope);
        assert_eq!(opened, expected);
        if let Some((receiving, first, first_chain)) = &mut self.joined {
            let expected = if message.sent >= *first {
                let again = core::mem::replace(&mut message.delivered[1], true);
                if again {
                    Err(GroupOpenError::Duplicate)
                } else {
                    Ok(text)
                }
            } else if chain == *first_chain {
                Err(GroupOpenError::BeforeKey)
            } else {
                Err(GroupOpenError::UnknownKey)
            };
            assert_eq!(open(receiving, epoch, &message.envelope), expected);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn any_schedule_delivers_each_group_message_once(
        ops in proptest::collection::vec(op(), 1..90)
    ) {
        let mut world = World::new();
        ops.iter().for_each(|op| world.step(op));
        // In the end everything comes, the keys first.
        for (_, distribution) in core::mem::take(&mut world.withheld) {
            let who = world.fixture.who;
            world.fixture.receiving.learn(distribution, &who, NOW).unwrap();
        }
        for at in 0..world.in_flight.len() {
            world.deliver(at);
        }
        prop_assert!(world.in_flight.iter().all(|message| message.delivered[0]));
    }
}
