//! The test vectors in `sdk/protocol/vectors`: inputs and every intermediate value, for a second implementation.
//!
//! Each file is computed here and compared with what is stored; `UNDERTONE_BLESS=1` stores it instead. Intermediate values
//! are computed beside the library, from the primitives' own crates, as SPEC.md says: a vector that does not agree with
//! the document fails before it is compared.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "test support: a failed expectation is the test's failure"
)]

mod account;
mod content;
mod group;
mod handshake;
mod invite;
mod manifest;
mod pq;
mod prekeys;
mod profile;
mod ratchet;
mod safety_number;
mod salamander;
mod session;
mod support;
mod tape;
