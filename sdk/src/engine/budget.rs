//! A bound on how often something is done: so much at once, then one at a time.

use undertone_protocol::time::Timestamp;

/// A bucket of tokens that refills with monotonic time.
#[derive(Debug, Default)]
pub(crate) struct Budget {
    /// Milliseconds until it is full again.
    spent_ms: u64,
    at: u64,
}

impl Budget {
    /// Takes one token; `burst` fit the bucket, one comes back each `spacing_ms`.
    pub(crate) fn take(&mut self, burst: u32, spacing_ms: u64, now: u64) -> bool {
        self.spent_ms = self.spent_ms.saturating_sub(now.saturating_sub(self.at));
        self.at = self.at.max(now);
        let spent = self.spent_ms.saturating_add(spacing_ms);
        if spent > spacing_ms.saturating_mul(u64::from(burst)) {
            return false;
        }
        self.spent_ms = spent;
        true
    }
}

/// A bucket that outlives the process: the moment when it is full again says all of it.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Spent {
    /// When it is full again.
    pub(crate) full_at: Timestamp,
    /// Nothing was taken: so long, ms, until something can be.
    pub(crate) wait_ms: Option<u64>,
}

/// Takes one token of a bucket that is full at `full_at`; `burst` fit it, one comes back each `spacing_ms`. A moment
/// further off than an empty bucket needs was written by a clock that was wrong, and means an empty one.
pub(crate) fn spend(full_at: Timestamp, burst: u32, spacing_ms: u64, now: Timestamp) -> Spent {
    let empty = now.plus(spacing_ms.saturating_mul(u64::from(burst)));
    let full_at = full_at.max(now).min(empty);
    let after = full_at.plus(spacing_ms);
    if after > empty {
        let wait_ms = Some(after.since(empty));
        return Spent { full_at, wait_ms };
    }
    Spent {
        full_at: after,
        wait_ms: None,
    }
}

#[cfg(test)]
#[path = "budget_tests.rs"]
mod tests;
