//! The pure cryptographic protocol of Undertone: no I/O, no clock, no async; randomness and time are parameters.

#![forbid(unsafe_code)]

pub mod account;
mod bech32m;
pub mod delivery;
pub mod device;
pub mod invite;
pub mod labels;
pub mod limits;
pub mod manifest;
pub mod prekeys;
pub mod primitives;
pub mod profile;
pub mod recovery_phrase;
pub mod relay_address;
pub mod safety_number;
pub mod time;
