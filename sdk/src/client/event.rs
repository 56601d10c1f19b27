//! What a client tells its app, and how an app listens.
//!
//! Invariant: an event only says what changed; the state is in the store. So a listener that missed events reads again and
//! has lost nothing, and no listener can hold the client up.

use std::time::Duration;

use tokio::sync::broadcast;
use tokio::sync::broadcast::error::RecvError;

use super::deletion::AccountDeletion;
use crate::engine::Event;
use crate::error::StepError;
use crate::transport::DisconnectCause;

/// One thing that an app may want to show.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum ClientEvent {
    /// Something in the account, its history or its contacts changed.
    Changed(Event),
    /// The connection to the own relay changed.
    Connection(Connection),
    /// The deletion of the account was decided, went on, or is done.
    Deletion(AccountDeletion),
    /// The store could not be written. Nothing is lost: what came from the relay is not acknowledged and comes again, and it
    /// is tried again by itself. The error says who must act.
    StoreFailed(StepError),
    /// The store can be written again.
    StoreRecovered,
    /// This listener was too slow and missed events: read again what is on the screen.
    Missed {
        /// How many.
        events: u64,
    },
}

/// The connection to the own relay.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Connection {
    /// Not wanted: the client was told to stay offline.
    Offline,
    /// Being opened.
    Connecting,
    /// Open, and the mailbox answered.
    Online,
    /// Closed, or it could not be opened.
    Down {
        /// Why; its text can be shown.
        cause: DisconnectCause,
        /// When it is tried again by itself; `None`: only after [`Client::network_changed`](super::Client::network_changed), another
        /// call, or going online again.
        retry_in: Option<Duration>,
    },
}

/// A listener. Each one gets every event from the moment it was made.
#[derive(Debug)]
pub struct Events(pub(super) broadcast::Receiver<ClientEvent>);

impl Events {
    /// Waits for the next event; `None` when the client was closed. Safe to cancel.
    pub async fn next(&mut self) -> Option<ClientEvent> {
        match self.0.recv().await {
            Ok(event) => Some(event),
            Err(RecvError::Lagged(events)) => Some(ClientEvent::Missed { events }),
            Err(RecvError::Closed) => None,
        }
    }
}
