//! The Undertone client SDK: sessions, devices, an encrypted searchable history, and delivery over blind relays.

#![forbid(unsafe_code)]

pub mod engine;
pub mod error;
pub mod store;
pub mod transport;
