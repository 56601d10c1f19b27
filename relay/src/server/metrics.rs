//! What `/metrics` shows: counts and durations of the whole relay, never of anybody.
//!
//! Invariant: every label value is a constant of this file; no id, address or length of one message can become one.
//! Each relay has a recorder of its own, so that two relays in one process do not share figures.

use std::time::Duration;

use metrics::{Counter, Gauge, Histogram, Key, Level, Metadata, Recorder, SharedString, Unit};
use metrics_exporter_prometheus::{
    Matcher, PrometheusBuilder, PrometheusHandle, PrometheusRecorder,
};

/// The handles, made once; using one is an atomic operation.
pub(crate) struct Metrics {
    handle: PrometheusHandle,
    pub(crate) websockets: Gauge,
    pub(crate) poll_sessions: Gauge,
    pub(crate) sockets: Gauge,
    pub(crate) frames_in: Counter,
    pub(crate) frames_out: Counter,
    pub(crate) bytes_in: Counter,
    pub(crate) bytes_out: Counter,
    pub(crate) commits: Counter,
    pub(crate) failed_commits: Counter,
    pub(crate) commit_seconds: Histogram,
    pub(crate) batch_requests: Histogram,
    pub(crate) idle_closed: Counter,
    pub(crate) overrun_closed: Counter,
    pub(crate) refused_frames: Counter,
    pub(crate) refused_sources: Counter,
    pub(crate) failed_handshakes: Counter,
    pub(crate) blob_bytes_in: Counter,
    pub(crate) blob_bytes_out: Counter,
}

/// Registers under one recorder.
struct Registry(PrometheusRecorder);

const METADATA: Metadata<'static> = Metadata::new("undertone_relay", Level::INFO, None);

impl Registry {
    fn counter(&self, name: &'static str, help: &'static str) -> Counter {
        self.0
            .describe_counter(name.into(), None, SharedString::const_str(help));
        self.0
            .register_counter(&Key::from_static_name(name), &METADATA)
    }

    fn gauge(&self, name: &'static str, help: &'static str) -> Gauge {
        self.0
            .describe_gauge(name.into(), None, SharedString::const_str(help));
        self.0
            .register_gauge(&Key::from_static_name(name), &METADATA)
    }

    fn histogram(&self, name: &'static str, unit: Unit, help: &'static str) -> Histogram {
        self.0
            .describe_histogram(name.into(), Some(unit), SharedString::const_str(help));
        self.0
            .register_histogram(&Key::from_static_name(name), &METADATA)
    }
}

/// Upper bounds of the commit-time buckets in seconds: from a fast NVMe fsync to a disk in trouble.
const COMMIT_SECONDS: [f64; 10] = [
    0.000_5, 0.001, 0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.5, 2.0,
];

/// Upper bounds of the batch-size buckets in requests.
const BATCH_REQUESTS: [f64; 8] = [1.0, 2.0, 4.0, 16.0, 64.0, 256.0, 1_024.0, 4_096.0];

impl Metrics {
    pub(crate) fn new() -> Self {
        let recorder = PrometheusBuilder::new()
            .set_buckets_for_metric(Matcher::Suffix("commit_seconds".into()), &COMMIT_SECONDS)
            .and_then(|builder| {
                builder.set_buckets_for_metric(
                    Matcher::Suffix("batch_requests".into()),
                    &BATCH_REQUESTS,
                )
            })
            // Only an empty bucket list is refused. Without buckets the two are exported as summaries.
            .unwrap_or_else(|_| PrometheusBuilder::new())
            .build_recorder();
        let handle = recorder.handle();
        let r = Registry(recorder);
        Self {
            handle,
            sockets: r.gauge("undertone_relay_sockets", "TCP connections held"),
            websockets: r.gauge("undertone_relay_websockets", "WebSocket connections held"),
            poll_sessions: r.gauge("undertone_relay_poll_sessions", "Long-poll sessions held"),
            frames_in: r.counter(
                "undertone_relay_frames_in_total",
                "Frames received from clients",
            ),
            frames_out: r.counter(
                "undertone_relay_frames_out_total",
                "Frames written to clients",
            ),
            bytes_in: r.counter(
                "undertone_relay_frame_bytes_in_total",
                "Bytes of frames received",
            ),
            bytes_out: r.counter(
                "undertone_relay_frame_bytes_out_total",
                "Bytes of frames written",
            ),
            commits: r.counter(
                "undertone_relay_commits_total",
                "Commits that became durable",
            ),
            failed_commits: r.counter(
                "undertone_relay_failed_commits_total",
                "Commits that failed; their requests were not answered",
            ),
            commit_seconds: r.histogram(
                "undertone_relay_commit_seconds",
                Unit::Seconds,
                "Time of handling and committing one batch",
            ),
            batch_requests: r.histogram(
                "undertone_relay_batch_requests",
                Unit::Count,
                "Requests in one commit",
            ),
            idle_closed: r.counter(
                "undertone_relay_idle_closed_total",
                "Connections closed as dead",
            ),
            overrun_closed: r.counter(
                "undertone_relay_overrun_closed_total",
                "Connections closed because they did not read what they were sent",
            ),
            refused_frames: r.counter(
                "undertone_relay_refused_frames_total",
                "Messages that were no frame or too large",
            ),
            refused_sources: r.counter(
                "undertone_relay_refused_sources_total",
                "Connections refused because their source held too many",
            ),
            failed_handshakes: r.counter(
                "undertone_relay_failed_handshakes_total",
                "TLS handshakes that failed or timed out",
            ),
            blob_bytes_in: r.counter(
                "undertone_relay_blob_bytes_in_total",
                "Bytes of blobs received",
            ),
            blob_bytes_out: r.counter(
                "undertone_relay_blob_bytes_out_total",
                "Bytes of blobs served",
            ),
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

    /// Counts one durable batch.
    pub(crate) fn committed(&self, requests: usize, took: Duration) {
        self.commits.increment(1);
        self.commit_seconds.record(took.as_secs_f64());
        // Lossless: a batch has at most BATCH_REQUESTS requests.
        self.batch_requests
            .record(f64::from(u32::try_from(requests).unwrap_or(u32::MAX)));
    }
}
