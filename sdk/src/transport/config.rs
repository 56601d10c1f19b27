//! What an app may choose about connections.

use std::fmt;
use std::time::Duration;

use super::limits;

/// Settings of every connection that a client makes. The default fits most apps.
#[derive(Clone, Debug, Default)]
pub struct TransportConfig {
    /// DER certificates of roots trusted beside the Mozilla set, for relays with a private authority.
    pub extra_roots: Vec<Vec<u8>>,
    /// Proxy for the connection that logs in to the own mailbox.
    pub own_proxy: Option<Socks5Proxy>,
    /// Proxy for the connections that send and look up without logging in. It may differ, so that no one proxy sees both.
    pub anonymous_proxy: Option<Socks5Proxy>,
    /// Which channel bindings are acceptable over TLS.
    pub channel_binding: BindingPolicy,
    /// How long to wait for what.
    pub timeouts: Timeouts,
}

/// A SOCKS5 proxy (RFC 1928). Host names are resolved by the proxy, never here.
#[derive(Clone)]
pub struct Socks5Proxy {
    /// Host name or address of the proxy.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// How to log in to it.
    pub login: ProxyLogin,
}

/// How to log in to a SOCKS5 proxy.
#[derive(Clone, Default)]
pub enum ProxyLogin {
    /// Without.
    #[default]
    Anonymous,
    /// User name and password (RFC 1929), at most 255 bytes each.
    Password {
        /// The user name.
        user: String,
        /// The password.
        password: String,
    },
    /// A fresh random user name per connection: Tor then uses another circuit for each (`IsolateSOCKSAuth`).
    Isolated,
}

impl fmt::Debug for Socks5Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Socks5Proxy(..)")
    }
}

/// What a login to the relay must be bound to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum BindingPolicy {
    /// The TLS channel when the relay ends TLS itself, else its host name. Works behind a proxy that ends TLS.
    #[default]
    ExporterOrHost,
    /// Always the TLS channel (RFC 9266). Excludes relays behind such proxies, and HTTP long-poll, which spans connections.
    Exporter,
}

/// How long to wait for what.
#[derive(Clone, Copy, Debug)]
pub struct Timeouts {
    /// TCP, proxy and TLS together.
    pub connect: Duration,
    /// The same through a proxy.
    pub proxy_connect: Duration,
    /// The upgrade, and after it the relay's greeting, each.
    pub handshake: Duration,
    /// An answer to anything sent.
    pub reply: Duration,
    /// The same right after the network changed, when the old socket is probably dead.
    pub probe: Duration,
    /// After how long a network that blocked the WebSocket is tried again.
    pub upgrade_retry: Duration,
}

impl Default for Timeouts {
    fn default() -> Self {
        Self {
            connect: limits::CONNECT_TIMEOUT,
            proxy_connect: limits::PROXY_CONNECT_TIMEOUT,
            handshake: limits::HANDSHAKE_TIMEOUT,
            reply: limits::REPLY_TIMEOUT,
            probe: limits::PROBE_TIMEOUT,
            upgrade_retry: limits::UPGRADE_RETRY,
        }
    }
}

/// Which proxy a connection takes: sending must not be seen beside receiving.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ConnectionClass {
    /// Logs in to the own mailbox.
    Own,
    /// Never logs in.
    Anonymous,
}
