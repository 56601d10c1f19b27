//! A caller's command on its way to the engine and back, whatever its types.
//!
//! Invariant: each call is answered exactly once, and a command's success only after its step was committed.

use tokio::sync::oneshot;

use crate::engine::{Step, View};
use crate::error::{
    AddContactError, ChangeError, ContactError, InviteError, NameError, ProfileError, ReportError,
    SendError, StepError,
};
use crate::export::ImportError;
use crate::store::StoreError;

/// A command's error: either the command was refused and changed nothing, or the whole step failed.
pub(super) trait CommandError: From<StepError> + Send + 'static {
    /// The step's failure, if that is what this is.
    fn step_failure(&self) -> Option<StepError>;
}

impl CommandError for StepError {
    fn step_failure(&self) -> Option<StepError> {
        Some(*self)
    }
}

macro_rules! command_errors {
    ($($error:ty),*) => {$(
        impl CommandError for $error {
            fn step_failure(&self) -> Option<StepError> {
                if let Self::Step(failure) = self { Some(*failure) } else { None }
            }
        }
    )*};
}
command_errors!(
    SendError,
    InviteError,
    NameError,
    ProfileError,
    ContactError,
    ImportError
);

impl CommandError for AddContactError {
    fn step_failure(&self) -> Option<StepError> {
        if let Self::Step(failure) | Self::Text(SendError::Step(failure)) = self {
            Some(*failure)
        } else {
            None
        }
    }
}

impl CommandError for ReportError {
    fn step_failure(&self) -> Option<StepError> {
        if let Self::Step(failure) | Self::Block(ContactError::Step(failure)) = self {
            Some(*failure)
        } else {
            None
        }
    }
}

impl CommandError for ChangeError {
    fn step_failure(&self) -> Option<StepError> {
        if let Self::Step(failure) | Self::Send(SendError::Step(failure)) = self {
            Some(*failure)
        } else {
            None
        }
    }
}

/// A command that changes something.
pub(super) trait Write: Send {
    /// Carries it out.
    fn run(self: Box<Self>, step: &mut Step<'_>) -> Ran;

    /// Answers that it was not carried out.
    fn fail(self: Box<Self>, failure: StepError);
}

/// What became of a command.
pub(super) enum Ran {
    /// Done; answered when it is known whether the step was committed.
    Done(Box<dyn Settle>),
    /// Refused and answered; the step goes on.
    Refused,
    /// The step failed; answered.
    Failed(StepError),
}

/// A done command that waits for the commit.
pub(super) trait Settle: Send {
    /// Answers.
    fn settle(self: Box<Self>, committed: Result<(), StepError>);
}

/// A command that only reads.
pub(super) trait Read: Send {
    /// Carries it out and answers.
    fn run(self: Box<Self>, view: &mut View<'_>);

    /// Answers that it was not carried out.
    fn fail(self: Box<Self>, failure: StoreError);
}

/// A command with its way back. A caller that does not wait any more is no error: what it asked for is done all the same.
struct Call<C, R> {
    command: C,
    reply: oneshot::Sender<R>,
}

/// Wraps a command that changes something; the receiver gets its answer.
pub(super) fn write<T, E, C>(command: C) -> (Box<dyn Write>, oneshot::Receiver<Result<T, E>>)
where
    T: Send + 'static,
    E: CommandError,
    C: FnOnce(&mut Step<'_>) -> Result<T, E> + Send + 'static,
{
    let (reply, answer) = oneshot::channel();
    (Box::new(Call { command, reply }), answer)
}

/// Wraps a command that only reads; the receiver gets its answer.
pub(super) fn read<T, C>(command: C) -> (Box<dyn Read>, oneshot::Receiver<Result<T, StoreError>>)
where
    T: Send + 'static,
    C: FnOnce(&mut View<'_>) -> Result<T, StoreError> + Send + 'static,
{
    let (reply, answer) = oneshot::channel();
    (Box::new(Call { command, reply }), answer)
}

impl<T, E, C> Write for Call<C, Result<T, E>>
where
    T: Send + 'static,
    E: CommandError,
    C: FnOnce(&mut Step<'_>) -> Result<T, E> + Send,
{
    fn run(self: Box<Self>, step: &mut Step<'_>) -> Ran {
        let Self { command, reply } = *self;
        match command(step) {
            Ok(value) => Ran::Done(Box::new(Waiting { value, reply })),
            Err(error) => {
                let failure = error.step_failure();
                let _ = reply.send(Err(error));
                failure.map_or(Ran::Refused, Ran::Failed)
            }
        }
    }

    fn fail(self: Box<Self>, failure: StepError) {
        let _ = self.reply.send(Err(failure.into()));
    }
}

struct Waiting<T, E> {
    value: T,
    reply: oneshot::Sender<Result<T, E>>,
}

impl<T: Send, E: CommandError> Settle for Waiting<T, E> {
    fn settle(self: Box<Self>, committed: Result<(), StepError>) {
        let Self { value, reply } = *self;
        let _ = reply.send(committed.map(|()| value).map_err(E::from));
    }
}

impl<T, C> Read for Call<C, Result<T, StoreError>>
where
    T: Send,
    C: FnOnce(&mut View<'_>) -> Result<T, StoreError> + Send,
{
    fn run(self: Box<Self>, view: &mut View<'_>) {
        let Self { command, reply } = *self;
        let _ = reply.send(command(view));
    }

    fn fail(self: Box<Self>, failure: StoreError) {
        let _ = self.reply.send(Err(failure));
    }
}
