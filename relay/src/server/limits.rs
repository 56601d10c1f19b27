//! Every limit of the I/O shell, with its unit and its reason. The service's own limits are in `service::limits`.

use std::time::Duration;

/// A write that makes no progress for this long ends the socket: the peer does not read.
pub(crate) const WRITE_TIMEOUT: Duration = Duration::from_secs(30);

/// A TLS handshake takes one round trip; ten seconds is a bad mobile network several times over.
pub(crate) const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(10);

/// TLS handshakes at one time. Each costs about 0.15 ms of CPU and 20 KiB; more than this only queue for the cores.
pub(crate) const HANDSHAKES: usize = 256;

/// All headers of a request must arrive within this time. It is also how long an idle keep-alive connection is held.
pub(crate) const HEADER_TIMEOUT: Duration = Duration::from_secs(10);

/// Bytes of request line and headers. A WebSocket upgrade through two proxies takes about 1.5 KiB.
pub(crate) const HEADER_BYTES: usize = 16 * 1024;

/// Header fields of a request.
pub(crate) const HEADER_FIELDS: usize = 64;

/// Bytes that hyper buffers for a connection: headers plus one read of the body.
pub(crate) const HTTP_BUFFER_BYTES: usize = 32 * 1024;

/// Seconds, as a header says it, after which a client that was told 429 or 503 may try again.
pub(crate) const RETRY_SECONDS: &str = "5";

/// A request body in memory must be complete within this time.
pub(crate) const BODY_TIMEOUT: Duration = Duration::from_secs(30);

/// Bytes of the read buffer of a WebSocket. tungstenite allocates it eagerly and the default of 128 KiB is paid by
/// every idle socket; most envelopes are 512 or 1,024 bytes.
pub(crate) const WEBSOCKET_READ_BUFFER_BYTES: usize = 4 * 1024;

/// Bytes gathered before a WebSocket write goes out by itself; a flush follows whenever the queue runs dry.
pub(crate) const WEBSOCKET_WRITE_BUFFER_BYTES: usize = 4 * 1024;

/// Bytes of a long-poll request body: a few of the largest frames.
pub(crate) const POLL_BODY_BYTES: usize = 1024 * 1024;

/// The longest that a long-poll receive waits: one heartbeat, so that a client that keeps asking is heard often enough,
/// and below the 30 s at which many proxies give up.
pub(crate) const POLL_WAIT: Duration =
    Duration::from_millis(undertone_wire::limits::HEARTBEAT_MS as u64);

/// A long-poll session that nobody asked about for this long is forgotten. The service ended it before that; the rest
/// is for the client to come back and read why.
pub(crate) const POLL_SESSION_IDLE: Duration = Duration::from_secs(60);

/// Bytes of frames in one long-poll answer; the rest follows with the next one.
pub(crate) const POLL_ANSWER_BYTES: usize = 1024 * 1024;

/// Bytes waiting for one connection. Above the delivery window and a full set of replies, so that only a peer which
/// breaks the protocol reaches it; it is then closed.
pub(crate) const OUTBOUND_BYTES: usize = 4 * 1024 * 1024;

/// Requests of one connection in flight whose answers may be large (64 KiB): half a MiB for whoever does not read them.
pub(crate) const LARGE_IN_FLIGHT: usize = 8;

/// Requests that one with a large answer counts for in a batch, so that the answers of a batch stay below 16 MiB.
pub(crate) const LARGE_WEIGHT: usize = 16;

/// Ephemeral messages are dropped for a connection with more than this many bytes waiting: they may be lost, and a
/// slow client must not be filled by strangers.
pub(crate) const OUTBOUND_EPHEMERAL_BYTES: usize = 256 * 1024;

/// KiB of requests waiting for the committing thread, of all connections. When it is reached sockets are not read,
/// so that overload shows as backpressure and not as memory.
pub(crate) const QUEUED_KIB: usize = 128 * 1024;

/// Requests handled in one commit. Bounds how long a commit takes, and with it the wait of everybody else.
pub(crate) const BATCH_REQUESTS: usize = 4_096;

/// The service is told the time at least this often, for dead connections and expiry: with `DEAD_AFTER_MS` of silence
/// before, a dead socket is found well within 30 s.
pub(crate) const TICK: Duration = Duration::from_secs(2);

/// Pause between two removals of what is past its time, while there is more than one takes: an idle relay is done soon,
/// a busy one removes with every batch anyway.
pub(crate) const SWEEP_PAUSE: Duration = Duration::from_millis(20);

/// Bytes read from or written to a blob file at one time: what one upload or download costs in memory.
pub(crate) const BLOB_CHUNK_BYTES: usize = 64 * 1024;

/// Blob uploads and downloads at one time; each may hold a thread of the blocking pool and a chunk.
pub(crate) const BLOB_TRANSFERS: usize = 512;

/// Those of one source, so that one cannot have them all.
pub(crate) const BLOB_TRANSFERS_PER_SOURCE: usize = 16;

/// Bytes that a blob counts at least, in the quota of its source and in that of all: an entry of the index costs the same
/// for one byte, and a gigabyte of them would be a million durable commits.
pub(crate) const BLOB_LEAST_BYTES: u64 = 64 * 1024;

/// A chunk of an upload must arrive within this time (2 KiB/s), or the upload is ended; it can be resumed at its offset. A
/// chunk of a download must be taken within it.
pub(crate) const BLOB_CHUNK_TIMEOUT: Duration = Duration::from_secs(30);

/// Bytes after which a running upload is made durable and its offset recorded, so that a break costs little.
pub(crate) const BLOB_CHECKPOINT_BYTES: u64 = 4 * 1024 * 1024;

/// Expired blobs removed in one commit; what is left follows at once.
pub(crate) const BLOB_SWEEP: usize = 256;

/// Source prefixes remembered for quotas and connection counts. The table forgets those without connections first.
pub(crate) const SOURCES: usize = 100_000;

/// Connections to the admin listener at one time: a few scrapers and probes.
pub(crate) const ADMIN_CONNECTIONS: usize = 64;

/// Files that are open beside the sockets of clients: those of the operator, of transfers, of the database, and a few.
pub(crate) const FILES_BESIDE: usize = ADMIN_CONNECTIONS + BLOB_TRANSFERS + 64;

/// Pause between two lines of the log about something that fails again and again.
pub(crate) const LOG_PAUSE: Duration = Duration::from_secs(60);

/// Bytes of plaintext that a TLS session buffers for a client that does not read.
pub(crate) const TLS_BUFFER_BYTES: usize = 32 * 1024;

/// Pause after an accept that failed: the next one fails alike until a socket is closed.
pub(crate) const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Milliseconds until an unfinished upload and its reservation are given up.
pub(crate) const BLOB_UNFINISHED_MS: u64 = 24 * 60 * 60 * 1000;

/// How often abandoned sessions and expired blobs are looked for, and histograms are emptied.
pub(crate) const HOUSEKEEPING: Duration = Duration::from_secs(5);
