//! The device manifest: the account's signed, versioned, hash-chained list of its devices.
//!
//! - [`body`](self): what a manifest says ([`ManifestBody`]), and its one encoding.
//! - [`draft`]: how the holder of the account key makes the next one.
//! - [`verified`]: how everybody else checks one ([`VerifiedManifest`]), and what it is under on a relay.
//! - [`pin`]: what a contact remembers of it, and how forks and rollbacks are found ([`Pin`]).
//!
//! Invariant: a [`VerifiedManifest`] was signed by its account, and so was the statement of each of its devices. Fetching
//! and storing records is not this module's concern.

mod body;
pub mod draft;
#[cfg(test)]
mod fixture;
pub mod pin;
pub mod verified;

pub use body::{
    ManifestBody, ManifestDevice, ManifestHash, ManifestRef, ManifestVersion, RecordId,
    SuccessionCommitment, SuccessionPublicKey,
};
pub use draft::{DraftError, ManifestDraft};
pub use pin::{Gossip, Link, Pin, Verdict};
pub use verified::{ManifestError, SealError, VerifiedManifest};
