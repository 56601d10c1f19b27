//! The names under which a relay is reached, and the value that binds a login to one of them.
//!
//! A login that is not bound to a TLS channel (long-poll spans several, a proxy ends them) is bound to the host name
//! that the client used. Invariant: the name is one that the operator set, never simply the one a request brought;
//! otherwise another host could pass a victim's login on.

use std::net::SocketAddr;

use crate::config::Config;

/// The names that a request's `Host` may have.
pub(crate) struct Hosts(Vec<String>);

/// Why the names are not known. The operator must act.
#[derive(Debug, thiserror::Error)]
pub enum HostsError {
    /// The relay is not on loopback and no name is set.
    #[error(
        "the host name of this relay is not known. Set --host NAME to the name that clients connect to."
    )]
    Missing,
    /// A name is not one: it has a scheme, port, path or white space.
    #[error("`{0}` is no host name. Give the bare name, without scheme, port or path.")]
    NotAName(String),
}

impl Hosts {
    /// Takes the configured names; on loopback the loopback names are known by themselves.
    pub(crate) fn from_config(config: &Config) -> Result<Self, HostsError> {
        let mut names = Vec::new();
        for host in &config.hosts {
            names.push(normalise(host).ok_or_else(|| HostsError::NotAName(host.clone()))?);
        }
        if config.listen.ip().is_loopback() {
            names.extend([
                "localhost".to_owned(),
                "127.0.0.1".to_owned(),
                "::1".to_owned(),
            ]);
            names.push(config.listen.ip().to_string());
        }
        if names.is_empty() {
            Err(HostsError::Missing)
        } else {
            Ok(Self(names))
        }
    }

    /// The binding for a request's `Host` header, when that names this relay.
    pub(crate) fn binding(&self, host_header: &str) -> Option<[u8; 32]> {
        let name = normalise(without_port(host_header))?;
        self.0
            .contains(&name)
            .then(|| undertone_wire::binding::host(&name))
    }
}

/// Lower case, without IPv6 brackets; `None` when it cannot be a name or an address.
fn normalise(host: &str) -> Option<String> {
    let bare = host
        .strip_prefix('[')
        .and_then(|h| h.strip_suffix(']'))
        .unwrap_or(host);
    let address = bare.parse::<std::net::Ipv6Addr>().is_ok();
    let name = !bare.is_empty()
        && bare
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.' | b'_'));
    (name || address).then(|| bare.to_ascii_lowercase())
}

fn without_port(host: &str) -> &str {
    if host.parse::<SocketAddr>().is_ok() || !host.ends_with(']') {
        match host.rsplit_once(':') {
            Some((name, port)) if port.bytes().all(|b| b.is_ascii_digit()) => return name,
            Some(_) | None => {}
        }
    }
    host
}

#[cfg(test)]
#[path = "hosts_tests.rs"]
mod tests;
