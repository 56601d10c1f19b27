//! What all requests of a relay share, and what each of them is asked first: whose it is, and whether it names this relay.
//!
//! Not its concern: routes (`http_service`, `poll_routes`, `blobs`).

use std::{net::IpAddr, sync::Arc};

use http::{Request, StatusCode, header};
use tokio::sync::{Semaphore, watch};
use undertone_wire::binding::BindingValue;

use super::{
    blobs::Blobs,
    committer::Committer,
    connection::Connection,
    hosts::Hosts,
    metrics::Metrics,
    poll_table::PollTable,
    sources::{SourcePrefix, Sources},
};
use crate::service::ConnectionInfo;

/// The other end of a socket.
#[derive(Clone, Copy)]
pub(crate) struct Peer {
    /// The address of the socket: the client, or a proxy.
    pub(crate) address: IpAddr,
    /// The exporter of the TLS session that the relay itself ended, when there is one.
    pub(crate) exporter: Option<[u8; 32]>,
}

/// What all requests share.
pub(crate) struct Shared {
    pub(crate) committer: Arc<Committer>,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) sources: Arc<Sources>,
    pub(crate) hosts: Hosts,
    pub(crate) trusted_proxies: Vec<IpAddr>,
    /// One for each connection: a socket, or a long-poll session.
    pub(crate) places: Arc<Semaphore>,
    pub(crate) polls: PollTable,
    pub(crate) blobs: Arc<Blobs>,
    /// True from the start of a stop.
    pub(crate) draining: watch::Receiver<bool>,
}

impl Shared {
    /// Opens a connection in the service.
    pub(crate) async fn open(&self, info: ConnectionInfo) -> Connection {
        Connection::open(self.committer.clone(), info).await
    }

    /// Whether the relay is stopping and takes nobody new.
    pub(crate) fn is_draining(&self) -> bool {
        *self.draining.borrow()
    }

    pub(crate) fn is_trusted_proxy(&self, address: IpAddr) -> bool {
        self.trusted_proxies.contains(&address.to_canonical())
    }

    /// The prefix that a request is counted under: of the socket, or of what a trusted proxy forwards.
    pub(crate) fn source<B>(&self, request: &Request<B>, peer: Peer) -> SourcePrefix {
        self.sources.prefix(self.client_address(request, peer))
    }

    fn client_address<B>(&self, request: &Request<B>, peer: Peer) -> IpAddr {
        if !self.is_trusted_proxy(peer.address) {
            return peer.address;
        }
        // The last element is the one that the trusted proxy itself appended.
        let last = request
            .headers()
            .get_all("x-forwarded-for")
            .iter()
            .next_back();
        last.and_then(|value| value.to_str().ok()?.rsplit(',').next()?.trim().parse().ok())
            .unwrap_or(peer.address)
    }

    /// The binding by host name, when the request names this relay; else the answer 421.
    pub(crate) fn host_binding<B>(&self, request: &Request<B>) -> Result<BindingValue, StatusCode> {
        let named = match request.headers().get(header::HOST) {
            Some(value) => value.to_str().ok(),
            None => request.uri().host(),
        };
        named
            .and_then(|host| self.hosts.binding(host))
            .map(BindingValue::Host)
            .ok_or(StatusCode::MISDIRECTED_REQUEST)
    }
}
