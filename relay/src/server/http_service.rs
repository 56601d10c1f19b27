//! What a request to the client listener gets: routes, and who may use them.
//!
//! ```text
//! GET  /                  the invite page
//! GET  /v1/ws             upgrade to a WebSocket
//! POST /v1/poll/…         the same over long-poll
//!      /v1/blobs…         blobs
//! ```
//! Not its concern: sockets (`listener`), frames (`websocket`, `poll_session`), the bytes of blobs (`blobs`).

use std::{convert::Infallible, net::IpAddr, sync::Arc};

use http::{Method, Request, StatusCode, header};
use hyper::{body::Incoming, upgrade::OnUpgrade};
use parking_lot::Mutex;
use tokio::sync::watch;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;
use undertone_wire::binding::BindingValue;

use super::{
    blobs::Blobs,
    body::{self, Response},
    committer::Committer,
    connection::Connection,
    hosts::Hosts,
    invite_page,
    metrics::Metrics,
    poll_routes,
    poll_table::PollTable,
    sources::{Place, SourcePrefix, Sources},
    websocket::SUBPROTOCOL,
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

/// A request that becomes a WebSocket when its answer is out.
pub(crate) struct Upgrade {
    pub(crate) stream: OnUpgrade,
    pub(crate) info: ConnectionInfo,
    /// The place of a client behind a proxy; others have one for their socket.
    pub(crate) place: Option<Place>,
}

/// Where a request leaves its upgrade for the task that owns the socket.
pub(crate) type UpgradeSlot = Arc<Mutex<Option<Upgrade>>>;

/// What all requests share.
pub(crate) struct Http {
    pub(crate) committer: Arc<Committer>,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) sources: Arc<Sources>,
    pub(crate) hosts: Hosts,
    pub(crate) trusted_proxies: Vec<IpAddr>,
    pub(crate) polls: PollTable,
    pub(crate) blobs: Arc<Blobs>,
    /// True from the start of a stop.
    pub(crate) draining: watch::Receiver<bool>,
}

impl Http {
    /// Answers one request.
    pub(crate) async fn answer(
        self: Arc<Self>,
        mut request: Request<Incoming>,
        peer: Peer,
        slot: UpgradeSlot,
    ) -> Result<Response, Infallible> {
        let path = request.uri().path().to_owned();
        let answer = if path == "/" {
            match *request.method() {
                Method::GET | Method::HEAD => invite_page::response(),
                _ => body::empty(StatusCode::METHOD_NOT_ALLOWED),
            }
        } else if path == "/v1/ws" {
            self.upgrade(&mut request, peer, &slot)
                .unwrap_or_else(body::empty)
        } else if let Some(verb) = path.strip_prefix("/v1/poll/") {
            poll_routes::answer(&self, verb, request, peer).await
        } else if let Some(rest) = path.strip_prefix("/v1/blobs") {
            let source = self.source(&request, peer);
            self.blobs.answer(rest, request, source).await
        } else {
            body::empty(StatusCode::NOT_FOUND)
        };
        Ok(answer)
    }

    /// Opens a connection in the service.
    pub(crate) fn open(&self, info: ConnectionInfo) -> Connection {
        Connection::open(self.committer.clone(), info)
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

    /// RFC 6455, section 4.2: checks the request and answers 101. Extensions are not negotiated: compression costs
    /// memory for each client, and ciphertext does not shrink.
    fn upgrade(
        &self,
        request: &mut Request<Incoming>,
        peer: Peer,
        slot: &UpgradeSlot,
    ) -> Result<Response, StatusCode> {
        if request.method() != Method::GET {
            return Err(StatusCode::METHOD_NOT_ALLOWED);
        }
        if self.is_draining() {
            return Err(StatusCode::SERVICE_UNAVAILABLE);
        }
        let asks = has_token(request, header::CONNECTION, "upgrade")
            && has_token(request, header::UPGRADE, "websocket");
        if !asks {
            return Err(StatusCode::UPGRADE_REQUIRED);
        }
        if !has_token(request, header::SEC_WEBSOCKET_PROTOCOL, SUBPROTOCOL)
            || !has_token(request, header::SEC_WEBSOCKET_VERSION, "13")
        {
            return Err(StatusCode::BAD_REQUEST);
        }
        let key = request
            .headers()
            .get(header::SEC_WEBSOCKET_KEY)
            .ok_or(StatusCode::BAD_REQUEST)?;
        let accept = derive_accept_key(key.as_bytes());
        let binding = match peer.exporter {
            Some(value) => BindingValue::Exporter(value),
            None => self.host_binding(request)?,
        };
        let place = self.forwarded_place(request, peer)?;
        let info = ConnectionInfo {
            source: self.source(request, peer).0,
            binding,
        };
        *slot.lock() = Some(Upgrade {
            stream: hyper::upgrade::on(request),
            info,
            place,
        });
        let mut response = body::with_headers(
            body::empty(StatusCode::SWITCHING_PROTOCOLS),
            &[
                (header::CONNECTION, "upgrade"),
                (header::UPGRADE, "websocket"),
                (header::SEC_WEBSOCKET_PROTOCOL, SUBPROTOCOL),
            ],
        );
        let accept = accept.parse().map_err(|_| StatusCode::BAD_REQUEST)?;
        response
            .headers_mut()
            .insert(header::SEC_WEBSOCKET_ACCEPT, accept);
        Ok(response)
    }

    /// A place for a client behind a trusted proxy; the socket itself took none.
    fn forwarded_place<B>(
        &self,
        request: &Request<B>,
        peer: Peer,
    ) -> Result<Option<Place>, StatusCode> {
        if !self.is_trusted_proxy(peer.address) {
            return Ok(None);
        }
        match self.sources.enter(self.source(request, peer)) {
            Some(place) => Ok(Some(place)),
            None => {
                self.metrics.refused_sources.increment(1);
                Err(StatusCode::TOO_MANY_REQUESTS)
            }
        }
    }
}

/// Whether a comma-separated header has this element, in any case.
fn has_token<B>(request: &Request<B>, name: header::HeaderName, wanted: &str) -> bool {
    request
        .headers()
        .get_all(name)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .any(|element| element.trim().eq_ignore_ascii_case(wanted))
}

/// The bytes of `Authorization: Bearer <hex>`.
pub(crate) fn bearer<B, const N: usize>(request: &Request<B>) -> Option<[u8; N]> {
    let value = request
        .headers()
        .get(header::AUTHORIZATION)?
        .to_str()
        .ok()?;
    let mut bytes = [0; N];
    hex::decode_to_slice(value.strip_prefix("Bearer ")?, &mut bytes).ok()?;
    Some(bytes)
}
