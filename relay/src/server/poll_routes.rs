//! The requests of long-poll: `open`, `send`, `receive`, `close`.
//!
//! `open` answers the session's bearer (32 hex digits) and the first frames, the others present it. Bodies are batches
//! of frames (`undertone_wire::batch`), before which an answer carries its cursor as u64 big-endian. A session spans
//! many sockets, so a login in it is always bound to the host name.

use std::{sync::Arc, time::Duration};

use bytes::{BufMut, BytesMut};
use http::{Method, Request, StatusCode};
use hyper::body::Incoming;

use super::{
    authorization::bearer,
    body::{self, Response},
    limits,
    poll_session::{PollSession, ReceiveError, SendError},
    poll_table::PollBearer,
    shared::{Peer, Shared},
};
use crate::service::ConnectionInfo;

/// Answers a request under `/v1/poll/`.
pub(crate) async fn answer(
    shared: &Shared,
    verb: &str,
    request: Request<Incoming>,
    peer: Peer,
) -> Response {
    if request.method() != Method::POST {
        return body::empty(StatusCode::METHOD_NOT_ALLOWED);
    }
    if verb == "open" {
        return open(shared, &request, peer)
            .await
            .unwrap_or_else(body::empty);
    }
    let Some(bearer) = bearer(&request).map(PollBearer) else {
        return body::empty(StatusCode::UNAUTHORIZED);
    };
    let Some(session) = shared.polls.get(bearer) else {
        return body::empty(StatusCode::NOT_FOUND);
    };
    match verb {
        "send" => send(shared, &session, request).await,
        "receive" => receive(shared, bearer, &session, &request).await,
        "close" => {
            session.close();
            shared.polls.remove(bearer);
            body::empty(StatusCode::NO_CONTENT)
        }
        _ => body::empty(StatusCode::NOT_FOUND),
    }
}

async fn open(
    shared: &Shared,
    request: &Request<Incoming>,
    peer: Peer,
) -> Result<Response, StatusCode> {
    if shared.is_draining() {
        return Err(StatusCode::SERVICE_UNAVAILABLE);
    }
    let binding = shared.host_binding(request)?;
    let source = shared.source(request, peer);
    let place = shared
        .sources
        .enter(source)
        .ok_or(StatusCode::TOO_MANY_REQUESTS)?;
    let everywhere = shared.places.clone().try_acquire_owned();
    let everywhere = everywhere.map_err(|_| StatusCode::SERVICE_UNAVAILABLE)?;
    let info = ConnectionInfo {
        source: source.0,
        binding,
    };
    let connection = shared.open(info).await;
    let session = Arc::new(PollSession::new(connection, (place, everywhere)));
    let bearer = PollBearer(rand::random());
    shared.polls.insert(bearer, session.clone());
    let frames = session
        .receive(
            0,
            limits::POLL_WAIT,
            &shared.metrics,
            shared.draining.clone(),
        )
        .await
        .map_err(|_| StatusCode::SERVICE_UNAVAILABLE)?;
    let mut answer = BytesMut::with_capacity(32 + frames.len());
    answer.put_slice(hex::encode(bearer.0).as_bytes());
    answer.put_slice(&frames);
    Ok(body::octets(StatusCode::OK, answer))
}

async fn send(shared: &Shared, session: &PollSession, request: Request<Incoming>) -> Response {
    let bytes = match body::read(request.into_body(), limits::POLL_BODY_BYTES).await {
        Ok(bytes) => bytes,
        Err(status) => return body::empty(status),
    };
    match session.send(bytes, &shared.metrics).await {
        Ok(()) => body::empty(StatusCode::NO_CONTENT),
        Err(SendError::Malformed) => body::empty(StatusCode::BAD_REQUEST),
        Err(SendError::Busy) => body::empty(StatusCode::SERVICE_UNAVAILABLE),
    }
}

async fn receive(
    shared: &Shared,
    bearer: PollBearer,
    session: &PollSession,
    request: &Request<Incoming>,
) -> Response {
    let query = request.uri().query().unwrap_or_default();
    let (Some(after), Some(wait)) = (number(query, "after"), number(query, "wait")) else {
        return body::empty(StatusCode::BAD_REQUEST);
    };
    let wait = Duration::from_secs(wait);
    match session
        .receive(after, wait, &shared.metrics, shared.draining.clone())
        .await
    {
        Ok(frames) => body::octets(StatusCode::OK, frames),
        Err(ReceiveError::BadCursor) => body::empty(StatusCode::BAD_REQUEST),
        Err(ReceiveError::Displaced) => body::empty(StatusCode::CONFLICT),
        Err(ReceiveError::Ended) => {
            shared.polls.remove(bearer);
            body::empty(StatusCode::NOT_FOUND)
        }
    }
}

fn number(query: &str, key: &str) -> Option<u64> {
    query
        .split('&')
        .filter_map(|pair| pair.split_once('='))
        .find(|(name, _)| *name == key)
        .and_then(|(_, value)| value.parse().ok())
}
