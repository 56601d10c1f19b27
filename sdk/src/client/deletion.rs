//! Deleting the account: at its relay, and on this device.

use tokio::sync::oneshot;

use super::Client;
use super::driver::Job;
use crate::engine::DeletionProgress;
use crate::error::{DeleteAccountError, StepError};
use crate::store::StoreError;

/// Whether the account is being deleted, and how far that is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum AccountDeletion {
    /// Nobody wanted that.
    #[default]
    NotAsked,
    /// It was decided, and waits for the own relay: until that can be reached nothing is lost, and
    /// [`delete_account_here`](Client::delete_account_here) ends the waiting. All other calls fail with [`StoreError::Deleted`].
    Waiting(DeletionProgress),
    /// It is done. Calls fail with [`StoreError::Deleted`].
    Deleted {
        /// Whether the store's file is gone. It is tried again when a client is opened on it.
        erased: bool,
    },
}

impl Client {
    /// Deletes the account: its device list and its mailbox with all that waits in it, tokens and prekeys, at its relay; then the store
    /// with everything in it, overwritten, on this device. Nobody is told; who writes to it is told by the relay that he may not.
    /// What others have of its messages stays theirs, and so do envelopes that wait for them at their relays.
    ///
    /// Once this call has begun there is no way back, also when its future is dropped or the process ends: it goes on whenever the
    /// store is opened, until the relay has answered. Returns when all is gone.
    ///
    /// # Errors
    /// [`DeleteAccountError`] says who must act.
    pub async fn delete_account(&self) -> Result<(), DeleteAccountError> {
        match self.write(|step| step.delete_account()).await {
            // Being deleted: this call waits with the first one.
            Ok(()) | Err(StepError::Store(StoreError::Deleted)) => {}
            Err(failure) => return Err(failure.into()),
        }
        let mut state = self.deletion.clone();
        loop {
            if let AccountDeletion::Deleted { erased } = *state.borrow_and_update() {
                return erased.then_some(()).ok_or(DeleteAccountError::NotErased);
            }
            if state.changed().await.is_err() {
                return Err(DeleteAccountError::Closed);
            }
        }
    }

    /// Deletes what this device has, and leaves at the relay what is there: for a relay that is gone, or when there is no time. Others
    /// still find the account, and write to a mailbox that nobody reads, until the relay removes it, which is after 90 days as a rule.
    ///
    /// # Errors
    /// [`DeleteAccountError`] says who must act.
    pub async fn delete_account_here(&self) -> Result<(), DeleteAccountError> {
        let (reply, answer) = oneshot::channel();
        self.tell(Job::Erase(reply)).await;
        answer.await.unwrap_or(Err(DeleteAccountError::Closed))
    }

    /// Whether the account is being deleted. To be looked at after opening a client: that goes on by itself.
    #[must_use]
    pub fn deletion(&self) -> AccountDeletion {
        *self.deletion.borrow()
    }
}
