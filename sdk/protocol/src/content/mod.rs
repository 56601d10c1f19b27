//! What is inside the padding: a 76-byte header and a body by type, in a hand-written binary encoding.
//!
//! Invariant: what parses encodes to the same bytes. Not its concern: padding and encryption, and what the engine does
//! with a body. Bodies of unknown types are kept as they are, for a later version to read.

mod changes;
mod header;
mod hlc;
mod introduction;
mod parts;
mod people;
mod post;

pub use changes::{Edit, MAX_EMOJI, MAX_REACTIONS, Reactions};
pub use header::{CONTENT_HEADER_LEN, ContentHeader, MessageId, PreviousHash};
pub use hlc::{Hlc, HybridClock, MAX_AFTER_MANIFEST_MS, MAX_AHEAD_MS};
pub use introduction::{Introduction, IntroductionError, MAX_INTRODUCTION_BODY, MAX_NAME};
pub use parts::{
    AppPayload, ContactCard, FormatRange, LinkPreview, Location, MAX_CARD_NAME, MAX_FORMATS,
    MAX_MENTIONS, MAX_MIME_TYPE, MAX_PLACE_LABEL, MAX_PREVIEW_DESCRIPTION, MAX_PREVIEW_TITLE,
    MAX_PREVIEW_URL, MAX_QUOTE, MAX_TIMER_SECONDS, MIN_TIMER_SECONDS, Mention, Reply, Style,
    TextRange, Timer,
};
pub use people::{Presence, PresenceState, ProfilePlace};
pub use post::{MAX_UNKNOWN_PARTS, Post, UnknownPart};

use crate::delivery::DeliverySecret;
use crate::labels;
use crate::primitives::codec::{DecodeError, EncodeError, Reader, Writer};
use crate::primitives::hash;
use crate::profile::ProfileKey;
use crate::session::{MessageNumber, SessionId};
use post::Unreadable;

/// Longest text, in bytes of UTF-8.
pub const MAX_TEXT: usize = crate::padding::MAX_CONTENT - CONTENT_HEADER_LEN;

/// Most entries of one receipt, resend request or deletion.
pub const MAX_ENTRIES: usize = 256;

const NOTHING: u8 = 0;
const TEXT: u8 = 1;
const DELIVERY_RECEIPT: u8 = 2;
const ACCEPTANCE: u8 = 3;
const RESEND_REQUEST: u8 = 4;
const UNAVAILABLE: u8 = 5;
const RESENT: u8 = 6;
const POST: u8 = 7;
const EDIT: u8 = 8;
const DELETION: u8 = 9;
const REACTIONS: u8 = 10;
const READ_RECEIPT: u8 = 11;
const TIMER: u8 = 12;
const TYPING: u8 = 13;
const PROFILE: u8 = 14;
const PRESENCE: u8 = 15;
/// The last type that this version knows.
const LAST: u8 = PRESENCE;

/// What this version reads: another number with each type, and each part that must be known, that is added. What a version with
/// another number kept unread is worth another look.
pub const READABLE_CONTENT: u16 = u16::from_be_bytes([LAST, post::LAST_PART]);

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
    /// Type 7: a text with parts beside it.
    Post(Post),
    /// Type 8: another text and other parts for a message of its sender.
    Edit(Edit),
    /// Type 9: these messages of its sender are taken back; 1 to [`MAX_ENTRIES`].
    Deletion(Vec<MessageId>),
    /// Type 10: what its sender thinks of a message.
    Reactions(Reactions),
    /// Type 11: these messages were read; 1 to [`MAX_ENTRIES`].
    ReadReceipt(Vec<MessageId>),
    /// Type 12: how long after they were read the messages of the conversation disappear from now on; `None`: they stay.
    Timer(Option<Timer>),
    /// Type 13, ephemeral: whether its sender is typing.
    Typing(bool),
    /// Type 14: where its sender's profile is.
    Profile(ProfilePlace),
    /// Type 15, ephemeral: whether its sender is there, to somebody who asked or who is asked.
    Presence(Presence),
    /// A type that this version does not know, or a post or an edit with a part that it must know and does not.
    Unknown {
        /// The type: above 15, or 7 or 8.
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

impl From<EncodeError> for ContentError {
    fn from(_: EncodeError) -> Self {
        Self::TooLong
    }
}

impl Content {
    /// Appends the encoding to `out`.
    ///
    /// # Errors
    /// [`ContentError::TooLong`] when a text, a name, a list or the whole exceeds its limit, [`ContentError::Malformed`] when a
    /// list is empty, a field has a value that it may not have, or an unknown type is a known one; `out` is then unchanged.
    pub fn encode(&self, out: &mut Vec<u8>) -> Result<(), ContentError> {
        self.body.check()?;
        let start = out.len();
        let mut writer = Writer::new(out);
        self.header.encode(self.body.kind(), &mut writer);
        let encoded = self.body.encode(&mut writer);
        let len = out.len().saturating_sub(start);
        if encoded.is_err() || len > crate::padding::MAX_CONTENT {
            out.truncate(start);
        }
        encoded?;
        parts::limit(len, crate::padding::MAX_CONTENT)
    }

    /// Reads what [`Content::encode`] wrote.
    ///
    /// # Errors
    /// [`ContentError`]: another version, or bytes that no encoder writes.
    pub fn parse(encoded: &[u8]) -> Result<Self, ContentError> {
        let mut reader = Reader::new(encoded);
        let (header, kind) = ContentHeader::parse(&mut reader)?;
        let body = Body::parse(kind, &mut reader)?;
        reader.finish()?;
        Ok(Self { header, body })
    }
}

/// The type that encoded content says it has, known or not.
#[must_use]
pub fn type_of(encoded: &[u8]) -> Option<u8> {
    let [_version, kind, ..] = encoded else {
        return None;
    };
    Some(*kind)
}

/// The hash that the next message of a stream names: SHA-256 over label and encoded content, the first 16 bytes of it.
pub fn stream_hash(encoded: &[u8]) -> PreviousHash {
    let digest = hash::labelled(labels::STREAM_HASH, &[encoded]);
    PreviousHash(digest.first_chunk().copied().unwrap_or_default())
}

impl Body {
    fn encode(&self, writer: &mut Writer<'_>) -> Result<(), ContentError> {
        match self {
            Self::Nothing => {}
            Self::Text(text) => _ = writer.bytes(text.as_bytes()),
            Self::DeliveryReceipt(receipt) => receipt.encode(writer)?,
            Self::Acceptance(acceptance) => acceptance.encode(writer),
            Self::ResendRequest(missing) => {
                missing.iter().for_each(|missing| missing.encode(writer));
            }
            Self::Unavailable(missing) => missing.encode(writer),
            Self::Resent(resent) => {
                resent.missing.encode(writer);
                writer.bytes(&resent.content);
            }
            Self::Post(post) => post.encode(writer)?,
            Self::Edit(edit) => edit.encode(writer)?,
            Self::Deletion(ids) | Self::ReadReceipt(ids) => {
                ids.iter().for_each(|id| _ = writer.bytes(id.as_bytes()));
            }
            Self::Reactions(reactions) => reactions.encode(writer)?,
            Self::Timer(timer) => _ = writer.u32(timer.map_or(0, Timer::seconds)),
            Self::Typing(typing) => _ = writer.u8(u8::from(*typing)),
            Self::Profile(place) => place.encode(writer),
            Self::Presence(presence) => presence.encode(writer),
            Self::Unknown { bytes, .. } => _ = writer.bytes(bytes),
        }
        Ok(())
    }

    fn parse(kind: u8, reader: &mut Reader<'_>) -> Result<Self, ContentError> {
        let encoded = reader.rest();
        Ok(match kind {
            NOTHING => Self::Nothing,
            TEXT => Self::Text(utf8(rest(reader)?)?),
            DELIVERY_RECEIPT => Self::DeliveryReceipt(DeliveryReceipt::parse(reader)?),
            ACCEPTANCE => Self::Acceptance(Acceptance::parse(reader)?),
            RESEND_REQUEST => Self::ResendRequest(requested(reader)?),
            UNAVAILABLE => Self::Unavailable(MissingMessage::parse(reader)?),
            RESENT => Self::Resent(Resent::parse(reader)?),
            POST => readable(kind, encoded, Post::parse(reader).map(Self::Post))?,
            EDIT => readable(kind, encoded, Edit::parse(reader).map(Self::Edit))?,
            DELETION => Self::Deletion(changes::message_ids(reader)?),
            REACTIONS => Self::Reactions(Reactions::parse(reader)?),
            READ_RECEIPT => Self::ReadReceipt(changes::message_ids(reader)?),
            TIMER => Self::Timer(match reader.u32()? {
                0 => None,
                seconds => Some(Timer::from_seconds(seconds).ok_or(ContentError::Malformed)?),
            }),
            TYPING => Self::Typing(people::flag(reader)?),
            PROFILE => Self::Profile(ProfilePlace::parse(reader)?),
            PRESENCE => Self::Presence(Presence::parse(reader)?),
            kind => Self::Unknown {
                kind,
                bytes: rest(reader)?.to_vec(),
            },
        })
    }

    const fn kind(&self) -> u8 {
        match self {
            Self::Nothing => NOTHING,
            Self::Text(_) => TEXT,
            Self::DeliveryReceipt(_) => DELIVERY_RECEIPT,
            Self::Acceptance(_) => ACCEPTANCE,
            Self::ResendRequest(_) => RESEND_REQUEST,
            Self::Unavailable(_) => UNAVAILABLE,
            Self::Resent(_) => RESENT,
            Self::Post(_) => POST,
            Self::Edit(_) => EDIT,
            Self::Deletion(_) => DELETION,
            Self::Reactions(_) => REACTIONS,
            Self::ReadReceipt(_) => READ_RECEIPT,
            Self::Timer(_) => TIMER,
            Self::Typing(_) => TYPING,
            Self::Profile(_) => PROFILE,
            Self::Presence(_) => PRESENCE,
            Self::Unknown { kind, .. } => *kind,
        }
    }

    /// What the whole's limit does not bound.
    fn check(&self) -> Result<(), ContentError> {
        let list = |entries: usize| match entries {
            0 => Err(ContentError::Malformed),
            1..=MAX_ENTRIES => Ok(()),
            _ => Err(ContentError::TooLong),
        };
        match self {
            Self::Nothing
            | Self::Text(_)
            | Self::Unavailable(_)
            | Self::Timer(_)
            | Self::Typing(_)
            | Self::Profile(_)
            | Self::Presence(_) => Ok(()),
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
            Self::Post(post) => post.check(),
            Self::Edit(edit) => edit.post.check(),
            Self::Deletion(ids) | Self::ReadReceipt(ids) => list(ids.len()),
            Self::Reactions(reactions) => reactions.check(),
            Self::Unknown { kind, bytes } => {
                // What this version reads has a form of its own.
                match Self::parse(*kind, &mut Reader::new(bytes)) {
                    Ok(Self::Unknown { .. }) => Ok(()),
                    Ok(_) | Err(_) => Err(ContentError::Malformed),
                }
            }
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

/// A post or an edit; one with a part that this version must know and does not is kept as it came.
fn readable(
    kind: u8,
    encoded: &[u8],
    parsed: Result<Body, Unreadable>,
) -> Result<Body, ContentError> {
    match parsed {
        Ok(body) => Ok(body),
        Err(Unreadable::Content(error)) => Err(error),
        Err(Unreadable::LaterVersion) => Ok(Body::Unknown {
            kind,
            bytes: encoded.to_vec(),
        }),
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
