//! The cryptographic primitives, each behind an interface that leaves no way to misuse it.
//!
//! Everything above this module names roles ("signed prekey", "header key"); only this module names algorithms, and only
//! this module calls the crates that implement them. What a key means, and what is signed, is not its concern.

pub mod aead;
pub mod block;
pub mod codec;
pub mod dh;
pub mod hash;
pub mod kdf;
pub mod kem;
pub mod role;
pub mod secret;
pub mod self_test;
pub mod signature;
