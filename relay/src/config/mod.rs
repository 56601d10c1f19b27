//! What an operator may set, and where each value comes from.
//!
//! Layers, later ones winning: defaults, a TOML file, environment variables `UNDERTONE_RELAY_*`, command-line flags.
//! Invariant: a [`Config`] that was loaded names a data directory and holds no key this version does not know.
//! Not its concern: reading certificates, opening the store or binding addresses; `Relay::start` does that.

mod flags;
mod ranges;

use std::{
    net::{IpAddr, Ipv4Addr, SocketAddr},
    path::{Path, PathBuf},
};

use figment::{
    Figment,
    providers::{Env, Format, Serialized, Toml},
};
use serde::{Deserialize, Serialize};

use undertone_wire::limits::BASE_DIFFICULTY;

use crate::service::{
    ServiceConfig,
    limits::{INVITE_QUOTA, KNOCKS, MAILBOX_BYTES, MAILBOX_MESSAGES, rates},
};

pub use flags::Flags;

/// Prefix of the environment variables that set configuration keys.
pub const ENVIRONMENT_PREFIX: &str = "UNDERTONE_RELAY_";

/// The environment variable that names the configuration file; it is no key of the file itself.
pub const ENVIRONMENT_FILE: &str = "UNDERTONE_RELAY_CONFIG";

/// Port of the default listen address.
pub const DEFAULT_PORT: u16 = 9750;

/// Port of the default admin address.
pub const DEFAULT_ADMIN_PORT: u16 = 9751;

/// Everything an operator may set. The keys of the TOML file are the names of these fields.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// The directory that holds everything the relay keeps. Made when absent.
    pub data: PathBuf,
    /// Where clients connect. Port 0 takes a free one.
    pub listen: SocketAddr,
    /// Where `/livez`, `/readyz` and `/metrics` are served; `"off"` for nowhere. Keep it private.
    #[serde(with = "address_or_off")]
    pub admin: Option<SocketAddr>,
    /// PEM file with the certificate chain. Without it the relay speaks plain HTTP: for loopback, or behind a proxy.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tls_cert: Option<PathBuf>,
    /// PEM file with the private key of `tls_cert`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tls_key: Option<PathBuf>,
    /// The host names under which clients reach this relay. Needed unless it listens on loopback, because a login
    /// over long-poll or through a proxy is bound to the name.
    pub hosts: Vec<String>,
    /// Addresses of proxies whose `X-Forwarded-For` is believed. Only its last element is used.
    pub trusted_proxies: Vec<IpAddr>,
    /// Whether a login with an unknown key makes a new mailbox.
    pub accept_new_mailboxes: bool,
    /// Whether requests are limited by connection, source prefix and mailbox. Off only for benchmarks and tests.
    pub limit_rates: bool,
    /// Connections held at one time; further ones wait in the kernel's queue.
    pub max_connections: usize,
    /// Connections held at one time from one source prefix (IPv4 address, IPv6 /64).
    pub max_connections_per_source: usize,
    /// MiB of answers and deliveries that wait in memory for clients to read them. Beyond it those who have most waiting
    /// are disconnected.
    pub max_waiting_mib: u64,
    /// MiB that the database may use. When it is not set, what the disk has.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub store_quota_mib: Option<u64>,
    /// Envelopes that one mailbox may hold.
    pub mailbox_quota_messages: u32,
    /// MiB of envelopes that one mailbox may hold.
    pub mailbox_quota_mib: u64,
    /// MiB of blobs kept in all, reserved when an upload is created.
    pub blob_quota_mib: u64,
    /// MiB of one blob.
    pub blob_max_mib: u64,
    /// MiB of blobs that one source prefix may reserve in an hour.
    pub blob_source_quota_mib: u64,
    /// Days until an envelope that nobody fetched expires.
    pub envelope_days: u64,
    /// Days without its owner after which a mailbox is removed.
    pub mailbox_days: u64,
    /// Days that a finished blob is kept.
    pub blob_days: u64,
    /// Leading zero bits of the work for a knock at an empty lane; it rises by up to 8 with the lane's fill.
    pub knock_difficulty: u32,
    /// Knocks that wait in one mailbox.
    pub knock_quota: u32,
    /// Messages that an invite admits when its owner says nothing else.
    pub invite_quota: u32,
    /// Requests of one connection in a second; four times as many at once.
    pub connection_requests_per_second: u32,
    /// Requests of one source in a second, in frames and over HTTP; ten times as many at once.
    pub source_requests_per_second: u32,
    /// Requests of everybody in a second; twice as many at once.
    pub all_requests_per_second: u32,
    /// Envelopes to one mailbox in a second; ten times as many at once.
    pub mailbox_envelopes_per_second: u32,
    /// Mailboxes that one source makes in an hour.
    pub source_mailboxes_per_hour: u32,
    /// Records that one source makes in an hour.
    pub source_records_per_hour: u32,
    /// Prekeys that one source takes in an hour.
    pub source_prekeys_per_hour: u32,
    /// Blobs that one source makes in an hour.
    pub source_blobs_per_hour: u32,
    /// Seconds that a stop waits for connections to finish what they asked for.
    pub drain_seconds: u64,
    /// How much is logged. No level logs ids or addresses.
    pub log: LogLevel,
}

/// How much is logged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum LogLevel {
    /// What an operator must act on.
    Error,
    /// What an operator should look at.
    Warn,
    /// Starts, stops and changes of state.
    Info,
    /// One line for each connection's end, with its reason.
    Debug,
}

/// Why there is no configuration. The operator must act on every one of them.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The named file cannot be read.
    #[error(
        "the configuration file {path} cannot be read: {cause}. Check the path and its permissions."
    )]
    Unreadable {
        /// The file that was named.
        path: PathBuf,
        /// What the system said.
        cause: std::io::Error,
    },
    /// A key is unknown, or its value does not parse.
    #[error("the configuration is not valid: {0}. Correct that key.")]
    Invalid(String),
    /// A value makes no sense.
    #[error("{key} is {value}, and must be from {least} to {most}. Correct that key.")]
    OutOfRange {
        /// The key.
        key: &'static str,
        /// Its value.
        value: u64,
        /// The least value.
        least: u64,
        /// The greatest value.
        most: u64,
    },
    /// No data directory was named.
    #[error(
        "no data directory was named. Give --data DIR, or set `data` in the configuration file."
    )]
    NoDataDirectory,
}

impl LogLevel {
    /// The name as it is written in a configuration.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warn => "warn",
            Self::Info => "info",
            Self::Debug => "debug",
        }
    }
}

impl Config {
    /// The defaults over one data directory: plain HTTP on loopback, admin on the next port.
    pub fn new(data: impl Into<PathBuf>) -> Self {
        Self {
            data: data.into(),
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, DEFAULT_PORT)),
            admin: Some(SocketAddr::from((Ipv4Addr::LOCALHOST, DEFAULT_ADMIN_PORT))),
            tls_cert: None,
            tls_key: None,
            hosts: Vec::new(),
            trusted_proxies: Vec::new(),
            accept_new_mailboxes: true,
            limit_rates: true,
            max_connections: 100_000,
            max_connections_per_source: 4_096,
            max_waiting_mib: 512,
            store_quota_mib: None,
            mailbox_quota_messages: MAILBOX_MESSAGES,
            mailbox_quota_mib: MAILBOX_BYTES / (1024 * 1024),
            blob_quota_mib: 10 * 1024,
            blob_max_mib: 128,
            blob_source_quota_mib: 1024,
            envelope_days: 30,
            mailbox_days: 90,
            blob_days: 30,
            knock_difficulty: BASE_DIFFICULTY,
            knock_quota: KNOCKS,
            invite_quota: INVITE_QUOTA,
            connection_requests_per_second: rates::CONNECTION_REQUESTS,
            source_requests_per_second: rates::SOURCE_REQUESTS,
            all_requests_per_second: rates::ALL_REQUESTS,
            mailbox_envelopes_per_second: rates::MAILBOX_ENVELOPES,
            source_mailboxes_per_hour: rates::SOURCE_MAILBOXES,
            source_records_per_hour: rates::SOURCE_RECORDS,
            source_prekeys_per_hour: rates::SOURCE_PREKEYS,
            source_blobs_per_hour: rates::SOURCE_BLOBS,
            drain_seconds: 10,
            log: LogLevel::Info,
        }
    }

    /// The defaults for a relay inside a test or an example: loopback, free ports.
    pub fn loopback(data: impl Into<PathBuf>) -> Self {
        let any = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        Self {
            listen: any,
            admin: Some(any),
            ..Self::new(data)
        }
    }

    /// Finds values that make no sense: a slip of the keyboard is a message at the start, not a relay that refuses
    /// everybody.
    ///
    /// # Errors
    /// [`ConfigError::OutOfRange`] with the key that the operator must correct.
    pub fn check(&self) -> Result<(), ConfigError> {
        ranges::check(self)
    }

    /// What the service does by this configuration.
    #[must_use]
    pub fn service(&self) -> ServiceConfig {
        ranges::service(self)
    }

    /// One line with what matters most.
    pub fn summary(&self) -> String {
        let scheme = if self.tls_cert.is_some() {
            "https"
        } else {
            "http"
        };
        let admin = self
            .admin
            .map_or("off".to_owned(), |address| address.to_string());
        format!(
            "{scheme} on {}, admin on {admin}, data in {}",
            self.listen,
            self.data.display()
        )
    }

    /// Reads all layers.
    ///
    /// # Errors
    /// [`ConfigError`] says which key or file the operator must correct.
    pub fn load(file: Option<&Path>, flags: &Flags) -> Result<Self, ConfigError> {
        let mut layers = Figment::from(Serialized::defaults(Self::new(PathBuf::new())));
        if let Some(path) = file {
            let text = std::fs::read_to_string(path).map_err(|cause| ConfigError::Unreadable {
                path: path.to_owned(),
                cause,
            })?;
            layers = layers.merge(Toml::string(&text));
        }
        let environment = Env::prefixed(ENVIRONMENT_PREFIX).ignore(&["config"]);
        let config: Self = layers
            .merge(environment)
            .merge(Serialized::defaults(flags))
            .extract()
            .map_err(|error| ConfigError::Invalid(error.to_string().replace('\n', "; ")))?;
        if config.data.as_os_str().is_empty() {
            return Err(ConfigError::NoDataDirectory);
        }
        Ok(config)
    }
}

/// `"off"` or a socket address, as text.
mod address_or_off {
    use std::net::SocketAddr;

    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    pub(super) fn serialize<S: Serializer>(
        address: &Option<SocketAddr>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        match address {
            Some(address) => serializer.collect_str(address),
            None => serializer.serialize_str("off"),
        }
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Option<SocketAddr>, D::Error> {
        let text = String::deserialize(deserializer)?;
        if text == "off" {
            return Ok(None);
        }
        text.parse()
            .map(Some)
            .map_err(|_| D::Error::custom("expected ADDRESS:PORT or \"off\""))
    }
}

#[cfg(test)]
#[path = "config_tests.rs"]
mod tests;
