//! Virtual time. It moves only when the world says so.

use undertone_protocol::time::{Now, Timestamp};

/// When the world begins, Unix milliseconds: an arbitrary Sunday.
const BEGINNING: u64 = 1_795_000_000_000;

/// The one clock of a world. Devices may believe a wrong one (`skew_ms`).
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Clock {
    elapsed_ms: u64,
}

impl Clock {
    /// Milliseconds since the beginning.
    pub(crate) fn elapsed(self) -> u64 {
        self.elapsed_ms
    }

    /// Moves on; never back.
    pub(crate) fn advance_to(&mut self, elapsed_ms: u64) {
        self.elapsed_ms = self.elapsed_ms.max(elapsed_ms);
    }

    /// True time.
    pub(crate) fn wall(self) -> Timestamp {
        Timestamp(BEGINNING + self.elapsed_ms)
    }

    /// What a device reads whose wall clock is ahead by so much.
    pub(crate) fn at_device(self, skew_ms: i64) -> Now {
        Now {
            wall: Timestamp(self.wall().0.saturating_add_signed(skew_ms)),
            monotonic_ms: self.elapsed_ms,
        }
    }
}
