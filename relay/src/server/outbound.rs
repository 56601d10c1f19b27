//! The bounded queue between the committing thread and one connection.
//!
//! Invariant: never more than [`limits::OUTBOUND_BYTES`] wait for one connection, from the moment that the relay says
//! them until they have left, and hardly more than a [`Waiting`] allows for all of them. Pushing never blocks, because
//! the one committing thread must not wait for a client: a connection that overruns its queue is closed instead, and
//! when all together hold too much, those that hold the most.
//! Not its concern: how frames are written, and which of them a client has acknowledged.

use std::{
    collections::VecDeque,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
};

use parking_lot::Mutex;
use prost::Message;
use tokio::sync::Notify;
use undertone_wire::{ErrorCode, Frame, frame::Body};

use super::limits;

/// What waits in the queues of all connections together.
pub(crate) struct Waiting {
    bytes: AtomicUsize,
    limit: usize,
}

impl Waiting {
    /// A count of nothing that may become `limit` bytes.
    pub(crate) fn up_to(limit: usize) -> Arc<Self> {
        Arc::new(Self {
            bytes: AtomicUsize::new(0),
            limit,
        })
    }

    /// Bytes that wait.
    pub(crate) fn bytes(&self) -> usize {
        self.bytes.load(Ordering::Acquire)
    }

    /// Bytes beyond what may wait.
    fn excess(&self) -> usize {
        self.bytes().saturating_sub(self.limit)
    }

    fn add(&self, bytes: usize) {
        self.bytes.fetch_add(bytes, Ordering::AcqRel);
    }

    fn sub(&self, bytes: usize) {
        self.bytes.fetch_sub(bytes, Ordering::AcqRel);
    }
}

/// One connection's queue. Shared by the committing thread (pushes, closes) and the connection (takes).
pub(crate) struct Outbound {
    state: Mutex<State>,
    ready: Notify,
    all: Arc<Waiting>,
    /// A sign of life of the client is on its way to the committing thread.
    pub(crate) heard: AtomicBool,
}

#[derive(Default)]
struct State {
    frames: VecDeque<Frame>,
    /// Bytes of `frames`.
    queued: usize,
    /// Bytes that were taken and have not left.
    taken: usize,
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
    /// An empty queue, counted in `all`.
    pub(crate) fn new(all: Arc<Waiting>) -> Self {
        Self {
            state: Mutex::default(),
            ready: Notify::new(),
            all,
            heard: AtomicBool::new(false),
        }
    }

    /// Adds a frame, or closes the connection when it does not fit. An ephemeral message is dropped earlier.
    pub(crate) fn push(&self, frame: Frame) {
        let size = frame.encoded_len();
        let mut state = self.state.lock();
        if state.closed.is_some() {
            return;
        }
        let waiting = state.queued + state.taken;
        let ephemeral = matches!(frame.body, Some(Body::Ephemeral(_)));
        let scarce = waiting + size > limits::OUTBOUND_EPHEMERAL_BYTES || self.all.excess() > 0;
        if ephemeral && scarce {
            return;
        }
        if waiting + size > limits::OUTBOUND_BYTES {
            self.overrun(&mut state);
        } else {
            state.queued += size;
            state.frames.push_back(frame);
            self.all.add(size);
        }
        drop(state);
        self.ready.notify_one();
    }

    /// Ends the connection after what already waits, of which the last frame says why.
    pub(crate) fn close(&self, reason: ErrorCode) {
        self.state.lock().closed.get_or_insert(Closed::Told(reason));
        self.ready.notify_one();
    }

    fn overrun(&self, state: &mut State) {
        self.all.sub(state.queued);
        state.frames = VecDeque::new();
        state.queued = 0;
        state.closed = Some(Closed::Overrun);
    }

    /// Takes what comes next without waiting. Its bytes count until they [leave](Self::left).
    pub(crate) fn try_next(&self) -> Option<Next> {
        let mut state = self.state.lock();
        match state.frames.pop_front() {
            Some(frame) => {
                let size = frame.encoded_len();
                state.queued -= size;
                state.taken += size;
                Some(Next::Frame(frame))
            }
            None => state.closed.map(Next::Closed),
        }
    }

    /// Notes that `bytes` of what was taken have left.
    pub(crate) fn left(&self, bytes: usize) {
        let mut state = self.state.lock();
        let bytes = bytes.min(state.taken);
        state.taken -= bytes;
        self.all.sub(bytes);
    }

    /// Shows what waits, in order, and leaves it there. Why the relay ends the connection.
    pub(crate) fn look(&self, look: impl FnMut(&Frame)) -> Option<Closed> {
        let state = self.state.lock();
        state.frames.iter().for_each(look);
        state.closed
    }

    /// Takes the first frame, which has left before; its request id.
    pub(crate) fn release(&self) -> Option<u64> {
        let mut state = self.state.lock();
        let frame = state.frames.pop_front()?;
        let size = frame.encoded_len();
        state.queued -= size;
        self.all.sub(size);
        Some(frame.request_id)
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

impl Drop for Outbound {
    fn drop(&mut self) {
        let state = self.state.get_mut();
        self.all.sub(state.queued + state.taken);
    }
}

/// Closes the connections that hold the most, when all together hold too much, until a quarter is free again. Whoever
/// reads what he is sent holds little.
pub(crate) fn shed<'a>(all: &Waiting, connections: impl Iterator<Item = &'a Arc<Outbound>>) {
    if all.excess() == 0 {
        return;
    }
    let mut by_bytes: Vec<(usize, &Arc<Outbound>)> = connections
        .map(|outbound| (outbound.state.lock().queued, outbound))
        .collect();
    by_bytes.sort_unstable_by_key(|(queued, _)| std::cmp::Reverse(*queued));
    let mut too_much = all.excess() + all.limit / 4;
    for (queued, outbound) in by_bytes {
        if too_much == 0 || queued == 0 {
            return;
        }
        outbound.overrun(&mut outbound.state.lock());
        outbound.ready.notify_one();
        too_much = too_much.saturating_sub(queued);
    }
}

#[cfg(test)]
#[path = "outbound_tests.rs"]
mod tests;
