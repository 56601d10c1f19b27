//! Messages until a thief who copied the whole state of one side is shut out, while both sides write in turn.

use std::collections::BTreeMap;

use undertone_cryptography::healing::{Thief, messages_until_healed};

use crate::bench::BenchError;
use crate::bench::row::{Goal, Row};

/// Messages of one epoch of the post-quantum ratchet, both sides together: the 20 chunks of a key and a ciphertext of ML-KEM-768, each
/// with its answer, and the message that mixes.
const EPOCH: u32 = 41;

/// The answer to the stolen ratchet key can be read by whoever has it.
pub(super) fn classical() -> Result<Row, BenchError> {
    row(
        "heal_messages_classical",
        Thief::Classical,
        (1, "the answer to the stolen ratchet key".to_owned()),
        Goal::AtMost(1.0),
    )
}

/// The secret of the epoch in which the state is stolen may be in it, and the one after that may be the other side's to draw: at most two
/// epochs.
pub(super) fn post_quantum() -> Result<Row, BenchError> {
    row(
        "heal_messages_post_quantum",
        Thief::UndoesDiffieHellman,
        (EPOCH, format!("one epoch of {EPOCH} messages")),
        Goal::TimesFloor(2.05),
    )
}

/// The longest of several conversations, each with thefts after every message of two epochs.
fn row(
    name: &'static str,
    thief: Thief,
    (floor, floor_of): (u32, String),
    goal: Goal,
) -> Result<Row, BenchError> {
    let mut longest = 0;
    for seed in 1..=3 {
        longest = longest.max(messages_until_healed(thief, seed)?);
    }
    let floor = (f64::from(floor), floor_of);
    let ours = f64::from(u32::try_from(longest)?);
    Ok(Row::new(
        name,
        "messages",
        ours,
        floor,
        BTreeMap::new(),
        goal,
    ))
}
