//! What a manifest says, and its one encoding.

use core::fmt;

use crate::{
    account::{AccountId, ManifestWritePublicKey},
    device::{DeviceId, DeviceIdentity, DeviceStatement},
    labels,
    limits::{
        MAX_DEVICES, MAX_MANIFEST_EXTENSION_LEN, MAX_MANIFEST_LIFETIME_MS, MAX_MANIFEST_TIME_MS,
        MAX_RELAY_ADDRESS_LEN, MAX_REVOKED,
    },
    primitives::{
        codec::{DecodeError, EncodeError, Reader, Writer},
        hash::{HASH_LEN, labelled},
        kem::mlkem1024,
        signature::{PublicKey, role},
    },
    relay_address::RelayAddress,
    time::Timestamp,
};

/// First byte of a manifest body.
const FORMAT: u8 = 1;

/// The key that an account has committed to for naming its successor.
pub type SuccessionPublicKey = PublicKey<role::Succession>;

/// The version of a manifest: recovery epoch, then counter. Ordered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ManifestVersion {
    /// Raised by each recovery from the phrase; 0 at first.
    pub epoch: u32,
    /// Raised by each manifest of an epoch; 1 at first.
    pub counter: u32,
}

impl ManifestVersion {
    /// The first version of an account.
    pub const FIRST: Self = Self {
        epoch: 0,
        counter: 1,
    };

    /// Epoch in the upper, counter in the lower 32 bits.
    #[must_use]
    pub const fn to_u64(self) -> u64 {
        (self.epoch as u64) << 32 | self.counter as u64
    }

    /// Reads what [`ManifestVersion::to_u64`] gave.
    #[must_use]
    pub const fn from_u64(version: u64) -> Self {
        let [e0, e1, e2, e3, c0, c1, c2, c3] = version.to_be_bytes();
        Self {
            epoch: u32::from_be_bytes([e0, e1, e2, e3]),
            counter: u32::from_be_bytes([c0, c1, c2, c3]),
        }
    }
}

macro_rules! hash {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        ///
        /// `Debug` shows no byte of it.
        #[derive(Clone, Copy, PartialEq, Eq, Hash)]
        pub struct $name(pub [u8; HASH_LEN]);

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(concat!(stringify!($name), "(..)"))
            }
        }
    };
}

hash! {
    /// `SHA-256(L("manifest-hash") ‖ body)`; the statements beside the body are not covered.
    ManifestHash
}

hash! {
    /// `SHA-256(L("succession-commitment") ‖ succession public key)`.
    SuccessionCommitment
}

impl SuccessionCommitment {
    /// The commitment to `key`.
    #[must_use]
    pub fn to(key: &SuccessionPublicKey) -> Self {
        Self(labelled(labels::SUCCESSION_COMMITMENT, &[key.as_bytes()]))
    }
}

/// The id of a record at a relay.
///
/// `Debug` shows no byte of it.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct RecordId([u8; 16]);

impl RecordId {
    /// The record that `key` may write: the first 16 bytes of `SHA-256(L("record-id") ‖ key)`.
    #[must_use]
    pub fn of(key: &ManifestWritePublicKey) -> Self {
        let mut id = [0; 16];
        for (to, from) in id
            .iter_mut()
            .zip(labelled(labels::RECORD_ID, &[key.as_bytes()]))
        {
            *to = from;
        }
        Self(id)
    }

    /// The bytes, for the relay.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }
}

impl fmt::Debug for RecordId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RecordId(..)")
    }
}

/// A manifest named by version and hash.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ManifestRef {
    /// Its version.
    pub version: ManifestVersion,
    /// Its hash.
    pub hash: ManifestHash,
}

impl ManifestRef {
    /// Bytes of the encoding.
    pub const LEN: usize = 8 + HASH_LEN;

    /// Appends `version 8 ‖ hash 32`.
    pub fn write(&self, writer: &mut Writer<'_>) {
        writer.u64(self.version.to_u64()).bytes(&self.hash.0);
    }

    /// Reads what [`ManifestRef::write`] wrote.
    ///
    /// # Errors
    /// [`DecodeError::Truncated`].
    pub fn read(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Ok(Self {
            version: ManifestVersion::from_u64(reader.u64()?),
            hash: ManifestHash(*reader.array()?),
        })
    }
}

/// A device as a manifest lists it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ManifestDevice {
    /// Its id and keys.
    pub identity: DeviceIdentity,
    /// The relay of its mailbox.
    pub relay: RelayAddress,
    /// When it was added.
    pub added: Timestamp,
    /// The protocol versions it speaks: bit n − 1 stands for version n.
    pub protocol_versions: u32,
}

/// What a manifest says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ManifestBody {
    /// Whose manifest it is.
    pub account: AccountId,
    /// Its version.
    pub version: ManifestVersion,
    /// Hash of the manifest before it; `None` for the first one, and where a recovery does not know it.
    pub previous: Option<ManifestHash>,
    /// When it was signed.
    pub issued: Timestamp,
    /// When it stops vouching for devices that are new to a contact; at most 30 days after `issued`.
    pub expires: Timestamp,
    /// Commitment to the succession key, if there is one.
    pub succession: Option<SuccessionCommitment>,
    /// The key to which backups are sealed, so that the phrase recovers them.
    pub recovery_key: mlkem1024::PublicKey,
    /// The key that may write the account's second record, which all its devices hold; replaced at each revocation.
    pub device_record_key: ManifestWritePublicKey,
    /// The devices, 1 to 16.
    pub devices: Vec<ManifestDevice>,
    /// Revoked device ids, the oldest first, at most 256.
    pub revoked: Vec<DeviceId>,
    /// Fields of later versions, carried along unread.
    pub extensions: Vec<u8>,
}

impl ManifestBody {
    /// Encodes the body.
    ///
    /// # Errors
    /// [`EncodeError`] for a list or field above its limit.
    pub(super) fn encode(&self) -> Result<Vec<u8>, EncodeError> {
        let mut body = Vec::with_capacity(4_096);
        let mut writer = Writer::new(&mut body);
        writer
            .u8(FORMAT)
            .bytes(self.account.as_bytes())
            .u64(self.version.to_u64())
            .bytes(&self.previous.map_or([0; HASH_LEN], |hash| hash.0))
            .u64(self.issued.0)
            .u64(self.expires.0)
            .bytes(
                &self
                    .succession
                    .map_or([0; HASH_LEN], |commitment| commitment.0),
            )
            .bytes(self.recovery_key.as_bytes())
            .bytes(self.device_record_key.as_bytes());
        writer.u8(u8::try_from(self.devices.len()).map_err(|_| EncodeError)?);
        for device in &self.devices {
            device.identity.write(&mut writer);
            writer.field_u8(device.relay.as_str().as_bytes())?;
            writer.u64(device.added.0).u32(device.protocol_versions);
        }
        writer.u16(u16::try_from(self.revoked.len()).map_err(|_| EncodeError)?);
        for id in &self.revoked {
            writer.bytes(id.as_bytes());
        }
        writer.field_u16(&self.extensions)?;
        Ok(body)
    }

    /// Decodes a body and checks that it is well formed.
    pub(super) fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(bytes);
        if reader.u8()? != FORMAT {
            return Err(DecodeError::InvalidValue);
        }
        let body = Self {
            account: AccountId::parse(reader.array()?)?,
            version: ManifestVersion::from_u64(reader.u64()?),
            previous: some_unless_zero(*reader.array()?).map(ManifestHash),
            issued: Timestamp(reader.u64()?),
            expires: Timestamp(reader.u64()?),
            succession: some_unless_zero(*reader.array()?).map(SuccessionCommitment),
            recovery_key: mlkem1024::PublicKey::parse(reader.array()?)?,
            device_record_key: ManifestWritePublicKey::parse(reader.array()?)?,
            devices: read_devices(&mut reader)?,
            revoked: read_revoked(&mut reader)?,
            extensions: reader.field_u16(MAX_MANIFEST_EXTENSION_LEN)?.to_vec(),
        };
        reader.finish()?;
        if body.is_consistent() {
            Ok(body)
        } else {
            Err(DecodeError::InvalidValue)
        }
    }

    /// Whether the fields agree with each other, as SPEC.md lists.
    pub(super) fn is_consistent(&self) -> bool {
        let chained = match self.version {
            ManifestVersion { counter: 0, .. } => false,
            ManifestVersion {
                epoch: 0,
                counter: 1,
            } => self.previous.is_none(),
            ManifestVersion { counter: 1, .. } => true,
            ManifestVersion { .. } => self.previous.is_some(),
        };
        let lifetime = self.expires.since(self.issued);
        chained
            && (1..=MAX_MANIFEST_LIFETIME_MS).contains(&lifetime)
            && self.expires.0 <= MAX_MANIFEST_TIME_MS
            && (1..=MAX_DEVICES).contains(&self.devices.len())
            && self.revoked.len() <= MAX_REVOKED
            && self.extensions.len() <= MAX_MANIFEST_EXTENSION_LEN
            && self.devices.iter().all(|device| {
                device.protocol_versions != 0 && device.added.0 <= MAX_MANIFEST_TIME_MS
            })
            && self.no_repetition()
    }

    /// Whether no id, key or mailbox occurs twice, and no device is revoked.
    fn no_repetition(&self) -> bool {
        let shares = |a: &DeviceIdentity, b: &DeviceIdentity| {
            a.id == b.id
                || a.identity_key == b.identity_key
                || a.signing_key == b.signing_key
                || a.mailbox == b.mailbox
        };
        let tail = |index: usize| self.devices.iter().skip(index + 1);
        let revoked_twice = self
            .revoked
            .iter()
            .enumerate()
            .any(|(index, id)| self.revoked.iter().skip(index + 1).any(|other| other == id));
        !revoked_twice
            && self.devices.iter().enumerate().all(|(index, device)| {
                !self.revoked.contains(&device.identity.id)
                    && !tail(index).any(|other| shares(&device.identity, &other.identity))
            })
    }

    /// The manifest's hash, from its encoded body.
    pub(super) fn hash_of(encoded: &[u8]) -> ManifestHash {
        ManifestHash(labelled(labels::MANIFEST_HASH, &[encoded]))
    }
}

fn some_unless_zero(hash: [u8; HASH_LEN]) -> Option<[u8; HASH_LEN]> {
    (hash != [0; HASH_LEN]).then_some(hash)
}

fn read_devices(reader: &mut Reader<'_>) -> Result<Vec<ManifestDevice>, DecodeError> {
    let count = usize::from(reader.u8()?);
    if count > MAX_DEVICES {
        return Err(DecodeError::TooLong);
    }
    (0..count)
        .map(|_| {
            Ok(ManifestDevice {
                identity: DeviceIdentity::read(reader)?,
                relay: RelayAddress::parse_canonical(reader.field_u8(MAX_RELAY_ADDRESS_LEN)?)
                    .map_err(|_| DecodeError::InvalidValue)?,
                added: Timestamp(reader.u64()?),
                protocol_versions: reader.u32()?,
            })
        })
        .collect()
}

fn read_revoked(reader: &mut Reader<'_>) -> Result<Vec<DeviceId>, DecodeError> {
    let count = usize::from(reader.u16()?);
    if count > MAX_REVOKED {
        return Err(DecodeError::TooLong);
    }
    (0..count)
        .map(|_| Ok(DeviceId::from_bytes(*reader.array()?)))
        .collect()
}

/// Reads one statement for each of `count` devices.
pub(super) fn read_statements(
    reader: &mut Reader<'_>,
    count: usize,
) -> Result<Vec<DeviceStatement>, DecodeError> {
    (0..count).map(|_| DeviceStatement::read(reader)).collect()
}
