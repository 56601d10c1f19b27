//! The one place of the SDK that reads the clock.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use tokio::time::Instant;
use undertone_protocol::time::{Now, Timestamp};

/// The clocks of one client.
pub(super) struct Clock(Instant);

impl Clock {
    pub(super) fn start() -> Self {
        Self(Instant::now())
    }

    #[expect(
        clippy::disallowed_methods,
        reason = "the one place of the SDK that reads the clock"
    )]
    pub(super) fn now(&self) -> Now {
        let wall = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default();
        Now {
            wall: Timestamp(millis(wall)),
            monotonic_ms: millis(self.0.elapsed()),
        }
    }

    pub(super) fn at(&self, monotonic_ms: u64) -> Instant {
        self.0 + Duration::from_millis(monotonic_ms)
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
