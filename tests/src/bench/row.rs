//! One row of the speed table, its JSON form and its line for a reader.

use std::collections::BTreeMap;
use std::fmt;

use serde::Serialize;

/// What an operation may cost.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Goal {
    /// This many times the floor of the same run.
    TimesFloor(f64),
    /// This much, in the row's unit.
    AtMost(f64),
    /// At least this much, in the row's unit: more is better.
    AtLeast(f64),
    /// An absolute goal set on the reference machine, where the floor was `floor`. On a machine whose own floor is higher it grows in
    /// proportion; on a faster one it stays.
    OnReference {
        /// The goal there, in the row's unit.
        at_most: f64,
        /// The floor there.
        floor: f64,
    },
}

impl Goal {
    fn is_met(self, ours: f64, goal: f64) -> bool {
        match self {
            Self::AtLeast(_) => ours >= goal,
            Self::TimesFloor(_) | Self::AtMost(_) | Self::OnReference { .. } => ours <= goal,
        }
    }

    fn in_unit(self, floor_of_this_run: f64) -> f64 {
        match self {
            Self::TimesFloor(factor) => factor * floor_of_this_run,
            Self::AtMost(limit) | Self::AtLeast(limit) => limit,
            Self::OnReference { at_most, floor } => at_most * (floor_of_this_run / floor).max(1.0),
        }
    }
}

/// A measured operation. All figures are in `unit`.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Row {
    /// The operation.
    pub name: &'static str,
    /// Of all figures: `us` (microseconds of CPU time), `ms` (milliseconds of real time), `per_s` (in a second of real time), `allocations` (of
    /// one operation), `bytes`, `MiB`, `messages` or `ratio`.
    pub unit: &'static str,
    /// What our code took.
    pub ours: f64,
    /// What the primitives that cannot be avoided took, or what must be kept or sent in any case; 0 where nothing must.
    pub floor: f64,
    /// What other implementations took, by name and version.
    pub peers: BTreeMap<&'static str, f64>,
    /// What ours may take at most; of what is `per_s`, what it must reach.
    pub goal: f64,
    /// Whether it did.
    pub ok: bool,
    /// What the floor consists of, for a reader.
    #[serde(skip)]
    pub floor_of: String,
}

impl Row {
    /// A row that meets its goal when `ours` is not above it, or of [`Goal::AtLeast`] not below.
    #[must_use]
    pub fn new(
        name: &'static str,
        unit: &'static str,
        ours: f64,
        (floor, floor_of): (f64, String),
        peers: BTreeMap<&'static str, f64>,
        goal: Goal,
    ) -> Self {
        let limit = goal.in_unit(floor);
        Self {
            name,
            unit,
            ours,
            floor,
            peers,
            goal: limit,
            ok: goal.is_met(ours, limit),
            floor_of,
        }
    }
}

/// Two lines: the figures with their ratio, and what the floor consists of.
impl fmt::Display for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            name,
            unit,
            ours,
            floor,
            goal,
            ..
        } = self;
        let verdict = if self.ok { "ok  " } else { "MISS" };
        write!(
            f,
            "{verdict} {name:<26} {ours:>10.2} {unit}  floor {floor:>10.2}"
        )?;
        if *floor > 0.0 {
            write!(f, " ({:.2} x)", ours / floor)?;
        }
        write!(f, "  goal {goal:>10.2}")?;
        for (peer, took) in &self.peers {
            write!(f, "  {peer} {took:.2} ({:.2} x)", ours / took)?;
        }
        write!(f, "\n     floor: {}", self.floor_of)
    }
}

#[cfg(test)]
#[path = "row_tests.rs"]
mod tests;
