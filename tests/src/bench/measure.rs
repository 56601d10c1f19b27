//! How a row of cryptography is measured: contestants take turns in passes, and the lowest pass of each counts.

use std::collections::BTreeMap;

use rustix::time::{ClockId, clock_gettime};

use crate::bench::BenchError;
use crate::bench::primitives::Primitive;
use crate::bench::row::{Goal, Row};

/// Passes of every contestant of a row.
const PASSES: usize = 15;

/// One pass: sets up what it needs, then measures; returns microseconds for one operation.
type Pass<'a> = Box<dyn FnMut() -> Result<f64, BenchError> + 'a>;

/// CPU time of this thread in microseconds.
#[expect(
    clippy::cast_precision_loss,
    reason = "seconds of CPU time of one run fit a double to the nanosecond"
)]
fn thread_cpu_us() -> f64 {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    time.tv_sec as f64 * 1e6 + time.tv_nsec as f64 / 1e3
}

/// Microseconds of CPU time that `work` takes for each of its `operations`.
///
/// # Errors
/// Those of `work`.
pub fn cpu_us(
    operations: u32,
    work: impl FnOnce() -> Result<(), BenchError>,
) -> Result<f64, BenchError> {
    let began = thread_cpu_us();
    work()?;
    Ok((thread_cpu_us() - began) / f64::from(operations))
}

/// Ours, the primitives of the floor and the peers, in turns.
pub struct Contest<'a> {
    name: &'static str,
    ours: Pass<'a>,
    floor: Vec<(u32, Primitive)>,
    peers: Vec<(&'static str, Pass<'a>)>,
}

impl<'a> Contest<'a> {
    /// A contest over one row; `ours` is one pass.
    pub fn new(name: &'static str, ours: impl FnMut() -> Result<f64, BenchError> + 'a) -> Self {
        Self {
            name,
            ours: Box::new(ours),
            floor: Vec::new(),
            peers: Vec::new(),
        }
    }

    /// The operation cannot avoid `count` of these primitives.
    #[must_use]
    pub fn needs(mut self, count: u32, primitive: Primitive) -> Self {
        match self
            .floor
            .iter_mut()
            .find(|(_, known)| known.name == primitive.name)
        {
            Some((known, _)) => *known += count,
            None => self.floor.push((count, primitive)),
        }
        self
    }

    /// Another implementation of the operation; `pass` is one pass.
    #[must_use]
    pub fn peer(
        mut self,
        name: &'static str,
        pass: impl FnMut() -> Result<f64, BenchError> + 'a,
    ) -> Self {
        self.peers.push((name, Box::new(pass)));
        self
    }

    /// Runs all passes.
    ///
    /// # Errors
    /// When a measured operation fails.
    pub fn run(mut self, goal: Goal) -> Result<Row, BenchError> {
        let mut ours = f64::INFINITY;
        let mut primitives = vec![f64::INFINITY; self.floor.len()];
        let mut peers = BTreeMap::new();
        for _ in 0..PASSES {
            ours = ours.min((self.ours)()?);
            for (lowest, (_, primitive)) in primitives.iter_mut().zip(&mut self.floor) {
                *lowest = lowest.min(primitive.pass()?);
            }
            for (name, pass) in &mut self.peers {
                let lowest = peers.entry(*name).or_insert(f64::INFINITY);
                *lowest = lowest.min(pass()?);
            }
        }
        let parts = self.floor.iter().zip(&primitives);
        let floor = parts
            .clone()
            .map(|((count, _), lowest)| f64::from(*count) * lowest)
            .sum();
        let named: Vec<_> = parts
            .map(|((count, primitive), lowest)| format!("{count} x {} {lowest:.2}", primitive.name))
            .collect();
        Ok(Row::new(
            self.name,
            "us",
            ours,
            (floor, named.join(", ")),
            peers,
            goal,
        ))
    }
}
