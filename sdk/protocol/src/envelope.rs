//! The envelope: what the relay carries, and the only place that knows where its parts lie.
//!
//! ```text
//! 0    kind 1         0x11
//! 1    tag 16
//! 17   salt 12        random; nonce of both encryptions
//! 29   header 179     AES-256-GCM(HK, salt, AD = TH ‖ env[0..17], header 163)
//! 208  commitment 32
//! 240  body           AES-256-GCM(K, salt, AD = TH ‖ env[0..240], padded plaintext)
//! ```
//!
//! The first message (0x12) carries the same from the tag on, behind its handshake: there TH is followed by the hash of
//! the handshake part, and 0x12 stands for the kind. Invariant: every byte in front of the body is associated data of it.
//! A group message has the same parts, but its header signs the body and so is encrypted last (`BodyFirst`).
//! Not its concern: which keys to use, and what is in the body.

use crate::header::{HEADER_LEN, Header};
use crate::limits::ENVELOPE_OVERHEAD;
use crate::padding;
use crate::pqxdh::TranscriptHash;
use crate::primitives::aead::{self, AeadError, NONCE_LEN};
use crate::ratchet::{
    BodyKey, COMMITMENT_LEN, ContentKey, HeaderKey, HeaderKeys, SEALED_HEADER_LEN,
};
use crate::session::limits::MAX_N;
use crate::tag::{TAG_LEN, Tag};

/// The first byte of a message of an established session, pairwise or group alike.
pub const KIND_MESSAGE: u8 = 0x11;

/// The first byte of a first message.
pub const KIND_FIRST_MESSAGE: u8 = 0x12;

/// Bytes that sealing adds behind the kind.
pub(crate) const SEALED_OVERHEAD: usize = BODY + aead::TAG_LEN;

// Offsets behind the kind.
const SALT: usize = TAG_LEN;
const HEADER: usize = SALT + NONCE_LEN;
const COMMITMENT: usize = HEADER + SEALED_HEADER_LEN;
const BODY: usize = COMMITMENT + COMMITMENT_LEN;

const _: () = assert!(1 + SEALED_OVERHEAD == ENVELOPE_OVERHEAD);

/// An envelope of an established session: the right kind, and of a bucket's length.
#[derive(Clone, Copy)]
pub struct Envelope<'a>(Sealed<'a>);

/// Bytes that are no envelope. Whoever sent them is at fault; they are acknowledged and dropped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not an envelope")]
pub struct NotAnEnvelope;

impl<'a> Envelope<'a> {
    /// Accepts bytes that start with [`KIND_MESSAGE`] and are as long as a bucket.
    ///
    /// # Errors
    /// [`NotAnEnvelope`].
    pub fn parse(bytes: &'a [u8]) -> Result<Self, NotAnEnvelope> {
        match bytes {
            [KIND_MESSAGE, sealed @ ..] if padding::is_bucket(bytes.len()) => {
                Sealed::parse(sealed).map(Self).ok_or(NotAnEnvelope)
            }
            _ => Err(NotAnEnvelope),
        }
    }

    /// The tag, by which the session is found.
    #[must_use]
    pub const fn tag(&self) -> Tag {
        self.0.tag()
    }

    pub(crate) const fn sealed(&self) -> Sealed<'a> {
        self.0
    }
}

/// What the associated data of a message starts with.
#[derive(Clone, Copy)]
pub(crate) enum Context<'a> {
    /// A message of an established session.
    Session(&'a TranscriptHash),
    /// The first message: TH, and the SHA-256 of everything in front of the sealed part.
    First(&'a TranscriptHash, [u8; 32]),
}

/// The sealed part, from the tag on: at least as long as its fixed parts.
#[derive(Clone, Copy)]
pub(crate) struct Sealed<'a> {
    tag: &'a [u8; TAG_LEN],
    salt: &'a [u8; NONCE_LEN],
    header: &'a [u8; SEALED_HEADER_LEN],
    commitment: &'a [u8; COMMITMENT_LEN],
    /// Everything in front of the body.
    front: &'a [u8; BODY],
    body: &'a [u8],
}

/// The associated data of one encryption: of a session's message context, kind, and what stands in front of the
/// ciphertext.
pub(crate) struct AssociatedData {
    bytes: [u8; 32 + 32 + 1 + BODY],
    len: usize,
}

impl AssociatedData {
    #[inline]
    fn new(context: Context<'_>, front: &[u8]) -> Self {
        match context {
            Context::Session(transcript) => {
                Self::of(&[transcript.as_bytes(), &[KIND_MESSAGE], front])
            }
            Context::First(transcript, handshake) => Self::of(&[
                transcript.as_bytes(),
                &handshake,
                &[KIND_FIRST_MESSAGE],
                front,
            ]),
        }
    }

    /// The concatenation of `parts`, at most 304 bytes.
    #[inline]
    pub(crate) fn of(parts: &[&[u8]]) -> Self {
        let mut data = Self {
            bytes: [0; 32 + 32 + 1 + BODY],
            len: 0,
        };
        for part in parts {
            data.push(part);
        }
        data
    }

    #[inline]
    fn push(&mut self, part: &[u8]) {
        let end = self.len + part.len();
        self.bytes[self.len..end].copy_from_slice(part);
        self.len = end;
    }

    #[inline]
    pub(crate) fn as_slice(&self) -> &[u8] {
        &self.bytes[..self.len]
    }
}

/// Everything that seals one message beside its content.
pub(crate) struct Sealer<'a, K> {
    pub(crate) context: Context<'a>,
    pub(crate) keys: &'a HeaderKeys,
    /// Of the header's number.
    pub(crate) tag: Tag,
    pub(crate) header: Header,
    pub(crate) message_key: &'a K,
    /// Fresh randomness. A disk that was rolled back may repeat every key, but not this.
    pub(crate) salt: [u8; NONCE_LEN],
}

impl<K: BodyKey> Sealer<'_, K> {
    /// Appends the sealed part to `out`: `padded_len` + 255 bytes. `out` is unspecified behind its old end on failure.
    pub(crate) fn seal(
        &self,
        content: &[u8],
        padded_len: usize,
        out: &mut Vec<u8>,
    ) -> Result<(), AeadError> {
        let start = out.len();
        out.reserve(padded_len + SEALED_OVERHEAD);
        out.extend_from_slice(self.tag.as_bytes());
        out.extend_from_slice(&self.salt);

        let ad = AssociatedData::new(self.context, self.tag.as_bytes());
        let mut header = [0; SEALED_HEADER_LEN];
        header[..HEADER_LEN].copy_from_slice(&self.header.to_bytes());
        self.keys
            .header
            .seal(&self.salt, ad.as_slice(), &mut header)?;
        out.extend_from_slice(&header);

        let (commitment, key) = self.message_key.expand();
        out.extend_from_slice(commitment.as_bytes());
        let ad = AssociatedData::new(self.context, &out[start..]);
        append_body(&key, &self.salt, &ad, (content, padded_len), out)
    }
}

/// Appends the padded and encrypted content.
#[inline]
fn append_body(
    key: &ContentKey,
    salt: &[u8; NONCE_LEN],
    ad: &AssociatedData,
    (content, padded_len): (&[u8], usize),
    out: &mut Vec<u8>,
) -> Result<(), AeadError> {
    let body = out.len();
    padding::pad(content, padded_len, out);
    out.resize(body + padded_len + aead::TAG_LEN, 0);
    key.seal(salt, ad.as_slice(), &mut out[body..])
}

/// A sealed part that is being made body first: everything is there but the header, which signs the body.
pub(crate) struct BodyFirst<'o> {
    salt: [u8; NONCE_LEN],
    sealed: &'o mut [u8],
}

impl<'o> BodyFirst<'o> {
    /// Appends tag, salt, room for the header, commitment and body: `padded_len` + 255 bytes. The body's associated data
    /// are `bound` and the commitment. `out` is unspecified behind its old end on failure.
    pub(crate) fn seal(
        (tag, salt): (Tag, [u8; NONCE_LEN]),
        message_key: &impl BodyKey,
        bound: &[u8],
        (content, padded_len): (&[u8], usize),
        out: &'o mut Vec<u8>,
    ) -> Result<Self, AeadError> {
        let start = out.len();
        out.reserve(padded_len + SEALED_OVERHEAD);
        out.extend_from_slice(tag.as_bytes());
        out.extend_from_slice(&salt);
        out.extend_from_slice(&[0; SEALED_HEADER_LEN]);
        let (commitment, key) = message_key.expand();
        out.extend_from_slice(commitment.as_bytes());
        let ad = AssociatedData::of(&[bound, commitment.as_bytes()]);
        append_body(&key, &salt, &ad, (content, padded_len), out)?;
        let sealed = &mut out[start..];
        Ok(Self { salt, sealed })
    }

    /// What the header signs: everything behind it.
    pub(crate) fn behind_header(&self) -> &[u8] {
        &self.sealed[COMMITMENT..]
    }

    /// Encrypts the header into its place.
    pub(crate) fn seal_header(
        self,
        key: &HeaderKey,
        ad: &AssociatedData,
        header: &[u8; HEADER_LEN],
    ) -> Result<(), AeadError> {
        let mut buffer = [0; SEALED_HEADER_LEN];
        buffer[..HEADER_LEN].copy_from_slice(header);
        key.seal(&self.salt, ad.as_slice(), &mut buffer)?;
        self.sealed[HEADER..COMMITMENT].copy_from_slice(&buffer);
        Ok(())
    }
}

/// Why a sealed message did not open.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum SealedError {
    /// The header is not authentic, or no honest peer writes it.
    Header,
    /// The message key is not the one the sender used.
    Commitment,
    /// The body is not authentic.
    Body,
    /// The body is authentic and not padded.
    Padding,
}

impl<'a> Sealed<'a> {
    /// Accepts bytes that have room for every part and an empty body.
    pub(crate) fn parse(bytes: &'a [u8]) -> Option<Self> {
        let (front, body) = bytes.split_first_chunk::<BODY>()?;
        let (tag, rest) = front.split_first_chunk()?;
        let (salt, rest) = rest.split_first_chunk()?;
        let (header, rest) = rest.split_first_chunk()?;
        let commitment = rest.first_chunk()?;
        (body.len() >= aead::TAG_LEN).then_some(Self {
            tag,
            salt,
            header,
            commitment,
            front,
            body,
        })
    }

    pub(crate) const fn tag(&self) -> Tag {
        Tag::from_bytes(*self.tag)
    }

    pub(crate) const fn salt(&self) -> &'a [u8; NONCE_LEN] {
        self.salt
    }

    pub(crate) const fn commitment(&self) -> &'a [u8; COMMITMENT_LEN] {
        self.commitment
    }

    /// The encrypted body.
    pub(crate) const fn body(&self) -> &'a [u8] {
        self.body
    }

    /// Decrypts and parses the header of a message of a chain, whose N is limited.
    #[inline]
    pub(crate) fn open_header(
        &self,
        context: Context<'_>,
        key: &HeaderKey,
    ) -> Result<Header, SealedError> {
        let header = self.open_any_header(context, key)?;
        if header.n > MAX_N {
            return Err(SealedError::Header);
        }
        Ok(header)
    }

    /// Decrypts and parses a header with any N.
    #[inline]
    pub(crate) fn open_any_header(
        &self,
        context: Context<'_>,
        key: &HeaderKey,
    ) -> Result<Header, SealedError> {
        let ad = AssociatedData::new(context, self.tag);
        let header = self.decrypt_header(key, &ad)?;
        Header::parse(&header).map_err(|_| SealedError::Header)
    }

    /// Decrypts a header, whatever it says.
    #[inline]
    pub(crate) fn decrypt_header(
        &self,
        key: &HeaderKey,
        ad: &AssociatedData,
    ) -> Result<[u8; HEADER_LEN], SealedError> {
        let mut buffer = *self.header;
        let header = key.open(self.salt, ad.as_slice(), &mut buffer);
        header.copied().map_err(|_| SealedError::Header)
    }

    /// Compares the commitment, then decrypts the body; `content` is replaced by what is in front of the padding, or
    /// left empty.
    #[inline]
    pub(crate) fn open_body(
        &self,
        context: Context<'_>,
        message_key: &impl BodyKey,
        content: &mut Vec<u8>,
    ) -> Result<(), SealedError> {
        self.open_body_with(
            &AssociatedData::new(context, self.front),
            message_key,
            content,
        )
    }

    /// The same with these associated data.
    #[inline]
    pub(crate) fn open_body_with(
        &self,
        ad: &AssociatedData,
        message_key: &impl BodyKey,
        content: &mut Vec<u8>,
    ) -> Result<(), SealedError> {
        content.clear();
        let (commitment, key) = message_key.expand();
        if !commitment.matches(self.commitment) {
            return Err(SealedError::Commitment);
        }
        content.extend_from_slice(self.body);
        let opened = match key.open(self.salt, ad.as_slice(), content) {
            Ok(padded) => padding::unpadded_len(padded).ok_or(SealedError::Padding),
            Err(_) => Err(SealedError::Body),
        };
        content.truncate(opened.unwrap_or(0));
        opened.map(drop)
    }
}

#[cfg(test)]
#[path = "envelope_tests.rs"]
mod tests;
