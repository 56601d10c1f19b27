//! Where a relay is: scheme, host and port, parsed once.
//!
//! Invariant: an [`Endpoint`] without TLS names a loopback address. Which relay a contact uses is the engine's concern.

use std::net::{IpAddr, Ipv6Addr};
use std::str::FromStr;

use url::{Host, Url};

use super::limits::RELAY_ADDRESS_BYTES;

/// A relay's socket address: `wss://host[:port]` (also written `https://…` or as a bare `host[:port]`), or `ws://`/`http://` for loopback.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Endpoint {
    tls: bool,
    host: Host<String>,
    port: u16,
}

/// Why a text is no relay address. Whoever typed or made it must act.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum EndpointError {
    /// It does not parse as `wss://host[:port]`.
    #[error("it is not of the form wss://host[:port]")]
    Malformed,
    /// It is longer than 128 bytes.
    #[error("it is longer than {RELAY_ADDRESS_BYTES} bytes")]
    TooLong,
    /// It has a path, a query, a fragment, a user or a password.
    #[error("it has more than a host and a port")]
    NotBare,
    /// Without TLS only loopback addresses are allowed.
    #[error("without TLS only a loopback address is allowed; use wss://")]
    PlaintextNotLoopback,
}

impl Endpoint {
    /// Whether the connection is inside TLS.
    pub fn is_tls(&self) -> bool {
        self.tls
    }

    /// The port, explicit or by scheme (443, or 80 without TLS).
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Host name in lower case, without port and without the brackets of IPv6: what the host binding hashes and TLS verifies.
    pub fn host(&self) -> String {
        match &self.host {
            Host::Domain(name) => name.clone(),
            Host::Ipv4(address) => address.to_string(),
            Host::Ipv6(address) => address.to_string(),
        }
    }

    /// The address itself when the host is a literal; nothing is resolved then.
    pub(super) fn literal(&self) -> Option<IpAddr> {
        match &self.host {
            Host::Domain(_) => None,
            Host::Ipv4(address) => Some(IpAddr::V4(*address)),
            Host::Ipv6(address) => Some(IpAddr::V6(*address)),
        }
    }

    /// Value of the HTTP `Host` header (RFC 9110 section 7.2).
    pub(super) fn authority(&self) -> String {
        let standard = if self.tls { 443 } else { 80 };
        if self.port == standard {
            self.host.to_string()
        } else {
            format!("{}:{}", self.host, self.port)
        }
    }
}

impl FromStr for Endpoint {
    type Err = EndpointError;

    fn from_str(text: &str) -> Result<Self, EndpointError> {
        if text.len() > RELAY_ADDRESS_BYTES {
            return Err(EndpointError::TooLong);
        }
        let with_scheme = if text.contains("://") {
            text.to_owned()
        } else {
            format!("wss://{text}")
        };
        let url = Url::parse(&with_scheme).map_err(|_| EndpointError::Malformed)?;
        let tls = match url.scheme() {
            "wss" | "https" => true,
            "ws" | "http" => false,
            _ => return Err(EndpointError::Malformed),
        };
        let bare = url.username().is_empty()
            && url.password().is_none()
            && matches!(url.path(), "" | "/")
            && url.query().is_none()
            && url.fragment().is_none();
        if !bare {
            return Err(EndpointError::NotBare);
        }
        let host = url.host().ok_or(EndpointError::Malformed)?.to_owned();
        let port = url
            .port_or_known_default()
            .ok_or(EndpointError::Malformed)?;
        if !tls && !is_loopback(&host) {
            return Err(EndpointError::PlaintextNotLoopback);
        }
        Ok(Self { tls, host, port })
    }
}

/// `localhost` is loopback by RFC 6761 section 6.3.
fn is_loopback(host: &Host<String>) -> bool {
    match host {
        Host::Domain(name) => name == "localhost" || name.ends_with(".localhost"),
        Host::Ipv4(address) => address.is_loopback(),
        Host::Ipv6(address) => *address == Ipv6Addr::LOCALHOST,
    }
}

#[cfg(test)]
#[path = "endpoint_tests.rs"]
mod tests;
