//! What people tell contacts of themselves: where their profile is, and whether they are there.

use super::ContentError;
use crate::account::ManifestWritePublicKey;
use crate::primitives::codec::{Reader, Writer};
use crate::profile::ProfileDigest;

/// Where its sender's profile is, under the profile key that was told before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ProfilePlace {
    /// The public key of the record, which is at the relay that has the manifest.
    pub write_key: ManifestWritePublicKey,
    /// What it says now.
    pub digest: ProfileDigest,
    /// Whether the recipient may be shown when its sender was there last.
    pub tells_last_seen: bool,
}

/// Whether its sender is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Presence {
    /// How he is there.
    pub state: PresenceState,
    /// Whether he wants to be told the same of the recipient.
    pub asks: bool,
}

/// How somebody is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum PresenceState {
    /// He uses his device.
    Online,
    /// It is on, and he has not touched it for five minutes.
    Away,
}

impl ProfilePlace {
    pub(super) fn encode(&self, writer: &mut Writer<'_>) {
        writer
            .bytes(self.write_key.as_bytes())
            .bytes(&self.digest.0)
            .u8(u8::from(self.tells_last_seen));
    }

    pub(super) fn parse(reader: &mut Reader<'_>) -> Result<Self, ContentError> {
        let write_key = ManifestWritePublicKey::parse(reader.array()?);
        Ok(Self {
            write_key: write_key.map_err(|_| ContentError::Malformed)?,
            digest: ProfileDigest(*reader.array()?),
            tells_last_seen: flag(reader)?,
        })
    }
}

impl Presence {
    pub(super) fn encode(self, writer: &mut Writer<'_>) {
        let state = match self.state {
            PresenceState::Online => 1,
            PresenceState::Away => 2,
        };
        writer.u8(state).u8(u8::from(self.asks));
    }

    pub(super) fn parse(reader: &mut Reader<'_>) -> Result<Self, ContentError> {
        let state = match reader.u8()? {
            1 => PresenceState::Online,
            2 => PresenceState::Away,
            _ => return Err(ContentError::Malformed),
        };
        let asks = flag(reader)?;
        Ok(Self { state, asks })
    }
}

/// A byte that is 0 or 1.
pub(super) fn flag(reader: &mut Reader<'_>) -> Result<bool, ContentError> {
    match reader.u8()? {
        0 => Ok(false),
        1 => Ok(true),
        _ => Err(ContentError::Malformed),
    }
}

#[cfg(test)]
#[path = "people_tests.rs"]
mod tests;
