//! The pure cryptographic protocol of Undertone: no I/O, no clock, no async; randomness and time are parameters.

#![forbid(unsafe_code)]

pub mod account;
mod bech32m;
pub mod content;
pub mod delivery;
pub mod device;
pub mod envelope;
pub mod first_message;
pub mod group;
mod header;
mod id;
pub mod identity_block;
pub mod invite;
pub mod labels;
pub mod limits;
pub mod manifest;
pub mod padding;
pub mod park;
mod pq_ratchet;
pub mod pqxdh;
pub mod prekeys;
pub mod primitives;
pub mod profile;
mod ratchet;
pub mod recovery_phrase;
pub mod relay_address;
pub mod safety_number;
mod sealed_record;
pub mod session;
pub mod tag;
pub mod tag_index;
pub mod time;

#[cfg(test)]
mod test_support;
