//! What the service keeps for one connection.

use std::collections::VecDeque;

use undertone_wire::MailboxId;
use undertone_wire::limits::{DELIVERY_WINDOW, DELIVERY_WINDOW_BYTES};

use super::ConnectionInfo;
use super::rates::Cell;
use crate::storage::Timestamp;

#[derive(Clone)]
pub(super) struct Session {
    pub(super) info: ConnectionInfo,
    pub(super) challenge: [u8; 32],
    pub(super) heard: Timestamp,
    pub(super) requests: Cell,
    pub(super) login: Option<Login>,
}

/// The owner of a mailbox is there.
#[derive(Clone)]
pub(super) struct Login {
    pub(super) mailbox: MailboxId,
    /// Reads without displacing, presence or acks.
    pub(super) peek: bool,
    pub(super) delivery: Delivery,
    /// The day on which the storage was last told that the owner is there; `None` when it could not be told.
    pub(super) seen_day: Option<u64>,
}

/// How far the deliveries of a login have come.
///
/// Invariant: everything in the queue up to `cursor` was sent on this connection or skipped by it; while `caught_up`,
/// nothing in the queue is after `cursor`.
#[derive(Clone)]
pub(super) struct Delivery {
    pub(super) cursor: u64,
    pub(super) caught_up: bool,
    /// `CaughtUp` was sent.
    pub(super) announced: bool,
    /// Deliveries that may be in flight; of a peek: that may still be sent.
    window: u32,
    /// Sequence and size of what was sent and not acked.
    in_flight: VecDeque<(u64, u32)>,
    in_flight_bytes: usize,
}

impl Delivery {
    pub(super) const fn starting_after(cursor: u64) -> Self {
        Self {
            cursor,
            caught_up: false,
            announced: false,
            window: DELIVERY_WINDOW,
            in_flight: VecDeque::new(),
            in_flight_bytes: 0,
        }
    }

    /// Messages and bytes that may be sent now; `None` when none.
    pub(super) fn room(&self) -> Option<(usize, usize)> {
        let window = usize::try_from(self.window).unwrap_or(usize::MAX);
        let messages = window.saturating_sub(self.in_flight.len());
        let bytes = DELIVERY_WINDOW_BYTES.saturating_sub(self.in_flight_bytes);
        (messages > 0 && bytes > 0).then_some((messages, bytes))
    }

    pub(super) fn sent(&mut self, seq: u64, len: usize, peek: bool) {
        self.cursor = seq;
        if peek {
            self.window = self.window.saturating_sub(1);
        } else {
            let counted = u32::try_from(len).unwrap_or(u32::MAX);
            self.in_flight.push_back((seq, counted));
            self.in_flight_bytes += len;
        }
    }

    pub(super) fn acked(&mut self, up_to: u64) {
        while let Some((seq, len)) = self.in_flight.front().copied()
            && seq <= up_to
        {
            self.in_flight.pop_front();
            self.in_flight_bytes -= usize::try_from(len).unwrap_or(0);
        }
    }

    pub(super) fn set_window(&mut self, window: u32, peek: bool) {
        let asked = if peek {
            self.window.saturating_add(window)
        } else {
            window
        };
        self.window = asked.min(DELIVERY_WINDOW);
    }

    pub(super) const fn is_paused(&self) -> bool {
        self.window == 0
    }
}
