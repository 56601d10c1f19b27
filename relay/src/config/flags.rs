//! The command-line flags that set configuration keys: the last layer of [`super::Config`].

use std::{net::SocketAddr, path::PathBuf};

use serde::Serialize;

use super::LogLevel;

/// Flags of `serve` and `check-config`. What is not given leaves the layers below as they are.
#[derive(Clone, Debug, Default, Serialize, clap::Args)]
pub struct Flags {
    /// Directory that holds everything the relay keeps; made when absent
    #[arg(long, value_name = "DIR")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub data: Option<PathBuf>,
    /// Where clients connect [default: 127.0.0.1:9750]
    #[arg(long, value_name = "ADDR")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub listen: Option<SocketAddr>,
    /// Where /livez, /readyz and /metrics are served, or "off" [default: 127.0.0.1:9751]
    #[arg(long, value_name = "ADDR")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub admin: Option<String>,
    /// PEM file with the certificate chain
    #[arg(long, value_name = "FILE")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tls_cert: Option<PathBuf>,
    /// PEM file with the private key
    #[arg(long, value_name = "FILE")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tls_key: Option<PathBuf>,
    /// Host name under which clients reach this relay; may be given more than once
    #[arg(long = "host", value_name = "NAME")]
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub hosts: Vec<String>,
    /// How much is logged
    #[arg(long, value_enum, value_name = "LEVEL")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub log: Option<LogLevel>,
}
