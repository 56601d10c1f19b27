//! The driver's store: closed and opened again, given another key, destroyed.
//!
//! Invariant: without an engine no store is open and no key is in memory, and every connection is given up.

use super::Driver;
use crate::client::deletion::AccountDeletion;
use crate::client::store_key::RotateKeyError;
use crate::client::unlock::UnlockError;
use crate::engine::{Engine, Opened};
use crate::error::{DeleteAccountError, StepError};
use crate::operation::Operation;
use crate::store::{self, RotateError, Store, StoreError, StoreKey};

impl Driver {
    /// Why there is no engine.
    pub(super) fn absent(&self) -> StoreError {
        if self.deleted {
            StoreError::Deleted
        } else {
            StoreError::Locked
        }
    }

    /// Closes the store too: as long as it is open, SQLCipher has the key of the database in memory.
    pub(super) fn lock(&mut self) -> Result<(), StoreError> {
        self.take_store().map_or(Ok(()), Store::close)
    }

    /// Ends the engine and everything that belongs to it.
    fn take_store(&mut self) -> Option<Store> {
        let engine = self.engine.take()?;
        // What waits came on connections of the engine that is gone.
        self.waiting.inputs.clear();
        self.waiting.shares.clear();
        self.trouble = None;
        self.checkpoint_at = None;
        self.lanes.abandon();
        self.close_lanes();
        self.publisher.committed();
        Some(engine.into_store())
    }

    /// Gives the store another key.
    pub(super) fn rotate(
        &mut self,
        key: &StoreKey,
        operation: &Operation,
    ) -> Result<(), RotateKeyError> {
        let absent = self.absent();
        let engine = self.engine.as_mut().ok_or(absent)?;
        let rotated = engine.rotate_store_key(key, operation);
        if let Err(RotateError::Reopen(_)) = &rotated {
            // What it has open is the old file, which has no name any more.
            let _ = self.lock();
        }
        Ok(rotated?)
    }

    /// Deletes the store when the relay has nothing left of the account.
    pub(super) fn delete_further(&mut self) {
        let Some(progress) = self.engine.as_ref().and_then(|engine| engine.deletion()) else {
            return;
        };
        self.publisher.deletion(AccountDeletion::Waiting(progress));
        if progress.is_done() {
            let _ = self.erase();
        }
    }

    /// Deletes the store, whatever its relay has. Decided first: a crash in between is gone on with.
    pub(super) fn delete_here(&mut self) -> Result<(), DeleteAccountError> {
        if let Some(engine) = &mut self.engine {
            let rng = &mut rand::rng();
            let decided = engine.begin(self.clock.now(), rng).and_then(|mut step| {
                step.delete_account_here()?;
                step.commit()
            });
            if let Err(error) = decided {
                // A disk that takes nothing more is no reason to keep what is on it.
                tracing::warn!(%error, "an account is deleted without a note of that");
            }
        }
        self.erase()
    }

    /// Deletes the store.
    fn erase(&mut self) -> Result<(), DeleteAccountError> {
        let Some(store) = self.take_store() else {
            return Err(StepError::Store(self.absent()).into());
        };
        self.deleted = true;
        let erased = store.erase();
        if let Err(error) = &erased {
            tracing::warn!(kind = %error.kind(), "the store of a deleted account is still there");
        }
        let is_gone = erased.is_ok();
        self.publisher
            .deletion(AccountDeletion::Deleted { erased: is_gone });
        is_gone.then_some(()).ok_or(DeleteAccountError::NotErased)
    }

    /// Opens the store again.
    pub(super) fn unlock(&mut self, key: &StoreKey) -> Result<(), UnlockError> {
        if let Some(engine) = &self.engine {
            return match engine.is_key(key)? {
                true => Ok(()),
                false => Err(store::OpenError::WrongKey.into()),
            };
        }
        if self.deleted {
            return Err(UnlockError::Deleted);
        }
        // Opening would make a new store.
        std::fs::metadata(&self.file.path).map_err(store::OpenError::Io)?;
        let store = self.file.open(key, &Operation::new())?;
        match Engine::open(store, self.clock.now(), &mut rand::rng())? {
            Opened::Account(engine) => self.engine = Some(engine),
            Opened::Empty(_) => return Err(UnlockError::NoAccount),
        }
        self.publisher.committed();
        self.set_online(self.online);
        Ok(())
    }
}
