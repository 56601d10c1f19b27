//! Short timers, in memory, on the monotonic clock: a jump of the wall clock neither fires nor stalls one.
//! What must outlive a restart has its time in the store and is armed again from there.

use std::collections::BTreeMap;

/// What to look at when the time has come. A timer that fires early costs a look, never a decision.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Timer {
    /// Connections that may be tried again.
    Lanes,
    /// Queues that wait after a refused attempt.
    Outbox,
    /// Lookups (manifests, prekeys) that wait after a failed attempt.
    Lookups,
    /// A proof of work to go on with.
    Work,
    /// Receipts, and answers to what contacts miss, that waited long enough.
    Answers,
    /// One-time prekeys to refill.
    Refill,
    /// Long-lived ageing: expiry, deletion, renewal, resend requests, renewal of unanswered sessions.
    Upkeep,
    /// Messages that disappear.
    Expiry,
    /// Gaps to show a minute after catching up.
    Gaps,
    /// What an older version kept unread.
    Kept,
    /// Who has not typed for a while.
    Typing,
    /// Questions and answers about who is there.
    Presence,
    /// Replies that did not come in time.
    Requests,
    /// The budgets for scans and first messages have room again.
    Scans,
}

/// The set of armed timers; each at most once, the earlier time wins.
#[derive(Debug, Default)]
pub(crate) struct Timers(BTreeMap<Timer, u64>);

impl Timers {
    /// Arms `timer` for `at` (monotonic ms) unless it is due earlier already.
    pub(crate) fn arm(&mut self, timer: Timer, at: u64) {
        let due = self.0.entry(timer).or_insert(at);
        *due = (*due).min(at);
    }

    /// When the next one is due, monotonic ms.
    pub(crate) fn next(&self) -> Option<u64> {
        self.0.values().min().copied()
    }

    /// Takes one that is due at `now`.
    pub(crate) fn take_due(&mut self, now: u64) -> Option<Timer> {
        let timer = self
            .0
            .iter()
            .find(|(_, due)| **due <= now)
            .map(|(timer, _)| *timer)?;
        self.0.remove(&timer);
        Some(timer)
    }
}
