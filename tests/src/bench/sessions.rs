//! Our sessions as contestants: one pass of each operation.

use std::hint::black_box;

use rand::rngs::StdRng;
use undertone_protocol::session::Session;
use undertone_protocol::tag::Tag;
use undertone_protocol::tag_index::{Lookup, TagIndex};

use crate::bench::BenchError;
use crate::bench::measure::cpu_us;
use crate::bench::primitives::rng;
use undertone_cryptography::meeting::{Meeting, Pair, encoded_content};

/// One pass of encrypting to envelope bytes, in an established session.
pub(super) fn encrypt(operations: u32) -> Result<f64, BenchError> {
    let mut pair = Meeting::new(rng())?.pair()?;
    let mut envelope = Vec::new();
    cpu_us(operations, || {
        for _ in 0..operations {
            envelope.clear();
            pair.alice
                .session
                .encrypt(&mut pair.rng, black_box(&pair.content), &mut envelope)?;
            black_box(&envelope);
        }
        Ok(())
    })
}

/// One pass of decrypting in order, from envelope bytes, with the lookup and the window that follows.
pub(super) fn decrypt(operations: u32) -> Result<f64, BenchError> {
    let mut pair = Meeting::new(rng())?.pair()?;
    let envelopes = (0..operations)
        .map(|_| pair.alice_writes())
        .collect::<Result<Vec<_>, _>>()?;
    cpu_us(operations, || {
        envelopes
            .iter()
            .try_for_each(|envelope| pair.bob.receive(envelope).map(drop))
    })
}

/// One pass of beginning sessions, from what was fetched to the bytes of the first message.
pub(super) fn initiate(operations: u32) -> Result<f64, BenchError> {
    let mut meeting = Meeting::new(rng())?;
    cpu_us(operations, || {
        for _ in 0..operations {
            black_box(meeting.initiate()?);
        }
        Ok(())
    })
}

/// One pass of answering first messages.
pub(super) fn respond(operations: u32) -> Result<f64, BenchError> {
    let mut meeting = Meeting::new(rng())?;
    let first_message = meeting.initiate()?.first_message;
    cpu_us(operations, || {
        for _ in 0..operations {
            black_box(meeting.respond(black_box(&first_message))?);
        }
        Ok(())
    })
}

/// One pass of round trips in which every message opens a chain.
pub(super) fn ping_pong(operations: u32) -> Result<f64, BenchError> {
    let mut pair = Meeting::new(rng())?.pair()?;
    cpu_us(operations, || {
        (0..operations).try_for_each(|_| pair.round_trip())
    })
}

/// One pass of receiving a message before which `skipped` are missing.
pub(super) fn skip(skipped: u32, operations: u32) -> Result<f64, BenchError> {
    let (mut meeting, mut waiting) = (Meeting::new(rng())?, Vec::new());
    for _ in 0..operations {
        let mut pair = meeting.pair()?;
        let last = skipped_chain(&mut pair, skipped)?;
        waiting.push((pair, last));
    }
    cpu_us(operations, || {
        waiting
            .iter_mut()
            .try_for_each(|(pair, last)| pair.bob.receive(last).map(drop))
    })
}

/// The envelope after `skipped` that never arrive.
fn skipped_chain(pair: &mut Pair, skipped: u32) -> Result<Vec<u8>, BenchError> {
    for _ in 0..skipped {
        pair.alice_writes()?;
    }
    pair.alice_writes()
}

/// Many established sessions of one sender.
pub(super) struct Senders {
    sessions: Vec<Session>,
    content: Vec<u8>,
    rng: StdRng,
}

/// `count` sessions that have sent and received.
pub(super) fn many(count: u32) -> Result<Senders, BenchError> {
    let (mut meeting, mut sessions) = (Meeting::new(rng())?, Vec::new());
    for _ in 0..count {
        sessions.push(meeting.pair()?.alice.session);
    }
    Ok(Senders {
        sessions,
        content: encoded_content()?,
        rng: rng(),
    })
}

/// One pass of encrypting one content for every session; microseconds for all of them together.
pub(super) fn seal_to_all(senders: &mut Senders) -> Result<f64, BenchError> {
    let Senders {
        sessions,
        content,
        rng,
    } = senders;
    let mut envelopes = Vec::with_capacity(sessions.len() * 512);
    cpu_us(1, || {
        for session in sessions {
            session.encrypt(rng, content, &mut envelopes)?;
        }
        black_box(&envelopes);
        Ok(())
    })
}

/// An index over many sessions.
pub(super) struct Crowd {
    index: TagIndex,
    monotonic_ms: u64,
    tag: u128,
}

/// An index over `count` sessions that have sent and received.
pub(super) fn index_of(count: u32) -> Result<Crowd, BenchError> {
    let (mut meeting, mut index) = (Meeting::new(rng())?, TagIndex::new(&mut rng()));
    for _ in 0..count {
        index.track(&meeting.pair()?.bob.session);
    }
    Ok(Crowd {
        index,
        monotonic_ms: 0,
        tag: 0,
    })
}

/// One pass of looking up tags that belong to no session.
pub(super) fn miss(crowd: &mut Crowd) -> Result<f64, BenchError> {
    const LOOKUPS: u32 = 4;
    // A second before each: the budget of scans is not what is measured.
    crowd.monotonic_ms += 1_000;
    cpu_us(LOOKUPS, || {
        for _ in 0..LOOKUPS {
            crowd.tag = crowd
                .tag
                .wrapping_add(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835);
            let found = crowd
                .index
                .lookup(Tag::from_bytes(crowd.tag.to_be_bytes()), crowd.monotonic_ms);
            if found != Lookup::Unknown {
                return Err("a random tag was found".into());
            }
        }
        Ok(())
    })
}
