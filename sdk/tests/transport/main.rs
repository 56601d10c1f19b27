//! The transport against real relays and against hostile ones, on loopback sockets.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::unreachable,
    clippy::wildcard_enum_match_arm,
    reason = "a test that meets what it does not expect has failed"
)]

mod certificate;
mod fallback;
mod hostile;
mod reconnect;
mod servers;
mod socks5;
mod support;
mod tls;
