//! The bounded queue between the committing thread and one connection.
//!
//! Invariant: never more than [`limits::OUTBOUND_BYTES`] wait here. Pushing never blocks, because the one committing
//! thread must not wait for a client; a connection that overruns its queue is closed instead.
//! Not its concern: how frames are written, and which of them a client has acknowledged.

use std::collections::VecDeque;

use parking_lot::Mutex;
use prost::Message;
use tokio::sync::Notify;
use undertone_wire::{ErrorCode, Frame, frame::Body};

use super::limits;

/// One connection's queue. Shared by the committing thread (pushes, closes) and the connection (takes).
#[derive(Default)]
pub(crate) struct Outbound {
    state: Mutex<State>,
    ready: Notify,
}

#[derive(Default)]
struct State {
    frames: VecDeque<Frame>,
    bytes: usize,
    closed: Option<Closed>,
}

/// What comes next on a connection.
#[derive(Debug, PartialEq)]
pub(crate) enum Next {
    /// A frame to write.
    Frame(Frame),
    /// Everything was taken, and the relay ends the connection.
    Closed(Closed),
}

/// Why the relay ends a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Closed {
    /// The last frame said why.
    Told(ErrorCode),
    /// The client did not read what it was sent, and is still to be told.
    Overrun,
}

impl Outbound {
    /// Adds a frame, or closes the connection when it does not fit. An ephemeral message is dropped earlier.
    pub(crate) fn push(&self, frame: Frame) {
        let size = frame.encoded_len();
        let mut state = self.state.lock();
        if state.closed.is_some() {
            return;
        }
        let ephemeral = matches!(frame.body, Some(Body::Ephemeral(_)));
        if ephemeral && state.bytes + size > limits::OUTBOUND_EPHEMERAL_BYTES {
            return;
        }
        if state.bytes + size > limits::OUTBOUND_BYTES {
            state.frames.clear();
            state.bytes = 0;
            state.closed = Some(Closed::Overrun);
        } else {
            state.bytes += size;
            state.frames.push_back(frame);
        }
        drop(state);
        self.ready.notify_one();
    }

    /// Ends the connection after what already waits, of which the last frame says why.
    pub(crate) fn close(&self, reason: ErrorCode) {
        self.state.lock().closed.get_or_insert(Closed::Told(reason));
        self.ready.notify_one();
    }

    /// Takes what comes next without waiting.
    pub(crate) fn try_next(&self) -> Option<Next> {
        let mut state = self.state.lock();
        match state.frames.pop_front() {
            Some(frame) => {
                state.bytes -= frame.encoded_len();
                Some(Next::Frame(frame))
            }
            None => state.closed.map(Next::Closed),
        }
    }

    /// Waits for what comes next. Cancelling loses nothing. One waiter at a time.
    pub(crate) async fn next(&self) -> Next {
        loop {
            if let Some(next) = self.try_next() {
                return next;
            }
            self.ready.notified().await;
        }
    }

    /// Waits until something may have come; it may be gone again. Cancelling loses nothing.
    pub(crate) async fn changed(&self) {
        self.ready.notified().await;
    }
}

#[cfg(test)]
#[path = "outbound_tests.rs"]
mod tests;
