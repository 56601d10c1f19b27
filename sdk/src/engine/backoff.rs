//! Random waits: how long until something is tried again, or until something that should not stand out is
//! done. Uniform over the named span, so that two clients never keep step.

use rand_core::CryptoRng;

use super::limits::{RETRY_FIRST_MS, RETRY_LONGEST_MS};

/// What a relay asks to wait, ms: no relay is believed to be gone for longer than a client would wait by itself.
pub(crate) fn asked(retry_after_ms: u32) -> u64 {
    u64::from(retry_after_ms).min(RETRY_LONGEST_MS)
}

/// Exponential backoff with full jitter on the upper half: between half of and the whole
/// `first · 2^failures`, at most the longest wait. Milliseconds.
pub(crate) fn retry(failures: u32, rng: &mut impl CryptoRng) -> u64 {
    exponential(RETRY_FIRST_MS, RETRY_LONGEST_MS, failures, rng)
}

/// As [`retry`], with other bounds. Milliseconds.
pub(crate) fn exponential(
    first: u64,
    longest: u64,
    failures: u32,
    rng: &mut impl CryptoRng,
) -> u64 {
    let wait = first
        .checked_shl(failures.min(32))
        .unwrap_or(longest)
        .clamp(first, longest);
    between(wait / 2, wait, rng)
}

/// A uniform wait in `from..=to`. Milliseconds.
pub(crate) fn between(from: u64, to: u64, rng: &mut impl CryptoRng) -> u64 {
    let span = to.saturating_sub(from).saturating_add(1);
    // The bias of the modulo is below 2^-24 for spans of years.
    from.saturating_add(rng.next_u64() % span)
}

#[cfg(test)]
#[path = "backoff_tests.rs"]
mod tests;
