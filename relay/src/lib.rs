//! The blind relay of Undertone: mailboxes, prekeys, records and blobs over opaque bytes.
//!
//! [`service`] decides, [`storage`] keeps, [`server`] carries; `main.rs` is the program an operator runs.
//! Invariant: nothing in this crate can reach the code that could decrypt; it depends on `undertone-wire` alone.
//!
//! ```no_run
//! # async fn example() -> Result<(), undertone_relay::StartError> {
//! let relay = undertone_relay::Relay::start(undertone_relay::Config::loopback("data")).await?;
//! println!("ws://{}", relay.local_addr());
//! relay.shutdown().await;
//! # Ok(())
//! # }
//! ```

#![forbid(unsafe_code)]

pub mod backup;
pub mod config;
pub mod data_dir;
pub mod server;
pub mod service;
pub mod storage;

pub use config::Config;
pub use server::{Relay, StartError};

/// Finds out what is wrong with a configuration without touching its data directory or a socket.
///
/// # Errors
/// [`StartError`] for host names and TLS files, as [`Relay::start`] would give.
pub fn check(config: &Config) -> Result<(), StartError> {
    server::check(config)
}
