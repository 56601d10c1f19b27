//! The one place of the relay that reads a clock; everything else is told the time.

use std::time::{Duration, SystemTime};

/// Unix milliseconds; 0 on a machine whose clock stands before 1970.
#[expect(clippy::disallowed_methods, reason = "the clock of the relay")]
pub(crate) fn now_ms() -> u64 {
    SystemTime::now()
        .duration_since(SystemTime::UNIX_EPOCH)
        .map_or(0, |since| {
            u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
        })
}

/// Measures a stretch of time for metrics.
pub(crate) struct Stopwatch(std::time::Instant);

impl Stopwatch {
    #[expect(clippy::disallowed_methods, reason = "the clock of the relay")]
    pub(crate) fn start() -> Self {
        Self(std::time::Instant::now())
    }

    pub(crate) fn elapsed(&self) -> Duration {
        self.0.elapsed()
    }
}
