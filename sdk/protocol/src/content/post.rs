//! A message with more than plain text: a text, and parts beside it.
//!
//! Invariant: what parses encodes to the same bytes. A part of a later version that may be ignored is kept with the others; one
//! that may not makes the whole post unreadable for this version, which keeps it for a later one.

use super::parts::{
    self, AppPayload, ContactCard, FormatRange, LinkPreview, Location, Mention, Reply, Timer,
};
use super::{ContentError, utf8};
use crate::primitives::codec::{Reader, Writer};

/// Parts of a post that later versions define, at most.
pub const MAX_UNKNOWN_PARTS: usize = 16;

const REPLY: u8 = 1;
const MENTIONS: u8 = 2;
const FORMATS: u8 = 3;
const PREVIEW: u8 = 4;
const CARD: u8 = 5;
const LOCATION: u8 = 6;
const PAYLOAD: u8 = 7;
const TIMER: u8 = 8;
const VIEW_ONCE: u8 = 9;
/// The last part that this version knows of those that must be known.
pub(super) const LAST_PART: u8 = VIEW_ONCE;
/// From here on a version that does not know a part shows the post without it.
const MAY_BE_IGNORED: u8 = 128;

/// A text with parts. It has at least one of text, card, location and payload.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Post {
    /// The text, at most 65,535 bytes of UTF-8, and no more than fits an envelope.
    pub text: String,
    /// Part 1: what it answers.
    pub reply: Option<Reply>,
    /// Part 2: whom it names, in the order of the text.
    pub mentions: Vec<Mention>,
    /// Part 3: how it looks, in ascending order.
    pub formats: Vec<FormatRange>,
    /// Part 4: what is behind a link of it.
    pub preview: Option<LinkPreview>,
    /// Part 5: somebody to write to.
    pub card: Option<ContactCard>,
    /// Part 6: a place.
    pub location: Option<Location>,
    /// Part 7: something of the application's own.
    pub payload: Option<AppPayload>,
    /// Part 8: how long after it was read it disappears.
    pub disappears_after: Option<Timer>,
    /// Part 9: it is shown once, and its reader keeps nothing of it then.
    pub view_once: bool,
    /// Parts that a later version defines and this one need not understand.
    pub unknown: Vec<UnknownPart>,
}

/// A part that this version does not know and may ignore.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnknownPart {
    /// Its type, from 128.
    pub kind: u8,
    /// Its value.
    pub bytes: Vec<u8>,
}

/// Why a post cannot be read.
pub(super) enum Unreadable {
    /// It is none.
    Content(ContentError),
    /// It has a part that this version must know and does not.
    LaterVersion,
}

impl<E: Into<ContentError>> From<E> for Unreadable {
    fn from(error: E) -> Self {
        Self::Content(error.into())
    }
}

impl Post {
    /// A post of nothing but text.
    #[must_use]
    pub fn text(text: impl Into<String>) -> Self {
        Self {
            text: text.into(),
            ..Self::default()
        }
    }

    /// Whether it says no more than its text.
    #[must_use]
    pub fn is_plain(&self) -> bool {
        let Self { text, .. } = self;
        *self == Self::text(text.as_str())
    }

    pub(super) fn check(&self) -> Result<(), ContentError> {
        parts::limit(self.text.len(), usize::from(u16::MAX))?;
        parts::check_mentions(&self.mentions, &self.text)?;
        parts::check_formats(&self.formats, &self.text)?;
        self.reply.iter().try_for_each(Reply::check)?;
        self.preview
            .iter()
            .try_for_each(|preview| preview.check(&self.text))?;
        self.card.iter().try_for_each(ContactCard::check)?;
        self.location.iter().try_for_each(Location::check)?;
        self.payload.iter().try_for_each(AppPayload::check)?;
        parts::limit(self.unknown.len(), MAX_UNKNOWN_PARTS)?;
        let ascend = self.unknown.is_sorted_by(|one, next| one.kind < next.kind);
        let known = |part: &UnknownPart| part.kind < MAY_BE_IGNORED;
        let empty = self.text.is_empty()
            && self.card.is_none()
            && self.location.is_none()
            && self.payload.is_none();
        if empty || !ascend || self.unknown.iter().any(known) {
            return Err(ContentError::Malformed);
        }
        Ok(())
    }

    /// The parts as they travel, without the text, for a store that keeps them apart; empty when there are none.
    ///
    /// # Errors
    /// [`ContentError`] when the post exceeds a limit.
    pub fn parts(&self) -> Result<Vec<u8>, ContentError> {
        self.check()?;
        let mut bytes = Vec::new();
        self.encode_parts(&mut Writer::new(&mut bytes))?;
        Ok(bytes)
    }

    /// A post from its text and its [parts](Self::parts).
    ///
    /// # Errors
    /// [`ContentError`] when they are no post of this version.
    pub fn from_parts(text: &str, parts: &[u8]) -> Result<Self, ContentError> {
        match Self::parse_parts(text.to_owned(), &mut Reader::new(parts)) {
            Ok(post) => Ok(post),
            Err(Unreadable::Content(error)) => Err(error),
            Err(Unreadable::LaterVersion) => Err(ContentError::Version),
        }
    }

    pub(super) fn encode(&self, writer: &mut Writer<'_>) -> Result<(), ContentError> {
        writer.field_u16(self.text.as_bytes())?;
        self.encode_parts(writer)
    }

    fn encode_parts(&self, writer: &mut Writer<'_>) -> Result<(), ContentError> {
        if let Some(reply) = &self.reply {
            part(writer, REPLY, |writer| reply.encode(writer))?;
        }
        if !self.mentions.is_empty() {
            let mut all = self.mentions.iter();
            part(writer, MENTIONS, |writer| {
                all.try_for_each(|mention| mention.encode(writer))
            })?;
        }
        if !self.formats.is_empty() {
            let mut all = self.formats.iter();
            part(writer, FORMATS, |writer| {
                all.try_for_each(|format| format.encode(writer))
            })?;
        }
        if let Some(preview) = &self.preview {
            part(writer, PREVIEW, |writer| preview.encode(writer))?;
        }
        if let Some(card) = &self.card {
            part(writer, CARD, |writer| card.encode(writer))?;
        }
        if let Some(location) = &self.location {
            part(writer, LOCATION, |writer| location.encode(writer))?;
        }
        if let Some(payload) = &self.payload {
            part(writer, PAYLOAD, |writer| payload.encode(writer))?;
        }
        if let Some(timer) = self.disappears_after {
            part(writer, TIMER, |writer| {
                writer.u32(timer.seconds());
                Ok(())
            })?;
        }
        if self.view_once {
            part(writer, VIEW_ONCE, |_| Ok(()))?;
        }
        for unknown in &self.unknown {
            part(writer, unknown.kind, |writer| {
                writer.bytes(&unknown.bytes);
                Ok(())
            })?;
        }
        Ok(())
    }

    /// Reads a post, to the end.
    pub(super) fn parse(reader: &mut Reader<'_>) -> Result<Self, Unreadable> {
        let text = utf8(reader.field_u16(usize::from(u16::MAX))?)?;
        Self::parse_parts(text, reader)
    }

    fn parse_parts(text: String, reader: &mut Reader<'_>) -> Result<Self, Unreadable> {
        let mut post = Self::text(text);
        let mut last = 0;
        let mut later = false;
        while !reader.rest().is_empty() {
            let kind = reader.u8()?;
            let mut value = Reader::new(reader.field_u16(usize::from(u16::MAX))?);
            if kind <= last {
                return Err(ContentError::Malformed.into());
            }
            last = kind;
            later |= !post.take(kind, &mut value)?;
        }
        if later {
            return Err(Unreadable::LaterVersion);
        }
        post.check().map_err(|_| ContentError::Malformed)?;
        Ok(post)
    }

    /// Takes a part; whether this version can go on with it.
    fn take(&mut self, kind: u8, value: &mut Reader<'_>) -> Result<bool, ContentError> {
        match kind {
            REPLY => self.reply = Some(Reply::parse(value)?),
            MENTIONS => self.mentions = entries(value, Mention::LEN, Mention::parse)?,
            FORMATS => self.formats = entries(value, FormatRange::LEN, FormatRange::parse)?,
            PREVIEW => self.preview = Some(LinkPreview::parse(value)?),
            CARD => self.card = Some(ContactCard::parse(value)?),
            LOCATION => self.location = Some(Location::parse(value)?),
            PAYLOAD => self.payload = Some(AppPayload::parse(value)?),
            TIMER => {
                let timer = Timer::from_seconds(value.u32()?);
                self.disappears_after = Some(timer.ok_or(ContentError::Malformed)?);
            }
            VIEW_ONCE => self.view_once = true,
            MAY_BE_IGNORED.. => self.unknown.push(UnknownPart {
                kind,
                bytes: super::rest(value)?.to_vec(),
            }),
            _ => return Ok(false),
        }
        if value.rest().is_empty() {
            Ok(true)
        } else {
            Err(ContentError::Malformed)
        }
    }
}

/// Appends a part with its type and length.
fn part(
    writer: &mut Writer<'_>,
    kind: u8,
    value: impl FnOnce(&mut Writer<'_>) -> Result<(), ContentError>,
) -> Result<(), ContentError> {
    let mut bytes = Vec::new();
    value(&mut Writer::new(&mut bytes))?;
    writer.u8(kind).field_u16(&bytes)?;
    Ok(())
}

/// The entries of a list, to its end; a part without any is not written.
fn entries<T>(
    value: &mut Reader<'_>,
    len: usize,
    parse: fn(&mut Reader<'_>) -> Result<T, ContentError>,
) -> Result<Vec<T>, ContentError> {
    let count = value.rest().len() / len;
    if count == 0 {
        return Err(ContentError::Malformed);
    }
    (0..count).map(|_| parse(value)).collect()
}

#[cfg(test)]
#[path = "post_tests.rs"]
mod tests;
