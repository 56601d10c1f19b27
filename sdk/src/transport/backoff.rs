//! When to try again: exponential, jittered, reset by success.
//!
//! Invariant: a wait is never shorter than half its step, so that many clients that lost one relay do not come back together.

use std::time::Duration;

use rand::RngExt;

use super::limits::{BACKOFF_FIRST, BACKOFF_LAST, RETRY_AFTER_MAX};

/// The state of one connection's retries.
#[derive(Debug, Default)]
pub(super) struct Backoff {
    failures: u32,
}

impl Backoff {
    /// The next wait, between half a step and a whole one; the step doubles from 250 ms to 5 min.
    pub(super) fn next(&mut self, rng: &mut impl rand::Rng) -> Duration {
        let step = BACKOFF_FIRST
            .saturating_mul(2_u32.saturating_pow(self.failures))
            .min(BACKOFF_LAST);
        self.failures = self.failures.saturating_add(1);
        step / 2 + spread(step / 2, rng)
    }

    /// The wait that a relay asked for, lengthened by a random part of the window it announced, never above 10 minutes.
    pub(super) fn asked(
        &mut self,
        retry_after: Duration,
        jitter: Duration,
        rng: &mut impl rand::Rng,
    ) -> Duration {
        let own = self.next(rng);
        let asked = retry_after
            .min(RETRY_AFTER_MAX)
            .saturating_add(spread(jitter.min(RETRY_AFTER_MAX), rng));
        own.max(asked.min(RETRY_AFTER_MAX))
    }

    /// The longest wait: for a login that was displaced by a newer one, which a quick return would displace in turn.
    pub(super) fn longest(&mut self, rng: &mut impl rand::Rng) -> Duration {
        self.failures = u32::BITS;
        self.next(rng)
    }

    /// The connection was good: start over.
    pub(super) fn reset(&mut self) {
        self.failures = 0;
    }
}

fn spread(window: Duration, rng: &mut impl rand::Rng) -> Duration {
    let millis = u64::try_from(window.as_millis()).unwrap_or(u64::MAX);
    Duration::from_millis(rng.random_range(0..=millis))
}

#[cfg(test)]
#[path = "backoff_tests.rs"]
mod tests;
