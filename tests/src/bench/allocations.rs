//! Allocations of one message of an established session. None is the aim: the buffers are the caller's and keep their size.

use std::collections::BTreeMap;
use std::hint::black_box;

use stats_alloc::INSTRUMENTED_SYSTEM;
use undertone_cryptography::meeting::Meeting;

use crate::bench::BenchError;
use crate::bench::primitives::rng;
use crate::bench::row::{Goal, Row};

/// Messages before those that count: they bring buffers and tables to their size.
const WARM_UP: u32 = 100;
/// Messages that count, of the same chain.
const MESSAGES: u32 = 800;

pub(super) fn encrypt() -> Result<Row, BenchError> {
    let mut pair = Meeting::new(rng())?.pair()?;
    let mut envelope = Vec::new();
    let ours = allocations_of_each(|| {
        envelope.clear();
        pair.alice
            .session
            .encrypt(&mut pair.rng, &pair.content, &mut envelope)?;
        black_box(&envelope);
        Ok(())
    })?;
    Ok(row("encrypt_allocs", ours))
}

/// The lookup of the tag and the window that follows included.
pub(super) fn decrypt() -> Result<Row, BenchError> {
    let mut pair = Meeting::new(rng())?.pair()?;
    let envelopes = (0..WARM_UP + MESSAGES)
        .map(|_| pair.alice_writes())
        .collect::<Result<Vec<_>, _>>()?;
    let mut envelopes = envelopes.iter();
    let ours = allocations_of_each(|| {
        let envelope = envelopes.next().ok_or("no message is left")?;
        pair.bob.receive(envelope).map(drop)
    })?;
    Ok(row("decrypt_allocs", ours))
}

fn row(name: &'static str, ours: f64) -> Row {
    let floor = (0.0, "nothing must be allocated".to_owned());
    Row::new(
        name,
        "allocations",
        ours,
        floor,
        BTreeMap::new(),
        Goal::AtMost(0.0),
    )
}

/// Allocations and reallocations of each of [`MESSAGES`] operations, on average.
fn allocations_of_each(
    mut operation: impl FnMut() -> Result<(), BenchError>,
) -> Result<f64, BenchError> {
    (0..WARM_UP).try_for_each(|_| operation())?;
    let before = allocations();
    (0..MESSAGES).try_for_each(|_| operation())?;
    let counted = u32::try_from(allocations() - before)?;
    drop(black_box(Box::new(counted)));
    if allocations() == before + usize::try_from(counted)? {
        return Err("the counting allocator is not installed".into());
    }
    Ok(f64::from(counted) / f64::from(MESSAGES))
}

/// Of this process so far.
fn allocations() -> usize {
    let stats = INSTRUMENTED_SYSTEM.stats();
    stats.allocations + stats.reallocations
}
