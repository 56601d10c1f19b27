//! Where a relay is: an origin of HTTPS, or of HTTP on the loopback interface.
//!
//! Invariant: an address has one text, `https://host[:port]`, at most 128 bytes, without user, path or query. Turning it
//! into sockets is not this module's concern.

use core::{
    fmt,
    net::{Ipv4Addr, Ipv6Addr},
};

use crate::limits::MAX_RELAY_ADDRESS_LEN;

/// The address of a relay.
///
/// `Debug` shows nothing of it: addresses never reach logs.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RelayAddress {
    text: String,
    scheme: Scheme,
    host: String,
    port: u16,
}

/// How a relay is reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Scheme {
    /// Without TLS; for the loopback interface only.
    Http,
    /// With TLS.
    Https,
}

/// Why a text is no relay address. The person or program that gave the text must act.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RelayAddressError {
    /// Neither `https://` nor `http://`.
    #[error("a relay address starts with https://")]
    Scheme,
    /// `http://` to another host than the loopback interface.
    #[error("without TLS only a relay on this machine is allowed")]
    Insecure,
    /// The host is no ASCII host name or IP address (names beyond ASCII are written in punycode).
    #[error("not a host name or IP address")]
    Host,
    /// The port is no number from 1 to 65,535.
    #[error("not a port")]
    Port,
    /// There is a user, path, query or fragment.
    #[error("a relay address has nothing behind host and port")]
    Suffix,
    /// More than 128 bytes.
    #[error("relay address too long")]
    TooLong,
}

impl RelayAddress {
    /// Parses `scheme://host[:port]`, with or without a slash at the end. Case does not matter.
    ///
    /// # Errors
    /// [`RelayAddressError`], by what is wrong with the text.
    pub fn parse(text: &str) -> Result<Self, RelayAddressError> {
        // Longer texts are not worth lowering: the canonical form is never shorter by more than scheme case and port.
        if text.len() > 2 * MAX_RELAY_ADDRESS_LEN {
            return Err(RelayAddressError::TooLong);
        }
        let lower = text.to_ascii_lowercase();
        let (scheme, rest) = if let Some(rest) = lower.strip_prefix("https://") {
            (Scheme::Https, rest)
        } else if let Some(rest) = lower.strip_prefix("http://") {
            (Scheme::Http, rest)
        } else {
            return Err(RelayAddressError::Scheme);
        };
        let authority = rest.strip_suffix('/').unwrap_or(rest);
        if authority.contains(['/', '?', '#', '@', '\\']) {
            return Err(RelayAddressError::Suffix);
        }
        let (host, port) = split_port(authority)?;
        let host = canonical_host(host)?;
        let port = port.map_or(Ok(scheme.default_port()), parse_port)?;
        if scheme == Scheme::Http && !is_loopback(&host) {
            return Err(RelayAddressError::Insecure);
        }
        let mut text = format!("{}{host}", scheme.prefix());
        if port != scheme.default_port() {
            text.push_str(&format!(":{port}"));
        }
        if text.len() > MAX_RELAY_ADDRESS_LEN {
            return Err(RelayAddressError::TooLong);
        }
        Ok(Self {
            text,
            scheme,
            host,
            port,
        })
    }

    /// Parses an address that must be in canonical form, as it is inside signed bodies.
    ///
    /// # Errors
    /// As [`RelayAddress::parse`]; [`RelayAddressError::Host`] for an address in another form.
    pub fn parse_canonical(bytes: &[u8]) -> Result<Self, RelayAddressError> {
        let text = core::str::from_utf8(bytes).map_err(|_| RelayAddressError::Host)?;
        let parsed = Self::parse(text)?;
        if parsed.text == text {
            Ok(parsed)
        } else {
            Err(RelayAddressError::Host)
        }
    }

    /// The canonical text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Whether TLS is used.
    #[must_use]
    pub const fn scheme(&self) -> Scheme {
        self.scheme
    }

    /// The host: a lower-case name, an IPv4 address, or an IPv6 address in brackets.
    #[must_use]
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The TCP port.
    #[must_use]
    pub const fn port(&self) -> u16 {
        self.port
    }
}

impl Scheme {
    const fn prefix(self) -> &'static str {
        match self {
            Self::Http => "http://",
            Self::Https => "https://",
        }
    }

    const fn default_port(self) -> u16 {
        match self {
            Self::Http => 80,
            Self::Https => 443,
        }
    }
}

/// Splits `host[:port]`; the brackets of an IPv6 address stay with the host.
fn split_port(authority: &str) -> Result<(&str, Option<&str>), RelayAddressError> {
    let colon = match authority.strip_prefix('[') {
        Some(inner) => {
            let end = inner.find(']').ok_or(RelayAddressError::Host)? + 2;
            if end == authority.len() {
                return Ok((authority, None));
            }
            end
        }
        None => match authority.find(':') {
            Some(colon) => colon,
            None => return Ok((authority, None)),
        },
    };
    let (host, port) = authority
        .split_at_checked(colon)
        .ok_or(RelayAddressError::Host)?;
    let port = port.strip_prefix(':').ok_or(RelayAddressError::Host)?;
    Ok((host, Some(port)))
}

fn parse_port(text: &str) -> Result<u16, RelayAddressError> {
    let digits = text.bytes().all(|b| b.is_ascii_digit());
    match text.parse() {
        Ok(port) if digits && port > 0 => Ok(port),
        Ok(_) | Err(_) => Err(RelayAddressError::Port),
    }
}

/// The host in its only form. `host` is in lower case.
fn canonical_host(host: &str) -> Result<String, RelayAddressError> {
    if let Some(inner) = host.strip_prefix('[').and_then(|h| h.strip_suffix(']')) {
        let address: Ipv6Addr = inner.parse().map_err(|_| RelayAddressError::Host)?;
        return Ok(format!("[{address}]"));
    }
    let labels = || host.split('.');
    // A name whose last label is a number is an IPv4 address to every resolver, in one of many spellings: only the
    // usual one is allowed.
    if labels()
        .next_back()
        .is_some_and(|last| last.starts_with(|c: char| c.is_ascii_digit()))
    {
        let address: Ipv4Addr = host.parse().map_err(|_| RelayAddressError::Host)?;
        return Ok(address.to_string());
    }
    let label_is_valid = |label: &str| {
        !label.is_empty()
            && label.len() <= 63
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label
                .bytes()
                .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
    };
    if labels().all(label_is_valid) {
        Ok(host.to_owned())
    } else {
        Err(RelayAddressError::Host)
    }
}

fn is_loopback(host: &str) -> bool {
    host == "localhost"
        || host == "[::1]"
        || host
            .parse::<Ipv4Addr>()
            .is_ok_and(|address| address.is_loopback())
}

impl fmt::Debug for RelayAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RelayAddress(..)")
    }
}

#[cfg(test)]
#[path = "relay_address_tests.rs"]
mod tests;
