//! The client as an app uses it, against a real relay on a loopback socket, with its store in a real file.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::unreachable,
    clippy::wildcard_enum_match_arm,
    reason = "a test that meets what it does not expect has failed"
)]

#[path = "../transport/certificate.rs"]
mod certificate;
mod changes;
mod connection;
mod conversation;
mod deletion;
mod durability;
mod examples;
mod export;
mod history;
mod import;
mod live;
mod locking;
mod logs;
#[cfg(target_os = "linux")]
#[path = "../../src/store/tests/memory.rs"]
mod memory;
mod networks;
mod opening;
#[path = "../../src/store/tests/pages.rs"]
mod pages;
mod people;
mod profiles;
mod remnants;
mod reports;
#[path = "../transport/servers.rs"]
mod servers;
mod store_key;
mod support;
