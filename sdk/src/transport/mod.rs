//! Sockets to relays: one [`Link`] keeps one connection to one relay up, over a WebSocket or, where networks block the
//! upgrade, over HTTP long-poll with the same semantics.
//!
//! Invariant: whatever a relay sends or withholds costs bounded memory and bounded time ([`limits`]).
//! Not its concern: what frames mean, logging in, and which request goes to which relay (the engine); when a connection is
//! wanted (the client's driver).

mod address;
mod backoff;
mod config;
mod dial;
mod error;
mod frame_sender;
mod greeting;
mod http;
pub mod limits;
mod lines;
mod link;
mod liveness;
mod long_poll;
mod report;
mod tls;
mod websocket;

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use tokio::time::Instant;
use tokio_rustls::TlsConnector;
use undertone_protocol::relay_address::RelayAddress;

pub use config::{
    BindingPolicy, ConnectionClass, ProxyLogin, Socks5Proxy, Timeouts, TransportConfig,
};
pub use error::{ConnectError, DisconnectCause, Stage, TlsFailure, Violation};
pub use frame_sender::{FrameSender, LinkGone};
pub use link::Link;
pub use report::{Inbox, InboxShare, LinkEvent, LinkId, Received, Report, Reports};
pub use tls::InvalidRoot;

use long_poll::LongPoll;
use websocket::WebSocket;

/// What all connections of one client share: configuration, trusted roots, and which networks block upgrades.
#[derive(Debug)]
pub struct Transport {
    config: TransportConfig,
    connector: Connector,
    blocked: Mutex<HashMap<RelayAddress, Instant>>,
}

struct Connector(TlsConnector);

impl std::fmt::Debug for Connector {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Connector(..)")
    }
}

/// An open connection whose relay has greeted.
enum Session {
    WebSocket(WebSocket),
    LongPoll(LongPoll),
}

impl Transport {
    /// Checks the configuration; connects to nothing.
    ///
    /// # Errors
    /// [`InvalidRoot`] when an extra root is no certificate.
    pub fn new(config: TransportConfig) -> Result<Self, InvalidRoot> {
        let connector = Connector(tls::connector(&config.extra_roots)?);
        Ok(Self {
            config,
            connector,
            blocked: Mutex::default(),
        })
    }

    /// Opens a connection: a WebSocket, or a long-poll session when the network blocks the upgrade.
    async fn open(
        &self,
        relay: &RelayAddress,
        class: ConnectionClass,
    ) -> Result<Session, ConnectError> {
        if !self.is_blocked(relay) {
            match WebSocket::open(self, relay, class).await {
                Ok(session) => return Ok(Session::WebSocket(session)),
                Err(websocket::OpenError::Failed(error)) => return Err(error),
                Err(websocket::OpenError::Blocked(error)) if !self.may_poll(relay) => {
                    return Err(error);
                }
                Err(websocket::OpenError::Blocked(_)) => {}
            }
        }
        let opened = LongPoll::open(self, relay, class).await;
        self.remember(relay, opened.is_ok());
        opened.map(Session::LongPoll)
    }

    /// The network may have changed: what it blocked before says nothing any more.
    pub(crate) fn forget_blocked(&self) {
        self.blocked().clear();
    }

    /// A long-poll session spans connections and cannot be bound to one of them.
    fn may_poll(&self, relay: &RelayAddress) -> bool {
        !address::is_tls(relay) || self.config.channel_binding == BindingPolicy::ExporterOrHost
    }

    fn is_blocked(&self, relay: &RelayAddress) -> bool {
        self.may_poll(relay)
            && self
                .blocked()
                .get(relay)
                .is_some_and(|until| Instant::now() < *until)
    }

    fn remember(&self, relay: &RelayAddress, blocked: bool) {
        let mut map = self.blocked();
        map.remove(relay);
        if blocked {
            let now = Instant::now();
            map.retain(|_, until| now < *until);
            if map.len() < limits::BLOCKED_RELAYS {
                map.insert(relay.clone(), now + self.config.timeouts.upgrade_retry);
            }
        }
    }

    fn blocked(&self) -> std::sync::MutexGuard<'_, HashMap<RelayAddress, Instant>> {
        self.blocked.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn dial(
        &self,
        relay: &RelayAddress,
        class: ConnectionClass,
    ) -> Result<dial::Dialled, ConnectError> {
        dial::dial(&self.config, &self.connector.0, relay, class).await
    }
}
