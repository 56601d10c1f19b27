//! The I/O shell: sockets, TLS, HTTP, WebSocket, long-poll, blobs' bytes, and the thread that commits.
//!
//! ```text
//! listener ── tls ── http_service ──┬── websocket ───────┐
//!    shared: sources, hosts, …      ├── poll_* ──────────┤ connection ⇄ committer (one thread: Service + Storage)
//!                                   ├── blobs, blob_* ───┘       outbound: bounded, per connection
//!                                   └── invite_page
//! admin ── metrics
//! ```
//! Invariants: everything that waits is bounded (`limits`); nothing here knows what a frame means; no id and no address
//! is logged or counted. Not its concern: the four primitives (`crate::service`) and how they are stored
//! (`crate::storage`).

mod admin;
mod authorization;
mod blob_download;
pub(crate) mod blob_files;
mod blob_upkeep;
mod blobs;
mod blocking;
mod body;
mod clock;
mod committer;
mod connection;
mod hosts;
mod http_service;
mod invite_page;
mod limits;
mod listener;
mod log_gate;
mod metrics;
mod open_files;
mod outbound;
mod poll_routes;
mod poll_session;
mod poll_table;
mod relay;
mod shared;
mod sources;
mod tls;
mod websocket;
mod write_deadline;

pub use hosts::HostsError;
pub use open_files::raise_open_files;
pub use relay::{Relay, StartError};
pub use tls::TlsError;

use crate::config::Config;

/// Host names and TLS files of a configuration.
pub(crate) fn check(config: &Config) -> Result<(), StartError> {
    relay::Checked::new(config).map(drop)
}
