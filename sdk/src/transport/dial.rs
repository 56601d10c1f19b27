//! From an address to a byte stream: name resolution, TCP, SOCKS5, TLS.
//!
//! Invariant: with a proxy configured for a class nothing of that class is resolved or connected past it.

use std::net::SocketAddr;
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use rand::Rng;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpStream, lookup_host};
use tokio::time::{sleep, timeout};
use tokio_rustls::TlsConnector;
use tokio_socks::tcp::Socks5Stream;
use undertone_protocol::relay_address::RelayAddress;

use super::address;
use super::config::{ConnectionClass, ProxyLogin, Socks5Proxy, TransportConfig};
use super::error::{ConnectError, Stage};
use super::limits::{ADDRESSES, ATTEMPT_DELAY};
use super::tls;

/// What the upper layers read and write.
pub(super) trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

/// A connected byte stream.
pub(super) struct Dialled {
    pub(super) stream: Box<dyn Stream>,
    /// RFC 9266, when the stream is TLS.
    pub(super) exporter: Option<[u8; 32]>,
}

/// Connects to `relay` within the configured time.
pub(super) async fn dial(
    config: &TransportConfig,
    connector: &TlsConnector,
    relay: &RelayAddress,
    class: ConnectionClass,
) -> Result<Dialled, ConnectError> {
    let proxy = match class {
        ConnectionClass::Own => config.own_proxy.as_ref(),
        ConnectionClass::Anonymous => config.anonymous_proxy.as_ref(),
    };
    let limit = if proxy.is_some() {
        config.timeouts.proxy_connect
    } else {
        config.timeouts.connect
    };
    let connecting = async {
        let tcp = match proxy {
            Some(proxy) => through_proxy(proxy, relay).await?,
            None => direct(relay).await?,
        };
        if !address::is_tls(relay) {
            return Ok(Dialled {
                stream: Box::new(tcp),
                exporter: None,
            });
        }
        let (stream, exporter) = tls::handshake(connector, relay, tcp).await?;
        Ok(Dialled {
            stream: Box::new(stream),
            exporter: Some(exporter),
        })
    };
    within(limit, Stage::Connecting, connecting).await
}

/// Runs `work` for at most `limit`.
pub(super) async fn within<T>(
    limit: Duration,
    stage: Stage,
    work: impl Future<Output = Result<T, ConnectError>>,
) -> Result<T, ConnectError> {
    timeout(limit, work)
        .await
        .unwrap_or(Err(ConnectError::TimedOut(stage)))
}

async fn direct(relay: &RelayAddress) -> Result<TcpStream, ConnectError> {
    let addresses = match address::literal(relay) {
        Some(ip) => vec![SocketAddr::new(ip, relay.port())],
        None => resolve(relay.host(), relay.port())
            .await
            .ok_or(ConnectError::Unreachable)?,
    };
    race(&addresses).await.ok_or(ConnectError::Unreachable)
}

async fn through_proxy(
    proxy: &Socks5Proxy,
    relay: &RelayAddress,
) -> Result<TcpStream, ConnectError> {
    let addresses = resolve(&proxy.host, proxy.port)
        .await
        .ok_or(ConnectError::Proxy)?;
    let tcp = race(&addresses).await.ok_or(ConnectError::Proxy)?;
    let target = (address::host(relay), relay.port());
    let connected = match &proxy.login {
        ProxyLogin::Anonymous => Socks5Stream::connect_with_socket(tcp, target).await,
        ProxyLogin::Password { user, password } => {
            Socks5Stream::connect_with_password_and_socket(tcp, target, user, password).await
        }
        ProxyLogin::Isolated => {
            let user = format!("{:016x}", rand::rng().next_u64());
            Socks5Stream::connect_with_password_and_socket(tcp, target, &user, "undertone").await
        }
    };
    connected
        .map(Socks5Stream::into_inner)
        .map_err(|error| proxy_failure(&error))
}

/// Tells a proxy that works but cannot reach the relay from one that does not work.
fn proxy_failure(error: &tokio_socks::Error) -> ConnectError {
    use tokio_socks::Error;
    let beyond = matches!(
        error,
        Error::NetworkUnreachable
            | Error::HostUnreachable
            | Error::ConnectionRefused
            | Error::TtlExpired
            | Error::GeneralSocksServerFailure
    );
    if beyond {
        ConnectError::Unreachable
    } else {
        ConnectError::Proxy
    }
}

/// Addresses of a name, families alternating from the first one (RFC 8305 section 4), at most [`ADDRESSES`].
async fn resolve(host: &str, port: u16) -> Option<Vec<SocketAddr>> {
    let found: Vec<SocketAddr> = lookup_host((host, port)).await.ok()?.collect();
    let first_is_v6 = found.first()?.is_ipv6();
    let (first, second): (Vec<_>, Vec<_>) = found
        .into_iter()
        .partition(|address| address.is_ipv6() == first_is_v6);
    let mut second = second.into_iter();
    let mut ordered = Vec::new();
    for address in first {
        ordered.push(address);
        ordered.extend(second.next());
    }
    ordered.extend(second);
    ordered.truncate(ADDRESSES);
    Some(ordered)
}

/// Connects to whichever address answers first; the next one is tried when one failed or is slow (RFC 8305 section 5).
async fn race(addresses: &[SocketAddr]) -> Option<TcpStream> {
    let mut attempts = FuturesUnordered::new();
    let mut rest = addresses.iter();
    loop {
        if let Some(address) = rest.next() {
            attempts.push(TcpStream::connect(address));
        }
        tokio::select! {
            attempt = attempts.next() => match attempt {
                Some(Ok(stream)) => {
                    // Frames are small and wait for answers; coalescing is done above.
                    let _ = stream.set_nodelay(true);
                    return Some(stream);
                }
                Some(Err(_)) => {}
                None => return None,
            },
            () = sleep(ATTEMPT_DELAY), if rest.len() > 0 => {}
        }
    }
}

#[cfg(test)]
#[path = "dial_tests.rs"]
mod tests;
