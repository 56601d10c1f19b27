//! What a contact remembers of an account's manifest, and how forks and rollbacks are found.

use crate::{
    manifest::{
        ManifestHash, ManifestRef, ManifestVersion, SuccessionCommitment, VerifiedManifest,
    },
    primitives::{
        codec::{DecodeError, Reader, Writer},
        hash::HASH_LEN,
    },
};

/// Bytes of a manifest hash that every message carries.
pub const GOSSIP_HASH_LEN: usize = 16;

/// The newest manifest of an account that was ever seen, or that the account has vouched for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pin {
    reference: ManifestRef,
    succession: Succession,
}

/// What is known of an account's commitment to a succession key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Succession {
    /// No manifest was seen yet.
    Unseen,
    /// As in the first manifest seen: no later one can bring or replace it, so that a thief of the account key cannot
    /// name a successor.
    Seen(Option<SuccessionCommitment>),
}

/// How a manifest stands to the pinned one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Newer: act on it and pin [`Pin::advanced`].
    Fresh(Link),
    /// The pinned one.
    Same,
    /// Older than the pinned one: keep the pin; who holds the newer one puts it back.
    Stale,
    /// The account key has signed two different manifests of one version: alarm, keep both as evidence, keep the pin.
    Fork,
}

/// How a newer manifest is tied to the pinned one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Link {
    /// It names the pinned one as the one before it.
    Chained,
    /// There were others between, which were not seen.
    Gap,
    /// The account was recovered from its phrase: to be shown to the user.
    Recovered,
}

/// How the manifest that a message names stands to the pinned one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Gossip {
    /// The pinned one.
    Same,
    /// The peer has seen a newer one: fetch it.
    PeerIsAhead,
    /// The peer has seen an older one only.
    PeerIsBehind,
    /// Same version, another hash: alarm.
    Fork,
}

impl Pin {
    /// Bytes of the encoding.
    pub const LEN: usize = ManifestRef::LEN + 1 + HASH_LEN;

    /// Pins the first manifest seen of an account.
    #[must_use]
    pub const fn first(manifest: &VerifiedManifest) -> Self {
        Self {
            reference: manifest.reference(),
            succession: Succession::Seen(manifest.body().succession),
        }
    }

    /// Pins a manifest that was not seen yet, but that a verified device statement names.
    #[must_use]
    pub const fn claimed(reference: ManifestRef) -> Self {
        Self {
            reference,
            succession: Succession::Unseen,
        }
    }

    /// The version and hash pinned.
    #[must_use]
    pub const fn reference(&self) -> ManifestRef {
        self.reference
    }

    /// The commitment by which a succession is judged.
    #[must_use]
    pub const fn succession(&self) -> Option<SuccessionCommitment> {
        match self.succession {
            Succession::Seen(commitment) => commitment,
            Succession::Unseen => None,
        }
    }

    /// Compares a manifest of the same account with the pin.
    #[must_use]
    pub fn check(&self, manifest: &VerifiedManifest) -> Verdict {
        let (pinned, seen) = (self.reference, manifest.reference());
        if seen.version < pinned.version {
            return Verdict::Stale;
        }
        if seen.version == pinned.version {
            return if seen.hash == pinned.hash {
                Verdict::Same
            } else {
                Verdict::Fork
            };
        }
        if seen.version.epoch > pinned.version.epoch {
            return Verdict::Fresh(Link::Recovered);
        }
        if Some(seen.version.counter) != pinned.version.counter.checked_add(1) {
            return Verdict::Fresh(Link::Gap);
        }
        // The direct successor names the one before it: another hash there is another manifest of the pinned version.
        if manifest.body().previous == Some(pinned.hash) {
            Verdict::Fresh(Link::Chained)
        } else {
            Verdict::Fork
        }
    }

    /// The pin after `manifest` was seen: moved to it when it is [`Verdict::Fresh`], otherwise as it is. The first manifest
    /// seen fixes the commitment to a succession key.
    #[must_use]
    pub fn advanced(&self, manifest: &VerifiedManifest) -> Self {
        let reference = match self.check(manifest) {
            Verdict::Fresh(_) => manifest.reference(),
            Verdict::Same => self.reference,
            Verdict::Stale | Verdict::Fork => return *self,
        };
        let succession = match self.succession {
            Succession::Unseen => Succession::Seen(manifest.body().succession),
            seen @ Succession::Seen(_) => seen,
        };
        Self {
            reference,
            succession,
        }
    }

    /// Compares the version and the first 16 bytes of the hash that a message named.
    #[must_use]
    pub fn check_gossip(&self, version: ManifestVersion, hash: &[u8; GOSSIP_HASH_LEN]) -> Gossip {
        match version.cmp(&self.reference.version) {
            core::cmp::Ordering::Less => Gossip::PeerIsBehind,
            core::cmp::Ordering::Greater => Gossip::PeerIsAhead,
            core::cmp::Ordering::Equal if self.reference.hash.gossip() == *hash => Gossip::Same,
            core::cmp::Ordering::Equal => Gossip::Fork,
        }
    }

    /// `version 8 ‖ hash 32 ‖ whether a manifest was seen 1 ‖ succession commitment 32 (zeros for none)`, for the store.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(Self::LEN);
        let mut writer = Writer::new(&mut bytes);
        self.reference.write(&mut writer);
        let seen = matches!(self.succession, Succession::Seen(_));
        let commitment = self
            .succession()
            .map_or([0; HASH_LEN], |commitment| commitment.0);
        writer.u8(u8::from(seen)).bytes(&commitment);
        bytes
    }

    /// Reads what [`Pin::to_bytes`] gave.
    ///
    /// # Errors
    /// [`DecodeError`] for anything else.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(bytes);
        let reference = ManifestRef::read(&mut reader)?;
        let seen = reader.u8()?;
        let commitment = *reader.array()?;
        reader.finish()?;
        let commitment = (commitment != [0; HASH_LEN]).then_some(SuccessionCommitment(commitment));
        let succession = match (seen, commitment) {
            (0, None) => Succession::Unseen,
            (1, commitment) => Succession::Seen(commitment),
            _ => return Err(DecodeError::InvalidValue),
        };
        Ok(Self {
            reference,
            succession,
        })
    }
}

impl ManifestHash {
    /// The first 16 bytes, which messages carry.
    #[must_use]
    pub fn gossip(&self) -> [u8; GOSSIP_HASH_LEN] {
        core::array::from_fn(|index| self.0[index])
    }
}

#[cfg(test)]
#[path = "pin_tests.rs"]
mod tests;
