//! The errors of the SDK: one enum for each operation, each variant saying who must act. None of them
//! carries ids, addresses, keys or text of the user.

use thiserror::Error;

use crate::actor::Actor;
use crate::store::StoreError;

/// Making an account failed; the store holds none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum CreateAccountError {
    /// The store holds an account already. The developer must act.
    #[error("the store already holds an account")]
    Exists,
    /// The name is longer than [`MAX_NAME_BYTES`](crate::limits::MAX_NAME_BYTES), or not a line of text. The user must act.
    #[error("the name is empty, too long or has control characters")]
    BadName,
    /// The platform's random numbers repeat: nothing was made. The developer must act.
    #[error("the random number generator repeats itself")]
    RandomnessRepeats,
    /// The new account could not be loaded.
    #[error(transparent)]
    Step(#[from] StepError),
}

/// Opening the engine on a store failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum OpenEngineError {
    /// The store could not be read, or what it holds of the account does not parse; nothing was changed.
    #[error(transparent)]
    Step(#[from] StepError),
}

/// A step could not be carried out. Drop it: everything is as before it began, and the engine's
/// connections start anew.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum StepError {
    /// The store failed; [`StoreError`] says who must act.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// State in the store contradicts itself. Restore it from a copy.
    #[error("the state in the store is damaged")]
    Damaged,
}

/// Sending was refused; nothing changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum SendError {
    /// The text is empty. The user must act.
    #[error("the text is empty")]
    Empty,
    /// The text is longer than [`MAX_TEXT_BYTES`](crate::limits::MAX_TEXT_BYTES). The user must act.
    #[error("the text is longer than a message may be")]
    TooLong,
    /// What is beside the text breaks a rule of its kind, a range that lies outside the text for example. The developer must act.
    #[error("a part of the message is malformed")]
    Malformed,
    /// There is no such conversation. The developer must act.
    #[error("there is no such conversation")]
    NoSuchConversation,
    /// The other side is a stranger whose request was not accepted. The user must act: accept it first.
    #[error("the request of this contact was not accepted yet")]
    NotAccepted,
    /// The contact is blocked. The user must act: unblock it first.
    #[error("the contact is blocked")]
    Blocked,
    /// Too many messages wait to be sent; it works again when some were.
    #[error("too many messages wait to be sent")]
    OutboxFull,
    /// The step failed.
    #[error(transparent)]
    Step(#[from] StepError),
}

/// Changing a message, or reacting to it, was refused; nothing changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum ChangeError {
    /// There is no such message. The developer must act.
    #[error("there is no such message")]
    NoSuchMessage,
    /// Somebody else wrote it. The user must act.
    #[error("only who wrote a message can change it")]
    NotOwn,
    /// It was written more than [`CHANGE_WINDOW_MS`](crate::limits::CHANGE_WINDOW_MS) ago. The user must act.
    #[error("the message is too old to be changed")]
    TooLate,
    /// It was deleted, or is of a kind that cannot be changed. The user must act.
    #[error("this message cannot be changed")]
    NotPossible,
    /// Too many, too long, or no emoji. The user must act.
    #[error("these are no reactions")]
    NotEmoji,
    /// The new text was refused, or nothing can be sent to its conversation.
    #[error(transparent)]
    Send(#[from] SendError),
    /// The step failed.
    #[error(transparent)]
    Step(#[from] StepError),
}

/// Adding a contact was refused; nothing changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum AddContactError {
    /// The link is one's own. The user must act.
    #[error("this invite link is your own")]
    OwnLink,
    /// The contact is blocked. The user must act: unblock it first.
    #[error("the contact is blocked")]
    Blocked,
    /// There are [`MAX_CONTACTS`](crate::limits::MAX_CONTACTS) already. The user must act.
    #[error("there are too many contacts")]
    TooManyContacts,
    /// The text was refused.
    #[error(transparent)]
    Text(#[from] SendError),
    /// The step failed.
    #[error(transparent)]
    Step(#[from] StepError),
}

/// Making, listing or revoking an invite failed; nothing changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum InviteError {
    /// The name is too long or not a line of text. The user must act.
    #[error("the name is empty, too long or has control characters")]
    BadName,
    /// There are [`MAX_INVITES`](crate::limits::MAX_INVITES) already. The user must act: revoke one.
    #[error("there are too many invites")]
    TooMany,
    /// There is no such invite. The developer must act.
    #[error("there is no such invite")]
    NoSuchInvite,
    /// The step failed.
    #[error(transparent)]
    Step(#[from] StepError),
}

/// Something that was to be imported was refused; the import fails with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub(crate) enum ImportRefusal {
    /// The account has contacts already.
    #[error("there are contacts already")]
    NotEmpty,
    /// It is there already.
    #[error("it is there already")]
    Duplicate,
    /// The contact is the own account.
    #[error("the contact is the own account")]
    OwnAccount,
    /// There are as many as there can be.
    #[error("there are too many")]
    TooMany,
    /// A value breaks a rule of its field.
    #[error("the value of {0} is impossible")]
    Value(&'static str),
    /// The step failed.
    #[error(transparent)]
    Step(#[from] StepError),
}

/// Deleting the account failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum DeleteAccountError {
    /// The file of the store could not be removed; what it held may still be there. It is tried again when it is opened. The user
    /// must act: see what keeps the folder from being changed.
    #[error("the account is deleted, and the store's file could not be removed")]
    NotErased,
    /// The client was closed before the relay answered; deleting goes on when the store is opened again.
    #[error("the client was closed before the account was deleted; that goes on when it is opened")]
    Closed,
    /// The step failed: nothing was begun.
    #[error(transparent)]
    Step(#[from] StepError),
}

/// Making a report failed; nothing changed, unless it is [`ReportError::Block`]: the report was not made then either.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum ReportError {
    /// There is no such contact or message, or the message is one's own. The developer must act.
    #[error("there is nothing of that kind to report")]
    NothingToReport,
    /// The contact could not be blocked.
    #[error(transparent)]
    Block(#[from] ContactError),
    /// The step failed.
    #[error(transparent)]
    Step(#[from] StepError),
}

/// Changing the own name failed; nothing changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum NameError {
    /// The name is longer than [`MAX_NAME_BYTES`](crate::limits::MAX_NAME_BYTES), or not a line of text. The user must act.
    #[error("the name is empty, too long or has control characters")]
    BadName,
    /// The step failed.
    #[error(transparent)]
    Step(#[from] StepError),
}

/// Changing the own profile failed; nothing changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum ProfileError {
    /// The name is longer than [`MAX_NAME_BYTES`](crate::limits::MAX_NAME_BYTES), or not a line of text. The user must act.
    #[error("the name is empty, too long or has control characters")]
    BadName,
    /// The text is longer than [`MAX_ABOUT`](crate::limits::MAX_ABOUT), or the picture larger than
    /// [`MAX_AVATAR`](crate::limits::MAX_AVATAR). The user must act.
    #[error("the text is too long, or the picture too large")]
    TooLong,
    /// The step failed.
    #[error(transparent)]
    Step(#[from] StepError),
}

/// Accepting, declining, blocking or unblocking failed; nothing changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum ContactError {
    /// There is no such contact. The developer must act.
    #[error("there is no such contact")]
    NoSuchContact,
    /// The name is too long or not a line of text. The user must act.
    #[error("the name is empty, too long or has control characters")]
    BadName,
    /// The contact is not in a state that allows it, for example accepting somebody who did not ask.
    /// The developer must act.
    #[error("the contact is not in a state that allows this")]
    WrongState,
    /// The step failed.
    #[error(transparent)]
    Step(#[from] StepError),
}

impl StepError {
    /// Who must act.
    #[must_use]
    pub fn actor(&self) -> Actor {
        match self {
            Self::Store(error) => error.actor(),
            Self::Damaged => Actor::User,
        }
    }
}

impl CreateAccountError {
    /// Who must act.
    #[must_use]
    pub fn actor(&self) -> Actor {
        match self {
            Self::Exists | Self::RandomnessRepeats => Actor::Developer,
            Self::BadName => Actor::User,
            Self::Step(error) => error.actor(),
        }
    }
}

impl OpenEngineError {
    /// Who must act.
    #[must_use]
    pub fn actor(&self) -> Actor {
        match self {
            Self::Step(error) => error.actor(),
        }
    }
}

impl SendError {
    /// Who must act.
    #[must_use]
    pub fn actor(&self) -> Actor {
        match self {
            Self::Empty | Self::TooLong | Self::NotAccepted | Self::Blocked => Actor::User,
            Self::NoSuchConversation | Self::Malformed => Actor::Developer,
            Self::OutboxFull => Actor::Nobody,
            Self::Step(error) => error.actor(),
        }
    }
}

impl ChangeError {
    /// Who must act.
    #[must_use]
    pub fn actor(&self) -> Actor {
        match self {
            Self::NoSuchMessage => Actor::Developer,
            Self::NotOwn | Self::TooLate | Self::NotPossible | Self::NotEmoji => Actor::User,
            Self::Send(error) => error.actor(),
            Self::Step(error) => error.actor(),
        }
    }
}

impl AddContactError {
    /// Who must act.
    #[must_use]
    pub fn actor(&self) -> Actor {
        match self {
            Self::OwnLink | Self::Blocked | Self::TooManyContacts => Actor::User,
            Self::Text(error) => error.actor(),
            Self::Step(error) => error.actor(),
        }
    }
}

impl InviteError {
    /// Who must act.
    #[must_use]
    pub fn actor(&self) -> Actor {
        match self {
            Self::BadName | Self::TooMany => Actor::User,
            Self::NoSuchInvite => Actor::Developer,
            Self::Step(error) => error.actor(),
        }
    }
}

impl DeleteAccountError {
    /// Who must act.
    #[must_use]
    pub fn actor(&self) -> Actor {
        match self {
            Self::NotErased => Actor::User,
            Self::Closed => Actor::Developer,
            Self::Step(error) => error.actor(),
        }
    }
}

impl ReportError {
    /// Who must act.
    #[must_use]
    pub fn actor(&self) -> Actor {
        match self {
            Self::NothingToReport => Actor::Developer,
            Self::Block(error) => error.actor(),
            Self::Step(error) => error.actor(),
        }
    }
}

impl NameError {
    /// Who must act.
    #[must_use]
    pub fn actor(&self) -> Actor {
        match self {
            Self::BadName => Actor::User,
            Self::Step(error) => error.actor(),
        }
    }
}

impl ProfileError {
    /// Who must act.
    #[must_use]
    pub fn actor(&self) -> Actor {
        match self {
            Self::BadName | Self::TooLong => Actor::User,
            Self::Step(error) => error.actor(),
        }
    }
}

impl ContactError {
    /// Who must act.
    #[must_use]
    pub fn actor(&self) -> Actor {
        match self {
            Self::NoSuchContact | Self::WrongState => Actor::Developer,
            Self::BadName => Actor::User,
            Self::Step(error) => error.actor(),
        }
    }
}

macro_rules! from_store {
    ($($error:ty),*) => {$(
        impl From<StoreError> for $error {
            fn from(error: StoreError) -> Self {
                Self::Step(StepError::Store(error))
            }
        }
    )*};
}
from_store!(
    CreateAccountError,
    OpenEngineError,
    SendError,
    AddContactError,
    ChangeError,
    InviteError,
    NameError,
    ProfileError,
    ContactError,
    ImportRefusal,
    ReportError
);
