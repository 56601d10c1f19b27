//! The store's key: another one instead of it.

use tokio::sync::oneshot;
use zeroize::Zeroize;

use super::Client;
use super::driver::Job;
use crate::actor::Actor;
use crate::operation::Operation;
use crate::store::{self, StoreError, StoreKey};

/// Rotating the store's key failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RotateKeyError {
    /// The app cancelled it; the store has its old key. Nobody must act.
    #[error("the operation was cancelled; the store has its old key")]
    Cancelled,
    /// The store could not be copied: there must be room for a second one. It has its old key. The error says who must act.
    #[error("the store has its old key: {0}")]
    OldKey(#[source] store::OpenError),
    /// The store has the new key, and could not be opened again with it; the client is locked. [Unlock](Client::unlock) it with the
    /// new key. The error says who must act.
    #[error("the store has the new key, and the client is locked: {0}")]
    NewKey(#[source] store::OpenError),
    /// The client is locked, closed, or deleted.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<store::RotateError> for RotateKeyError {
    fn from(error: store::RotateError) -> Self {
        match error {
            store::RotateError::Cancelled => Self::Cancelled,
            store::RotateError::Copy(error) => Self::OldKey(error),
            store::RotateError::Reopen(error) => Self::NewKey(error),
        }
    }
}

impl RotateKeyError {
    /// Who must act.
    #[must_use]
    pub fn actor(&self) -> Actor {
        match self {
            Self::Cancelled => Actor::Nobody,
            Self::OldKey(error) | Self::NewKey(error) => error.actor(),
            Self::Store(error) => error.actor(),
        }
    }
}

impl Client {
    /// Gives the store another key. The file is written anew under it, with its secrets sealed anew, and takes the place of the old one
    /// in one step; the old one is overwritten. There must be room for both. Other calls wait meanwhile. Its progress counts pages
    /// of 4,096 bytes. A store that has the key already is left as it is.
    ///
    /// After a crash exactly one of the two keys opens the store, and the app must have both: it keeps `new_key` in the platform's key
    /// store beside the old one *before* this call, and forgets the old one after it returned `Ok`. Whenever it finds two keys it opens
    /// with [`ClientConfig::new`](crate::ClientConfig::new) and [`or_key`](crate::ClientConfig::or_key), and calls this again.
    ///
    /// # Errors
    /// [`RotateKeyError`] says which key the store has, and who must act.
    pub fn rotate_store_key(
        &self,
        mut new_key: [u8; 32],
        operation: Operation,
    ) -> impl Future<Output = Result<(), RotateKeyError>> + Send + use<> {
        // What is waited for must not hold the bytes themselves.
        let wiped = StoreKey::new(&new_key);
        new_key.zeroize();
        let client = self.clone();
        async move {
            let guard = operation.guard();
            let (reply, answer) = oneshot::channel();
            client.tell(Job::Rotate(wiped, operation, reply)).await;
            let rotated = answer.await.unwrap_or(Err(StoreError::Closed.into()));
            guard.done();
            rotated
        }
    }
}
