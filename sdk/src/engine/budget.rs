//! A bound on how often something is done: so much at once, then one at a time.

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

#[cfg(test)]
#[path = "budget_tests.rs"]
mod tests;
