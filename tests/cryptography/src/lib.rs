//! The protocol as benchmarks and the constant-time gate run it: devices that meet, and operations on secrets.
#![forbid(unsafe_code)]

pub mod constant_time;
pub mod healing;
pub mod meeting;
