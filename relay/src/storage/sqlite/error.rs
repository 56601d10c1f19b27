//! From SQLite's errors to the storage's. Nothing of a statement's values ever gets into them.

use rusqlite::{Error, ErrorCode};

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

pub(super) fn io_error(error: &std::io::Error) -> StorageError {
    if error.kind() == std::io::ErrorKind::StorageFull {
        StorageError::Full
    } else {
        StorageError::Io(error.kind().to_string())
    }
}
