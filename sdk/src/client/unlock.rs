//! Why unlocking failed.

use crate::actor::Actor;
use crate::error::OpenEngineError;
use crate::store;

/// Unlocking failed: a locked client stays locked and can be unlocked later, an open one stays open.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum UnlockError {
    /// The key is wrong, or the store could not be opened, for example because another process took it meanwhile. The error
    /// says who must act.
    #[error(transparent)]
    Store(#[from] store::OpenError),
    /// What the store holds of the account cannot be used. The error says who must act.
    #[error(transparent)]
    Account(#[from] OpenEngineError),
    /// The file was replaced by a store without an account. The user must act: put the right one back.
    #[error("the store holds no account any more")]
    NoAccount,
    /// The account was deleted. The developer must act: open another client.
    #[error("the account was deleted")]
    Deleted,
    /// The client was closed. The developer must act: open another one.
    #[error("the client was closed")]
    Closed,
}

impl UnlockError {
    /// Who must act.
    #[must_use]
    pub fn actor(&self) -> Actor {
        match self {
            Self::Store(error) => error.actor(),
            Self::Account(error) => error.actor(),
            Self::NoAccount => Actor::User,
            Self::Deleted | Self::Closed => Actor::Developer,
        }
    }
}
