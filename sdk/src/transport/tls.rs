//! TLS by rustls: trusted roots, and the channel binding of RFC 9266.
//!
//! Sessions are never resumed: a ticket would let a relay link connections that are kept apart on purpose.

use std::sync::Arc;

use rustls::client::Resumption;
use rustls::crypto::aws_lc_rs;
use rustls::{CertificateError, ClientConfig, RootCertStore};
use rustls_pki_types::{CertificateDer, ServerName};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use undertone_protocol::relay_address::RelayAddress;

use super::address;
use super::error::{ConnectError, TlsFailure};

/// RFC 9266 section 4.2.
const EXPORTER_LABEL: &[u8] = b"EXPORTER-Channel-Binding";

/// A configured root is no certificate. Whoever configured it must act.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("an extra root is not a DER certificate")]
pub struct InvalidRoot;

/// The Mozilla roots and `extra_roots`; TLS 1.3 with X25519MLKEM768 preferred, or 1.2 with extended master secret, without
/// which its exporter binds nothing (RFC 9266 section 3).
pub(super) fn connector(extra_roots: &[Vec<u8>]) -> Result<TlsConnector, InvalidRoot> {
    let mut roots = RootCertStore {
        roots: webpki_roots::TLS_SERVER_ROOTS.to_vec(),
    };
    for root in extra_roots {
        roots
            .add(CertificateDer::from(root.as_slice()))
            .map_err(|_| InvalidRoot)?;
    }
    let mut config = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|_| InvalidRoot)?
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    config.resumption = Resumption::disabled();
    config.require_ems = true;
    Ok(TlsConnector::from(Arc::new(config)))
}

/// Handshakes and returns the stream with its exporter value.
pub(super) async fn handshake(
    connector: &TlsConnector,
    relay: &RelayAddress,
    tcp: TcpStream,
) -> Result<(TlsStream<TcpStream>, [u8; 32]), ConnectError> {
    let name = ServerName::try_from(address::host(relay).to_owned())
        .map_err(|_| TlsFailure::Certificate)?;
    let stream = connector
        .connect(name, tcp)
        .await
        .map_err(|error| failure(&error))?;
    let exporter = stream
        .get_ref()
        .1
        .export_keying_material([0; 32], EXPORTER_LABEL, Some(&[]))
        .map_err(|_| TlsFailure::Handshake)?;
    Ok((stream, exporter))
}

fn failure(error: &std::io::Error) -> ConnectError {
    let inner = error
        .get_ref()
        .and_then(|inner| inner.downcast_ref::<rustls::Error>());
    match inner {
        Some(rustls::Error::InvalidCertificate(
            CertificateError::Expired
            | CertificateError::ExpiredContext { .. }
            | CertificateError::NotValidYet
            | CertificateError::NotValidYetContext { .. },
        )) => TlsFailure::CertificateTime.into(),
        Some(rustls::Error::InvalidCertificate(_)) => TlsFailure::Certificate.into(),
        Some(_) => TlsFailure::Handshake.into(),
        None => ConnectError::Unreachable,
    }
}
