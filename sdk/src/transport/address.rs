//! How a relay's address appears in DNS, TLS and HTTP.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use undertone_protocol::relay_address::{RelayAddress, Scheme};

/// Whether the connection is inside TLS; without it only loopback addresses exist.
pub(super) fn is_tls(relay: &RelayAddress) -> bool {
    relay.scheme() == Scheme::Https
}

/// The host without the brackets of IPv6: what TLS verifies.
pub(super) fn host(relay: &RelayAddress) -> &str {
    let host = relay.host();
    host.strip_prefix('[')
        .and_then(|inner| inner.strip_suffix(']'))
        .unwrap_or(host)
}

/// The host when it is a literal address; nothing is resolved then.
pub(super) fn literal(relay: &RelayAddress) -> Option<IpAddr> {
    let host = host(relay);
    host.parse::<Ipv4Addr>()
        .map(IpAddr::V4)
        .or_else(|_| host.parse::<Ipv6Addr>().map(IpAddr::V6))
        .ok()
}

/// Value of the HTTP `Host` header (RFC 9110 section 7.2): the port only when it is not the scheme's.
pub(super) fn authority(relay: &RelayAddress) -> &str {
    relay
        .as_str()
        .split_once("://")
        .map_or("", |(_, authority)| authority)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ipv6_has_brackets_in_http_and_none_in_tls() {
        let relay = RelayAddress::parse("http://[::1]:9750").unwrap();
        assert_eq!(host(&relay), "::1");
        assert_eq!(authority(&relay), "[::1]:9750");
        assert_eq!(literal(&relay), Some(IpAddr::V6(Ipv6Addr::LOCALHOST)));
    }

    #[test]
    fn a_name_is_not_taken_for_an_address() {
        let relay = RelayAddress::parse("https://Relay.Example:443/").unwrap();
        assert_eq!(
            (host(&relay), authority(&relay)),
            ("relay.example", "relay.example")
        );
        assert_eq!(literal(&relay), None);
        assert!(is_tls(&relay));
    }
}
