//! Group messages: each sender has a chain of its own, whose key its devices give to the members in pairwise sessions, so
//! that one ciphertext serves them all ("sender keys").
//!
//! ```text
//! GHS ─→ HK, TK                         epoch         one for all members, for one key epoch
//! CK  ─→ mk, CK' ─→ commitment, K       sending, receiving
//! signing key, in the header            sending, receiving
//! ```
//!
//! Invariants: an attempt that fails leaves the state as it was, byte for byte; nobody but the sender's device can make,
//! change or renumber a message, not even a member, who knows every symmetric key; a message counts only as one of the
//! device that gave the chain's key in its own pairwise session. Not its concern: who is a member, which index a device
//! has, when an epoch ends, and the agreement on all that (the group's state), nor storage.

mod distribution;
mod encoding;
mod epoch;
mod header;
mod id;
pub mod limits;
mod message;
mod receiving;
mod sender;
mod sending;

pub use distribution::SenderKeyDistribution;
pub use encoding::MalformedChain;
pub use epoch::{GroupEpoch, GroupHeaderSeed, GroupNumber};
pub use id::{EpochHash, EpochId, GroupId, KeyId, Sender, SenderIndex};
pub use message::GroupOpenError;
pub use sender::{LearnError, Learned, OpenedGroupMessage, ReceivingSender};
pub use sending::{NumbersSpent, SealError, SendingChain};

use crate::primitives::{role, signature};

/// The key that a sender signs the messages of one chain with.
type SenderSigningKey = signature::SigningKey<role::GroupSender>;

/// Its public half.
type VerificationKey = signature::PublicKey<role::GroupSender>;

#[cfg(test)]
mod testing;

#[cfg(test)]
mod tests;
