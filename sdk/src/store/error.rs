//! What can go wrong with the store, classified by who must act.

use rusqlite::ErrorCode;
use rusqlite::ffi;

use crate::actor::Actor;
use crate::operation::Cancelled;

/// Why a store could not be opened. In every case the files are left as they were.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The key does not belong to this file (or its first 16 bytes are damaged). The app must supply the right key, the
    /// user what it comes from.
    #[error("the key does not open this store: another key made it")]
    WrongKey,
    /// The key is right but the content is damaged. Nothing is deleted: the user restores from a backup.
    #[error("the store is damaged; nothing was deleted: restore it from a backup")]
    Corrupt,
    /// Written by a newer version of the SDK. The user must update the app.
    #[error(
        "a newer version wrote this store (schema {found}; this one reads up to {supported}): update"
    )]
    NewerSchema {
        /// The file's schema version.
        found: u32,
        /// The newest schema version that this build knows.
        supported: u32,
    },
    /// The key is right and the file sound, but its tables are not those of the schema version that it claims: a build
    /// between two releases wrote it. The user must open it with that one, or restore a backup.
    #[error(
        "an unreleased version wrote this store (its tables are not those of schema {found}); nothing was changed: use that version, or restore a backup"
    )]
    UnknownSchema {
        /// The file's schema version.
        found: u32,
    },
    /// Another process or another handle of this process has the store open. The user or the app must close that one.
    #[error("the store is open elsewhere: close that one first")]
    InUse,
    /// No room on the disk. The user must free some; trying again then helps.
    #[error("the disk is full: free some space")]
    Full,
    /// The folder is missing, permissions do not allow it, or the disk fails.
    #[error("the store's file could not be read or written: {0}")]
    Io(#[source] std::io::Error),
    /// The app cancelled it while the search index was built again. Nobody must act; it is built when the store is opened next.
    #[error("opening was cancelled")]
    Cancelled,
    /// A defect of the SDK; the number is SQLite's extended result code.
    #[error("internal error {0}")]
    Internal(i32),
}

/// Why an operation on an open store failed. The transaction it belongs to must be dropped: nothing of it happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    /// No room on the disk. The user must free some; trying again then helps.
    #[error("the disk is full: free some space")]
    Full,
    /// The content is damaged. Nothing is deleted: the user restores from a backup.
    #[error("the store is damaged")]
    Corrupt,
    /// The client is locked, and its store closed, until it is unlocked.
    #[error("the store is locked")]
    Locked,
    /// The store was closed. A defect of the caller: it must be opened again.
    #[error("the store was closed")]
    Closed,
    /// The account was deleted, or is being deleted: nothing but waiting for that, or ending it, is possible.
    #[error("the account was deleted")]
    Deleted,
    /// The app cancelled it; nothing was changed. Nobody must act.
    #[error("the operation was cancelled")]
    Cancelled,
    /// The disk fails, or the user's quota on it is used up, which SQLite does not tell apart; the number is its extended
    /// result code. The user must act.
    #[error("the disk failed, or its quota is used up ({0})")]
    Io(i32),
    /// A row with this identity exists, or a row that it refers to does not: a defect of the caller.
    #[error("a constraint of the schema was violated")]
    Constraint,
    /// A number or a value does not fit its column: a defect of the caller.
    #[error("a value does not fit its column")]
    OutOfRange,
    /// A defect of the SDK; the number is SQLite's extended result code.
    #[error("internal error {0}")]
    Internal(i32),
}

#[expect(
    clippy::wildcard_enum_match_arm,
    reason = "the rest of a foreign enum is one class"
)]
impl From<rusqlite::Error> for StoreError {
    /// Keeps the class and the number only: SQLite's messages may quote SQL or values.
    fn from(error: rusqlite::Error) -> Self {
        match error {
            rusqlite::Error::SqliteFailure(failure, _) => from_code(failure),
            rusqlite::Error::FromSqlConversionFailure(..)
            | rusqlite::Error::IntegralValueOutOfRange(..)
            | rusqlite::Error::InvalidColumnType(..)
            | rusqlite::Error::Utf8Error(..) => Self::Corrupt,
            rusqlite::Error::ToSqlConversionFailure(_) => Self::OutOfRange,
            _ => Self::Internal(ffi::SQLITE_ERROR),
        }
    }
}

#[expect(
    clippy::wildcard_enum_match_arm,
    reason = "the rest of a foreign enum is one class"
)]
fn from_code(failure: ffi::Error) -> StoreError {
    match failure.code {
        ErrorCode::DiskFull => StoreError::Full,
        ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase => StoreError::Corrupt,
        ErrorCode::SystemIoFailure
        | ErrorCode::CannotOpen
        | ErrorCode::ReadOnly
        | ErrorCode::PermissionDenied
        | ErrorCode::FileLockingProtocolFailed => StoreError::Io(failure.extended_code),
        ErrorCode::ConstraintViolation => StoreError::Constraint,
        ErrorCode::OperationInterrupted => StoreError::Cancelled,
        ErrorCode::TooBig => StoreError::OutOfRange,
        _ => StoreError::Internal(failure.extended_code),
    }
}

impl OpenError {
    /// The class of a failure of SQLite while opening. `InUse` is told apart here because only opening can meet it.
    pub(super) fn from_sqlite(error: rusqlite::Error) -> Self {
        if let rusqlite::Error::SqliteFailure(failure, _) = &error
            && matches!(
                failure.code,
                ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked
            )
        {
            return Self::InUse;
        }
        StoreError::from(error).into()
    }
}

impl From<StoreError> for OpenError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Full => Self::Full,
            StoreError::Corrupt => Self::Corrupt,
            StoreError::Io(code) => {
                Self::Io(std::io::Error::other(format!("SQLite result {code}")))
            }
            StoreError::Cancelled => Self::Cancelled,
            StoreError::Locked
            | StoreError::Closed
            | StoreError::Deleted
            | StoreError::Constraint
            | StoreError::OutOfRange => Self::Internal(ffi::SQLITE_MISUSE),
            StoreError::Internal(code) => Self::Internal(code),
        }
    }
}

impl StoreError {
    /// Who must act.
    #[must_use]
    pub fn actor(&self) -> Actor {
        match self {
            Self::Full | Self::Corrupt | Self::Io(_) => Actor::User,
            Self::Cancelled => Actor::Nobody,
            Self::Locked
            | Self::Closed
            | Self::Deleted
            | Self::Constraint
            | Self::OutOfRange
            | Self::Internal(_) => Actor::Developer,
        }
    }
}

impl OpenError {
    /// Who must act.
    #[must_use]
    pub fn actor(&self) -> Actor {
        match self {
            Self::WrongKey
            | Self::Corrupt
            | Self::NewerSchema { .. }
            | Self::UnknownSchema { .. }
            | Self::InUse
            | Self::Full
            | Self::Io(_) => Actor::User,
            Self::Cancelled => Actor::Nobody,
            Self::Internal(_) => Actor::Developer,
        }
    }
}

impl From<Cancelled> for StoreError {
    fn from(_: Cancelled) -> Self {
        Self::Cancelled
    }
}
