//! What an operator does to a store from outside the relay's process.

use std::path::Path;

use rand_core::CryptoRng;
use rusqlite::backup::{Backup, StepResult};
use rusqlite::{Connection, OpenFlags};
use undertone_wire::StoreEpoch;

use super::error::storage_error;
use super::{SqliteStorage, busy, configure, schema};
use crate::storage::StorageError;
use crate::storage::sqlite::Durability;

/// All pages at once. A relay that is running goes on meanwhile: in a copy by steps, each of its commits would start the
/// copy anew.
const ALL_PAGES: i32 = -1;

impl SqliteStorage {
    /// Copies the store in `from`, which a relay may be using, to the new file `to`.
    ///
    /// # Errors
    /// [`StorageError`]; what is in `to` is incomplete then.
    pub fn backup(from: &Path, to: &Path) -> Result<(), StorageError> {
        let source = Connection::open_with_flags(from, OpenFlags::SQLITE_OPEN_READ_ONLY)
            .map_err(storage_error)?;
        schema::epoch(&source)?;
        let mut target = Connection::open(to).map_err(storage_error)?;
        let copied = Backup::new(&source, &mut target)
            .and_then(|copy| copy.step(ALL_PAGES))
            .map_err(storage_error)?;
        if copied != StepResult::Done {
            return Err(StorageError::InUse);
        }
        drop(target);
        std::fs::File::open(to)
            .and_then(|file| file.sync_all())
            .map_err(|error| super::error::io_error(&error))
    }

    /// Gives the store in `path`, which no relay is using, a new epoch, as a restored one needs: by it clients know
    /// that the relay may have forgotten something.
    ///
    /// # Errors
    /// [`StorageError`]; the store is unchanged then.
    pub fn renew_epoch<R: CryptoRng + ?Sized>(
        path: &Path,
        rng: &mut R,
    ) -> Result<(), StorageError> {
        let mut db = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_WRITE)
            .map_err(storage_error)?;
        busy::wait_in_commits(&mut db)?;
        configure(&db, Durability::Full)?;
        schema::epoch(&db)?;
        schema::set_epoch(&db, StoreEpoch::random(rng))
    }

    /// Reads the whole store and checks its structure.
    ///
    /// # Errors
    /// [`StorageError::Corrupt`] when something is wrong with it.
    pub fn verify(path: &Path) -> Result<(), StorageError> {
        let db = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY)
            .map_err(storage_error)?;
        schema::epoch(&db)?;
        let verdict: String = db
            .query_row("PRAGMA integrity_check(1)", [], |row| row.get(0))
            .map_err(storage_error)?;
        if verdict == "ok" {
            Ok(())
        } else {
            Err(StorageError::Corrupt)
        }
    }
}
