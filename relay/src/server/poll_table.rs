//! The long-poll sessions of a relay, by their bearer.
//!
//! Invariant: a session is here until its client closes it, abandons it, or has received its end. Only the bearer finds
//! it: 16 random bytes that name nothing else.

use std::{collections::HashMap, sync::Arc};

use parking_lot::Mutex;

use super::{metrics::Metrics, poll_session::PollSession};

/// What a client presents to use its session.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct PollBearer(pub(crate) [u8; 16]);

/// All sessions.
pub(crate) struct PollTable {
    sessions: Mutex<HashMap<PollBearer, Arc<PollSession>>>,
    metrics: Arc<Metrics>,
}

impl PollTable {
    pub(crate) fn new(metrics: Arc<Metrics>) -> Self {
        Self {
            sessions: Mutex::default(),
            metrics,
        }
    }

    pub(crate) fn insert(&self, bearer: PollBearer, session: Arc<PollSession>) {
        self.sessions.lock().insert(bearer, session);
        self.metrics.poll_sessions.increment(1);
    }

    pub(crate) fn get(&self, bearer: PollBearer) -> Option<Arc<PollSession>> {
        self.sessions.lock().get(&bearer).cloned()
    }

    /// Ends a session; whatever still waits in it is gone.
    pub(crate) fn remove(&self, bearer: PollBearer) {
        if self.sessions.lock().remove(&bearer).is_some() {
            self.metrics.poll_sessions.decrement(1);
        }
    }

    /// Ends the sessions that nobody asks about any more.
    pub(crate) fn sweep(&self) {
        let mut sessions = self.sessions.lock();
        let before = sessions.len();
        sessions.retain(|_, session| !session.is_abandoned());
        for _ in sessions.len()..before {
            self.metrics.poll_sessions.decrement(1);
            self.metrics.idle_closed.increment(1);
        }
    }

    /// Ends all sessions, after the time that a stop leaves them.
    pub(crate) fn clear(&self) {
        for _ in self.sessions.lock().drain() {
            self.metrics.poll_sessions.decrement(1);
        }
    }
}
