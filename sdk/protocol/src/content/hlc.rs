//! Hybrid logical clock: the order of a conversation, alike on every device.
//!
//! A value is 48 bits of Unix milliseconds and 16 bits of counter, compared as one integer (Kulkarni, Demirbas et al.,
//! "Logical Physical Clocks", 2014). Invariant: a device's own values only rise. Not its concern: what the time is
//! (a parameter), and whether it is right.

use crate::time::{DAY_MS, Timestamp};

const COUNTER_BITS: u32 = 16;
const MAX_MS: u64 = (1 << 48) - 1;

/// How far another device's clock may run ahead of ours and still pull ours along, in milliseconds: 24 hours, the
/// difference from which a clock counts as wrong.
pub const MAX_AHEAD_MS: u64 = DAY_MS;

/// How long after its sender's manifest was issued a message may be dated, in milliseconds: 366 days, longer than any
/// device statement made with that manifest is valid.
pub const MAX_AFTER_MANIFEST_MS: u64 = 366 * DAY_MS;

/// A point on the hybrid clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Hlc(u64);

impl Hlc {
    /// The first value of a millisecond. Times past the year 10889 count as the last one that 48 bits can say.
    pub fn at(time: Timestamp) -> Self {
        Self(time.0.min(MAX_MS) << COUNTER_BITS)
    }

    /// From its wire form: the upper 48 bits are Unix milliseconds, the lower 16 a counter.
    pub const fn from_packed(value: u64) -> Self {
        Self(value)
    }

    /// The wire form, in which order is the order of integers.
    pub const fn as_packed(self) -> u64 {
        self.0
    }

    /// The milliseconds of this value.
    pub const fn time(self) -> Timestamp {
        Timestamp(self.0 >> COUNTER_BITS)
    }

    /// The value a message is sorted by: its own, but never later than 366 days after its sender's manifest (the one
    /// named in the content header) was issued. The rule uses nothing but what the sender signed or encrypted, so that
    /// every device clamps alike, whenever it receives the message. Equal values are ordered by (sender's device id,
    /// stream sequence number).
    #[must_use]
    pub fn clamped(self, manifest_issued: Timestamp) -> Self {
        self.min(Self::at(manifest_issued.plus(MAX_AFTER_MANIFEST_MS)))
    }
}

/// A device's hybrid clock. Its state is the last value it gave or followed, which the store keeps.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct HybridClock {
    last: Hlc,
}

impl HybridClock {
    /// A clock that goes on after `last`.
    pub const fn resume(last: Hlc) -> Self {
        Self { last }
    }

    /// The last value given or followed.
    pub const fn last(self) -> Hlc {
        self.last
    }

    /// The value for a message written now: later than every value given or followed before.
    pub fn tick(&mut self, now: Timestamp) -> Hlc {
        self.last = Hlc::at(now).max(Hlc(self.last.0.saturating_add(1)));
        self.last
    }

    /// Follows the clock of a received message, so that what is written after reading it sorts after it. A value more
    /// than 24 hours ahead of `now` is not followed: a wrong clock elsewhere must not drag this one along.
    pub fn observe(&mut self, received: Hlc, now: Timestamp) {
        if received <= Hlc::at(now.plus(MAX_AHEAD_MS)) {
            self.last = self.last.max(received);
        }
    }
}

#[cfg(test)]
#[path = "hlc_tests.rs"]
mod tests;
