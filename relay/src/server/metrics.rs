//! What `/metrics` shows: counts and durations of the whole relay, never of anybody.
//!
//! Invariant: every label and its value is a constant of this file; no id, address or length of one message can become one.
//! Each relay has a recorder of its own, so that two relays in one process do not share figures.

use std::time::Duration;

use metrics::{
    Counter, Gauge, Histogram, Key, Label, Level, Metadata, Recorder, SharedString, Unit,
};
use metrics_exporter_prometheus::{
    Matcher, PrometheusBuilder, PrometheusHandle, PrometheusRecorder,
};

use undertone_wire::{ErrorCode, Frame, Outcome, frame::Body};

use crate::storage::Totals;

/// The handles, made once; using one is an atomic operation.
pub(crate) struct Metrics {
    handle: PrometheusHandle,
    pub(crate) websockets: Gauge,
    pub(crate) poll_sessions: Gauge,
    pub(crate) sockets: Gauge,
    online_mailboxes: Gauge,
    stored_mailboxes: Gauge,
    stored_messages: Gauge,
    stored_message_bytes: Gauge,
    stored_prekeys: Gauge,
    stored_records: Gauge,
    stored_blobs: Gauge,
    stored_blob_bytes: Gauge,
    store_low: Gauge,
    database_bytes: Gauge,
    waiting_bytes: Gauge,
    pub(crate) frames_in: Counter,
    pub(crate) frames_out: Counter,
    pub(crate) bytes_in: Counter,
    pub(crate) bytes_out: Counter,
    pub(crate) commits: Counter,
    pub(crate) failed_commits: Counter,
    pub(crate) commit_seconds: Histogram,
    sync_seconds: Histogram,
    acked: Counter,
    expired: Counter,
    delivered: Counter,
    /// By reason.
    refused: Vec<(ErrorCode, Counter)>,
    pub(crate) failed_accepts: Counter,
    pub(crate) batch_requests: Histogram,
    pub(crate) idle_closed: Counter,
    pub(crate) overrun_closed: Counter,
    pub(crate) refused_frames: Counter,
    pub(crate) refused_sources: Counter,
    pub(crate) failed_handshakes: Counter,
    pub(crate) blob_bytes_in: Counter,
    pub(crate) blob_bytes_out: Counter,
}

/// The name of a metric, and what the operator reads about it.
#[derive(Clone, Copy)]
struct Name(&'static str, &'static str);

const SOCKETS: Name = Name("undertone_relay_sockets", "TCP connections held");
const WEBSOCKETS: Name = Name("undertone_relay_websockets", "WebSocket connections held");
const POLL_SESSIONS: Name = Name("undertone_relay_poll_sessions", "Long-poll sessions held");
const ONLINE_MAILBOXES: Name = Name(
    "undertone_relay_online_mailboxes",
    "Mailboxes whose owner is connected",
);
const STORED_MAILBOXES: Name = Name("undertone_relay_stored_mailboxes", "Mailboxes");
const STORED_MESSAGES: Name = Name(
    "undertone_relay_stored_messages",
    "Envelopes that wait for their recipients",
);
const STORED_MESSAGE_BYTES: Name = Name(
    "undertone_relay_stored_message_bytes",
    "Bytes of envelopes that wait",
);
const STORED_PREKEYS: Name = Name("undertone_relay_stored_prekeys", "One-time prekeys");
const STORED_RECORDS: Name = Name(
    "undertone_relay_stored_records",
    "Records that have a value",
);
const STORED_BLOBS: Name = Name("undertone_relay_stored_blobs", "Blobs, finished or not");
const STORED_BLOB_BYTES: Name = Name(
    "undertone_relay_stored_blob_bytes",
    "Bytes reserved by blobs",
);
const STORE_LOW: Name = Name(
    "undertone_relay_store_low",
    "1 while the disk or the store's quota is nearly used up and only acks and deletes are taken",
);
const DATABASE_BYTES: Name = Name(
    "undertone_relay_database_bytes",
    "Bytes of the database with its write-ahead log",
);
const WAITING_BYTES: Name = Name(
    "undertone_relay_waiting_bytes",
    "Bytes of answers and deliveries that clients have not read yet",
);
const FRAMES_IN: Name = Name(
    "undertone_relay_frames_in_total",
    "Frames received from clients",
);
const FRAMES_OUT: Name = Name(
    "undertone_relay_frames_out_total",
    "Frames written to clients",
);
const BYTES_IN: Name = Name(
    "undertone_relay_frame_bytes_in_total",
    "Bytes of frames received",
);
const BYTES_OUT: Name = Name(
    "undertone_relay_frame_bytes_out_total",
    "Bytes of frames written",
);
const COMMITS: Name = Name(
    "undertone_relay_commits_total",
    "Commits that became durable",
);
const FAILED_COMMITS: Name = Name(
    "undertone_relay_failed_commits_total",
    "Commits that failed; their requests were refused with a reason",
);
const COMMIT_SECONDS: Name = Name(
    "undertone_relay_commit_seconds",
    "Time of handling and committing one batch",
);
const SYNC_SECONDS: Name = Name(
    "undertone_relay_sync_seconds",
    "The part of it from the last request to the disk: backlogs read, pages written, the sync",
);
const ACKED: Name = Name(
    "undertone_relay_acked_total",
    "Envelopes that their recipients acknowledged",
);
const EXPIRED: Name = Name(
    "undertone_relay_expired_total",
    "Envelopes that expired unread",
);
const DELIVERED: Name = Name(
    "undertone_relay_delivered_total",
    "Envelopes handed to their recipients' connections, again ones included",
);
const REFUSED: Name = Name(
    "undertone_relay_refused_total",
    "Requests, recipients and HTTP requests that were refused, by reason",
);
const FAILED_ACCEPTS: Name = Name(
    "undertone_relay_failed_accepts_total",
    "Connections that could not be accepted, mostly for lack of file descriptors",
);
const BATCH_REQUESTS: Name = Name("undertone_relay_batch_requests", "Requests in one commit");
const IDLE_CLOSED: Name = Name(
    "undertone_relay_idle_closed_total",
    "Connections closed as dead",
);
const OVERRUN_CLOSED: Name = Name(
    "undertone_relay_overrun_closed_total",
    "Connections closed because they did not read what they were sent",
);
const REFUSED_FRAMES: Name = Name(
    "undertone_relay_refused_frames_total",
    "Messages that were no frame or too large",
);
const REFUSED_SOURCES: Name = Name(
    "undertone_relay_refused_sources_total",
    "Connections refused because their source held too many",
);
const FAILED_HANDSHAKES: Name = Name(
    "undertone_relay_failed_handshakes_total",
    "TLS handshakes that failed or timed out",
);
const BLOB_BYTES_IN: Name = Name(
    "undertone_relay_blob_bytes_in_total",
    "Bytes of blobs received",
);
const BLOB_BYTES_OUT: Name = Name(
    "undertone_relay_blob_bytes_out_total",
    "Bytes of blobs served",
);

/// The reasons that are counted, as their label says.
const REASONS: [(ErrorCode, &[Label]); 14] = [
    (ErrorCode::Malformed, &[reason("malformed")]),
    (ErrorCode::Unsupported, &[reason("unsupported")]),
    (ErrorCode::NotAuthenticated, &[reason("not_authenticated")]),
    (ErrorCode::BadSignature, &[reason("bad_signature")]),
    (ErrorCode::Denied, &[reason("denied")]),
    (ErrorCode::MailboxFull, &[reason("mailbox_full")]),
    (ErrorCode::TooLarge, &[reason("too_large")]),
    (ErrorCode::NotFound, &[reason("not_found")]),
    (ErrorCode::Conflict, &[reason("conflict")]),
    (ErrorCode::RateLimited, &[reason("rate_limited")]),
    (ErrorCode::Busy, &[reason("busy")]),
    (ErrorCode::StorageFull, &[reason("storage_full")]),
    (ErrorCode::WorkRequired, &[reason("work_required")]),
    (ErrorCode::Closed, &[reason("closed")]),
];

const fn reason(value: &'static str) -> Label {
    Label::from_static_parts("reason", value)
}

/// Registers under one recorder.
struct Registry(PrometheusRecorder);

const METADATA: Metadata<'static> = Metadata::new("undertone_relay", Level::INFO, None);

impl Registry {
    fn counter(&self, Name(name, help): Name) -> Counter {
        self.0
            .describe_counter(name.into(), None, SharedString::const_str(help));
        self.0
            .register_counter(&Key::from_static_name(name), &METADATA)
    }

    fn by_reason(&self, Name(name, help): Name) -> Vec<(ErrorCode, Counter)> {
        self.0
            .describe_counter(name.into(), None, SharedString::const_str(help));
        let of = |labels| {
            self.0
                .register_counter(&Key::from_static_parts(name, labels), &METADATA)
        };
        REASONS.map(|(code, labels)| (code, of(labels))).into()
    }

    fn gauge(&self, Name(name, help): Name) -> Gauge {
        self.0
            .describe_gauge(name.into(), None, SharedString::const_str(help));
        self.0
            .register_gauge(&Key::from_static_name(name), &METADATA)
    }

    fn histogram(&self, Name(name, help): Name, unit: Unit) -> Histogram {
        self.0
            .describe_histogram(name.into(), Some(unit), SharedString::const_str(help));
        self.0
            .register_histogram(&Key::from_static_name(name), &METADATA)
    }
}

/// Upper bounds of the commit-time buckets in seconds: from a fast NVMe fsync to a disk in trouble.
const COMMIT_BUCKETS: [f64; 10] = [
    0.000_5, 0.001, 0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.5, 2.0,
];

/// Upper bounds of the batch-size buckets in requests.
const BATCH_BUCKETS: [f64; 8] = [1.0, 2.0, 4.0, 16.0, 64.0, 256.0, 1_024.0, 4_096.0];

impl Metrics {
    pub(crate) fn new() -> Self {
        let recorder = PrometheusBuilder::new()
            .set_buckets_for_metric(Matcher::Suffix("_seconds".into()), &COMMIT_BUCKETS)
            .and_then(|builder| {
                builder.set_buckets_for_metric(
                    Matcher::Suffix("batch_requests".into()),
                    &BATCH_BUCKETS,
                )
            })
            // Only an empty bucket list is refused. Without buckets they are exported as summaries.
            .unwrap_or_else(|_| PrometheusBuilder::new())
            .build_recorder();
        let handle = recorder.handle();
        let r = Registry(recorder);
        Self {
            handle,
            sockets: r.gauge(SOCKETS),
            websockets: r.gauge(WEBSOCKETS),
            poll_sessions: r.gauge(POLL_SESSIONS),
            online_mailboxes: r.gauge(ONLINE_MAILBOXES),
            stored_mailboxes: r.gauge(STORED_MAILBOXES),
            stored_messages: r.gauge(STORED_MESSAGES),
            stored_message_bytes: r.gauge(STORED_MESSAGE_BYTES),
            stored_prekeys: r.gauge(STORED_PREKEYS),
            stored_records: r.gauge(STORED_RECORDS),
            stored_blobs: r.gauge(STORED_BLOBS),
            stored_blob_bytes: r.gauge(STORED_BLOB_BYTES),
            store_low: r.gauge(STORE_LOW),
            database_bytes: r.gauge(DATABASE_BYTES),
            waiting_bytes: r.gauge(WAITING_BYTES),
            frames_in: r.counter(FRAMES_IN),
            frames_out: r.counter(FRAMES_OUT),
            bytes_in: r.counter(BYTES_IN),
            bytes_out: r.counter(BYTES_OUT),
            commits: r.counter(COMMITS),
            failed_commits: r.counter(FAILED_COMMITS),
            commit_seconds: r.histogram(COMMIT_SECONDS, Unit::Seconds),
            sync_seconds: r.histogram(SYNC_SECONDS, Unit::Seconds),
            acked: r.counter(ACKED),
            expired: r.counter(EXPIRED),
            delivered: r.counter(DELIVERED),
            refused: r.by_reason(REFUSED),
            failed_accepts: r.counter(FAILED_ACCEPTS),
            batch_requests: r.histogram(BATCH_REQUESTS, Unit::Count),
            idle_closed: r.counter(IDLE_CLOSED),
            overrun_closed: r.counter(OVERRUN_CLOSED),
            refused_frames: r.counter(REFUSED_FRAMES),
            refused_sources: r.counter(REFUSED_SOURCES),
            failed_handshakes: r.counter(FAILED_HANDSHAKES),
            blob_bytes_in: r.counter(BLOB_BYTES_IN),
            blob_bytes_out: r.counter(BLOB_BYTES_OUT),
        }
    }

    /// The Prometheus text format.
    pub(crate) fn render(&self) -> String {
        self.handle.render()
    }

    /// Moves what histograms gathered into their buckets; without it they grow until somebody scrapes.
    pub(crate) fn upkeep(&self) {
        self.handle.run_upkeep();
    }

    /// Notes how the store and the service stand.
    pub(crate) fn stand(&self, online: usize, low: bool, totals: &Totals) {
        let online = u64::try_from(online).unwrap_or(u64::MAX);
        for (gauge, value) in [
            (&self.online_mailboxes, online),
            (&self.store_low, u64::from(low)),
            (&self.stored_mailboxes, totals.mailboxes),
            (&self.stored_messages, totals.messages),
            (&self.stored_message_bytes, totals.message_bytes),
            (&self.stored_prekeys, totals.prekeys),
            (&self.stored_records, totals.records),
            (&self.stored_blobs, totals.blobs),
            (&self.stored_blob_bytes, totals.blob_bytes),
        ] {
            gauge.set(rounded(value));
        }
    }

    /// Notes the bytes of the database with its log.
    pub(crate) fn database_size(&self, bytes: u64) {
        self.database_bytes.set(rounded(bytes));
    }

    /// Notes the bytes that wait for clients to read them.
    pub(crate) fn waiting(&self, bytes: usize) {
        let bytes = u64::try_from(bytes).unwrap_or(u64::MAX);
        self.waiting_bytes.set(rounded(bytes));
    }

    /// Counts one durable batch.
    pub(crate) fn committed(&self, requests: usize, took: Duration, syncing: Duration) {
        self.commits.increment(1);
        self.commit_seconds.record(took.as_secs_f64());
        self.sync_seconds.record(syncing.as_secs_f64());
        // Lossless: a batch has at most a few thousand requests.
        self.batch_requests
            .record(f64::from(u32::try_from(requests).unwrap_or(u32::MAX)));
    }
}

impl Metrics {
    /// Counts what became of envelopes in a batch.
    pub(crate) fn gone(&self, acked: u64, expired: u64) {
        self.acked.increment(acked);
        self.expired.increment(expired);
    }

    /// Counts what a frame says: a delivery, or refusals.
    pub(crate) fn says(&self, frame: &Frame) {
        let refusal = match &frame.body {
            Some(Body::Deliver(_)) => return self.delivered.increment(1),
            Some(Body::Failure(failure)) => failure.code(),
            Some(Body::SentMany(sent)) => {
                let codes = sent.results.iter().map(Outcome::code);
                return codes.for_each(|code| self.refused(code));
            }
            _ => return,
        };
        self.refused(refusal);
    }

    /// Counts a refusal; success is none.
    pub(crate) fn refused(&self, code: ErrorCode) {
        if let Some((_, counter)) = self.refused.iter().find(|(reason, _)| *reason == code) {
            counter.increment(1);
        }
    }
}

/// A count as a gauge takes it: exact to 53 bits, which is more than anything counted here.
fn rounded(value: u64) -> f64 {
    let high = u32::try_from(value >> 32).unwrap_or(u32::MAX);
    let low = u32::try_from(value & u64::from(u32::MAX)).unwrap_or(u32::MAX);
    f64::from(high) * (f64::from(u32::MAX) + 1.0) + f64::from(low)
}
