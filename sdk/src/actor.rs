//! Who must act: every error of the SDK says it.

/// Who can do something about an error.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Actor {
    /// Nobody needs to: the same call may succeed later.
    Nobody,
    /// The user: another text, another link, a free disk, the right clock.
    User,
    /// The application's developer: the call was wrong.
    Developer,
    /// The operator of a relay.
    Operator,
}
