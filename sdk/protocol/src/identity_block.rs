//! Who the initiator says he is: the part of a first message that only the recipient's device can read.
//!
//! ```text
//! account 32 ‖ device 16 ‖ IK 32 ‖ DSK 32 ‖ mailbox 16 ‖ manifest version 8 ‖ manifest hash 32
//! ‖ recipient's manifest version 8 ‖ its hash 32 ‖ device statement 72 ‖ 0 × 8            288
//! ```
//!
//! Invariant: a [`VerifiedIdentity`] was checked against the account's own signature, without asking anybody. It still
//! authenticates nobody: anyone can copy a block. Only the handshake's DH1 does. Not its concern: whether the manifests
//! it names are current.

use crate::account::AccountId;
use crate::device::{DeviceIdentity, DeviceStatement, StatementError};
use crate::manifest::ManifestRef;
use crate::primitives::aead::TAG_LEN;
use crate::primitives::codec::{DecodeError, Reader, Writer};
use crate::time::Timestamp;

/// Length of the block in bytes.
pub const IDENTITY_BLOCK_LEN: usize = 288;

/// Length of the encrypted block in bytes.
pub(crate) const SEALED_IDENTITY_BLOCK_LEN: usize = IDENTITY_BLOCK_LEN + TAG_LEN;

/// Reserved bytes at the end, zero.
const RESERVED: usize = 8;

/// An initiator's claims, not checked yet.
pub(crate) struct IdentityBlock {
    pub(crate) account: AccountId,
    pub(crate) device: DeviceIdentity,
    pub(crate) manifest: ManifestRef,
    /// The recipient's manifest as the initiator knows it.
    pub(crate) recipient_manifest: ManifestRef,
    pub(crate) statement: DeviceStatement,
}

/// An initiator's claims, vouched for by his account.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct VerifiedIdentity {
    /// The initiator's account.
    pub account: AccountId,
    /// His device.
    pub device: DeviceIdentity,
    /// His account's manifest, as of which the device is his.
    pub manifest: ManifestRef,
    /// The recipient's manifest as the initiator knows it. The recipient compares it with its own history: one that it
    /// never signed is a fork.
    pub recipient_manifest: ManifestRef,
}

impl IdentityBlock {
    pub(crate) fn to_bytes(&self) -> [u8; IDENTITY_BLOCK_LEN] {
        let mut buffer = Vec::with_capacity(IDENTITY_BLOCK_LEN);
        let mut writer = Writer::new(&mut buffer);
        writer.bytes(self.account.as_bytes());
        self.device.write(&mut writer);
        self.manifest.write(&mut writer);
        self.recipient_manifest.write(&mut writer);
        writer
            .bytes(&self.statement.to_bytes())
            .bytes(&[0; RESERVED]);
        let mut block = [0; IDENTITY_BLOCK_LEN];
        block.copy_from_slice(&buffer);
        block
    }

    pub(crate) fn parse(block: &[u8; IDENTITY_BLOCK_LEN]) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(block);
        let parsed = Self {
            account: AccountId::parse(reader.array()?)?,
            device: DeviceIdentity::read(&mut reader)?,
            manifest: ManifestRef::read(&mut reader)?,
            recipient_manifest: ManifestRef::read(&mut reader)?,
            statement: DeviceStatement::read(&mut reader)?,
        };
        reader.zeros(RESERVED)?;
        reader.finish()?;
        Ok(parsed)
    }

    /// Checks that the account vouches for the device.
    pub(crate) fn verify(self, now: Timestamp) -> Result<VerifiedIdentity, StatementError> {
        self.statement
            .verify(&self.account, &self.device, &self.manifest, now)?;
        let Self {
            account,
            device,
            manifest,
            recipient_manifest,
            ..
        } = self;
        Ok(VerifiedIdentity {
            account,
            device,
            manifest,
            recipient_manifest,
        })
    }
}

const _: () = assert!(
    AccountId::LEN + DeviceIdentity::LEN + 2 * ManifestRef::LEN + DeviceStatement::LEN + RESERVED
        == IDENTITY_BLOCK_LEN
);
