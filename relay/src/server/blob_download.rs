//! Serving a finished blob, whole or in part (RFC 9110, section 14), a chunk in memory at a time.

use std::{io, path::PathBuf, sync::Arc};

use bytes::Bytes;
use futures_util::stream;
use http::{StatusCode, header};
use http_body_util::{BodyExt, StreamBody};
use hyper::body::Frame;
use tokio::{sync::watch, time::timeout};
use undertone_wire::BlobId;

use super::{
    blob_files::Reader,
    blocking::blocking,
    body::{self, Response},
    limits,
    metrics::Metrics,
};

/// What a `Range` header asks for.
#[derive(Debug, PartialEq, Eq)]
enum Part {
    Whole,
    /// First and last byte, both included.
    Span(u64, u64),
    Unsatisfiable,
}

struct Transfer {
    reader: Reader,
    metrics: Arc<Metrics>,
    /// Told of each chunk that was taken; closed when one was not taken in time.
    pace: watch::Sender<()>,
}

/// Holds the turn of a download until it ends or a chunk is not taken in time: a client that hardly reads must not keep
/// others from theirs. Apart from the download, which runs only while its socket takes something.
async fn hold<T>(turn: T, mut pace: watch::Receiver<()>) {
    while let Ok(Ok(())) = timeout(limits::BLOB_CHUNK_TIMEOUT, pace.changed()).await {}
    drop(turn);
}

/// Answers with the part that `range` asks for.
pub(crate) async fn answer<T: Send + 'static>(
    folder: PathBuf,
    id: BlobId,
    length: u64,
    range: Option<&str>,
    turn: T,
    metrics: Arc<Metrics>,
) -> Result<Response, StatusCode> {
    let (status, first, last) = match range.map_or(Part::Whole, |range| parse(range, length)) {
        Part::Whole => (StatusCode::OK, 0, length - 1),
        Part::Span(first, last) => (StatusCode::PARTIAL_CONTENT, first, last),
        Part::Unsatisfiable => {
            let mut refused = body::empty(StatusCode::RANGE_NOT_SATISFIABLE);
            set(
                &mut refused,
                header::CONTENT_RANGE,
                format!("bytes */{length}"),
            );
            return Ok(refused);
        }
    };
    let span = last - first + 1;
    let reader = blocking(move || Reader::open(&folder, id, first, span))
        .await
        .map_err(|_| StatusCode::NOT_FOUND)?;
    let (pace, paced) = watch::channel(());
    tokio::spawn(hold(turn, paced));
    let transfer = Transfer {
        reader,
        metrics,
        pace,
    };
    let chunks = stream::try_unfold(transfer, next_chunk);
    let mut response = http::Response::new(StreamBody::new(chunks).boxed_unsync());
    *response.status_mut() = status;
    set(&mut response, header::CONTENT_LENGTH, span.to_string());
    if status == StatusCode::PARTIAL_CONTENT {
        set(
            &mut response,
            header::CONTENT_RANGE,
            format!("bytes {first}-{last}/{length}"),
        );
    }
    Ok(body::with_headers(
        response,
        &[
            (header::CONTENT_TYPE, "application/octet-stream"),
            (header::ACCEPT_RANGES, "bytes"),
            // A finished blob never changes under its id.
            (header::CACHE_CONTROL, "private, max-age=2592000, immutable"),
        ],
    ))
}

async fn next_chunk(mut transfer: Transfer) -> io::Result<Option<(Frame<Bytes>, Transfer)>> {
    // Asked for a chunk: the one before was taken.
    if transfer.pace.send(()).is_err() {
        return Err(io::ErrorKind::TimedOut.into());
    }
    let (bytes, transfer) = blocking(move || {
        let bytes = transfer.reader.read(limits::BLOB_CHUNK_BYTES)?;
        Ok((bytes, transfer))
    })
    .await?;
    if bytes.is_empty() {
        return Ok(None);
    }
    transfer
        .metrics
        .blob_bytes_out
        .increment(u64::try_from(bytes.len()).unwrap_or(u64::MAX));
    Ok(Some((Frame::data(Bytes::from(bytes)), transfer)))
}

/// One range of bytes. Several ranges, other units and malformed ones are ignored, as the RFC permits.
fn parse(range: &str, length: u64) -> Part {
    let Some((first, last)) = range
        .strip_prefix("bytes=")
        .and_then(|spec| spec.split_once('-'))
    else {
        return Part::Whole;
    };
    let end = length - 1;
    match (first.parse::<u64>(), last.parse::<u64>()) {
        (Ok(first), _) if first > end => Part::Unsatisfiable,
        (Ok(first), Ok(last)) if first <= last => Part::Span(first, last.min(end)),
        (Ok(first), Err(_)) if last.is_empty() => Part::Span(first, end),
        (Err(_), Ok(0)) if first.is_empty() => Part::Unsatisfiable,
        (Err(_), Ok(suffix)) if first.is_empty() => Part::Span(length.saturating_sub(suffix), end),
        _ => Part::Whole,
    }
}

fn set(response: &mut Response, name: http::HeaderName, value: String) {
    if let Ok(value) = value.parse() {
        response.headers_mut().insert(name, value);
    }
}

#[cfg(test)]
#[path = "blob_download_tests.rs"]
mod tests;
