//! From SQLite's errors to the storage's. Nothing of a statement's values ever gets into them.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::Path;

use rusqlite::{Error, ErrorCode};

use super::limits::OPENING_BYTES;
use crate::data_dir::is_full;
use crate::storage::StorageError;

#[expect(
    clippy::wildcard_enum_match_arm,
    reason = "whatever else SQLite may report is the operator's to look into"
)]
pub(super) fn storage_error(error: Error) -> StorageError {
    match &error {
        Error::SqliteFailure(failure, _) | Error::SqlInputError { error: failure, .. } => {
            match failure.code {
                ErrorCode::DiskFull => StorageError::Full,
                ErrorCode::DatabaseCorrupt => StorageError::Corrupt,
                ErrorCode::NotADatabase => StorageError::NotAStore,
                ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked => StorageError::InUse,
                _ => StorageError::Io(format!(
                    "SQLite error {:?}, code {}",
                    failure.code, failure.extended_code
                )),
            }
        }
        // A value of another type, a missing row: the store is not as this program wrote it.
        Error::QueryReturnedNoRows
        | Error::FromSqlConversionFailure(..)
        | Error::IntegralValueOutOfRange(..)
        | Error::InvalidColumnType(..) => StorageError::Corrupt,
        _ => StorageError::Io("the SQLite library was used wrongly".to_owned()),
    }
}

pub(super) fn io_error(error: &io::Error) -> StorageError {
    if is_full(error) {
        StorageError::Full
    } else {
        StorageError::Io(error.kind().to_string())
    }
}

/// What kept the store from being opened. SQLite names a full disk only when a write fails for it, not when a file beside
/// the database cannot be made or grown; so a failure without a better name is looked into.
pub(super) fn opening_error(error: StorageError, database: &Path) -> StorageError {
    if matches!(error, StorageError::Io(_))
        && try_room(database).is_err_and(|error| is_full(&error))
    {
        StorageError::Full
    } else {
        error
    }
}

/// Tries whether the disk and its quotas have room for another file.
fn try_room(database: &Path) -> io::Result<()> {
    let path = database.with_extension("room");
    let tried = File::create(&path).and_then(|mut file| {
        file.write_all(&[0; OPENING_BYTES])?;
        file.sync_all()
    });
    // Empty at worst, and written over the next time.
    let _ = fs::remove_file(&path);
    tried
}
