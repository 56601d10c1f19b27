//! The relay over real sockets and real files: what a client, a stranger, an attacker and an operator meet.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::wildcard_enum_match_arm,
    reason = "the helpers of tests fail as tests do"
)]

mod blobs;
mod client;
mod full;
mod hostile;
mod http;
mod operator;
mod process;
mod stop;
mod tls;
mod transports;
