//! The parts that a [`Post`](super::Post) can have beside its text.
//!
//! Invariant: a part that was parsed keeps its limits, and encodes to the bytes it came from. Ranges lie in the text on
//! character boundaries. Not its concern: what is shown of a part; nothing here is ever fetched by who receives it.

use super::{ContentError, MessageId, utf8};
use crate::account::{AccountId, ManifestWritePublicKey};
use crate::limits::MAX_RELAY_ADDRESS_LEN;
use crate::primitives::codec::{Reader, Writer};
use crate::relay_address::RelayAddress;

/// Longest quote of a reply, in bytes of UTF-8: what is shown when the message itself is missing.
pub const MAX_QUOTE: usize = 512;
/// Most mentions of a post.
pub const MAX_MENTIONS: usize = 64;
/// Most formatted ranges of a post.
pub const MAX_FORMATS: usize = 256;
/// Longest address of a link preview, in bytes.
pub const MAX_PREVIEW_URL: usize = 2_048;
/// Longest title of a link preview, in bytes of UTF-8.
pub const MAX_PREVIEW_TITLE: usize = 300;
/// Longest description of a link preview, in bytes of UTF-8.
pub const MAX_PREVIEW_DESCRIPTION: usize = 1_000;
/// Longest name on a contact card, in bytes of UTF-8.
pub const MAX_CARD_NAME: usize = super::MAX_NAME;
/// Longest label of a place, in bytes of UTF-8.
pub const MAX_PLACE_LABEL: usize = 256;
/// Longest MIME type of an application's payload, in bytes of ASCII (RFC 6838: two names of at most 127, which nobody uses up).
pub const MAX_MIME_TYPE: usize = 127;
/// Shortest timer of messages that disappear, in seconds.
pub const MIN_TIMER_SECONDS: u32 = 5;
/// Longest timer of messages that disappear, in seconds: four weeks.
pub const MAX_TIMER_SECONDS: u32 = 28 * 86_400;

/// Highest degree of latitude and of longitude, in ten-millionths.
const MAX_LATITUDE_E7: u32 = 900_000_000;
const MAX_LONGITUDE_E7: u32 = 1_800_000_000;

/// A range of a post's text: byte offsets on character boundaries, at least one character.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct TextRange {
    /// Where it begins, in bytes.
    pub start: u16,
    /// How long it is, in bytes.
    pub len: u16,
}

/// What a post answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reply {
    /// The message.
    pub message: MessageId,
    /// Who wrote it.
    pub author: AccountId,
    /// Its beginning, for who does not have it; at most [`MAX_QUOTE`] bytes. Who has the message shows that.
    pub quote: String,
}

/// Somebody whom the text names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Mention {
    /// Where the text does.
    pub range: TextRange,
    /// Whom it names.
    pub account: AccountId,
}

/// How a range of the text looks. Other numbers are kept and shown as plain text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Style(pub u8);

impl Style {
    /// Bold.
    pub const BOLD: Self = Self(1);
    /// Italic.
    pub const ITALIC: Self = Self(2);
    /// Struck through.
    pub const STRIKETHROUGH: Self = Self(3);
    /// In a font whose characters have one width.
    pub const MONOSPACE: Self = Self(4);
    /// Hidden until the reader asks for it.
    pub const SPOILER: Self = Self(5);
}

/// A range of the text that is formatted. Ranges may overlap.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct FormatRange {
    /// Which range.
    pub range: TextRange,
    /// How.
    pub style: Style,
}

/// What the sender's device found behind a link of the text. The recipient fetches nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LinkPreview {
    /// The link, as it stands in the text; 1 to [`MAX_PREVIEW_URL`] bytes.
    pub url: String,
    /// Its title; at most [`MAX_PREVIEW_TITLE`] bytes.
    pub title: String,
    /// What it is about; at most [`MAX_PREVIEW_DESCRIPTION`] bytes.
    pub description: String,
}

/// Somebody whom the recipient may want to write to: what an invite link says, without the right to be let in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ContactCard {
    /// The account.
    pub account: AccountId,
    /// Public key of the record that holds its manifest.
    pub manifest_write_key: ManifestWritePublicKey,
    /// Where that record is.
    pub relay: RelayAddress,
    /// What the sender calls it; at most [`MAX_CARD_NAME`] bytes.
    pub name: String,
}

/// A place on the earth.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Location {
    /// Latitude in ten-millionths of a degree, −90° to 90°.
    pub latitude_e7: i32,
    /// Longitude in ten-millionths of a degree, −180° to 180°.
    pub longitude_e7: i32,
    /// Within how many metres; 0 when that is not known.
    pub accuracy_m: u32,
    /// What it is called; at most [`MAX_PLACE_LABEL`] bytes.
    pub label: String,
}

/// Something of the application's own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AppPayload {
    /// What it is: printable ASCII, 1 to [`MAX_MIME_TYPE`] bytes.
    pub mime_type: String,
    /// The bytes, as many as the envelope has room for.
    pub bytes: Vec<u8>,
}

/// How long after it was read a message disappears: [`MIN_TIMER_SECONDS`] to [`MAX_TIMER_SECONDS`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Timer(u32);

impl Timer {
    /// A timer of so many seconds; `None` when that is too short or too long.
    #[must_use]
    pub const fn from_seconds(seconds: u32) -> Option<Self> {
        match seconds {
            MIN_TIMER_SECONDS..=MAX_TIMER_SECONDS => Some(Self(seconds)),
            _ => None,
        }
    }

    /// Seconds.
    #[must_use]
    pub const fn seconds(self) -> u32 {
        self.0
    }
}

impl TextRange {
    const LEN: usize = 4;

    /// The range's end, in bytes.
    #[must_use]
    pub fn end(self) -> usize {
        usize::from(self.start) + usize::from(self.len)
    }

    fn is_in(self, text: &str) -> bool {
        self.len > 0 && text.get(usize::from(self.start)..self.end()).is_some()
    }

    fn encode(self, writer: &mut Writer<'_>) {
        writer.u16(self.start).u16(self.len);
    }

    fn parse(reader: &mut Reader<'_>) -> Result<Self, ContentError> {
        Ok(Self {
            start: reader.u16()?,
            len: reader.u16()?,
        })
    }
}

/// Part 2: in the order of the text, none over another.
pub(super) fn check_mentions(mentions: &[Mention], text: &str) -> Result<(), ContentError> {
    limit(mentions.len(), MAX_MENTIONS)?;
    let mut end = 0;
    for mention in mentions {
        if usize::from(mention.range.start) < end || !mention.range.is_in(text) {
            return Err(ContentError::Malformed);
        }
        end = mention.range.end();
    }
    Ok(())
}

/// Part 3: ascending, none twice.
pub(super) fn check_formats(formats: &[FormatRange], text: &str) -> Result<(), ContentError> {
    limit(formats.len(), MAX_FORMATS)?;
    let ascend = formats.is_sorted_by(|one, next| one < next);
    if ascend && formats.iter().all(|format| format.range.is_in(text)) {
        Ok(())
    } else {
        Err(ContentError::Malformed)
    }
}

impl Mention {
    pub(super) const LEN: usize = TextRange::LEN + AccountId::LEN;

    pub(super) fn encode(&self, writer: &mut Writer<'_>) -> Result<(), ContentError> {
        self.range.encode(writer);
        writer.bytes(self.account.as_bytes());
        Ok(())
    }

    pub(super) fn parse(reader: &mut Reader<'_>) -> Result<Self, ContentError> {
        Ok(Self {
            range: TextRange::parse(reader)?,
            account: account(reader)?,
        })
    }
}

impl FormatRange {
    pub(super) const LEN: usize = TextRange::LEN + 1;

    pub(super) fn encode(&self, writer: &mut Writer<'_>) -> Result<(), ContentError> {
        self.range.encode(writer);
        writer.u8(self.style.0);
        Ok(())
    }

    pub(super) fn parse(reader: &mut Reader<'_>) -> Result<Self, ContentError> {
        Ok(Self {
            range: TextRange::parse(reader)?,
            style: Style(reader.u8()?),
        })
    }
}

impl Reply {
    pub(super) fn check(&self) -> Result<(), ContentError> {
        limit(self.quote.len(), MAX_QUOTE)
    }

    pub(super) fn encode(&self, writer: &mut Writer<'_>) -> Result<(), ContentError> {
        writer
            .bytes(self.message.as_bytes())
            .bytes(self.author.as_bytes())
            .bytes(self.quote.as_bytes());
        Ok(())
    }

    pub(super) fn parse(reader: &mut Reader<'_>) -> Result<Self, ContentError> {
        Ok(Self {
            message: MessageId::from_bytes(*reader.array()?),
            author: account(reader)?,
            quote: utf8(super::rest(reader)?)?,
        })
    }
}

impl LinkPreview {
    /// The link stands in the text: a preview cannot show another one than the reader sees.
    pub(super) fn check(&self, text: &str) -> Result<(), ContentError> {
        limit(self.url.len(), MAX_PREVIEW_URL)?;
        limit(self.title.len(), MAX_PREVIEW_TITLE)?;
        limit(self.description.len(), MAX_PREVIEW_DESCRIPTION)?;
        if self.url.is_empty() || !text.contains(&self.url) {
            return Err(ContentError::Malformed);
        }
        Ok(())
    }

    pub(super) fn encode(&self, writer: &mut Writer<'_>) -> Result<(), ContentError> {
        writer
            .field_u16(self.url.as_bytes())?
            .field_u16(self.title.as_bytes())?
            .bytes(self.description.as_bytes());
        Ok(())
    }

    pub(super) fn parse(reader: &mut Reader<'_>) -> Result<Self, ContentError> {
        Ok(Self {
            url: utf8(reader.field_u16(MAX_PREVIEW_URL)?)?,
            title: utf8(reader.field_u16(MAX_PREVIEW_TITLE)?)?,
            description: utf8(super::rest(reader)?)?,
        })
    }
}

impl ContactCard {
    pub(super) fn check(&self) -> Result<(), ContentError> {
        limit(self.name.len(), MAX_CARD_NAME)
    }

    pub(super) fn encode(&self, writer: &mut Writer<'_>) -> Result<(), ContentError> {
        writer
            .bytes(self.account.as_bytes())
            .bytes(self.manifest_write_key.as_bytes())
            .field_u8(self.relay.as_str().as_bytes())?
            .bytes(self.name.as_bytes());
        Ok(())
    }

    pub(super) fn parse(reader: &mut Reader<'_>) -> Result<Self, ContentError> {
        let account = account(reader)?;
        let key = ManifestWritePublicKey::parse(reader.array()?);
        let relay = reader.field_u8(MAX_RELAY_ADDRESS_LEN)?;
        Ok(Self {
            account,
            manifest_write_key: key.map_err(|_| ContentError::Malformed)?,
            relay: RelayAddress::parse_canonical(relay).map_err(|_| ContentError::Malformed)?,
            name: utf8(super::rest(reader)?)?,
        })
    }
}

impl Location {
    pub(super) fn check(&self) -> Result<(), ContentError> {
        limit(self.label.len(), MAX_PLACE_LABEL)?;
        let on_earth = self.latitude_e7.unsigned_abs() <= MAX_LATITUDE_E7
            && self.longitude_e7.unsigned_abs() <= MAX_LONGITUDE_E7;
        if on_earth {
            Ok(())
        } else {
            Err(ContentError::Malformed)
        }
    }

    pub(super) fn encode(&self, writer: &mut Writer<'_>) -> Result<(), ContentError> {
        writer
            .bytes(&self.latitude_e7.to_be_bytes())
            .bytes(&self.longitude_e7.to_be_bytes())
            .u32(self.accuracy_m)
            .bytes(self.label.as_bytes());
        Ok(())
    }

    pub(super) fn parse(reader: &mut Reader<'_>) -> Result<Self, ContentError> {
        Ok(Self {
            latitude_e7: i32::from_be_bytes(*reader.array()?),
            longitude_e7: i32::from_be_bytes(*reader.array()?),
            accuracy_m: reader.u32()?,
            label: utf8(super::rest(reader)?)?,
        })
    }
}

impl AppPayload {
    pub(super) fn check(&self) -> Result<(), ContentError> {
        limit(self.mime_type.len(), MAX_MIME_TYPE)?;
        let printable = self.mime_type.bytes().all(|byte| byte.is_ascii_graphic());
        if self.mime_type.is_empty() || !printable {
            return Err(ContentError::Malformed);
        }
        Ok(())
    }

    pub(super) fn encode(&self, writer: &mut Writer<'_>) -> Result<(), ContentError> {
        writer
            .field_u8(self.mime_type.as_bytes())?
            .bytes(&self.bytes);
        Ok(())
    }

    pub(super) fn parse(reader: &mut Reader<'_>) -> Result<Self, ContentError> {
        Ok(Self {
            mime_type: utf8(reader.field_u8(MAX_MIME_TYPE)?)?,
            bytes: super::rest(reader)?.to_vec(),
        })
    }
}

/// An account's id; one that is no key is none.
fn account(reader: &mut Reader<'_>) -> Result<AccountId, ContentError> {
    AccountId::parse(reader.array()?).map_err(|_| ContentError::Malformed)
}

pub(super) fn limit(count: usize, max: usize) -> Result<(), ContentError> {
    if count > max {
        Err(ContentError::TooLong)
    } else {
        Ok(())
    }
}
