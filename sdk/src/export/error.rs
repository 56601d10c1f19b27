//! Why files could not be written, or were not taken. No account, text or path of the user is in any of it.

use std::fmt;
use std::io;

use crate::actor::Actor;
use crate::error::{ImportRefusal, StepError};
use crate::operation::Cancelled;
use crate::store::StoreError;

/// An export failed: there is no folder of that name, and nothing half of it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ExportError {
    /// Something is at that place, or at the same with `.partial` behind it. The user must act: another place.
    #[error("there is something at that place already")]
    NotEmpty,
    /// A file could not be written: no room, no permission, no such folder. The user must act.
    #[error("the export could not be written: {0}")]
    Io(#[from] io::Error),
    /// The store could not be read. The error says who must act.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The app cancelled it. Nobody must act.
    #[error("the export was cancelled")]
    Cancelled,
}

impl From<Cancelled> for ExportError {
    fn from(_: Cancelled) -> Self {
        Self::Cancelled
    }
}

impl ExportError {
    /// Who must act.
    #[must_use]
    pub fn actor(&self) -> Actor {
        match self {
            Self::NotEmpty | Self::Io(_) => Actor::User,
            Self::Store(error) => error.actor(),
            Self::Cancelled => Actor::Nobody,
        }
    }
}

/// A file of an export. Files of conversations go by the line of `contacts.jsonl` that has their contact, so that no error names
/// anybody.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ImportFile {
    /// `export.json`.
    Head,
    /// `contacts.jsonl`.
    Contacts,
    /// The conversation with the contact of that line of `contacts.jsonl`, counted from 1.
    Conversation(u64),
}

impl fmt::Display for ImportFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Head => f.write_str("export.json"),
            Self::Contacts => f.write_str("contacts.jsonl"),
            Self::Conversation(line) => {
                write!(f, "the conversation of line {line} of contacts.jsonl")
            }
        }
    }
}

/// What is wrong with a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum LineFault {
    /// It is longer than [`MAX_IMPORT_LINE_BYTES`](crate::limits::MAX_IMPORT_LINE_BYTES).
    #[error("it is too long")]
    TooLong,
    /// It is no object of the kind that belongs there, or no UTF-8.
    #[error("it is not what belongs there")]
    Malformed,
    /// A value breaks a rule of its field.
    #[error("the value of {0} is impossible")]
    Value(&'static str),
    /// Something with that id was there before.
    #[error("it is there twice")]
    Duplicate,
    /// It names somebody who is not in this conversation.
    #[error("it names somebody who does not belong there")]
    UnknownPerson,
    /// The contact is the own account.
    #[error("it is the account that imports")]
    OwnAccount,
    /// There are more contacts, or more undecided requests, than an account can have.
    #[error("there are too many")]
    TooMany,
    /// The file that it names in `media` is missing, too large, no plain file, or holds something else than its name says.
    #[error("the file that it names is not there as it should be")]
    Media,
}

/// An import failed; the store is as it was.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ImportError {
    /// The account has contacts or conversations already. The user must act: import into a new one.
    #[error("there are contacts or conversations already")]
    NotEmpty,
    /// The folder is not an export, or not a whole one. The user must act.
    #[error("this folder is not a whole export")]
    NotAnExport,
    /// A newer version wrote it. The user must update the app.
    #[error("a newer version wrote this export (format {found}): update")]
    NewerVersion {
        /// The format's version.
        found: u32,
    },
    /// A line is wrong. The user must act: the files were changed, or are somebody's who means no good.
    #[error("line {line} of {file} cannot be taken: {fault}")]
    Line {
        /// In which file.
        file: ImportFile,
        /// Which line, counted from 1.
        line: u64,
        /// What is wrong with it.
        fault: LineFault,
    },
    /// Lines are missing, or there are more of them than `export.json` says. The user must act.
    #[error("the export is not whole: lines are missing, or there are too many")]
    Incomplete,
    /// A file could not be read. The user must act.
    #[error("{file} could not be read: {error}")]
    Io {
        /// Which file.
        file: ImportFile,
        /// Why.
        error: io::Error,
    },
    /// The app cancelled it. Nobody must act.
    #[error("the import was cancelled")]
    Cancelled,
    /// The step failed.
    #[error(transparent)]
    Step(#[from] StepError),
}

impl From<Cancelled> for ImportError {
    fn from(_: Cancelled) -> Self {
        Self::Cancelled
    }
}

impl From<StoreError> for ImportError {
    fn from(error: StoreError) -> Self {
        Self::Step(error.into())
    }
}

impl ImportError {
    /// Who must act.
    #[must_use]
    pub fn actor(&self) -> Actor {
        match self {
            Self::NotEmpty
            | Self::NotAnExport
            | Self::NewerVersion { .. }
            | Self::Line { .. }
            | Self::Incomplete
            | Self::Io { .. } => Actor::User,
            Self::Cancelled => Actor::Nobody,
            Self::Step(error) => error.actor(),
        }
    }

    /// What the engine refused of a line.
    pub(super) fn refused(refusal: ImportRefusal, file: ImportFile, line: u64) -> Self {
        let fault = match refusal {
            ImportRefusal::Duplicate => LineFault::Duplicate,
            ImportRefusal::OwnAccount => LineFault::OwnAccount,
            ImportRefusal::TooMany => LineFault::TooMany,
            ImportRefusal::Value(field) => LineFault::Value(field),
            ImportRefusal::NotEmpty => return Self::NotEmpty,
            ImportRefusal::Step(failure) => return Self::Step(failure),
        };
        Self::Line { file, line, fault }
    }
}
