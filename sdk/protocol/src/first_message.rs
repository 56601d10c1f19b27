//! The first message of a session: exactly 4,096 bytes, whatever it says.
//!
//! ```text
//! 0     kind 1            0x12
//! 1     flags 1           0
//! 2     EK 32
//! 34    spk_id 4 ‖ opk_id 4 ‖ kpk_id 4
//! 46    ct 1,568          ML-KEM-1024
//! 1614  identity block    AES-256-GCM(K0, 0, AD = TH0, 288)                              304
//! 1918  tag ‖ salt ‖ header ‖ commitment ‖ body, as in an envelope, with AD = TH ‖ SHA-256(bytes 0..1918) ‖ 0x12 ‖ …
//! ```
//!
//! Invariant: a parsed [`FirstMessage`] has the right length, kind and flags and an acceptable EK; nothing in it is
//! authentic. Not its concern: the handshake (`session`), and deciding what to do with a stranger.

use crate::envelope::{KIND_FIRST_MESSAGE, NotAnEnvelope, SEALED_OVERHEAD, Sealed};
use crate::identity_block::SEALED_IDENTITY_BLOCK_LEN;
use crate::prekeys::PrekeyId;
use crate::primitives::dh::{PublicKey, role};
use crate::primitives::hash::{HASH_LEN, sha256};
use crate::primitives::kem::mlkem1024::{self, CIPHERTEXT_LEN};

/// Length of a first message in bytes.
pub const FIRST_MESSAGE_LEN: usize = 4_096;

/// Length of the padded plaintext in bytes.
pub const BODY_LEN: usize = FIRST_MESSAGE_LEN - SEALED_AT - SEALED_OVERHEAD;

/// Flags are reserved.
pub(crate) const FLAGS: u8 = 0;

// Offsets.
const EPHEMERAL: usize = 2;
const IDS: usize = 34;
const CIPHERTEXT: usize = 46;
const IDENTITY_BLOCK: usize = CIPHERTEXT + CIPHERTEXT_LEN;
const SEALED_AT: usize = IDENTITY_BLOCK + SEALED_IDENTITY_BLOCK_LEN;

const _: () = assert!(IDENTITY_BLOCK == 1_614 && SEALED_AT == 1_918 && BODY_LEN == 1_923);

/// A first message as it came.
pub struct FirstMessage<'a> {
    ephemeral: PublicKey<role::Ephemeral>,
    ids: PrekeyIds,
    ciphertext: mlkem1024::Ciphertext,
    identity_block: &'a [u8; SEALED_IDENTITY_BLOCK_LEN],
    sealed: Sealed<'a>,
    front: &'a [u8],
}

/// The prekeys that an initiator used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PrekeyIds {
    /// Id of the signed prekey.
    pub signed: PrekeyId,
    /// Id of the one-time prekey, if one was used.
    pub one_time: Option<PrekeyId>,
    /// Id of the KEM prekey.
    pub kem: PrekeyId,
}

/// SHA-256(EK ‖ ct) of a first message. Kept for each one accepted until its signed prekey and last-resort KEM prekey are
/// deleted: a message with a hash that is kept is a replay.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ReplayHash([u8; HASH_LEN]);

impl ReplayHash {
    /// The hash's bytes, for the store.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; HASH_LEN] {
        &self.0
    }
}

impl<'a> FirstMessage<'a> {
    /// Accepts 4,096 bytes of the right kind with flags of zero, possible ids, and a canonical EK that is not of low order.
    ///
    /// # Errors
    /// [`NotAnEnvelope`].
    pub fn parse(bytes: &'a [u8]) -> Result<Self, NotAnEnvelope> {
        let bytes: &[u8; FIRST_MESSAGE_LEN] = bytes.try_into().map_err(|_| NotAnEnvelope)?;
        if bytes[..EPHEMERAL] != [KIND_FIRST_MESSAGE, FLAGS] {
            return Err(NotAnEnvelope);
        }
        let id = |start| array(bytes, start).map(|id| PrekeyId::new(u32::from_be_bytes(id)));
        Ok(Self {
            ephemeral: PublicKey::parse(&array(bytes, EPHEMERAL)?).map_err(|_| NotAnEnvelope)?,
            ids: PrekeyIds {
                signed: id(IDS)?.ok_or(NotAnEnvelope)?,
                one_time: id(IDS + 4)?,
                kem: id(IDS + 8)?.ok_or(NotAnEnvelope)?,
            },
            ciphertext: mlkem1024::Ciphertext(Box::new(array(bytes, CIPHERTEXT)?)),
            identity_block: bytes[IDENTITY_BLOCK..].first_chunk().ok_or(NotAnEnvelope)?,
            sealed: Sealed::parse(&bytes[SEALED_AT..]).ok_or(NotAnEnvelope)?,
            front: &bytes[..SEALED_AT],
        })
    }

    /// The prekeys that the initiator says he used.
    #[must_use]
    pub const fn prekey_ids(&self) -> PrekeyIds {
        self.ids
    }

    /// What a replay of this message has in common with it.
    #[must_use]
    pub fn replay_hash(&self) -> ReplayHash {
        ReplayHash(sha256(&[
            self.ephemeral.as_bytes(),
            self.ciphertext.0.as_slice(),
        ]))
    }

    pub(crate) const fn ephemeral(&self) -> &PublicKey<role::Ephemeral> {
        &self.ephemeral
    }

    pub(crate) const fn ciphertext(&self) -> &mlkem1024::Ciphertext {
        &self.ciphertext
    }

    pub(crate) const fn identity_block(&self) -> &'a [u8; SEALED_IDENTITY_BLOCK_LEN] {
        self.identity_block
    }

    pub(crate) const fn sealed(&self) -> Sealed<'a> {
        self.sealed
    }

    /// SHA-256 of everything in front of the sealed part.
    pub(crate) fn front_hash(&self) -> [u8; HASH_LEN] {
        sha256(&[self.front])
    }
}

/// Writes what stands in front of the sealed part, and returns its hash.
pub(crate) fn write_front(
    ephemeral: &PublicKey<role::Ephemeral>,
    ids: PrekeyIds,
    ciphertext: &mlkem1024::Ciphertext,
    identity_block: &[u8; SEALED_IDENTITY_BLOCK_LEN],
    out: &mut Vec<u8>,
) -> [u8; HASH_LEN] {
    out.extend_from_slice(&[KIND_FIRST_MESSAGE, FLAGS]);
    out.extend_from_slice(ephemeral.as_bytes());
    out.extend_from_slice(&ids.signed.to_bytes());
    out.extend_from_slice(
        &ids.one_time
            .map_or(PrekeyId::ABSENT.to_be_bytes(), PrekeyId::to_bytes),
    );
    out.extend_from_slice(&ids.kem.to_bytes());
    out.extend_from_slice(ciphertext.0.as_slice());
    out.extend_from_slice(identity_block);
    sha256(&[out])
}

/// `N` bytes from `start` on.
fn array<const N: usize>(
    bytes: &[u8; FIRST_MESSAGE_LEN],
    start: usize,
) -> Result<[u8; N], NotAnEnvelope> {
    bytes
        .get(start..)
        .and_then(|bytes| bytes.first_chunk())
        .copied()
        .ok_or(NotAnEnvelope)
}
