//! Envelopes that match no session yet: a follow-up can overtake the first message of its session.
//!
//! The store keeps their bytes; the park says which to keep, and finds those that a new session's tags match. Only the
//! tag keys of new sessions are tried. Invariant: never more than 1,024 envelopes, 1 MiB, or 7 days; when it is full, a
//! random one gives way, so that a flood cannot choose which. They age by the time of day, which goes on while the program does
//! not run. Not its concern: first messages, which are never parked.

use rand_core::CryptoRng;

use crate::session::limits::{MAX_PARKED, MAX_PARKED_BYTES};
use crate::session::{Position, Session};
use crate::tag::Tag;
use crate::time::Timestamp;

/// Names a parked envelope: the store's row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ParkedId(pub u64);

/// What is known of the parked envelopes; rebuilt from the store when it opens.
#[derive(Default)]
pub struct Park {
    entries: Vec<Entry>,
    bytes: usize,
}

struct Entry {
    id: ParkedId,
    tag: Tag,
    len: usize,
    parked_at: Timestamp,
}

impl Park {
    /// Takes an envelope in. Returns the envelopes that gave way to it, whose bytes the caller deletes.
    pub fn insert(
        &mut self,
        rng: &mut impl CryptoRng,
        id: ParkedId,
        tag: Tag,
        len: usize,
        parked_at: Timestamp,
    ) -> Vec<ParkedId> {
        let mut evicted = Vec::new();
        while !self.entries.is_empty()
            && (self.entries.len() >= MAX_PARKED || self.bytes + len > MAX_PARKED_BYTES)
        {
            let victim = random_below(rng, self.entries.len());
            evicted.extend(self.take(victim));
        }
        self.bytes += len;
        self.entries.push(Entry {
            id,
            tag,
            len,
            parked_at,
        });
        evicted
    }

    /// The envelopes that a new session can open, with their places in it, in the order of their numbers. They stay
    /// parked until they are removed.
    #[must_use]
    pub fn matching(&self, session: &Session) -> Vec<(ParkedId, Position)> {
        let expected = session.expected();
        let current = expected
            .current
            .map(|(key, _, start)| (key.reader(), start));
        let next = expected.next.0.reader();
        let position = |tag| {
            let live = current
                .as_ref()
                .and_then(|(key, start)| key.number(tag).filter(|n| n >= start));
            live.map(|n| Position::Current { n })
                .or_else(|| next.number(tag).map(|n| Position::Next { n }))
        };
        let mut found: Vec<_> = self
            .entries
            .iter()
            .filter_map(|entry| Some((entry.id, position(entry.tag)?)))
            .collect();
        found.sort_unstable_by_key(|(id, position)| match position {
            Position::Current { n } => (0, *n, *id),
            Position::Next { n } => (1, *n, *id),
        });
        found
    }

    /// Forgets an envelope, because it was opened or deleted.
    pub fn remove(&mut self, id: ParkedId) {
        if let Some(at) = self.entries.iter().position(|entry| entry.id == id) {
            self.take(at);
        }
    }

    /// Forgets what was parked before `cut`, which is [`PARKED_LIFETIME_MS`](crate::session::limits::PARKED_LIFETIME_MS)
    /// ago, and returns it for deletion.
    pub fn expire(&mut self, cut: Timestamp) -> Vec<ParkedId> {
        let old = |entry: &Entry| entry.parked_at < cut;
        let expired: Vec<_> = self
            .entries
            .iter()
            .filter(|entry| old(entry))
            .map(|entry| entry.id)
            .collect();
        expired.iter().for_each(|id| self.remove(*id));
        expired
    }

    /// How many envelopes are parked.
    #[must_use]
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether none is.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    fn take(&mut self, at: usize) -> Option<ParkedId> {
        if at >= self.entries.len() {
            return None;
        }
        let entry = self.entries.swap_remove(at);
        self.bytes -= entry.len;
        Some(entry.id)
    }
}

/// A uniform index below `len` (Lemire's method without its rejection step: the bias is below 2^-53).
fn random_below(rng: &mut impl CryptoRng, len: usize) -> usize {
    let len = u128::try_from(len).unwrap_or(0);
    usize::try_from((u128::from(rng.next_u64()) * len) >> 64).unwrap_or(0)
}

#[cfg(test)]
#[path = "park_tests.rs"]
mod tests;
