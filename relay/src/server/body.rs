//! Bodies and answers of the HTTP side: made here, so that limits and headers are the same everywhere.

use std::io;

use bytes::Bytes;
use http::{HeaderName, HeaderValue, StatusCode, header};
use http_body_util::{BodyExt, Full, LengthLimitError, Limited, combinators::UnsyncBoxBody};
use hyper::body::Incoming;

use super::limits;

/// What the handlers answer.
pub(crate) type Response = http::Response<UnsyncBoxBody<Bytes, io::Error>>;

/// An answer with a body in memory.
pub(crate) fn full(status: StatusCode, bytes: impl Into<Bytes>) -> Response {
    let mut response = http::Response::new(
        Full::new(bytes.into())
            .map_err(|e| match e {})
            .boxed_unsync(),
    );
    *response.status_mut() = status;
    response
}

/// An answer of frames or other opaque bytes, which no cache may keep.
pub(crate) fn octets(status: StatusCode, bytes: impl Into<Bytes>) -> Response {
    with_headers(
        full(status, bytes),
        &[
            (header::CONTENT_TYPE, "application/octet-stream"),
            (header::CACHE_CONTROL, "no-store"),
        ],
    )
}

/// An answer without a body. One that says 429 or 503 also says when to try again.
pub(crate) fn empty(status: StatusCode) -> Response {
    let answer = with_headers(
        full(status, Bytes::new()),
        &[(header::CACHE_CONTROL, "no-store")],
    );
    match status {
        StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE => {
            with_headers(answer, &[(header::RETRY_AFTER, limits::RETRY_SECONDS)])
        }
        _ => answer,
    }
}

/// Sets constant headers.
pub(crate) fn with_headers(
    mut response: Response,
    headers: &[(HeaderName, &'static str)],
) -> Response {
    for (name, value) in headers {
        response
            .headers_mut()
            .insert(name.clone(), HeaderValue::from_static(value));
    }
    response
}

/// Reads a whole body.
///
/// # Errors
/// The status to answer: 413 above `limit` bytes, 408 when it does not arrive in time, 400 when it breaks off.
pub(crate) async fn read(body: Incoming, limit: usize) -> Result<Bytes, StatusCode> {
    match tokio::time::timeout(limits::BODY_TIMEOUT, Limited::new(body, limit).collect()).await {
        Ok(Ok(collected)) => Ok(collected.to_bytes()),
        Ok(Err(error)) if error.is::<LengthLimitError>() => Err(StatusCode::PAYLOAD_TOO_LARGE),
        Ok(Err(_)) => Err(StatusCode::BAD_REQUEST),
        Err(_) => Err(StatusCode::REQUEST_TIMEOUT),
    }
}
