//! PQXDH: the agreement on a first root key (X3DH's four Diffie-Hellman values, a fifth one, and ML-KEM-1024).
//!
//! DH5 = DH(IK_A, OPK_B) is not in the PQXDH specification. It is taken when a one-time prekey is used: without it,
//! whoever stole B's identity key and current signed prekey could pose to B as anybody.
//!
//! Invariant: there is no path without the KEM, and every key, id and type that either side used is hashed into TH, so
//! that two devices with one TH agree on all of it. Not its concern: whose keys they are (`prekeys`, `manifest`,
//! `identity_block`), and the bytes of the first message (`first_message`).

mod agreement;
mod transcript;

pub(crate) use agreement::{EarlySecrets, LateSecrets, SessionSecrets};
pub use transcript::TranscriptHash;
pub(crate) use transcript::{IdentityTranscript, RecipientKeys};

#[cfg(test)]
#[path = "pqxdh_tests.rs"]
mod tests;
