//! What an account shows of itself to its contacts: a record at its relay, under a key that they hold.
//!
//! The profile key travels in the first message and in the acceptance, and is replaced when a device or a contact must lose access.
//! Where the record is, and what it says, travels as content ([`ProfilePlace`](crate::content::ProfilePlace)): so no contact can write
//! it, and none, together with the relay, can make others believe another one.
//!
//! Not this module's concern: when a record is written and fetched, and what an avatar is. It is bytes, which are never decoded here.

use rand_core::CryptoRng;
use zeroize::{ZeroizeOnDrop, Zeroizing};

use crate::account::ManifestWriteKey;
use crate::content::MAX_NAME;
use crate::labels;
use crate::limits::{MAX_ABOUT, MAX_AVATAR, MAX_PROFILE_ANNEX};
use crate::manifest::RecordId;
use crate::primitives::codec::{DecodeError, EncodeError, Reader, Writer};
use crate::primitives::secret::SecretBytes;
use crate::primitives::{aead, hash, kdf};
use crate::sealed_record::{self, Unopened};
use crate::time::{QUARTER_HOUR_MS, Timestamp};

/// Bytes of a profile key.
pub const PROFILE_KEY_LEN: usize = 32;

/// The version of what a record holds.
const VERSION: u8 = 1;

/// The key of an account's profile. Wiped on drop.
pub struct ProfileKey(SecretBytes<PROFILE_KEY_LEN>);

impl ZeroizeOnDrop for ProfileKey {}

impl ProfileKey {
    /// A fresh random key.
    #[must_use]
    pub fn generate(rng: &mut impl CryptoRng) -> Self {
        Self(SecretBytes::random(rng))
    }

    /// Reads a key that [`ProfileKey::expose`] gave. The caller wipes the original.
    #[must_use]
    pub fn from_bytes(bytes: &[u8; PROFILE_KEY_LEN]) -> Self {
        Self(SecretBytes::copy_from(bytes))
    }

    /// The bytes, for a message to a contact and for sealed storage.
    #[must_use]
    pub fn expose(&self) -> &[u8; PROFILE_KEY_LEN] {
        self.0.expose()
    }

    /// The write key of the record, which all devices of the account can derive and no contact can: the seed is
    /// `HKDF(0, seed of the device record key ‖ profile key, L("profile-write-key"), 32)`.
    #[must_use]
    pub fn write_key(&self, device_record_key: &ManifestWriteKey) -> ManifestWriteKey {
        let mut seed = SecretBytes::zeroed();
        kdf::hkdf_into(
            &[0; 32],
            &[device_record_key.expose(), self.expose()],
            labels::PROFILE_WRITE_KEY,
            &[],
            seed.expose_mut(),
        );
        ManifestWriteKey::from_seed(&seed)
    }

    /// `HKDF(0, profile key, L("profile-seal") ‖ record id, 32)`.
    fn seal_key(&self, record: &RecordId) -> Zeroizing<[u8; aead::KEY_LEN]> {
        kdf::hkdf(
            &[0; 32],
            &[self.expose()],
            labels::PROFILE_SEAL,
            &[record.as_bytes()],
        )
    }
}

/// What a person says of himself.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Profile {
    /// The name, at most 64 bytes of UTF-8.
    pub name: String,
    /// A text, at most [`MAX_ABOUT`] bytes of UTF-8.
    pub about: String,
    /// A picture, at most [`MAX_AVATAR`] bytes in a format of the applications' choice; empty: none.
    pub avatar: Vec<u8>,
}

/// Says which profile is meant: the first 16 bytes of `SHA-256(L("profile-digest") ‖ profile as it stands in the record)`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ProfileDigest(pub [u8; 16]);

/// A time that tells no more than the quarter of an hour, from 1970 on; never the first one, which means none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct QuarterHour(u32);

impl QuarterHour {
    /// The quarter in which a time lies; `None` for times that no clock shows.
    #[must_use]
    pub fn of(time: Timestamp) -> Option<Self> {
        let quarter = u32::try_from(time.0 / QUARTER_HOUR_MS).ok()?;
        (quarter > 0).then_some(Self(quarter))
    }

    /// When it began.
    #[must_use]
    pub fn begins(self) -> Timestamp {
        Timestamp(u64::from(self.0).saturating_mul(QUARTER_HOUR_MS))
    }
}

/// What the record of a profile holds.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ProfileRecord {
    /// What its owner told contacts of, by its digest.
    pub profile: Profile,
    /// When its owner was there last, if all who have the profile key may know. Not in the digest.
    pub last_seen: Option<QuarterHour>,
}

/// A profile exceeds a limit. Its owner must act.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("profile too long")]
pub struct ProfileTooLong;

impl From<EncodeError> for ProfileTooLong {
    fn from(_: EncodeError) -> Self {
        Self
    }
}

/// Why a value is no profile. The relay is at fault, or the owner's software; what is known of the profile stays.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ProfileError {
    /// It does not open under the profile key: changed, cut, or of another key.
    #[error("profile that does not open")]
    NotAuthentic,
    /// The owner's software is newer than this one.
    #[error("profile of a newer version")]
    Version,
    /// A field is missing, too long or not text.
    #[error("malformed profile")]
    Malformed,
}

impl From<DecodeError> for ProfileError {
    fn from(_: DecodeError) -> Self {
        Self::Malformed
    }
}

impl Profile {
    /// Its digest.
    ///
    /// # Errors
    /// [`ProfileTooLong`].
    pub fn digest(&self) -> Result<ProfileDigest, ProfileTooLong> {
        Ok(digest(&self.encode()?))
    }

    /// `u16 length ‖ name ‖ u16 length ‖ about ‖ u16 length ‖ avatar ‖ u16 length ‖ annex`; the annex is empty.
    ///
    /// # Errors
    /// [`ProfileTooLong`].
    pub fn encode(&self) -> Result<Vec<u8>, ProfileTooLong> {
        let fits = self.name.len() <= MAX_NAME
            && self.about.len() <= MAX_ABOUT
            && self.avatar.len() <= MAX_AVATAR;
        if !fits {
            return Err(ProfileTooLong);
        }
        let mut bytes = Vec::new();
        Writer::new(&mut bytes)
            .field_u16(self.name.as_bytes())?
            .field_u16(self.about.as_bytes())?
            .field_u16(&self.avatar)?
            .field_u16(&[])?;
        Ok(bytes)
    }

    /// Reads what [`Profile::encode`] wrote, of this version or a later one, whose annex is skipped.
    ///
    /// # Errors
    /// [`ProfileError::Malformed`].
    pub fn parse(encoded: &[u8]) -> Result<Self, ProfileError> {
        let mut reader = Reader::new(encoded);
        let profile = Self {
            name: utf8(reader.field_u16(MAX_NAME)?)?,
            about: utf8(reader.field_u16(MAX_ABOUT)?)?,
            avatar: reader.field_u16(MAX_AVATAR)?.to_vec(),
        };
        reader.field_u16(MAX_PROFILE_ANNEX)?;
        reader.finish()?;
        Ok(profile)
    }
}

impl ProfileRecord {
    /// The value of the record `record`, sealed: `version 1 ‖ last seen u32, 0: not told ‖ profile`.
    ///
    /// # Errors
    /// [`ProfileTooLong`].
    pub fn seal(
        &self,
        key: &ProfileKey,
        record: &RecordId,
        rng: &mut impl CryptoRng,
    ) -> Result<Vec<u8>, ProfileTooLong> {
        let mut content = Vec::new();
        Writer::new(&mut content)
            .u8(VERSION)
            .u32(self.last_seen.map_or(0, |quarter| quarter.0))
            .bytes(&self.profile.encode()?);
        sealed_record::seal(&key.seal_key(record), record, &content, rng).ok_or(ProfileTooLong)
    }

    /// Opens the value of a record, and says which profile it is.
    ///
    /// # Errors
    /// [`ProfileError`].
    pub fn open(
        value: &[u8],
        key: &ProfileKey,
        record: &RecordId,
    ) -> Result<(Self, ProfileDigest), ProfileError> {
        let content = sealed_record::open(&key.seal_key(record), record, value).map_err(
            |error| match error {
                Unopened::NotAuthentic => ProfileError::NotAuthentic,
                Unopened::Malformed(_) => ProfileError::Malformed,
            },
        )?;
        let mut reader = Reader::new(&content);
        if reader.u8()? != VERSION {
            return Err(ProfileError::Version);
        }
        let quarter = reader.u32()?;
        let encoded = reader.rest();
        let opened = Self {
            profile: Profile::parse(encoded)?,
            last_seen: (quarter > 0).then_some(QuarterHour(quarter)),
        };
        Ok((opened, digest(encoded)))
    }
}

fn digest(encoded: &[u8]) -> ProfileDigest {
    let digest = hash::labelled(labels::PROFILE_DIGEST, &[encoded]);
    ProfileDigest(digest.first_chunk().copied().unwrap_or_default())
}

fn utf8(bytes: &[u8]) -> Result<String, ProfileError> {
    let text = str::from_utf8(bytes).map_err(|_| ProfileError::Malformed)?;
    Ok(text.to_owned())
}

#[cfg(test)]
#[path = "profile_tests.rs"]
mod tests;
