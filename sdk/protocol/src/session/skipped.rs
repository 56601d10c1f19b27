//! Skipped message keys: what is left of a message that others of its chain overtook.
//!
//! They are no part of the hot state: the store keeps one row a key (tag, number, key), deletes the row when its message
//! opens, and bounds the rows by the rules given here. Not its concern: ageing, which is a deletion by the time a row was
//! made ([`SKIPPED_LIFETIME_MS`](super::limits::SKIPPED_LIFETIME_MS)).

use core::ops::Range;

use super::limits::{MAX_SKIPPED_PER_DEVICE, MAX_SKIPPED_PER_SESSION};
use super::{MessageNumber, SessionId};
use crate::ratchet::{ChainKey, HeaderKeys, MessageKey};
use crate::tag::{TAGS_AT_ONCE, Tag};

/// The key of a skipped message, with the tag by which it will be found.
pub struct SkippedKey {
    number: MessageNumber,
    tag: Tag,
    key: MessageKey,
}

impl SkippedKey {
    /// A key from the store. The caller wipes the original.
    #[must_use]
    pub const fn from_parts(number: MessageNumber, tag: Tag, key: [u8; 32]) -> Self {
        Self {
            number,
            tag,
            key: MessageKey::from_bytes(key),
        }
    }

    /// Which message it opens.
    #[must_use]
    pub const fn number(&self) -> MessageNumber {
        self.number
    }

    /// The tag of the message it opens.
    #[must_use]
    pub const fn tag(&self) -> Tag {
        self.tag
    }

    /// The message key, for sealed storage.
    #[must_use]
    pub const fn expose(&self) -> &[u8; 32] {
        self.key.as_bytes()
    }

    pub(super) const fn message_key(&self) -> &MessageKey {
        &self.key
    }

    /// Appends the keys of the messages of `chain` from `numbers.start` up to, and without, `numbers.end`, and moves
    /// `chain_key` behind them. The caller has reserved room: a vector that grows leaves keys behind.
    pub(super) fn skip(
        chain: u32,
        numbers: Range<u32>,
        chain_key: &mut ChainKey,
        keys: &HeaderKeys,
        skipped: &mut Vec<Self>,
    ) {
        if numbers.is_empty() {
            return;
        }
        let maker = keys.tag.maker();
        for first in numbers.clone().step_by(TAGS_AT_ONCE) {
            let tags = maker.tags(first);
            skipped.extend((first..numbers.end).zip(tags).map(|(n, tag)| Self {
                number: MessageNumber { chain, n },
                tag,
                key: chain_key.step(),
            }));
        }
    }
}

/// How many of a session's skipped keys to delete, oldest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Eviction {
    /// The session that gives.
    pub session: SessionId,
    /// How many keys it gives.
    pub count: usize,
}

/// How many of the oldest keys a session that holds `held` must delete.
#[must_use]
pub const fn session_eviction(held: usize) -> usize {
    held.saturating_sub(MAX_SKIPPED_PER_SESSION)
}

/// What to delete so that the device keeps its limit: every session keeps at most the same number of keys, so that one
/// contact's flood does not push out the keys of others.
#[must_use]
pub fn device_eviction(held: &[(SessionId, usize)]) -> Vec<Eviction> {
    let kept = |level: usize| {
        held.iter()
            .map(|(_, count)| (*count).min(level))
            .sum::<usize>()
    };
    let most = held.iter().map(|(_, count)| *count).max().unwrap_or(0);
    if kept(most) <= MAX_SKIPPED_PER_DEVICE {
        return Vec::new();
    }
    // The highest level that fits lies in fits..exceeds.
    let (mut fits, mut exceeds) = (0, most);
    while exceeds - fits > 1 {
        let level = fits.midpoint(exceeds);
        if kept(level) <= MAX_SKIPPED_PER_DEVICE {
            fits = level
        } else {
            exceeds = level
        }
    }
    let above = held.iter().filter(|(_, count)| *count > fits);
    above
        .map(|(session, count)| Eviction {
            session: *session,
            count: count - fits,
        })
        .collect()
}

#[cfg(test)]
#[path = "skipped_tests.rs"]
mod tests;
