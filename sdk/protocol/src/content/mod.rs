//! What is inside the padding: a 76-byte header and a body by type, in a hand-written binary encoding.
//!
//! Invariant: what parses encodes to the same bytes. Not its concern: padding and encryption, and what the engine does
//! with a body. Bodies of unknown types are kept as they are, for a later version to read.

mod header;
mod hlc;
mod introduction;

pub use header::{CONTENT_HEADER_LEN, ContentHeader, MessageId, PreviousHash};
pub use hlc::{Hlc, HybridClock, MAX_AFTER_MANIFEST_MS, MAX_AHEAD_MS};
pub use introduction::{Introduction, IntroductionError, MAX_INTRODUCTION_BODY, MAX_NAME};

use crate::delivery::DeliverySecret;
use crate::labels;
use crate::primitives::codec::{DecodeError, Reader, Writer};
use crate::primitives::hash;
use crate::profile::ProfileKey;
use crate::session::{MessageNumber, SessionId};

/// Longest text, in bytes of UTF-8.
pub const MAX_TEXT: usize = crate::padding::MAX_CONTENT - CONTENT_HEADER_LEN;

/// Most entries of one delivery receipt or resend request.
pub const MAX_ENTRIES: usize = 256;

const NOTHING: u8 = 0;
const TEXT: u8 = 1;
const DELIVERY_RECEIPT: u8 = 2;
const ACCEPTANCE: u8 = 3;
const RESEND_REQUEST: u8 = 4;
const UNAVAILABLE: u8 = 5;
const RESENT: u8 = 6;

/// Longest content that can be sent again as an answer, in bytes.
pub const MAX_RESENT: usize = MAX_TEXT - MissingMessage::LEN;

/// One message: who it is, and what it says.
pub struct Content {
    /// What every message says about itself.
    pub header: ContentHeader,
    /// What this one says.
    pub body: Body,
}

/// What a message says, by type.
pub enum Body {
    /// Type 0: nothing. Sent to complete a ratchet step or to open a session.
    Nothing,
    /// Type 1: text, up to [`MAX_TEXT`] bytes.
    Text(String),
    /// Type 2: what arrived, and what is missing.
    DeliveryReceipt(DeliveryReceipt),
    /// Type 3: the recipient of a first message accepts its sender.
    Acceptance(Acceptance),
    /// Type 4: these messages of the sender's own chains are missing; 1 to [`MAX_ENTRIES`].
    ResendRequest(Vec<MissingMessage>),
    /// Type 5: the answer to a resend request for a message that is no longer kept.
    Unavailable(MissingMessage),
    /// Type 6: the answer to a resend request for a message that is kept.
    Resent(Resent),
    /// A type that this version does not know.
    Unknown {
        /// The type, above 6.
        kind: u8,
        /// The body as it came.
        bytes: Vec<u8>,
    },
}

/// Messages that arrived. What is known to be missing rides along, so that asking for it shows nothing to the relay.
pub struct DeliveryReceipt {
    /// These arrived.
    pub delivered: Vec<MessageId>,
    /// These of the sender's own chains are missing. With `delivered`, 1 to [`MAX_ENTRIES`].
    pub missing: Vec<MissingMessage>,
}

/// What an accepted contact needs in order to write.
pub struct Acceptance {
    /// The accepter's delivery secret.
    pub delivery_secret: DeliverySecret,
    /// The accepter's profile key.
    pub profile_key: ProfileKey,
    /// The accepter's name, at most 64 bytes of UTF-8.
    pub name: String,
}

/// A message once more, with the name under which it was missed: so the asker knows that it has it.
pub struct Resent {
    /// What was asked for.
    pub missing: MissingMessage,
    /// The content as it was first encoded, header included; at most [`MAX_RESENT`] bytes. It is a [`Content`] of any type
    /// but this one; whether it is, is for its reader to check.
    pub content: Vec<u8>,
}

/// A message known to exist, because a later one of its chain arrived.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct MissingMessage {
    /// The session it was sent in.
    pub session: SessionId,
    /// Which message of the session, counted in its sender's chains.
    pub number: MessageNumber,
}

/// Why content was refused. The sender's software is at fault; the message is dropped and counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ContentError {
    /// The encoding's version is not 1: a newer version of this software is needed to read it.
    #[error("content of another version")]
    Version,
    /// A field is missing, too long or out of range, or bytes follow the last one.
    #[error("malformed content")]
    Malformed,
    /// Text that is not UTF-8.
    #[error("text is not UTF-8")]
    NotUtf8,
    /// To be encoded, a field is longer than its limit.
    #[error("content too long")]
    TooLong,
}

impl From<DecodeError> for ContentError {
    fn from(_: DecodeError) -> Self {
        Self::Malformed
    }
}

impl Content {
    /// Appends the encoding to `out`.
    ///
    /// # Errors
    /// [`ContentError::TooLong`] when the text, the name or a list exceeds its limit, [`ContentError::Malformed`] when a
    /// list is empty or an unknown type is a known one; `out` is then unchanged.
    pub fn encode(&self, out: &mut Vec<u8>) -> Result<(), ContentError> {
        self.body.check()?;
        let mut writer = Writer::new(out);
        self.header.encode(self.body.kind(), &mut writer);
        match &self.body {
            Body::Nothing => {}
            Body::Text(text) => _ = writer.bytes(text.as_bytes()),
            Body::DeliveryReceipt(receipt) => receipt.encode(&mut writer)?,
            Body::Acceptance(acceptance) => acceptance.encode(&mut writer),
            Body::ResendRequest(missing) => missing
                .iter()
                .for_each(|missing| missing.encode(&mut writer)),
            Body::Unavailable(missing) => missing.encode(&mut writer),
            Body::Resent(resent) => {
                resent.missing.encode(&mut writer);
                writer.bytes(&resent.content);
            }
            Body::Unknown { bytes, .. } => _ = writer.bytes(bytes),
        }
        Ok(())
    }

    /// Reads what [`Content::encode`] wrote.
    ///
    /// # Errors
    /// [`ContentError`]: another version, or bytes that no encoder writes.
    pub fn parse(encoded: &[u8]) -> Result<Self, ContentError> {
        let mut reader = Reader::new(encoded);
        let (header, kind) = ContentHeader::parse(&mut reader)?;
        let body = match kind {
            NOTHING => Body::Nothing,
            TEXT => Body::Text(utf8(rest(&mut reader)?)?),
            DELIVERY_RECEIPT => Body::DeliveryReceipt(DeliveryReceipt::parse(&mut reader)?),
            ACCEPTANCE => Body::Acceptance(Acceptance::parse(&mut reader)?),
            RESEND_REQUEST => Body::ResendRequest(requested(&mut reader)?),
            UNAVAILABLE => Body::Unavailable(MissingMessage::parse(&mut reader)?),
            RESENT => Body::Resent(Resent::parse(&mut reader)?),
            kind => Body::Unknown {
                kind,
                bytes: rest(&mut reader)?.to_vec(),
            },
        };
        reader.finish()?;
        Ok(Self { header, body })
    }
}

/// The hash that the next message of a stream names: SHA-256 over label and encoded content, the first 16 bytes of it.
pub fn stream_hash(encoded: &[u8]) -> PreviousHash {
    let digest = hash::labelled(labels::STREAM_HASH, &[encoded]);
    PreviousHash(digest.first_chunk().copied().unwrap_or_default())
}

impl Body {
    const fn kind(&self) -> u8 {
        match self {
            Self::Nothing => NOTHING,
            Self::Text(_) => TEXT,
            Self::DeliveryReceipt(_) => DELIVERY_RECEIPT,
            Self::Acceptance(_) => ACCEPTANCE,
            Self::ResendRequest(_) => RESEND_REQUEST,
            Self::Unavailable(_) => UNAVAILABLE,
            Self::Resent(_) => RESENT,
            Self::Unknown { kind, .. } => *kind,
        }
    }

    fn check(&self) -> Result<(), ContentError> {
        let list = |entries: usize| match entries {
            0 => Err(ContentError::Malformed),
            1..=MAX_ENTRIES => Ok(()),
            _ => Err(ContentError::TooLong),
        };
        match self {
            Self::Nothing | Self::Unavailable(_) => Ok(()),
            Self::Text(text) if text.len() > MAX_TEXT => Err(ContentError::TooLong),
            Self::Text(_) => Ok(()),
            Self::DeliveryReceipt(receipt) => list(
                receipt
                    .delivered
                    .len()
                    .saturating_add(receipt.missing.len()),
            ),
            Self::ResendRequest(missing) => list(missing.len()),
            Self::Acceptance(acceptance) if acceptance.name.len() > MAX_NAME => {
                Err(ContentError::TooLong)
            }
            Self::Acceptance(_) => Ok(()),
            Self::Resent(resent) => match resent.content.len() {
                0..CONTENT_HEADER_LEN => Err(ContentError::Malformed),
                CONTENT_HEADER_LEN..=MAX_RESENT => Ok(()),
                _ => Err(ContentError::TooLong),
            },
            Self::Unknown { kind, .. } if *kind <= RESENT => Err(ContentError::Malformed),
            Self::Unknown { bytes, .. } if bytes.len() > MAX_TEXT => Err(ContentError::TooLong),
            Self::Unknown { .. } => Ok(()),
        }
    }
}

impl DeliveryReceipt {
    /// The number of ids as 16 bits, the ids, the missing messages.
    fn encode(&self, writer: &mut Writer<'_>) -> Result<(), ContentError> {
        writer.u16(u16::try_from(self.delivered.len()).map_err(|_| ContentError::TooLong)?);
        self.delivered
            .iter()
            .for_each(|id| _ = writer.bytes(id.as_bytes()));
        self.missing
            .iter()
            .for_each(|missing| missing.encode(writer));
        Ok(())
    }

    fn parse(reader: &mut Reader<'_>) -> Result<Self, ContentError> {
        let count = usize::from(reader.u16()?);
        if count > MAX_ENTRIES {
            return Err(ContentError::Malformed);
        }
        let ids = (0..count).map(|_| Ok(MessageId::from_bytes(*reader.array()?)));
        let delivered = ids.collect::<Result<Vec<_>, ContentError>>()?;
        let missing = entries(reader, MAX_ENTRIES - count)?;
        if delivered.is_empty() && missing.is_empty() {
            return Err(ContentError::Malformed);
        }
        Ok(Self { delivered, missing })
    }
}

impl Acceptance {
    fn encode(&self, writer: &mut Writer<'_>) {
        writer
            .bytes(self.delivery_secret.expose())
            .bytes(self.profile_key.expose())
            .bytes(self.name.as_bytes());
    }

    fn parse(reader: &mut Reader<'_>) -> Result<Self, ContentError> {
        let delivery_secret = DeliverySecret::from_bytes(reader.array()?);
        let profile_key = ProfileKey::from_bytes(reader.array()?);
        let name = rest(reader)?;
        if name.len() > MAX_NAME {
            return Err(ContentError::Malformed);
        }
        Ok(Self {
            delivery_secret,
            profile_key,
            name: utf8(name)?,
        })
    }
}

impl Resent {
    fn parse(reader: &mut Reader<'_>) -> Result<Self, ContentError> {
        let missing = MissingMessage::parse(reader)?;
        let content = rest(reader)?;
        if content.len() < CONTENT_HEADER_LEN {
            return Err(ContentError::Malformed);
        }
        Ok(Self {
            missing,
            content: content.to_vec(),
        })
    }
}

impl MissingMessage {
    /// Bytes of the encoding.
    const LEN: usize = 16 + 4 + 4;

    fn encode(&self, writer: &mut Writer<'_>) {
        writer
            .bytes(self.session.as_bytes())
            .u32(self.number.chain)
            .u32(self.number.n);
    }

    fn parse(reader: &mut Reader<'_>) -> Result<Self, ContentError> {
        let session = SessionId::from_bytes(*reader.array()?);
        let number = MessageNumber {
            chain: reader.u32()?,
            n: reader.u32()?,
        };
        Ok(Self { session, number })
    }
}

fn rest<'a>(reader: &mut Reader<'a>) -> Result<&'a [u8], DecodeError> {
    reader.bytes(reader.rest().len())
}

fn utf8(bytes: &[u8]) -> Result<String, ContentError> {
    str::from_utf8(bytes)
        .map(str::to_owned)
        .map_err(|_| ContentError::NotUtf8)
}

/// Up to `max` missing messages, to the end of the content.
fn entries(reader: &mut Reader<'_>, max: usize) -> Result<Vec<MissingMessage>, ContentError> {
    let mut entries = Vec::new();
    while !reader.rest().is_empty() {
        if entries.len() == max {
            return Err(ContentError::Malformed);
        }
        entries.push(MissingMessage::parse(reader)?);
    }
    Ok(entries)
}

/// One to [`MAX_ENTRIES`] missing messages.
fn requested(reader: &mut Reader<'_>) -> Result<Vec<MissingMessage>, ContentError> {
    let missing = entries(reader, MAX_ENTRIES)?;
    if missing.is_empty() {
        Err(ContentError::Malformed)
    } else {
        Ok(missing)
    }
}

#[cfg(test)]
#[path = "content_tests.rs"]
mod tests;
