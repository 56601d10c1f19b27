//! How many envelopes that match nothing may be scanned: a bucket of tokens.

use crate::session::limits::{SCAN_BURST, SCAN_PER_SECOND};
use crate::time::SECOND_MS;

/// Milliseconds that one scan costs.
const SCAN_MS: u64 = SECOND_MS / SCAN_PER_SECOND as u64;

/// Milliseconds that a full bucket holds.
const FULL_MS: u64 = SCAN_MS * SCAN_BURST as u64;

/// The bucket, filled by time: full when new.
pub(super) struct ScanBudget {
    filled_ms: u64,
    seen_ms: u64,
}

impl Default for ScanBudget {
    fn default() -> Self {
        Self {
            filled_ms: FULL_MS,
            seen_ms: 0,
        }
    }
}

impl ScanBudget {
    /// Whether a scan is allowed now; otherwise the milliseconds until one is.
    pub(super) fn check(&mut self, monotonic_ms: u64) -> Result<(), u64> {
        let elapsed = monotonic_ms.saturating_sub(self.seen_ms);
        self.seen_ms = self.seen_ms.max(monotonic_ms);
        self.filled_ms = self.filled_ms.saturating_add(elapsed).min(FULL_MS);
        match SCAN_MS.saturating_sub(self.filled_ms) {
            0 => Ok(()),
            missing => Err(missing),
        }
    }

    /// Pays for a scan that found nothing.
    pub(super) fn spend(&mut self) {
        self.filled_ms = self.filled_ms.saturating_sub(SCAN_MS);
    }
}

#[cfg(test)]
#[path = "budget_tests.rs"]
mod tests;
