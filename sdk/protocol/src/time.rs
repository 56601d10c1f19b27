//! Points in time, as the caller passes them in.
//!
//! Nothing in this crate reads a clock. Which clock to believe is not decided here either: the engine compares the
//! device's clock, the relay's and its peers'.

/// One second, in milliseconds.
pub const SECOND_MS: u64 = 1_000;
/// A quarter of an hour, in milliseconds.
pub const QUARTER_HOUR_MS: u64 = 900 * SECOND_MS;
/// One hour, in milliseconds.
pub const HOUR_MS: u64 = 3_600 * SECOND_MS;
/// One day, in milliseconds.
pub const DAY_MS: u64 = 24 * HOUR_MS;

/// Unix time in milliseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(pub u64);

impl Timestamp {
    /// The point `ms` milliseconds later; stops at the largest representable time.
    #[must_use]
    pub const fn plus(self, ms: u64) -> Self {
        Self(self.0.saturating_add(ms))
    }

    /// The point `ms` milliseconds earlier; stops at the epoch.
    #[must_use]
    pub const fn minus(self, ms: u64) -> Self {
        Self(self.0.saturating_sub(ms))
    }

    /// Milliseconds since `earlier`; zero when `earlier` is in fact later.
    #[must_use]
    pub const fn since(self, earlier: Self) -> u64 {
        self.0.saturating_sub(earlier.0)
    }
}

/// Both clocks of a device at one moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Now {
    /// The device's wall clock.
    pub wall: Timestamp,
    /// Milliseconds on a clock that never goes back while the process lives.
    pub monotonic_ms: u64,
}

#[cfg(test)]
#[path = "time_tests.rs"]
mod tests;
