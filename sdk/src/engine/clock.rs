//! Whether this device's clock may be believed.
//!
//! Invariant: ageing (expiry, deletion, renewal, signing) uses [`Clock::trusted`] only, which exists while
//! the device's clock and the own relay's agree within 24 hours and counts monotonic time since they did.
//! After a spell of a wrong clock everything ages anew ([`Clock::aged_before`]), so that a stamp written
//! during the spell deletes nothing. A relay that lies about the time can stop ageing, never hasten it.
//!
//! The order of messages is not its concern: that is the hybrid clock's
//! ([`HybridClock`](undertone_protocol::content::HybridClock)).

use undertone_protocol::time::{Now, Timestamp};

use super::limits::CLOCK_TOLERANCE_MS;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// No relay was asked since the engine was opened.
    Unknown,
    /// Relay and device agreed at this moment.
    Agreed(Now),
    /// They disagree.
    Wrong,
}

/// What a comparison with a relay changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ClockChange {
    /// Nothing that anybody must know.
    None,
    /// The clocks disagree from now on.
    BecameWrong,
    /// The clocks agree again after a spell in which they did not.
    BecameRight,
}

/// The verdict over the device's clock.
#[derive(Debug)]
pub(crate) struct Clock {
    state: State,
    /// The clock was seen wrong, and nothing has been aged since: the next agreement begins ageing anew.
    spell: bool,
    /// Ageing counts nothing before this moment.
    ages_from: Timestamp,
    /// The latest time that this store has ever trusted, when it was opened.
    last_seen: Timestamp,
}

impl Clock {
    /// The clock of an engine that opens now. `last_seen` is the latest time this store has ever trusted,
    /// `ages_from` the end of the last spell.
    pub(crate) fn open(now: Now, last_seen: Timestamp, ages_from: Timestamp) -> Self {
        let went_back = now.wall.plus(CLOCK_TOLERANCE_MS) < last_seen;
        Self {
            state: State::Unknown,
            spell: went_back,
            ages_from,
            last_seen,
        }
    }

    /// Compares with the time of the own relay.
    pub(crate) fn compare(&mut self, now: Now, relay: Timestamp) -> ClockChange {
        let apart = now.wall.since(relay).max(relay.since(now.wall));
        if apart > CLOCK_TOLERANCE_MS {
            self.spell = true;
            if self.state == State::Wrong {
                return ClockChange::None;
            }
            self.state = State::Wrong;
            return ClockChange::BecameWrong;
        }
        let was_wrong = self.state == State::Wrong;
        self.state = State::Agreed(now);
        if std::mem::take(&mut self.spell) {
            self.ages_from = now.wall;
        }
        if was_wrong {
            ClockChange::BecameRight
        } else {
            ClockChange::None
        }
    }

    /// The time to age and sign by; `None` while the clock is not known to be right.
    pub(crate) fn trusted(&self, now: Now) -> Option<Timestamp> {
        let State::Agreed(then) = self.state else {
            return None;
        };
        let time = then
            .wall
            .plus(now.monotonic_ms.saturating_sub(then.monotonic_ms));
        let apart = now.wall.since(time).max(time.since(now.wall));
        (apart <= CLOCK_TOLERANCE_MS).then_some(time)
    }

    /// The time to judge by whether what others signed is still good, when the own relay need not have been asked yet:
    /// a clock that was set back makes nothing good again. `None` while it is known to be wrong.
    pub(crate) fn judging(&self, now: Now) -> Option<Timestamp> {
        match self.state {
            State::Agreed(_) => self.trusted(now),
            State::Unknown if !self.spell => Some(now.wall.max(self.last_seen)),
            State::Unknown | State::Wrong => None,
        }
    }

    /// Whatever is stamped before the result has surely been there for `age_ms`. `None` while nothing is.
    pub(crate) fn aged_before(&self, now: Now, age_ms: u64) -> Option<Timestamp> {
        let cut = self.trusted(now)?.minus(age_ms);
        (cut >= self.ages_from).then_some(cut)
    }

    /// For the store: the end of the last spell.
    pub(crate) fn ages_from(&self) -> Timestamp {
        self.ages_from
    }
}

#[cfg(test)]
#[path = "clock_tests.rs"]
mod tests;
