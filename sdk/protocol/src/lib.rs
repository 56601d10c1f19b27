//! The pure cryptographic protocol of Undertone: no I/O, no clock, no async; randomness and time are parameters.

#![forbid(unsafe_code)]

pub mod labels;
pub mod primitives;
pub mod time;
