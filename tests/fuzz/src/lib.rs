//! What the fuzz targets assert. `fuzz/` runs them under libFuzzer; a test of this crate replays every file of their corpora without it, so that
//! what was found once stays fixed.
//!
//! Invariants: an input means the same in every run (keys and randomness come from fixed seeds), and a target panics only for a defect. Where a
//! signature, a MAC or an encryption would stop the fuzzer, a target edits what is good, or makes what it edited good again with keys that it has.
#![forbid(unsafe_code)]
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a target fails by panicking"
)]

mod device;
mod edit;
mod net;
mod party;
mod signing;

pub mod content;
pub mod envelope;
pub mod first_message;
pub mod invite;
pub mod manifest;
pub mod peer;
pub mod prekeys;
pub mod record;
pub mod schedule;
pub mod text;
pub mod wire;

/// A fuzz target.
pub struct Target {
    /// Its name, and that of its program and its folder of inputs.
    pub name: &'static str,
    /// Runs it on an input; panics when it finds a defect.
    pub run: fn(&[u8]),
    /// Inputs to begin with.
    pub seeds: fn() -> Vec<Vec<u8>>,
}

macro_rules! targets {
    ($($name:ident),* $(,)?) => {
        /// Every target.
        pub const TARGETS: &[Target] = &[$(Target {
            name: stringify!($name),
            run: $name::run,
            seeds: $name::seeds,
        }),*];
    };
}

targets![
    content,
    envelope,
    first_message,
    invite,
    manifest,
    peer,
    prekeys,
    record,
    schedule,
    text,
    wire,
];
