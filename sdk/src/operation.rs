//! Long operations: how far one is, and how it is ended before it is done.
//!
//! Invariant: an operation that was cancelled has changed nothing, unless its call says what it left. Not its concern: what is
//! done; each call's documentation says what its progress counts.

use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::watch;

/// How far an operation is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Progress {
    /// What is done, in units that the call names.
    pub done: u64,
    /// What there is to do; may grow while it is looked at.
    pub total: u64,
}

/// A handle on one long call: made by the app, given to the call, and kept to watch it and to end it. Cheap to clone. Dropping the
/// future of the call ends it as well. A handle is for one call: given to a second one after it was cancelled, that ends at once.
#[derive(Clone)]
pub struct Operation(Arc<Shared>);

struct Shared {
    cancelled: AtomicBool,
    /// Ends what is under way and does not look at `cancelled`.
    interrupt: Mutex<Option<Interrupt>>,
    state: watch::Sender<State>,
}

#[derive(Clone, Copy, Default)]
struct State {
    progress: Progress,
    ended: bool,
}

/// Ends a piece of work from another thread.
pub(crate) type Interrupt = Box<dyn Fn() + Send>;

/// The operation was cancelled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Cancelled;

/// What work tells of itself, wherever it is done.
pub(crate) trait Watch {
    /// So much is done; whether to go on.
    ///
    /// # Errors
    /// [`Cancelled`]: leave everything as it was.
    fn at(&self, done: u64, total: u64) -> Result<(), Cancelled>;

    /// From now on, cancelling calls this; `None`: no longer.
    fn interrupt(&self, interrupt: Option<Interrupt>) {
        drop(interrupt);
    }
}

/// Nobody watches.
pub(crate) struct Unwatched;

impl Watch for Unwatched {
    fn at(&self, _: u64, _: u64) -> Result<(), Cancelled> {
        Ok(())
    }
}

impl Default for Operation {
    fn default() -> Self {
        Self::new()
    }
}

impl Operation {
    /// A handle for one call.
    #[must_use]
    pub fn new() -> Self {
        Self(Arc::new(Shared {
            cancelled: AtomicBool::new(false),
            interrupt: Mutex::new(None),
            state: watch::Sender::default(),
        }))
    }

    /// Ends the call as soon as possible; it then fails as cancelled, unless it was done already.
    pub fn cancel(&self) {
        self.0.cancelled.store(true, Ordering::SeqCst);
        if let Some(interrupt) = &*self.interrupt_slot() {
            interrupt();
        }
    }

    /// Whether [`cancel`](Self::cancel) was called.
    #[must_use]
    pub fn is_cancelled(&self) -> bool {
        self.0.cancelled.load(Ordering::SeqCst)
    }

    /// How far the call is now.
    #[must_use]
    pub fn progress(&self) -> Progress {
        self.0.state.borrow().progress
    }

    /// Listens to the progress, from now on.
    #[must_use]
    pub fn events(&self) -> ProgressEvents {
        ProgressEvents(self.0.state.subscribe())
    }

    /// Ends the call when it is dropped before [`Guard::done`]: the call's future holds it.
    pub(crate) fn guard(&self) -> Guard {
        Guard {
            operation: self.clone(),
            cancels: true,
        }
    }

    fn interrupt_slot(&self) -> MutexGuard<'_, Option<Interrupt>> {
        self.0
            .interrupt
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

impl Watch for Operation {
    fn at(&self, done: u64, total: u64) -> Result<(), Cancelled> {
        let progress = Progress { done, total };
        self.0
            .state
            .send_if_modified(|state| std::mem::replace(&mut state.progress, progress) != progress);
        if self.is_cancelled() {
            Err(Cancelled)
        } else {
            Ok(())
        }
    }

    fn interrupt(&self, interrupt: Option<Interrupt>) {
        // Under the lock that cancelling takes: nothing that comes after the work is interrupted.
        *self.interrupt_slot() = interrupt;
    }
}

impl fmt::Debug for Operation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let progress = self.progress();
        write!(f, "Operation({}/{})", progress.done, progress.total)
    }
}

/// Listens to the progress of an operation. What is not fetched in time is replaced by what is newer.
#[derive(Debug)]
pub struct ProgressEvents(watch::Receiver<State>);

impl fmt::Debug for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.progress.fmt(f)
    }
}

impl ProgressEvents {
    /// Waits for news of the progress; `None` when the call has ended. Safe to cancel.
    pub async fn next(&mut self) -> Option<Progress> {
        if self.0.borrow().ended || self.0.changed().await.is_err() {
            return None;
        }
        let state = *self.0.borrow_and_update();
        (!state.ended).then_some(state.progress)
    }
}

/// Cancels an operation when it is dropped early, and says that it has ended in any case.
pub(crate) struct Guard {
    operation: Operation,
    cancels: bool,
}

impl Guard {
    /// The call came to its end by itself.
    pub(crate) fn done(mut self) {
        self.cancels = false;
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        if self.cancels {
            self.operation.cancel();
        }
        self.operation
            .0
            .state
            .send_modify(|state| state.ended = true);
    }
}

#[cfg(test)]
#[path = "operation_tests.rs"]
mod tests;
