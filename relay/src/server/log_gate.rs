//! Lets a line into the log now and then, where whatever goes wrong goes wrong again and again: a disk that fails or a
//! limit that is reached must not fill the disk with lines that say so.

use parking_lot::Mutex;
use tokio::time::Instant;

use super::limits;

/// Opens once in [`limits::LOG_PAUSE`].
#[derive(Default)]
pub(crate) struct LogGate {
    last: Mutex<Option<Instant>>,
}

impl LogGate {
    /// Whether a line may pass now.
    pub(crate) fn opens(&self) -> bool {
        let mut last = self.last.lock();
        let opens = last.is_none_or(|last| last.elapsed() >= limits::LOG_PAUSE);
        if opens {
            *last = Some(Instant::now());
        }
        opens
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_thousand_failures_are_a_line_a_minute() {
        let gate = LogGate::default();
        let mut lines = 0;
        for _ in 0..1_200 {
            lines += usize::from(gate.opens());
            tokio::time::advance(Duration::from_millis(100)).await;
        }
        assert_eq!(lines, 2);
    }
}
