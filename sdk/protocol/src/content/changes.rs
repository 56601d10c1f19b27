//! What changes messages that were written before: edits, deletions, reactions.
//!
//! Invariant: each names what it changes by the message's id, says the whole new state, and can be applied in any order and more than
//! once with one result. Not its concern: who may change what, and until when (SPEC.md, 20.6).

use super::post::{Post, Unreadable};
use super::{ContentError, MAX_ENTRIES, MessageId, parts, utf8};
use crate::primitives::codec::{Reader, Writer};

/// Most emoji with which one person reacts to one message.
pub const MAX_REACTIONS: usize = 16;

/// Longest emoji of a reaction, in bytes of UTF-8: the longest sequences of Unicode 17 have 41.
pub const MAX_EMOJI: usize = 64;

/// Another text and other parts for a message of the same author.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Edit {
    /// The message.
    pub target: MessageId,
    /// What it says from now on.
    pub post: Post,
}

/// What one person thinks of a message: all of it, instead of what was said before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reactions {
    /// The message.
    pub target: MessageId,
    /// The emoji, none twice, in ascending order of their bytes and without control characters; none takes all of them back.
    pub emoji: Vec<String>,
}

impl Edit {
    pub(super) fn encode(&self, writer: &mut Writer<'_>) -> Result<(), ContentError> {
        writer.bytes(self.target.as_bytes());
        self.post.encode(writer)
    }

    pub(super) fn parse(reader: &mut Reader<'_>) -> Result<Self, Unreadable> {
        Ok(Self {
            target: MessageId::from_bytes(*reader.array()?),
            post: Post::parse(reader)?,
        })
    }
}

impl Reactions {
    /// Whether the emoji keep the rules of this type.
    ///
    /// # Errors
    /// [`ContentError`] when they do not.
    pub fn check(&self) -> Result<(), ContentError> {
        parts::limit(self.emoji.len(), MAX_REACTIONS)?;
        for emoji in &self.emoji {
            parts::limit(emoji.len(), MAX_EMOJI)?;
        }
        let ascend = self.emoji.is_sorted_by(|one, next| one < next);
        let printed = |emoji: &String| !emoji.is_empty() && !emoji.contains(char::is_control);
        if ascend && self.emoji.iter().all(printed) {
            Ok(())
        } else {
            Err(ContentError::Malformed)
        }
    }

    pub(super) fn encode(&self, writer: &mut Writer<'_>) -> Result<(), ContentError> {
        writer.bytes(self.target.as_bytes());
        for emoji in &self.emoji {
            writer.field_u8(emoji.as_bytes())?;
        }
        Ok(())
    }

    pub(super) fn parse(reader: &mut Reader<'_>) -> Result<Self, ContentError> {
        let target = MessageId::from_bytes(*reader.array()?);
        let mut emoji = Vec::new();
        while !reader.rest().is_empty() {
            if emoji.len() == MAX_REACTIONS {
                return Err(ContentError::Malformed);
            }
            emoji.push(utf8(reader.field_u8(MAX_EMOJI)?)?);
        }
        let reactions = Self { target, emoji };
        reactions.check().map_err(|_| ContentError::Malformed)?;
        Ok(reactions)
    }
}

/// One to [`MAX_ENTRIES`] message ids, to the end.
pub(super) fn message_ids(reader: &mut Reader<'_>) -> Result<Vec<MessageId>, ContentError> {
    let mut ids = Vec::new();
    while !reader.rest().is_empty() {
        if ids.len() == MAX_ENTRIES {
            return Err(ContentError::Malformed);
        }
        ids.push(MessageId::from_bytes(*reader.array()?));
    }
    if ids.is_empty() {
        return Err(ContentError::Malformed);
    }
    Ok(ids)
}

#[cfg(test)]
#[path = "changes_tests.rs"]
mod tests;
