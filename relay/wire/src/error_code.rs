//! What the error codes of the wire mean to whoever gets one.

use crate::ErrorCode;

/// Who must act for a refused request to succeed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Actor {
    /// Nobody: there is no error.
    Nobody,
    /// Time: the same request succeeds later.
    Time,
    /// The client's program: the request is wrong as it is, a bug or an outdated version.
    Client,
    /// The person using the client: they have no right to do this, or it is taken, full or gone.
    User,
    /// The relay's operator.
    Operator,
}

impl ErrorCode {
    /// Whether the same request, unchanged, may succeed when it is sent again later.
    #[must_use]
    pub const fn is_retryable(self) -> bool {
        match self {
            Self::RateLimited
            | Self::Busy
            | Self::StorageFull
            | Self::Internal
            | Self::MailboxFull
            | Self::TimedOut => true,
            Self::Unspecified
            | Self::Ok
            | Self::Malformed
            | Self::Unsupported
            | Self::UnsupportedVersion
            | Self::NotAuthenticated
            | Self::BadSignature
            | Self::Denied
            | Self::TooLarge
            | Self::NotFound
            | Self::Conflict
            | Self::Displaced
            | Self::WorkRequired
            | Self::Closed => false,
        }
    }

    /// Who must act.
    #[must_use]
    pub const fn actor(self) -> Actor {
        match self {
            Self::Ok => Actor::Nobody,
            Self::RateLimited | Self::Busy | Self::TimedOut | Self::MailboxFull => Actor::Time,
            Self::Unspecified
            | Self::Malformed
            | Self::Unsupported
            | Self::UnsupportedVersion
            | Self::NotAuthenticated
            | Self::BadSignature
            | Self::TooLarge
            | Self::Conflict
            | Self::WorkRequired => Actor::Client,
            Self::Denied | Self::NotFound | Self::Displaced | Self::Closed => Actor::User,
            Self::StorageFull | Self::Internal => Actor::Operator,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_needs_a_change_of_the_request_is_not_retried() {
        for code in (0..=19).filter_map(|n| ErrorCode::try_from(n).ok()) {
            if matches!(code.actor(), Actor::Client | Actor::User | Actor::Nobody) {
                assert!(!code.is_retryable(), "{code:?}");
            } else {
                assert!(code.is_retryable(), "{code:?}");
            }
        }
    }
}
