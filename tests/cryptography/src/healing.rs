//! How long a thief reads along who has copied the whole state of one side, and from then on only listens.
//!
//! The thief is a session of the same code, restored from the stolen bytes. It opens what is sent to its victim as the victim does. Of what
//! the victim writes it makes the message of the same number, and has read it when the commitments are equal: they depend on the message
//! key alone. Against the thief who can undo X25519, each new ratchet key of the victim is given to it; all other randomness it has to
//! draw itself, as the secrets of ML-KEM that the victim draws after the theft.
//!
//! The conversation is one message and one answer in turn, without loss: the quickest there is, since each message is a ratchet step.

use std::collections::VecDeque;
use std::convert::Infallible;

use rand::SeedableRng;
use rand::rngs::StdRng;
use rand_core::{Rng, TryCryptoRng, TryRng};
use undertone_protocol::session::Session;

use crate::meeting::{Meeting, MeetingError, Side};

/// What a thief can do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Thief {
    /// No more than his copy can.
    Classical,
    /// He finds the private key of every ratchet key that he sees.
    UndoesDiffieHellman,
}

/// Messages of two whole epochs of the post-quantum ratchet, in which either side proposes once: thefts at every one of them.
const THEFTS: usize = 84;
/// Messages that follow the last theft: more than two epochs.
const AFTERWARDS: usize = 126;

/// Where the commitment lies in an envelope.
const COMMITMENT: core::ops::Range<usize> = 208..240;

/// Where a stored session has the secret ratchet key: behind its version, id, role, transcript hash and root key.
const RATCHET_KEY: core::ops::Range<usize> = 82..114;

/// One message of the conversation.
enum Message {
    /// Bob's, to the victim.
    ToVictim { envelope: Vec<u8> },
    /// The victim's, with what it drew to make it, and the ratchet key it had then.
    OfVictim {
        envelope: Vec<u8>,
        draws: VecDeque<Vec<u8>>,
        ratchet_key: Vec<u8>,
    },
}

/// Everything that a side keeps.
struct Stolen {
    session: Vec<u8>,
    pq_material: Vec<u8>,
}

/// The most messages, of both sides together, up to the last one that the thief reads, of thefts after each message of two epochs.
///
/// # Errors
/// When the conversation fails, or ends before the thief is shut out.
pub fn messages_until_healed(thief: Thief, seed: u64) -> Result<usize, MeetingError> {
    let (conversation, thefts) = converse(seed)?;
    let mut longest = 0;
    for (at, stolen) in thefts.iter().enumerate() {
        let afterwards = conversation.get(at + 1..).unwrap_or_default();
        let mut copy = Copy::new(stolen, thief)?;
        let mut read = 0;
        for (number, message) in (1..).zip(afterwards) {
            if copy.reads(message)? {
                read = number;
            }
        }
        if read + THEFTS / 2 > afterwards.len() {
            return Err("the conversation is too short to tell".into());
        }
        longest = longest.max(read);
    }
    Ok(longest)
}

/// A conversation, and what could be stolen from Alice after each message.
fn converse(seed: u64) -> Result<(Vec<Message>, Vec<Stolen>), MeetingError> {
    let mut pair = Meeting::new(StdRng::seed_from_u64(seed))?.pair()?;
    let (mut conversation, mut thefts) = (Vec::new(), Vec::new());
    let mut pq_material = Vec::new();
    for number in 0..THEFTS + AFTERWARDS {
        let mut envelope = Vec::new();
        if number % 2 == 0 {
            let bob = &mut pair.bob.session;
            bob.encrypt(&mut pair.rng, &pair.content, &mut envelope)?;
            pair.alice.receive(&envelope)?;
            conversation.push(Message::ToVictim { envelope });
        } else {
            let mut rng = Recorded {
                rng: &mut pair.rng,
                draws: VecDeque::new(),
            };
            let alice = &mut pair.alice.session;
            alice.encrypt(&mut rng, &pair.content, &mut envelope)?;
            let draws = rng.draws;
            pair.bob.receive(&envelope)?;
            let ratchet_key = pair.alice.session.to_bytes()[RATCHET_KEY].to_vec();
            conversation.push(Message::OfVictim {
                envelope,
                draws,
                ratchet_key,
            });
        }
        if let Some(changed) = pair.alice.session.take_changed_pq_material() {
            pq_material = changed.to_vec();
        }
        if number < THEFTS {
            thefts.push(Stolen {
                session: pair.alice.session.to_bytes().to_vec(),
                pq_material: pq_material.clone(),
            });
        }
    }
    Ok((conversation, thefts))
}

/// The thief's session.
struct Copy {
    side: Side,
    thief: Thief,
    rng: StdRng,
}

impl Copy {
    fn new(stolen: &Stolen, thief: Thief) -> Result<Self, MeetingError> {
        let mut rng = StdRng::seed_from_u64(u64::MAX);
        let session = Session::from_bytes(&stolen.session, &stolen.pq_material)?;
        Ok(Self {
            side: Side::new(session, &mut rng),
            thief,
            rng,
        })
    }

    fn reads(&mut self, message: &Message) -> Result<bool, MeetingError> {
        match message {
            Message::ToVictim { envelope } => Ok(self.side.receive(envelope).is_ok()),
            Message::OfVictim {
                envelope,
                draws,
                ratchet_key,
            } => {
                // A new chain takes a key that was made after the theft.
                if self.side.session.owes_step() && self.thief == Thief::Classical {
                    return Ok(false);
                }
                let mut rng = Given {
                    key: ratchet_key,
                    draws: draws.clone(),
                    rng: &mut self.rng,
                };
                let mut own = Vec::new();
                self.side.session.encrypt(&mut rng, &[], &mut own)?;
                Ok(own[COMMITMENT] == envelope[COMMITMENT])
            }
        }
    }
}

/// Remembers what is drawn.
struct Recorded<'a> {
    rng: &'a mut StdRng,
    draws: VecDeque<Vec<u8>>,
}

/// Draws at random, but for the one draw that gave the victim its ratchet key.
struct Given<'a> {
    key: &'a [u8],
    draws: VecDeque<Vec<u8>>,
    rng: &'a mut StdRng,
}

impl Recorded<'_> {
    fn draw(&mut self, out: &mut [u8]) {
        self.rng.fill_bytes(out);
        self.draws.push_back(out.to_vec());
    }
}

impl Given<'_> {
    fn draw(&mut self, out: &mut [u8]) {
        match self.draws.pop_front() {
            Some(drawn) if drawn == self.key && drawn.len() == out.len() => {
                out.copy_from_slice(&drawn);
            }
            _ => self.rng.fill_bytes(out),
        }
    }
}

macro_rules! draws {
    ($($rng:ident)*) => {$(
        impl TryRng for $rng<'_> {
            type Error = Infallible;

            fn try_next_u32(&mut self) -> Result<u32, Infallible> {
                let mut bytes = [0; 4];
                self.draw(&mut bytes);
                Ok(u32::from_le_bytes(bytes))
            }

            fn try_next_u64(&mut self) -> Result<u64, Infallible> {
                let mut bytes = [0; 8];
                self.draw(&mut bytes);
                Ok(u64::from_le_bytes(bytes))
            }

            fn try_fill_bytes(&mut self, out: &mut [u8]) -> Result<(), Infallible> {
                self.draw(out);
                Ok(())
            }
        }

        impl TryCryptoRng for $rng<'_> {}
    )*};
}

draws!(Recorded Given);

#[cfg(test)]
#[path = "healing_tests.rs"]
mod tests;
