//! What the engine knows of each connection: whether it is open, and how long to leave it alone after a
//! failure. Opening them again is the driver's; this only keeps the engine from asking too early.
//!
//! Invariant: a lane is open from the greeting that this memory took until the connection ends, or the engine
//! asks to end it. Only what comes on an open lane counts: what a connection goes on to say after something of
//! it was lost would hide the loss.

use std::collections::BTreeMap;

use rand_core::CryptoRng;

use super::backoff;
use super::lane::Lane;
use super::limits::{LANE_RETRY_LONGEST_MS, MAX_KNOWN_LANES, RETRY_FIRST_MS};

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum Phase {
    #[default]
    Closed,
    Open,
    /// The driver was asked to close it.
    Leaving,
}

#[derive(Debug, Default)]
struct State {
    phase: Phase,
    failures: u32,
    not_before: u64,
}

/// The connections.
#[derive(Debug, Default)]
pub(crate) struct Lanes(BTreeMap<Lane, State>);

impl Lanes {
    /// A connection was opened.
    pub(crate) fn opened(&mut self, lane: &Lane) {
        self.make_room();
        self.0.insert(
            lane.clone(),
            State {
                phase: Phase::Open,
                failures: 0,
                not_before: 0,
            },
        );
    }

    /// The driver is asked to close a connection.
    pub(crate) fn leave(&mut self, lane: &Lane) {
        if let Some(state) = self.0.get_mut(lane) {
            state.phase = Phase::Leaving;
        }
    }

    /// A connection was closed in good order: the next request may open it at once, unless it had failed before.
    pub(crate) fn closed(&mut self, lane: &Lane) {
        if self
            .0
            .get(lane)
            .is_some_and(|state| state.phase != Phase::Closed)
        {
            self.0.remove(lane);
        }
    }

    /// A connection could not be opened or broke. Returns when (monotonic ms) it may be asked for again.
    pub(crate) fn failed(&mut self, lane: &Lane, now: u64, rng: &mut impl CryptoRng) -> u64 {
        self.make_room();
        let state = self.0.entry(lane.clone()).or_default();
        state.phase = Phase::Closed;
        state.not_before = now.saturating_add(backoff::exponential(
            RETRY_FIRST_MS,
            LANE_RETRY_LONGEST_MS,
            state.failures,
            rng,
        ));
        state.failures = state.failures.saturating_add(1);
        state.not_before
    }

    /// Whether requests may be sent on it, opening it if need be.
    pub(crate) fn is_usable(&self, lane: &Lane, now: u64) -> bool {
        self.0
            .get(lane)
            .is_none_or(|state| state.phase != Phase::Closed || state.not_before <= now)
    }

    /// When (monotonic ms) the next of those that are left alone may be tried again.
    pub(crate) fn next_try(&self, now: u64) -> Option<u64> {
        let left_alone = self
            .0
            .values()
            .filter(|state| state.phase == Phase::Closed && state.not_before > now);
        left_alone.map(|state| state.not_before).min()
    }

    /// Whether it is open: its relay has greeted.
    pub(crate) fn is_open(&self, lane: &Lane) -> bool {
        self.0
            .get(lane)
            .is_some_and(|state| state.phase == Phase::Open)
    }

    /// The network is back: every lane may be tried at once.
    pub(crate) fn forgive(&mut self) {
        self.0.retain(|_, state| state.phase != Phase::Closed);
    }

    /// The connections of a memory that was lost: none of them is of any use to the next one.
    pub(crate) fn into_left(mut self) -> Self {
        self.forgive();
        for state in self.0.values_mut() {
            state.phase = Phase::Leaving;
        }
        self
    }

    /// The lanes that are being left.
    pub(crate) fn left(&self) -> Vec<Lane> {
        self.0
            .iter()
            .filter(|(_, state)| state.phase == Phase::Leaving)
            .map(|(lane, _)| lane.clone())
            .collect()
    }

    fn make_room(&mut self) {
        if self.0.len() >= MAX_KNOWN_LANES {
            self.0.retain(|_, state| state.phase != Phase::Closed);
        }
    }
}
