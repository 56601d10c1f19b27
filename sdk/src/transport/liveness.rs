//! Whether the other end is still there: whatever we send is answered in time, and we send something at least each heartbeat.
//!
//! Only complete frames count as life, so a peer that dribbles bytes is as dead as one that sends none. A deadline that
//! passed while this process slept says nothing of the peer; it is set once more.

use std::time::Duration;

use tokio::time::Instant;

use super::limits::LATE_LOOK;

/// What is due at a point in time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Due {
    /// Nothing yet.
    Nothing,
    /// Send something.
    Heartbeat,
    /// Give up.
    Dead,
}

/// The two clocks of one connection.
#[derive(Debug)]
pub(super) struct Liveness {
    heartbeat: Duration,
    reply: Duration,
    last_sent: Instant,
    answer_by: Option<Instant>,
    /// The deadline was set once more, and the next one counts.
    excused: bool,
}

impl Liveness {
    pub(super) fn new(heartbeat: Duration, reply: Duration, now: Instant) -> Self {
        Self {
            heartbeat,
            reply,
            last_sent: now,
            answer_by: None,
            excused: false,
        }
    }

    /// A frame went out; all frames are requests and are answered.
    pub(super) fn sent(&mut self, now: Instant) {
        self.last_sent = now;
        self.answer_by.get_or_insert(now + self.reply);
    }

    /// A complete frame came in.
    pub(super) fn received(&mut self) {
        self.answer_by = None;
        self.excused = false;
    }

    /// Something was sent to find out quickly: expect the answer within `limit`.
    pub(super) fn hurry(&mut self, limit: Duration, now: Instant) {
        let by = now + limit;
        self.answer_by = Some(self.answer_by.map_or(by, |earlier| earlier.min(by)));
    }

    /// When to look again.
    pub(super) fn next(&self) -> Instant {
        let beat = self.last_sent + self.heartbeat;
        self.answer_by.map_or(beat, |by| by.min(beat))
    }

    pub(super) fn due(&mut self, now: Instant) -> Due {
        if let Some(by) = self.answer_by.filter(|by| *by <= now) {
            if now.duration_since(by) < LATE_LOOK || self.excused {
                return Due::Dead;
            }
            self.excused = true;
            self.answer_by = Some(now + self.reply);
        }
        if self.last_sent + self.heartbeat <= now {
            Due::Heartbeat
        } else {
            Due::Nothing
        }
    }
}

#[cfg(test)]
#[path = "liveness_tests.rs"]
mod tests;
