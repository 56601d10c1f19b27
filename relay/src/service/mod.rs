//! The service: what the relay does, as a pure value. Requests, the time and randomness go in; frames to send and
//! connections to close come out. No sockets, no clock, no threads: the same code runs in the simulated world.
//!
//! Invariant: nothing that a request caused leaves before its writes are durable. Requests are handled in a [`Batch`],
//! which holds the service and an open storage batch, and outputs exist only as the result of [`Batch::commit`].
//!
//! Not its concern: framing, sockets, TLS, blobs over HTTP (their index is in the storage), logging.

mod batch;
mod challenge;
mod delivery;
mod hello;
mod housekeeping;
pub mod limits;
mod login;
mod owner;
mod prekeys;
mod rates;
mod records;
mod refusal;
mod rights;
mod send;
mod session;

use std::collections::{BTreeSet, HashMap};

use rand_core::CryptoRng;
use undertone_wire::binding::BindingValue;
use undertone_wire::{ErrorCode, Frame, MailboxId};

pub use batch::{Batch, Committed};
pub use limits::ServiceConfig;
pub(crate) use rates::Cell;
pub use rates::Rate;

use self::challenge::WorkIssuer;
use self::rates::Rates;
use self::session::Session;
use crate::storage::{Storage, Timestamp};

/// A connection, numbered by the shell and never reused within a process.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ConnectionId(pub u64);

/// What the shell knows about a connection.
#[derive(Debug, Clone, Copy)]
pub struct ConnectionInfo {
    /// Salted hashes of the source's address prefixes, equal for one source within a run, worthless outside it: 8 bytes of
    /// the network that is limited as a whole, then 8 of the source itself; the same twice when there is no such network.
    pub source: [u8; 16],
    /// What a login on it must be bound to.
    pub binding: BindingValue,
}

/// What is to be done after a commit.
#[derive(Debug, Clone, PartialEq)]
pub enum Output {
    /// Send this frame.
    Frame {
        /// On this connection.
        connection: ConnectionId,
        /// The frame.
        frame: Frame,
    },
    /// Close a connection after what was sent on it; the service has forgotten it. The last frame says why.
    Close {
        /// This connection.
        connection: ConnectionId,
        /// The reason, as its last frame says.
        code: ErrorCode,
    },
}

/// The state of the service that is not in storage: connections, and rates.
pub struct Service {
    config: ServiceConfig,
    sessions: HashMap<ConnectionId, Session>,
    online: HashMap<MailboxId, ConnectionId>,
    rates: Rates,
    work: WorkIssuer,
    /// The minute of the last complete sweep.
    swept_minute: Option<u64>,
    /// The last sweep left something.
    to_sweep: bool,
    /// Connections whose backlog the last batch had no room for.
    to_deliver: BTreeSet<ConnectionId>,
}

impl Service {
    /// A service without connections.
    pub fn new<R: CryptoRng + ?Sized>(config: ServiceConfig, rng: &mut R) -> Self {
        Self {
            rates: Rates::new(&config, rng),
            work: WorkIssuer::new(rng),
            sessions: HashMap::new(),
            online: HashMap::new(),
            swept_minute: None,
            to_sweep: false,
            to_deliver: BTreeSet::new(),
            config,
        }
    }

    /// Opens a batch on `storage`. Whatever is handled in it happens at `now`, together or not at all.
    pub fn batch<'a>(&'a mut self, storage: &'a mut dyn Storage, now: Timestamp) -> Batch<'a> {
        Batch::begin(self, storage, now)
    }

    /// Connections that are open.
    #[must_use]
    pub fn connections(&self) -> usize {
        self.sessions.len()
    }

    /// Whether there is more to remove, so that [`Batch::sweep_some`] should be called soon, and not only at a tick.
    #[must_use]
    pub fn has_to_sweep(&self) -> bool {
        self.to_sweep
    }

    /// Whether there are deliveries left for another batch, which should follow at once.
    #[must_use]
    pub fn has_to_deliver(&self) -> bool {
        !self.to_deliver.is_empty()
    }

    /// Mailboxes whose owner is online.
    #[must_use]
    pub fn online(&self) -> usize {
        self.online.len()
    }
}

#[cfg(test)]
mod tests;
