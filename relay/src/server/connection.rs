//! One lane of one client, as the service knows it, whatever carries it: a WebSocket or a long-poll session.
//!
//! Invariant: at most `MAX_REQUESTS_IN_FLIGHT` requests of a connection are unanswered, at most
//! [`limits::LARGE_IN_FLIGHT`] of them with large answers, an answer counting as given only when it left; whoever does
//! not read his answers is not read either. Dropping a connection closes it in the service.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use parking_lot::Mutex;
use tokio::sync::Notify;
use undertone_wire::{ErrorCode, Frame, frame::Body, limits::MAX_REQUESTS_IN_FLIGHT};

use super::{
    committer::Committer,
    limits,
    outbound::{Closed, Next, Outbound},
};
use crate::service::{ConnectionId, ConnectionInfo};

/// A connection that the service has opened.
pub(crate) struct Connection {
    id: ConnectionId,
    committer: Arc<Committer>,
    outbound: Arc<Outbound>,
    in_flight: AtomicUsize,
    /// Ids of the requests in flight that may have large answers.
    large: Mutex<Vec<u64>>,
    answered: Notify,
}

impl Connection {
    /// Opens a connection; the service's Hello is the first thing that comes out of it.
    pub(crate) async fn open(committer: Arc<Committer>, info: ConnectionInfo) -> Self {
        let outbound = Arc::new(Outbound::new(committer.waiting.clone()));
        let id = committer.open(info, outbound.clone()).await;
        Self {
            id,
            committer,
            outbound,
            in_flight: AtomicUsize::new(0),
            large: Mutex::default(),
            answered: Notify::new(),
        }
    }

    /// Waits until another request may be handed in. Cancelling loses nothing.
    pub(crate) async fn room(&self) {
        while !self.has_room() {
            self.answered.notified().await;
        }
    }

    fn has_room(&self) -> bool {
        self.in_flight.load(Ordering::Acquire) < MAX_REQUESTS_IN_FLIGHT
            && self.large.lock().len() < limits::LARGE_IN_FLIGHT
    }

    /// Hands a request to the committing thread, waiting while too much of all connections waits there.
    pub(crate) async fn submit(&self, frame: Frame, bytes: usize) {
        self.in_flight.fetch_add(1, Ordering::AcqRel);
        if has_large_answer(&frame) {
            self.large.lock().push(frame.request_id);
        }
        self.committer.submit(self.id, frame, bytes).await;
    }

    /// Tells the service that the client lives, by something that is no frame. Nothing when the last time is still on
    /// its way there, so that a client cannot make work by the number of its pings.
    pub(crate) fn heard(&self) {
        if !self.outbound.heard.swap(true, Ordering::AcqRel) {
            self.committer.heard(self.id);
        }
    }

    /// Waits for what the relay says next. Cancelling loses nothing.
    pub(crate) async fn next(&self) -> Next {
        self.outbound.next().await
    }

    /// What the relay says next, if it is there.
    pub(crate) fn try_next(&self) -> Option<Next> {
        self.outbound.try_next()
    }

    /// Notes that a frame which was taken left.
    pub(crate) fn left(&self, request_id: u64, bytes: usize) {
        self.outbound.left(bytes);
        self.answered(request_id);
    }

    /// Shows what the relay says, without taking it. Why it ends the connection.
    pub(crate) fn look(&self, look: impl FnMut(&Frame)) -> Option<Closed> {
        self.outbound.look(look)
    }

    /// Says that the relay ends the connection, and ends it.
    pub(crate) fn finish(&self, last: Frame, reason: ErrorCode) {
        self.outbound.push(last);
        self.outbound.close(reason);
    }

    /// Takes the first frame, which has left before. False when there is none.
    pub(crate) fn release(&self) -> bool {
        let released = self.outbound.release();
        if let Some(request_id) = released {
            self.answered(request_id);
        }
        released.is_some()
    }

    /// What the relay says unasked has request id 0 and does not count.
    fn answered(&self, request_id: u64) {
        if request_id == 0 {
            return;
        }
        let mut large = self.large.lock();
        if let Some(place) = large.iter().position(|id| *id == request_id) {
            large.swap_remove(place);
        }
        drop(large);
        self.in_flight.fetch_sub(1, Ordering::AcqRel);
        self.answered.notify_one();
    }

    /// Waits until something may have come; cancelling loses nothing.
    pub(crate) async fn changed(&self) {
        self.outbound.changed().await;
    }

    /// Whether every request was answered and all but `kept` answers left.
    pub(crate) fn is_settled(&self, kept: usize) -> bool {
        self.in_flight.load(Ordering::Acquire) <= kept
    }
}

/// Whether the answer may be a record, prekeys, or an outcome for each of many recipients; others are a few bytes.
pub(crate) const fn has_large_answer(frame: &Frame) -> bool {
    matches!(
        frame.body,
        Some(
            Body::GetRecord(_)
                | Body::PutRecord(_)
                | Body::DeleteRecord(_)
                | Body::PopPrekeys(_)
                | Body::SendMany(_)
        )
    )
}

#[cfg(test)]
impl Connection {
    /// Ends the connection as the committing thread does.
    pub(crate) fn end(&self, reason: ErrorCode) {
        self.outbound.close(reason);
    }

    /// Says something as the committing thread does.
    pub(crate) fn say(&self, frame: Frame) {
        self.outbound.push(frame);
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.committer.close(self.id);
    }
}

#[cfg(test)]
#[path = "connection_tests.rs"]
mod tests;
