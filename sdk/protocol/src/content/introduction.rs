//! The plaintext of a first message: what a stranger needs to answer, and the first content.
//!
//! Invariant: an introduction fits the 1,922 bytes that a first message carries in front of its padding, whatever its
//! text. Not its concern: the handshake and the encryption (`first_message`, `session`).

use zeroize::Zeroizing;

use super::{CONTENT_HEADER_LEN, Content, ContentError, rest, utf8};
use crate::account::ManifestWritePublicKey;
use crate::delivery::DeliverySecret;
use crate::limits::MAX_RELAY_ADDRESS_LEN;
use crate::primitives::codec::{DecodeError, Reader, Writer};
use crate::primitives::kem::mlkem768::PUBLIC_KEY_LEN;
use crate::profile::ProfileKey;
use crate::relay_address::RelayAddress;

/// Longest display name in bytes of UTF-8.
pub const MAX_NAME: usize = 64;

/// Longest body of the content of a first message, in bytes. Longer text follows in the next message.
pub const MAX_INTRODUCTION_BODY: usize = 320;

/// What the first message of a session says.
pub struct Introduction {
    /// Public key of the record that holds the sender's manifest.
    pub manifest_write_key: ManifestWritePublicKey,
    /// The sender's delivery secret.
    pub delivery_secret: DeliverySecret,
    /// The sender's profile key.
    pub profile_key: ProfileKey,
    /// Address of the sender's relay. Nothing is fetched from it before the user accepts.
    pub relay_address: RelayAddress,
    /// The sender's name for himself, at most [`MAX_NAME`] bytes of UTF-8.
    pub name: String,
    /// The first content, whose body is at most [`MAX_INTRODUCTION_BODY`] bytes.
    pub content: Content,
}

/// Why an introduction was refused. Its author's software is at fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum IntroductionError {
    /// The relay address is none, or not in its canonical form.
    #[error("not a relay address")]
    RelayAddress,
    /// The name is longer than [`MAX_NAME`] bytes.
    #[error("name too long")]
    Name,
    /// The body of the content is longer than [`MAX_INTRODUCTION_BODY`] bytes.
    #[error("content too long for a first message")]
    ContentTooLong,
    /// The content itself.
    #[error(transparent)]
    Content(#[from] ContentError),
}

impl From<DecodeError> for IntroductionError {
    fn from(error: DecodeError) -> Self {
        Self::Content(error.into())
    }
}

impl Introduction {
    /// The encoding behind the first key of the post-quantum ratchet, at most 1,870 bytes; wiped on drop, for it holds
    /// secrets.
    ///
    /// # Errors
    /// [`IntroductionError`] when a field exceeds its limit.
    pub fn encode(
        &self,
        ratchet_key: &[u8; PUBLIC_KEY_LEN],
    ) -> Result<Zeroizing<Vec<u8>>, IntroductionError> {
        if self.name.len() > MAX_NAME {
            return Err(IntroductionError::Name);
        }
        let mut out = Zeroizing::new(Vec::with_capacity(MAX_LEN));
        let mut writer = Writer::new(&mut out);
        writer
            .bytes(ratchet_key)
            .bytes(self.manifest_write_key.as_bytes());
        writer
            .bytes(self.delivery_secret.expose())
            .bytes(self.profile_key.expose());
        writer
            .field_u8(self.relay_address.as_str().as_bytes())
            .map_err(|_| IntroductionError::RelayAddress)?;
        writer
            .field_u8(self.name.as_bytes())
            .map_err(|_| IntroductionError::Name)?;
        let start = out.len();
        self.content.encode(&mut out)?;
        if out.len() - start > CONTENT_HEADER_LEN + MAX_INTRODUCTION_BODY {
            return Err(IntroductionError::ContentTooLong);
        }
        Ok(out)
    }

    /// Reads what [`Introduction::encode`] wrote, and the key of the post-quantum ratchet. Whether that is a key at all is
    /// found out when it is used.
    ///
    /// # Errors
    /// [`IntroductionError`] when a field exceeds its limit or the bytes end early.
    pub fn parse(encoded: &[u8]) -> Result<(Self, &[u8; PUBLIC_KEY_LEN]), IntroductionError> {
        let mut reader = Reader::new(encoded);
        let ratchet_key = reader.array()?;
        let manifest_write_key =
            ManifestWritePublicKey::parse(reader.array()?).map_err(DecodeError::from)?;
        let delivery_secret = DeliverySecret::from_bytes(reader.array()?);
        let profile_key = ProfileKey::from_bytes(reader.array()?);
        let text = utf8(reader.field_u8(MAX_RELAY_ADDRESS_LEN)?)?;
        let relay_address =
            RelayAddress::parse(&text).map_err(|_| IntroductionError::RelayAddress)?;
        if relay_address.as_str() != text {
            return Err(IntroductionError::RelayAddress);
        }
        let name = utf8(reader.field_u8(MAX_NAME)?)?;
        let content = rest(&mut reader)?;
        if content.len() > CONTENT_HEADER_LEN + MAX_INTRODUCTION_BODY {
            return Err(IntroductionError::ContentTooLong);
        }
        let content = Content::parse(content)?;
        let introduction = Self {
            manifest_write_key,
            delivery_secret,
            profile_key,
            relay_address,
            name,
            content,
        };
        Ok((introduction, ratchet_key))
    }
}

const MAX_LEN: usize = PUBLIC_KEY_LEN
    + 3 * 32
    + (1 + MAX_RELAY_ADDRESS_LEN)
    + (1 + MAX_NAME)
    + CONTENT_HEADER_LEN
    + MAX_INTRODUCTION_BODY;

const _: () = assert!(MAX_LEN < crate::first_message::BODY_LEN);
