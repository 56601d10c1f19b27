//! Blobs over HTTP, in the shape of tus 1.0.0 (<https://tus.io/protocols/resumable-upload>) with secrets added.
//!
//! ```text
//! POST   /v1/blobs       Upload-Length: N          201, Location, Upload-Secret; N bytes are reserved from now on
//! HEAD   /v1/blobs/ID    secret                    200, Upload-Offset, Upload-Length
//! PATCH  /v1/blobs/ID    secret, Upload-Offset     204, Upload-Offset; at full length the blob is finished
//! DELETE /v1/blobs/ID    secret                    204
//! GET    /v1/blobs/ID    Range?                    200 or 206; finished blobs only
//! ```
//! Invariants: bytes are durable before the index counts them; the reservation is made before the first byte, so that
//! uploads cannot fill the disk together; one writer at a time for a blob, and readers wait for nobody. An unknown blob
//! and a wrong secret get the same 404.

use std::{collections::HashSet, io, path::PathBuf, sync::Arc};

use bytes::Bytes;
use http::{HeaderName, Method, Request, StatusCode, header};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use parking_lot::Mutex;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    time::{Instant, timeout_at},
};
use undertone_wire::BlobId;

use super::{
    authorization::bearer,
    blob_download, blob_files,
    blob_files::Writer,
    blocking::blocking,
    body::{self, Response},
    clock,
    committer::{Committer, IndexFailed},
    limits,
    log_gate::LogGate,
    metrics::Metrics,
    sources::{Place, SourcePrefix, Sources},
};
use crate::data_dir::is_full;
use crate::storage::{BlobAdvance, BlobCreate, BlobEntry, Room, Timestamp};

const UPLOAD_LENGTH: HeaderName = HeaderName::from_static("upload-length");
const UPLOAD_OFFSET: HeaderName = HeaderName::from_static("upload-offset");
const UPLOAD_SECRET: HeaderName = HeaderName::from_static("upload-secret");
const TUS_RESUMABLE: HeaderName = HeaderName::from_static("tus-resumable");

/// The blobs of a relay.
pub(crate) struct Blobs {
    pub(crate) folder: PathBuf,
    pub(crate) committer: Arc<Committer>,
    pub(crate) sources: Arc<Sources>,
    pub(crate) metrics: Arc<Metrics>,
    /// Bytes that all blobs may reserve together.
    pub(crate) quota: u64,
    /// Milliseconds that a finished blob is kept.
    pub(crate) finished_ms: u64,
    /// Bytes that one blob may have.
    pub(crate) max_length: u64,
    pub(crate) transfers: Arc<Semaphore>,
    pub(crate) writing: Mutex<HashSet<BlobId>>,
    pub(crate) failures: LogGate,
}

/// The right to write a blob, held by one upload at a time.
struct Claim {
    blobs: Arc<Blobs>,
    id: BlobId,
}

impl Drop for Claim {
    fn drop(&mut self) {
        self.blobs.writing.lock().remove(&self.id);
    }
}

/// The right to transfer, held as long as it takes.
pub(crate) struct Turn {
    _own: Place,
    _of_all: OwnedSemaphorePermit,
}

/// A refusal: its status, and where the upload stands when that helps.
#[derive(Clone, Copy, Debug)]
struct Refused {
    status: StatusCode,
    offset: Option<u64>,
}

impl Refused {
    fn answer(self) -> Response {
        match self.offset {
            Some(offset) => at_offset(self.status, offset),
            None => body::empty(self.status),
        }
    }
}

impl From<StatusCode> for Refused {
    fn from(status: StatusCode) -> Self {
        Self {
            status,
            offset: None,
        }
    }
}

impl Blobs {
    /// Answers a request whose path continues with `rest` after `/v1/blobs`.
    pub(crate) async fn answer(
        self: &Arc<Self>,
        rest: &str,
        request: Request<Incoming>,
        source: SourcePrefix,
    ) -> Response {
        let answered = match rest.strip_prefix('/').map(blob_files::parse_id) {
            None if rest.is_empty() && request.method() == Method::POST => {
                self.create(&request, source).await
            }
            None if rest.is_empty() => Err(StatusCode::METHOD_NOT_ALLOWED.into()),
            None | Some(None) => Err(StatusCode::NOT_FOUND.into()),
            Some(Some(id)) => match *request.method() {
                Method::GET => self.download(id, &request, source).await,
                Method::HEAD => self.state(id, &request).await,
                Method::PATCH => self.upload(id, request, source).await,
                Method::DELETE => self.delete(id, &request).await,
                _ => Err(StatusCode::METHOD_NOT_ALLOWED.into()),
            },
        };
        let answer = answered.unwrap_or_else(Refused::answer);
        body::with_headers(answer, &[(TUS_RESUMABLE, "1.0.0")])
    }

    async fn create(
        &self,
        request: &Request<Incoming>,
        source: SourcePrefix,
    ) -> Result<Response, Refused> {
        let length = number(request, &UPLOAD_LENGTH).filter(|&length| length > 0);
        let length = length.ok_or(StatusCode::BAD_REQUEST)?;
        if length > self.max_length {
            return Err(StatusCode::PAYLOAD_TOO_LARGE.into());
        }
        let now = Timestamp(clock::now_ms());
        if !self.sources.reserve_blob(source, length, now) {
            return Err(StatusCode::TOO_MANY_REQUESTS.into());
        }
        let id = BlobId::from_bytes(rand::random());
        let secret: [u8; 16] = rand::random();
        let (secret_hash, quota) = (hash(&secret), self.quota);
        let created = self
            .committer
            .index(move |storage, now| {
                let expires = now.plus(limits::BLOB_UNFINISHED_MS);
                if storage.room() == Room::Low
                    || storage.totals()?.blobs >= quota / limits::BLOB_LEAST_BYTES
                {
                    return Ok(BlobCreate::Full);
                }
                let entry = BlobEntry {
                    length,
                    received: 0,
                    secret_hash,
                    expires,
                };
                storage.create_blob(id, &entry, quota)
            })
            .await
            .map_err(unavailable)?;
        match created {
            BlobCreate::Created => {}
            BlobCreate::Full | BlobCreate::Exists => {
                return Err(StatusCode::INSUFFICIENT_STORAGE.into());
            }
        }
        let mut answer = body::empty(StatusCode::CREATED);
        set(
            &mut answer,
            header::LOCATION,
            &format!("/v1/blobs/{}", blob_files::id_text(id)),
        );
        set(&mut answer, UPLOAD_SECRET, &hex::encode(secret));
        Ok(answer)
    }

    async fn state(&self, id: BlobId, request: &Request<Incoming>) -> Result<Response, Refused> {
        let entry = self.owned(id, request).await?;
        let mut answer = body::empty(StatusCode::OK);
        set(&mut answer, UPLOAD_OFFSET, &entry.received.to_string());
        set(&mut answer, UPLOAD_LENGTH, &entry.length.to_string());
        Ok(answer)
    }

    async fn delete(
        self: &Arc<Self>,
        id: BlobId,
        request: &Request<Incoming>,
    ) -> Result<Response, Refused> {
        let _claim = self.claim(id)?;
        self.owned(id, request).await?;
        self.committer
            .index(move |storage, _| storage.delete_blob(id))
            .await
            .map_err(unavailable)?;
        self.remove_files(vec![id]).await;
        Ok(body::empty(StatusCode::NO_CONTENT))
    }

    async fn upload(
        self: &Arc<Self>,
        id: BlobId,
        request: Request<Incoming>,
        source: SourcePrefix,
    ) -> Result<Response, Refused> {
        let offset = number(&request, &UPLOAD_OFFSET);
        let offset = offset.ok_or(StatusCode::BAD_REQUEST)?;
        let turn = self.turn(source)?;
        let claim = self.claim(id)?;
        let entry = self.owned(id, &request).await?;
        if entry.received != offset {
            return Err(Refused {
                status: StatusCode::CONFLICT,
                offset: Some(entry.received),
            });
        }
        // On its own task: when the socket breaks, this request ends at once, but what arrived is still recorded.
        let received = tokio::spawn(async move {
            let received = claim.blobs.receive(id, entry, request.into_body()).await;
            drop((claim, turn));
            received
        });
        let received = received
            .await
            .unwrap_or_else(|_| Err(StatusCode::INTERNAL_SERVER_ERROR.into()))?;
        Ok(at_offset(StatusCode::NO_CONTENT, received))
    }

    /// Writes a body behind what is there. What arrived before a body breaks off counts, so that an upload resumes.
    async fn receive(
        &self,
        id: BlobId,
        entry: BlobEntry,
        mut incoming: Incoming,
    ) -> Result<u64, Refused> {
        let (folder, offset) = (self.folder.clone(), entry.received);
        let mut writer = blocking(move || Writer::open(&folder, id, offset))
            .await
            .map_err(|error| self.disk(&error))?;
        let (mut recorded, mut written) = (offset, offset);
        let ended = loop {
            let mut chunk = Vec::new();
            let ended = fill(&mut incoming, &mut chunk).await;
            let len = u64::try_from(chunk.len()).unwrap_or(u64::MAX);
            if len > entry.length - written {
                return Err(StatusCode::PAYLOAD_TOO_LARGE.into());
            }
            self.metrics.blob_bytes_in.increment(len);
            writer = blocking(move || writer.write(&chunk).map(|()| writer))
                .await
                .map_err(|error| self.disk(&error))?;
            written += len;
            if let Some(ended) = ended {
                break ended;
            }
            if written - recorded >= limits::BLOB_CHECKPOINT_BYTES {
                writer = self.record(id, entry, writer, recorded, written).await?;
                recorded = written;
            }
        };
        self.record(id, entry, writer, recorded, written).await?;
        match ended {
            Ended::Whole => Ok(written),
            Ended::Broken => Err(Refused {
                status: StatusCode::BAD_REQUEST,
                offset: Some(written),
            }),
        }
    }

    /// Makes what was written durable, then lets the index count it.
    async fn record(
        &self,
        id: BlobId,
        entry: BlobEntry,
        mut writer: Writer,
        from: u64,
        to: u64,
    ) -> Result<Writer, Refused> {
        let writer = blocking(move || writer.sync().map(|()| writer))
            .await
            .map_err(|error| self.disk(&error))?;
        let ttl = if to == entry.length {
            self.finished_ms
        } else {
            limits::BLOB_UNFINISHED_MS
        };
        let (advanced, room) = self
            .committer
            .index(move |storage, now| {
                let advanced = storage.advance_blob(id, from, to, now.plus(ttl))?;
                Ok((advanced, storage.room()))
            })
            .await
            .map_err(unavailable)?;
        match advanced {
            BlobAdvance::Advanced if room == Room::Low && to < entry.length => Err(Refused {
                status: StatusCode::INSUFFICIENT_STORAGE,
                offset: Some(to),
            }),
            BlobAdvance::Advanced => Ok(writer),
            BlobAdvance::Conflict(at) => Err(Refused {
                status: StatusCode::CONFLICT,
                offset: Some(at),
            }),
            BlobAdvance::NoBlob => Err(StatusCode::NOT_FOUND.into()),
        }
    }

    async fn download(
        &self,
        id: BlobId,
        request: &Request<Incoming>,
        source: SourcePrefix,
    ) -> Result<Response, Refused> {
        let turn = self.turn(source)?;
        let entry = self
            .entry(id)
            .await?
            .filter(|entry| entry.received == entry.length);
        let entry = entry.ok_or(StatusCode::NOT_FOUND)?;
        let range = request
            .headers()
            .get(header::RANGE)
            .and_then(|value| value.to_str().ok());
        let answer = blob_download::answer(
            self.folder.clone(),
            id,
            entry.length,
            range,
            turn,
            self.metrics.clone(),
        )
        .await?;
        Ok(answer)
    }

    /// One of the transfers at a time, of all and of this source.
    fn turn(&self, source: SourcePrefix) -> Result<Turn, StatusCode> {
        let own = self.sources.begin_transfer(source);
        let own = own.ok_or(StatusCode::TOO_MANY_REQUESTS)?;
        let of_all = self.transfers.clone().try_acquire_owned();
        let of_all = of_all.map_err(|_| StatusCode::SERVICE_UNAVAILABLE)?;
        Ok(Turn {
            _own: own,
            _of_all: of_all,
        })
    }

    fn claim(self: &Arc<Self>, id: BlobId) -> Result<Claim, Refused> {
        if self.writing.lock().insert(id) {
            Ok(Claim {
                blobs: self.clone(),
                id,
            })
        } else {
            Err(StatusCode::LOCKED.into())
        }
    }

    async fn owned(&self, id: BlobId, request: &Request<Incoming>) -> Result<BlobEntry, Refused> {
        let secret: [u8; 16] = bearer(request).ok_or(StatusCode::UNAUTHORIZED)?;
        let entry = self.entry(id).await?;
        entry
            .filter(|entry| bool::from(entry.secret_hash.ct_eq(&hash(&secret))))
            .ok_or_else(|| StatusCode::NOT_FOUND.into())
    }

    async fn entry(&self, id: BlobId) -> Result<Option<BlobEntry>, Refused> {
        let entry = self
            .committer
            .index(move |storage, _| storage.blob(id))
            .await
            .map_err(unavailable)?;
        Ok(entry.filter(|entry| entry.expires > Timestamp(clock::now_ms())))
    }
}

impl Blobs {
    fn disk(&self, error: &io::Error) -> StatusCode {
        if is_full(error) {
            return StatusCode::INSUFFICIENT_STORAGE;
        }
        if self.failures.opens() {
            tracing::error!(kind = ?error.kind(), "a blob's file could not be used; check the disk under DATA/blobs");
        }
        StatusCode::INTERNAL_SERVER_ERROR
    }
}

/// How a body ended.
enum Ended {
    Whole,
    Broken,
}

/// Fills a chunk from a body; `Some` when the body ended.
async fn fill(incoming: &mut Incoming, chunk: &mut Vec<u8>) -> Option<Ended> {
    let until = Instant::now() + limits::BLOB_CHUNK_TIMEOUT;
    while chunk.len() < limits::BLOB_CHUNK_BYTES {
        match timeout_at(until, incoming.frame()).await {
            Ok(None) => return Some(Ended::Whole),
            Ok(Some(Ok(frame))) => {
                chunk.extend_from_slice(&frame.into_data().unwrap_or_else(|_| Bytes::new()));
            }
            Ok(Some(Err(_))) | Err(_) => return Some(Ended::Broken),
        }
    }
    None
}

fn hash(secret: &[u8; 16]) -> [u8; 32] {
    Sha256::digest(secret).into()
}

fn number(request: &Request<Incoming>, name: &HeaderName) -> Option<u64> {
    request.headers().get(name)?.to_str().ok()?.parse().ok()
}

fn set(answer: &mut Response, name: HeaderName, value: &str) {
    if let Ok(value) = value.parse() {
        answer.headers_mut().insert(name, value);
    }
}

fn at_offset(status: StatusCode, offset: u64) -> Response {
    let mut answer = body::empty(status);
    set(&mut answer, UPLOAD_OFFSET, &offset.to_string());
    answer
}

fn unavailable(failed: IndexFailed) -> StatusCode {
    match failed {
        IndexFailed::Full => StatusCode::INSUFFICIENT_STORAGE,
        IndexFailed::Other => StatusCode::INTERNAL_SERVER_ERROR,
    }
}
