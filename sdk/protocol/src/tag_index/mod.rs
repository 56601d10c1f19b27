//! Finds the session that an envelope belongs to, from its tag alone.
//!
//! A map holds the tags that the sessions expect next and those of skipped messages. A tag that is not in it is inverted
//! under each session's two tag keys, which finds any message of a live chain; what that does not find either was
//! consumed before, or is unknown. Invariant: a tag is found if and only if a session can open it; the map only makes it
//! fast. Not its concern: opening (`session`), keeping what is unknown (`park`), and storage: the index is rebuilt from
//! the sessions when the store opens.

mod budget;
mod consumed;
mod hasher;

use std::collections::{HashMap, hash_map::Entry};

use rand_core::CryptoRng;

use crate::session::limits::{WINDOW_CURRENT, WINDOW_NEXT};
use crate::session::{MessageNumber, Position, Session, SessionId, SkippedKey};
use crate::tag::{Numbered, Tag, TagKey};
use budget::ScanBudget;
use consumed::ConsumedTags;
use hasher::Seed;

/// Where a tag belongs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lookup {
    /// A message that a session can open.
    Live {
        /// The session.
        session: SessionId,
        /// Where in the session.
        position: Position,
    },
    /// A message that others overtook: the store has its key.
    Skipped {
        /// The session.
        session: SessionId,
        /// Which of its messages.
        number: MessageNumber,
    },
    /// An ephemeral message beside the current receiving chain of a session.
    Ephemeral {
        /// The session.
        session: SessionId,
        /// Its number.
        number: u32,
    },
    /// It was opened before, or is an ephemeral message beside a chain that is not open yet. To be acknowledged and
    /// dropped.
    Duplicate,
    /// No session expects it. To be parked.
    Unknown,
    /// It is not among the expected tags, and no more scans are allowed for now: the caller keeps the envelope, asks the
    /// relay for less, and looks it up again later.
    Later {
        /// Milliseconds until the next scan is allowed.
        after_ms: u64,
    },
}

/// The tags that the sessions of a device expect.
pub struct TagIndex {
    expected: ExpectedTags,
    sessions: HashMap<SessionId, Tracked, Seed>,
    consumed: ConsumedTags,
    budget: ScanBudget,
    /// Of looks at duplicates: what is redelivered takes nothing from what is new.
    replays: ScanBudget,
}

/// By the first 8 bytes of the tag.
struct ExpectedTags(HashMap<u64, Expected, Seed>);

struct Expected {
    /// The last 8 bytes of the tag.
    rest: u64,
    session: SessionId,
    number: MessageNumber,
}

/// A session's tag keys, and which of its tags are in the map.
struct Tracked {
    current: Option<Window>,
    next: Window,
}

struct Window {
    key: TagKey,
    chain: u32,
    /// The next number of the chain: everything below was opened or skipped.
    start: u32,
    /// Behind the last number in the map.
    end: u32,
}

impl TagIndex {
    /// An index that knows no session. The map is seeded, so that a contact, who knows his own tags, cannot make it slow.
    #[must_use]
    pub fn new(rng: &mut impl CryptoRng) -> Self {
        let seed = Seed::random(rng);
        Self {
            expected: ExpectedTags(HashMap::with_hasher(seed)),
            sessions: HashMap::with_hasher(seed),
            consumed: ConsumedTags::new(seed),
            budget: ScanBudget::default(),
            replays: ScanBudget::default(),
        }
    }

    /// Takes a session in, from the store or from a handshake. Its skipped messages follow by
    /// [`TagIndex::expect_skipped`].
    pub fn track(&mut self, session: &Session) {
        let id = session.id();
        self.forget(id);
        let expected = session.expected();
        let mut current = expected
            .current
            .map(|(key, chain, n)| Window::new(key, chain, n));
        let mut next = Window::new(expected.next.0, expected.next.1, 0);
        if let Some(window) = &mut current {
            self.expected
                .slide(id, window, window.start, WINDOW_CURRENT);
        }
        self.expected.slide(id, &mut next, 0, WINDOW_NEXT);
        self.sessions.insert(id, Tracked { current, next });
    }

    /// Follows a tracked session after one of its messages was opened and committed: `tag` is the message's, `skipped`
    /// what the commit returned. A replay of the tag is a duplicate from now on, even when its chain is closed.
    pub fn follow(&mut self, session: &Session, tag: Tag, skipped: &[SkippedKey]) {
        let id = session.id();
        let expected = session.expected();
        let (next_key, next_chain) = expected.next;
        match (self.sessions.get_mut(&id), expected.current) {
            (Some(tracked), Some((_, chain, n))) if tracked.next.chain == next_chain => {
                if let Some(window) = tracked
                    .current
                    .as_mut()
                    .filter(|window| window.chain == chain)
                {
                    self.expected.slide(id, window, n, WINDOW_CURRENT);
                }
            }
            (Some(tracked), Some((_, chain, n))) if tracked.next.chain == chain => {
                if let Some(closed) = &mut tracked.current {
                    self.expected.slide(id, closed, closed.end, 0);
                }
                let opened =
                    core::mem::replace(&mut tracked.next, Window::new(next_key, next_chain, 0));
                self.expected
                    .slide(id, tracked.current.insert(opened), n, WINDOW_CURRENT);
                self.expected.slide(id, &mut tracked.next, 0, WINDOW_NEXT);
            }
            _ => self.track(session),
        }
        // Once, instead of at every doubling.
        self.expected.0.reserve(skipped.len());
        for key in skipped {
            self.expect_skipped(id, key.number(), key.tag());
        }
        self.expected.remove(tag);
        self.consumed.insert(tag.halves().0);
    }

    /// Forgets a session, with its skipped messages.
    pub fn forget(&mut self, session: SessionId) {
        if self.sessions.remove(&session).is_some() {
            self.expected
                .0
                .retain(|_, expected| expected.session != session);
        }
    }

    /// Expects a skipped message, whose key is in the store.
    pub fn expect_skipped(&mut self, session: SessionId, number: MessageNumber, tag: Tag) {
        self.expected.insert(session, number, tag);
    }

    /// No longer expects a skipped message: its key was deleted, by age or by number.
    pub fn forget_skipped(&mut self, tag: Tag) {
        self.expected.remove(tag);
    }

    /// A skipped message was opened and its key deleted: a replay of the tag is a duplicate from now on.
    pub fn consume_skipped(&mut self, tag: Tag) {
        self.expected.remove(tag);
        self.consumed.insert(tag.halves().0);
    }

    /// Finds what a tag belongs to. `monotonic_ms` is a clock that never goes back; it pays for scans.
    pub fn lookup(&mut self, tag: Tag, monotonic_ms: u64) -> Lookup {
        let (first, rest) = tag.halves();
        if let Some(expected) = self
            .expected
            .0
            .get(&first)
            .filter(|expected| expected.rest == rest)
        {
            return self.found(expected);
        }
        if self.consumed.contains(first) {
            return Lookup::Duplicate;
        }
        if let Err(after_ms) = self.budget.check(monotonic_ms) {
            return Lookup::Later { after_ms };
        }
        let scanned = self
            .sessions
            .iter()
            .find_map(|(id, tracked)| tracked.invert(*id, tag));
        scanned.unwrap_or_else(|| {
            self.budget.spend();
            Lookup::Unknown
        })
    }

    /// Of a [`Lookup::Duplicate`]: which number it has in the current receiving chain of which session, so that its header
    /// can be looked at ([`Session::is_contradicted_by`]). `None` when its chain is closed, or too many were looked at.
    pub fn replayed(&mut self, tag: Tag, monotonic_ms: u64) -> Option<(SessionId, u32)> {
        self.replays.check(monotonic_ms).ok()?;
        self.replays.spend();
        self.sessions.iter().find_map(|(id, tracked)| {
            let window = tracked.current.as_ref()?;
            match window.key.reader().read(tag)? {
                Numbered::Message(n) if n < window.start => Some((*id, n)),
                Numbered::Message(_) | Numbered::Ephemeral(_) => None,
            }
        })
    }

    fn found(&self, expected: &Expected) -> Lookup {
        let Expected {
            session, number, ..
        } = *expected;
        let n = number.n;
        let tracked = self.sessions.get(&session);
        let live = |window: &Window| window.chain == number.chain && n >= window.start;
        if tracked.is_some_and(|tracked| tracked.current.as_ref().is_some_and(live)) {
            Lookup::Live {
                session,
                position: Position::Current { n },
            }
        } else if tracked.is_some_and(|tracked| live(&tracked.next)) {
            Lookup::Live {
                session,
                position: Position::Next { n },
            }
        } else {
            Lookup::Skipped { session, number }
        }
    }
}

impl ExpectedTags {
    fn insert(&mut self, session: SessionId, number: MessageNumber, tag: Tag) {
        let (first, rest) = tag.halves();
        self.0.insert(
            first,
            Expected {
                rest,
                session,
                number,
            },
        );
    }

    fn remove(&mut self, tag: Tag) {
        let (first, rest) = tag.halves();
        if let Entry::Occupied(entry) = self.0.entry(first)
            && entry.get().rest == rest
        {
            entry.remove();
        }
    }

    /// Moves a window to `start .. start + len`: the tags it leaves go, those it reaches come.
    fn slide(&mut self, session: SessionId, window: &mut Window, start: u32, len: u32) {
        let end = start.saturating_add(len);
        let left = window.start..start.min(window.end);
        let reached = window.end.max(start)..end;
        if !left.is_empty() || !reached.is_empty() {
            let maker = window.key.maker();
            left.for_each(|n| self.remove(maker.tag(n)));
            reached.for_each(|n| {
                self.insert(
                    session,
                    MessageNumber {
                        chain: window.chain,
                        n,
                    },
                    maker.tag(n),
                )
            });
        }
        window.start = start;
        window.end = end;
    }
}

impl Window {
    /// A window of which nothing is in the map yet.
    const fn new(key: &TagKey, chain: u32, start: u32) -> Self {
        Self {
            key: key.fork(),
            chain,
            start,
            end: start,
        }
    }
}

impl Tracked {
    /// Reads the number behind a tag, if it is one of this session's live chains.
    fn invert(&self, session: SessionId, tag: Tag) -> Option<Lookup> {
        if let Some(window) = &self.current
            && let Some(numbered) = window.key.reader().read(tag)
        {
            return Some(match numbered {
                Numbered::Message(n) if n < window.start => Lookup::Duplicate,
                Numbered::Message(n) => {
                    let position = Position::Current { n };
                    Lookup::Live { session, position }
                }
                Numbered::Ephemeral(number) => Lookup::Ephemeral { session, number },
            });
        }
        Some(match self.next.key.reader().read(tag)? {
            Numbered::Message(n) => {
                let position = Position::Next { n };
                Lookup::Live { session, position }
            }
            Numbered::Ephemeral(_) => Lookup::Duplicate,
        })
    }
}

#[cfg(test)]
#[path = "tag_index_tests.rs"]
mod tests;
