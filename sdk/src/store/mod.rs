//! The encrypted store of one device: history, ratchet state and queues in one SQLCipher database.
//!
//! **Invariant.** Everything that belongs together is written in one transaction ([`Tx`]): what a transaction wrote is
//! durable when [`Tx::commit`] returns, and nothing of it exists when it is dropped. One process and one handle have the
//! file at a time. Secrets are in sealed columns, so that no page in memory or on disk holds one. A closed store has left no key
//! in memory. A file that cannot be opened is
//! never changed, and nothing is ever deleted because of damage.
//!
//! **Not its concern.** What the bytes mean: sessions, content and keys are opaque here (but for what a message has that people
//! search for), and the rules of delivery are the engine's.
//!
//! `README.md` in this folder states the schema's invariants; `tables/` has one module per table.

mod erase;
mod error;
mod ids;
mod key;
pub mod limits;
mod migrate;
mod open;
mod rotate;
mod seal;
mod search;
mod tables;
#[cfg(test)]
pub(crate) mod tests;
mod tx;

use std::path::{Path, PathBuf};

use rusqlite::Connection;

pub use error::{OpenError, StoreError};
pub use ids::*;
pub use key::StoreKey;
pub use migrate::SCHEMA_VERSION;
pub use rotate::RotateError;
pub use search::{Hit, SearchCursor, SearchFilter, SearchOrder, SearchPage, SearchQuery};
pub use tables::*;
pub use tx::Tx;

use crate::operation::{Unwatched, Watch};
use seal::ColumnKey;

/// What a commit promises.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Durability {
    /// A commit survives a power cut.
    #[default]
    Full,
    /// A commit survives the process, not a power cut. For tests, some of which prove that it is not enough.
    None,
}

/// How a store is opened.
#[derive(Clone, Copy, Debug, Default)]
pub struct StoreOptions {
    /// What a commit promises.
    pub durability: Durability,
    /// The largest size of the file, in pages of 4,096 bytes; beyond it, writing is [`StoreError::Full`].
    pub max_pages: Option<u32>,
}

/// An open store.
pub struct Store {
    connection: Connection,
    column_key: ColumnKey,
    path: PathBuf,
    options: StoreOptions,
}

impl Store {
    /// Opens the store at `path`, or makes it when there is no file. The folder must exist.
    ///
    /// # Errors
    /// See [`OpenError`]; in every case an existing file is left as it was.
    pub fn open(path: &Path, key: &StoreKey) -> Result<Self, OpenError> {
        Self::open_with(path, key, StoreOptions::default())
    }

    /// [`Store::open`] with options.
    ///
    /// # Errors
    /// As [`Store::open`].
    pub fn open_with(
        path: &Path,
        key: &StoreKey,
        options: StoreOptions,
    ) -> Result<Self, OpenError> {
        Self::open_watched(path, key, options, &Unwatched)
    }

    /// [`Store::open_with`], which somebody watches: it may take long when the search index has to be built again, and counts
    /// messages then.
    ///
    /// # Errors
    /// As [`Store::open`], and [`OpenError::Cancelled`].
    pub(crate) fn open_watched(
        path: &Path,
        key: &StoreKey,
        options: StoreOptions,
        watch: &dyn Watch,
    ) -> Result<Self, OpenError> {
        let (connection, column_key) =
            open::connect(path, key, &options).map_err(|error| open::looked_into(error, path))?;
        // Of a rotation that a crash ended. If it stays, it is noise under a key that nobody has.
        let _ = rotate::forget_copy(path);
        let mut store = Self {
            connection,
            column_key,
            path: path.to_owned(),
            options,
        };
        search::rebuild_if_stale(&mut store, watch)?;
        Ok(store)
    }

    /// Begins the one transaction that may exist.
    ///
    /// # Errors
    /// When the disk fails.
    pub fn transaction(&mut self) -> Result<Tx<'_>, StoreError> {
        Tx::begin(&mut self.connection, &self.column_key)
    }

    /// Whether `key` is the one that the store was opened with.
    ///
    /// # Errors
    /// When the disk fails.
    pub fn is_key(&self, key: &StoreKey) -> Result<bool, OpenError> {
        open::is_key(&self.connection, key)
    }

    /// Empties the write-ahead log into the file: what was deleted before is then nowhere on the disk. After deleting
    /// messages, and on a timer when the device is idle.
    ///
    /// # Errors
    /// When the disk fails or is full.
    pub fn checkpoint(&mut self) -> Result<(), StoreError> {
        open::checkpoint(&self.connection)
    }

    /// Reads every page and checks its authentication, the structure of the database and the full-text index. Slow: for a
    /// user who suspects damage.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] when anything is wrong.
    pub fn verify(&mut self) -> Result<(), StoreError> {
        self.verify_watched(&Unwatched)
    }

    /// [`Store::verify`], which somebody watches: three checks. The first is not interrupted.
    ///
    /// # Errors
    /// As [`Store::verify`], and [`StoreError::Cancelled`].
    pub(crate) fn verify_watched(&mut self, watch: &dyn Watch) -> Result<(), StoreError> {
        open::verify(&self.connection, watch)
    }

    /// Closes the store, wipes its keys and reports whether the last checkpoint succeeded. Dropping closes as well, silently;
    /// nothing that was committed depends on either.
    ///
    /// # Errors
    /// When the disk fails; it is closed all the same.
    pub fn close(self) -> Result<(), StoreError> {
        let checkpointed = open::checkpoint(&self.connection);
        let closed = self.connection.close().map_err(|(_, error)| error.into());
        drop(self.column_key);
        seal::burn_stack();
        checkpointed.and(closed)
    }

    /// Closes the store and destroys it: its file is overwritten, and it and all files beside it are removed. A crash in between is
    /// gone on with when a store is opened at its path again. On flash, and in copies that a file system or a backup made, what was
    /// overwritten may survive; it is noise without the key.
    ///
    /// # Errors
    /// When the disk fails or the folder cannot be changed. When it has its name still, the store is whole.
    pub fn erase(self) -> std::io::Result<()> {
        let path = self.path.clone();
        // What the log holds goes with it.
        let _ = self.close();
        erase::erase(&path)
    }
}
