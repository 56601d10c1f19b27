//! One lane of one client, as the service knows it, whatever carries it: a WebSocket or a long-poll session.
//!
//! Invariant: at most `MAX_REQUESTS_IN_FLIGHT` requests of a connection are unanswered, an answer counting as given
//! only when it left; whoever does not read his answers is not read either. Dropping a connection closes it in the
//! service.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use tokio::sync::Notify;
use undertone_wire::{Frame, limits::MAX_REQUESTS_IN_FLIGHT};

use super::{
    committer::Committer,
    outbound::{Next, Outbound},
};
use crate::service::{ConnectionId, ConnectionInfo};

/// A connection that the service has opened.
pub(crate) struct Connection {
    id: ConnectionId,
    committer: Arc<Committer>,
    outbound: Arc<Outbound>,
    in_flight: AtomicUsize,
    answered: Notify,
}

impl Connection {
    /// Opens a connection; the service's Hello is the first thing that comes out of it.
    pub(crate) fn open(committer: Arc<Committer>, info: ConnectionInfo) -> Self {
        let outbound = Arc::new(Outbound::default());
        let id = committer.open(info, outbound.clone());
        Self {
            id,
            committer,
            outbound,
            in_flight: AtomicUsize::new(0),
            answered: Notify::new(),
        }
    }

    /// Waits until another request may be handed in. Cancelling loses nothing.
    pub(crate) async fn room(&self) {
        while self.in_flight.load(Ordering::Acquire) >= MAX_REQUESTS_IN_FLIGHT {
            self.answered.notified().await;
        }
    }

    /// Hands a request to the committing thread, waiting while too much of all connections waits there.
    pub(crate) async fn submit(&self, frame: Frame, bytes: usize) {
        self.in_flight.fetch_add(1, Ordering::AcqRel);
        self.committer.submit(self.id, frame, bytes).await;
    }

    /// Tells the service that the client lives, by something that is no frame.
    pub(crate) fn heard(&self) {
        self.committer.heard(self.id);
    }

    /// Waits for what the relay says next. Cancelling loses nothing.
    pub(crate) async fn next(&self) -> Next {
        self.outbound.next().await
    }

    /// What the relay says next, if it is there.
    pub(crate) fn try_next(&self) -> Option<Next> {
        self.outbound.try_next()
    }

    /// Notes that answers left; what the relay says unasked has request id 0 and does not count.
    pub(crate) fn left(&self, request_id: u64) {
        if request_id != 0 {
            self.in_flight.fetch_sub(1, Ordering::AcqRel);
            self.answered.notify_one();
        }
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

#[cfg(test)]
impl Connection {
    /// Ends the connection as the committing thread does.
    pub(crate) fn end(&self, reason: undertone_wire::ErrorCode) {
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
