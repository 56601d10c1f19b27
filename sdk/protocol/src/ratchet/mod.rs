//! The Double Ratchet's key schedule, one kind of key a file (Double Ratchet specification, sections 4 and 7.2).
//!
//! ```text
//! RK ─ root step ─→ RK' , CK , HS          root_key
//!                        │    └─→ HK, TK   header_seed
//!                        └─→ mk, CK'       chain_key
//!                        │   └─→ commitment, K   message_key
//!                        └─→ ESK └─→ commitment, K   ephemeral_seed
//! ```
//!
//! Invariant: each key has one use and is wiped when it goes; no file here knows the key of another. The keys live in
//! arrays rather than in boxes, because a message must not cost an allocation; `session` keeps them in one place.
//! Not its concern: when to step (`session`) and what the bytes on the wire look like (`envelope`).

mod chain_key;
mod content_key;
mod ephemeral_seed;
mod header_key;
mod header_seed;
mod message_key;
mod ratchet_key;
mod root_key;

pub(crate) use chain_key::ChainKey;
pub(crate) use content_key::ContentKey;
pub(crate) use ephemeral_seed::EphemeralSeed;
pub(crate) use header_key::{HeaderKey, SEALED_HEADER_LEN};
pub(crate) use header_seed::{HeaderKeys, HeaderSeed};
pub(crate) use message_key::{BodyKey, COMMITMENT_LEN, MessageKey};
pub(crate) use ratchet_key::{RatchetKey, RatchetPublicKey};
pub(crate) use root_key::RootKey;

#[cfg(test)]
#[path = "ratchet_tests.rs"]
mod tests;
