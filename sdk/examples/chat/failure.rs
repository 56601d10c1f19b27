//! A command that did not work, as its user is told.

use undertone::{Actor, ContactError};

use crate::profile::ProfileError;

/// A command that did not work.
pub(crate) struct Failure {
    pub(crate) actor: Actor,
    pub(crate) text: String,
}

macro_rules! failures {
    ($($error:ty),*) => {$(
        impl From<$error> for Failure {
            fn from(error: $error) -> Self {
                Self { actor: error.actor(), text: error.to_string() }
            }
        }
    )*};
}
failures!(
    undertone::OpenError,
    undertone::StepError,
    undertone::SendError,
    undertone::AddContactError,
    undertone::ChangeError,
    undertone::InviteError,
    undertone::NameError,
    undertone::ExportError,
    undertone::ImportError,
    undertone::ReportError,
    undertone::RotateKeyError,
    undertone::DeleteAccountError,
    undertone::ProfileError
);

impl From<ContactError> for Failure {
    /// A defect of an app that offers it to its user; here it is what the user typed.
    fn from(error: ContactError) -> Self {
        let actor = match error {
            ContactError::NoSuchContact | ContactError::WrongState => Actor::User,
            other => other.actor(),
        };
        Self {
            actor,
            text: error.to_string(),
        }
    }
}

impl From<undertone::StoreError> for Failure {
    fn from(error: undertone::StoreError) -> Self {
        undertone::StepError::from(error).into()
    }
}

impl From<std::io::Error> for Failure {
    /// The terminal or the pipe is gone.
    fn from(error: std::io::Error) -> Self {
        refused(&error.to_string())
    }
}

impl From<ProfileError> for Failure {
    fn from(error: ProfileError) -> Self {
        refused(&error.to_string())
    }
}

pub(crate) fn refused(text: &str) -> Failure {
    Failure {
        actor: Actor::User,
        text: text.to_owned(),
    }
}
