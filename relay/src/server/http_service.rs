//! What a request to the client listener gets: routes, and who may use them.
//!
//! ```text
//! GET  /                  the invite page
//! GET  /v1/ws             upgrade to a WebSocket
//! POST /v1/poll/…         the same over long-poll
//!      /v1/blobs…         blobs
//! ```
//! Not its concern: sockets (`listener`), frames (`websocket`, `poll_session`), the bytes of blobs (`blobs`).

use std::{convert::Infallible, sync::Arc};

use http::{Method, Request, StatusCode, header};
use hyper::{body::Incoming, upgrade::OnUpgrade};
use parking_lot::Mutex;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;
use undertone_wire::{ErrorCode, binding::BindingValue};

use super::{
    body::{self, Response},
    clock, invite_page, poll_routes,
    shared::{Peer, Shared},
    sources::Place,
    websocket::SUBPROTOCOL,
};
use crate::{service::ConnectionInfo, storage::Timestamp};

/// A request that becomes a WebSocket when its answer is out.
pub(crate) struct Upgrade {
    pub(crate) stream: OnUpgrade,
    pub(crate) info: ConnectionInfo,
    /// The place of a client behind a proxy; others have one for their socket.
    pub(crate) place: Option<Place>,
}

/// Where a request leaves its upgrade for the task that owns the socket.
pub(crate) type UpgradeSlot = Arc<Mutex<Option<Upgrade>>>;

/// Answers one request.
pub(crate) async fn answer(
    shared: &Shared,
    mut request: Request<Incoming>,
    peer: Peer,
    slot: UpgradeSlot,
) -> Result<Response, Infallible> {
    let path = request.uri().path().to_owned();
    let source = shared.source(&request, peer);
    let answer = if !shared.sources.request(source, Timestamp(clock::now_ms())) {
        body::empty(StatusCode::TOO_MANY_REQUESTS)
    } else if path == "/" {
        match *request.method() {
            Method::GET | Method::HEAD => invite_page::response(),
            _ => body::empty(StatusCode::METHOD_NOT_ALLOWED),
        }
    } else if path == "/v1/ws" {
        upgrade(shared, &mut request, peer, &slot).unwrap_or_else(body::empty)
    } else if let Some(verb) = path.strip_prefix("/v1/poll/") {
        poll_routes::answer(shared, verb, request, peer).await
    } else if let Some(rest) = path.strip_prefix("/v1/blobs") {
        shared.blobs.answer(rest, request, source).await
    } else {
        body::empty(StatusCode::NOT_FOUND)
    };
    if let Some(reason) = refusal(answer.status()) {
        shared.metrics.refused(reason);
    }
    Ok(answer)
}

/// What a status of ours says about limits, for the metrics.
fn refusal(status: StatusCode) -> Option<ErrorCode> {
    Some(match status {
        StatusCode::TOO_MANY_REQUESTS => ErrorCode::RateLimited,
        StatusCode::SERVICE_UNAVAILABLE => ErrorCode::Busy,
        StatusCode::INSUFFICIENT_STORAGE => ErrorCode::StorageFull,
        StatusCode::PAYLOAD_TOO_LARGE => ErrorCode::TooLarge,
        _ => return None,
    })
}

/// RFC 6455, section 4.2: checks the request and answers 101. Extensions are not negotiated: compression costs
/// memory for each client, and ciphertext does not shrink.
fn upgrade(
    shared: &Shared,
    request: &mut Request<Incoming>,
    peer: Peer,
    slot: &UpgradeSlot,
) -> Result<Response, StatusCode> {
    if request.method() != Method::GET {
        return Err(StatusCode::METHOD_NOT_ALLOWED);
    }
    if shared.is_draining() {
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
        None => shared.host_binding(request)?,
    };
    let place = forwarded_place(shared, request, peer)?;
    let info = ConnectionInfo {
        source: shared.source(request, peer).0,
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
    shared: &Shared,
    request: &Request<B>,
    peer: Peer,
) -> Result<Option<Place>, StatusCode> {
    if !shared.is_trusted_proxy(peer.address) {
        return Ok(None);
    }
    match shared.sources.enter(shared.source(request, peer)) {
        Some(place) => Ok(Some(place)),
        None => {
            shared.metrics.refused_sources.increment(1);
            Err(StatusCode::TOO_MANY_REQUESTS)
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
