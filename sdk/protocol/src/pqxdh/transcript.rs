//! TH0 and TH: what both sides must agree on.
//!
//! Each field is prefixed by its length as a 32-bit integer, so that no field can be read as part of another one.

use sha2::{Digest, Sha256};

use crate::account::AccountId;
use crate::device::{DeviceId, IdentityPublicKey};
use crate::envelope::KIND_FIRST_MESSAGE;
use crate::first_message::PrekeyIds;
use crate::identity_block::IDENTITY_BLOCK_LEN;
use crate::labels::{self, KdfLabel};
use crate::prekeys::{
    OneTimePrekeyPublic, PrekeyId, PrekeyKind, SignedPrekeyPublic, VerifiedBundle,
};
use crate::primitives::dh::{PublicKey, role};
use crate::primitives::{hash, kem::mlkem1024};

/// The only suite: X25519, ML-KEM-1024, SHA-256, AES-256-GCM.
const SUITE: u8 = 1;

/// TH: hash of the whole handshake; associated data of every message of the session.
pub struct TranscriptHash([u8; 32]);

/// TH0: hash of the part that does not name the initiator.
pub(crate) struct IdentityTranscript([u8; 32]);

/// The recipient's part of a handshake, as both sides see it.
pub(crate) struct RecipientKeys<'a> {
    pub(crate) account: AccountId,
    pub(crate) device: DeviceId,
    /// IK_B.
    pub(crate) identity: IdentityPublicKey,
    /// SPK_B with its id.
    pub(crate) signed: (PrekeyId, SignedPrekeyPublic),
    /// OPK_B with its id.
    pub(crate) one_time: Option<(PrekeyId, OneTimePrekeyPublic)>,
    /// KPK_B with its id and kind.
    pub(crate) kem: (PrekeyId, PrekeyKind, &'a mlkem1024::PublicKey),
}

impl<'a> RecipientKeys<'a> {
    /// The keys of a bundle.
    pub(crate) fn of(bundle: &'a VerifiedBundle) -> Self {
        Self {
            account: bundle.account,
            device: bundle.device.id,
            identity: bundle.device.identity_key,
            signed: bundle.signed_prekey,
            one_time: bundle.one_time,
            kem: (bundle.kem_id, bundle.kem_kind, &bundle.kem),
        }
    }

    /// The ids that travel in the first message.
    pub(crate) fn ids(&self) -> PrekeyIds {
        PrekeyIds {
            signed: self.signed.0,
            one_time: self.one_time.map(|(id, _)| id),
            kem: self.kem.0,
        }
    }
}

impl IdentityTranscript {
    /// TH0 = SHA-256(label ‖ suite ‖ kind ‖ flags ‖ acct_B ‖ dev_B ‖ IK_B ‖ id+SPK ‖ id+OPK|∅ ‖ id+type+KPK ‖ EK ‖ ct).
    pub(crate) fn new(
        flags: u8,
        recipient: &RecipientKeys<'_>,
        ephemeral: &PublicKey<role::Ephemeral>,
        ciphertext: &mlkem1024::Ciphertext,
    ) -> Self {
        let (signed_id, signed) = &recipient.signed;
        let (kem_id, kem_kind, kem) = &recipient.kem;
        let mut transcript = Fields::new(labels::PQXDH_ID);
        transcript.field(&[&[SUITE]]);
        transcript.field(&[&[KIND_FIRST_MESSAGE]]);
        transcript.field(&[&[flags]]);
        transcript.field(&[recipient.account.as_bytes()]);
        transcript.field(&[recipient.device.as_bytes()]);
        transcript.field(&[recipient.identity.as_bytes()]);
        transcript.field(&[&signed_id.to_bytes(), signed.as_bytes()]);
        match &recipient.one_time {
            Some((id, key)) => transcript.field(&[&id.to_bytes(), key.as_bytes()]),
            None => transcript.field(&[]),
        }
        transcript.field(&[&kem_id.to_bytes(), &[kem_kind.to_byte()], kem.as_bytes()]);
        transcript.field(&[ephemeral.as_bytes()]);
        transcript.field(&[ciphertext.0.as_slice()]);
        Self(transcript.finish())
    }

    pub(crate) const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl TranscriptHash {
    /// TH = SHA-256(label ‖ TH0 ‖ SHA-256(identity block)).
    pub(crate) fn new(identity: &IdentityTranscript, block: &[u8; IDENTITY_BLOCK_LEN]) -> Self {
        let mut transcript = Fields::new(labels::PQXDH_SK);
        transcript.field(&[identity.as_bytes()]);
        transcript.field(&[&hash::sha256(&[block])]);
        Self(transcript.finish())
    }

    pub(crate) const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    pub(crate) const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

/// A hash over length-prefixed fields, the first of which is a label.
struct Fields(Sha256);

impl Fields {
    fn new(label: KdfLabel) -> Self {
        let mut fields = Self(Sha256::new());
        fields.field(&[label.as_bytes()]);
        fields
    }

    /// One field, the concatenation of `parts`. The longest is 1,573 bytes, so that its length always fits.
    fn field(&mut self, parts: &[&[u8]]) {
        let len: u32 = parts.iter().flat_map(|part| part.iter()).map(|_| 1).sum();
        self.0.update(len.to_be_bytes());
        parts.iter().for_each(|part| self.0.update(part));
    }

    fn finish(self) -> [u8; 32] {
        self.0.finalize().into()
    }
}
