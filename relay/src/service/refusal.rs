//! How a request ends when it is not granted.

use undertone_wire::{ErrorCode, Failure, Outcome, Record};

use super::rates::TooMuch;
use crate::storage::{RecordState, StorageError};

/// Why a handler stopped.
#[derive(Debug)]
pub(super) enum Stop {
    /// The request is refused; the batch goes on.
    Refused(Refusal),
    /// The storage failed; so does the batch.
    Broken(StorageError),
}

/// An answer that says no.
#[derive(Debug)]
pub(super) struct Refusal {
    pub(super) code: ErrorCode,
    retry_after_ms: u32,
    required_difficulty: u32,
    current: Option<Record>,
}

impl Refusal {
    pub(super) const fn new(code: ErrorCode) -> Self {
        Self {
            code,
            retry_after_ms: 0,
            required_difficulty: 0,
            current: None,
        }
    }

    /// Enough work for the base, not enough for this lane now.
    pub(super) fn harder(required_difficulty: u32) -> Self {
        Self {
            required_difficulty,
            ..Self::new(ErrorCode::WorkRequired)
        }
    }

    pub(super) fn conflict(current: RecordState) -> Self {
        Self {
            current: Some(Record {
                version: current.version,
                value: current.value.unwrap_or_default(),
            }),
            ..Self::new(ErrorCode::Conflict)
        }
    }

    pub(super) fn into_failure(self) -> Failure {
        Failure {
            code: self.code.into(),
            retry_after_ms: self.retry_after_ms,
            current: self.current,
            required_difficulty: self.required_difficulty,
        }
    }

    pub(super) fn into_outcome(self) -> Outcome {
        Outcome {
            code: self.code.into(),
            required_difficulty: self.required_difficulty,
        }
    }
}

impl From<ErrorCode> for Stop {
    fn from(code: ErrorCode) -> Self {
        Self::Refused(Refusal::new(code))
    }
}

impl From<Refusal> for Stop {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

impl From<TooMuch> for Stop {
    fn from(too_much: TooMuch) -> Self {
        Self::Refused(Refusal {
            retry_after_ms: too_much.retry_after_ms,
            ..Refusal::new(ErrorCode::RateLimited)
        })
    }
}

impl From<StorageError> for Stop {
    fn from(error: StorageError) -> Self {
        Self::Broken(error)
    }
}
