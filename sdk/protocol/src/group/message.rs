//! One group message: encrypt the body, sign it, encrypt the header; and the way back.
//!
//! ```text
//! bound      group id 16 ‖ epoch hash 32 ‖ account 32 ‖ device 16 ‖ header[..16] ‖ env[0..29]
//! body       AD = bound ‖ commitment
//! signature  over bound ‖ SHA-256(env[208..])
//! header     AD = group id ‖ epoch hash ‖ env[0..17]
//! ```
//!
//! Invariant: no byte of an envelope can be changed by anybody but its sender. Members can encrypt headers too, but under
//! the signed salt only with the signed fields and the sender's own signature, which gives the same bytes.
//! Not its concern: chains, and which of their keys to use.

use super::header::{self, NAMED_LEN, Named};
use super::{EpochId, GroupEpoch, GroupNumber, Sender, SenderSigningKey, VerificationKey};
use crate::envelope::{AssociatedData, BodyFirst, KIND_MESSAGE, Sealed, SealedError};
use crate::labels;
use crate::primitives::aead::{AeadError, NONCE_LEN};
use crate::primitives::hash::{HASH_LEN, sha256};
use crate::primitives::signature::Signature;
use crate::ratchet::MessageKey;
use crate::tag::{TAG_LEN, Tag};

/// Bytes of what body and signature are bound to.
const BOUND_LEN: usize = 16 + 32 + 32 + 16 + NAMED_LEN + 1 + TAG_LEN + NONCE_LEN;

const _: () = assert!(BOUND_LEN == 141);

/// Why a group message did not open. The state is unchanged, byte for byte, and the caller shows nothing and answers
/// nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum GroupOpenError {
    /// The tag is none of this sender in this epoch. The caller looked in the wrong place.
    #[error("not a message of this sender")]
    NotExpected,
    /// The header is not authentic, or says what no member says under this tag. To be acknowledged and dropped: any member
    /// may have written it.
    #[error("header rejected")]
    Header,
    /// The chain's key was not given yet, or is gone. To be kept until the key comes.
    #[error("message of a chain that is not known")]
    UnknownKey,
    /// The message was made before the receiver was given the chain. To be acknowledged and dropped.
    #[error("message from before the key was given")]
    BeforeKey,
    /// The chain had ended before this number: it has its 100 messages, or another one took over. To be acknowledged and
    /// dropped.
    #[error("message number behind the end of the chain")]
    ChainEnded,
    /// The message was opened before. To be acknowledged and dropped.
    #[error("duplicate")]
    Duplicate,
    /// Not signed by the sender: another member, or the relay, made or changed it. To be acknowledged and dropped.
    #[error("signature does not verify")]
    Signature,
    /// Signed by the sender, and made with another message key. The sender is at fault, as in what follows.
    #[error("commitment does not match")]
    Commitment,
    /// Signed by the sender, and the body is not authentic.
    #[error("body not authentic")]
    Body,
    /// Signed by the sender and authentic, and the padding is not as specified.
    #[error("padding malformed")]
    Padding,
}

impl From<SealedError> for GroupOpenError {
    fn from(error: SealedError) -> Self {
        match error {
            SealedError::Header => Self::Header,
            SealedError::Commitment => Self::Commitment,
            SealedError::Body => Self::Body,
            SealedError::Padding => Self::Padding,
        }
    }
}

/// `bound`.
pub(super) fn bound(
    epoch: &EpochId,
    sender: &Sender,
    named: Named,
    (tag, salt): (Tag, &[u8; NONCE_LEN]),
) -> AssociatedData {
    AssociatedData::of(&[
        epoch.group.as_bytes(),
        &epoch.hash.0,
        sender.account.as_bytes(),
        sender.device.as_bytes(),
        &named.to_bytes(),
        &[KIND_MESSAGE],
        tag.as_bytes(),
        salt,
    ])
}

/// `bound ‖ SHA-256(env[208..])`, where `behind_header` are the parts of env[208..].
pub(super) fn signed(
    bound: &AssociatedData,
    behind_header: &[&[u8]],
) -> [u8; BOUND_LEN + HASH_LEN] {
    let mut body = [0; BOUND_LEN + HASH_LEN];
    body[..BOUND_LEN].copy_from_slice(bound.as_slice());
    body[BOUND_LEN..].copy_from_slice(&sha256(behind_header));
    body
}

pub(super) fn header_ad(epoch: &EpochId, tag: Tag) -> AssociatedData {
    AssociatedData::of(&[
        epoch.group.as_bytes(),
        &epoch.hash.0,
        &[KIND_MESSAGE],
        tag.as_bytes(),
    ])
}

/// Everything that seals one message beside its content.
pub(super) struct Sealer<'a> {
    pub(super) epoch: &'a GroupEpoch,
    pub(super) sender: &'a Sender,
    pub(super) named: Named,
    pub(super) message_key: &'a MessageKey,
    pub(super) signing_key: &'a SenderSigningKey,
    /// Fresh randomness.
    pub(super) salt: [u8; NONCE_LEN],
}

impl Sealer<'_> {
    /// Appends the sealed part to `out`, which is unspecified behind its old end on failure.
    pub(super) fn seal(
        &self,
        content: &[u8],
        padded_len: usize,
        out: &mut Vec<u8>,
    ) -> Result<(), AeadError> {
        let Named { sender, n, .. } = self.named;
        let tag = self.epoch.tag(GroupNumber { sender, n });
        let epoch = &self.epoch.id;
        let bound = bound(epoch, self.sender, self.named, (tag, &self.salt));
        let sealed = BodyFirst::seal(
            (tag, self.salt),
            self.message_key,
            bound.as_slice(),
            (content, padded_len),
            out,
        )?;
        let body = signed(&bound, &[sealed.behind_header()]);
        let signature = self.signing_key.sign(labels::GROUP_MSG, &body);
        sealed.seal_header(
            &self.epoch.keys.header,
            &header_ad(epoch, tag),
            &self.named.with(&signature),
        )
    }
}

/// A message whose header was opened: any member may have written it.
pub(super) struct Unverified<'a> {
    sealed: Sealed<'a>,
    pub(super) named: Named,
    signature: Signature,
}

/// A message whose signature was verified.
pub(super) struct Verified<'a> {
    sealed: Sealed<'a>,
    bound: AssociatedData,
}

impl<'a> Unverified<'a> {
    /// Opens the header; requires that it says what the tag says.
    pub(super) fn open(
        epoch: &GroupEpoch,
        number: GroupNumber,
        sealed: Sealed<'a>,
    ) -> Result<Self, GroupOpenError> {
        let ad = header_ad(&epoch.id, sealed.tag());
        let header = sealed.decrypt_header(&epoch.keys.header, &ad)?;
        let (named, signature) = header::parse(&header).map_err(|_| GroupOpenError::Header)?;
        if named.sender != number.sender || named.n != number.n {
            return Err(GroupOpenError::Header);
        }
        Ok(Self {
            sealed,
            named,
            signature,
        })
    }

    /// Verifies the signature.
    pub(super) fn verify(
        self,
        epoch: &EpochId,
        sender: &Sender,
        key: &VerificationKey,
    ) -> Result<Verified<'a>, GroupOpenError> {
        let sealed = self.sealed;
        let bound = bound(epoch, sender, self.named, (sealed.tag(), sealed.salt()));
        let body = signed(&bound, &[sealed.commitment(), sealed.body()]);
        key.verify(labels::GROUP_MSG, &body, &self.signature)
            .map_err(|_| GroupOpenError::Signature)?;
        Ok(Verified { sealed, bound })
    }
}

impl Verified<'_> {
    /// Compares the commitment, then decrypts the body.
    pub(super) fn open_body(
        &self,
        key: &MessageKey,
        content: &mut Vec<u8>,
    ) -> Result<(), GroupOpenError> {
        let ad = AssociatedData::of(&[self.bound.as_slice(), self.sealed.commitment()]);
        Ok(self.sealed.open_body_with(&ad, key, content)?)
    }
}
