//! TLS from PEM files, and the value that binds a login to its connection.
//!
//! Invariant: TLS 1.3, or TLS 1.2 with extended master secret, because only these make the exporter unique to a
//! connection (RFC 9266, section 4.2). Not its concern: who may connect.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use rustls::{
    ServerConfig,
    crypto::aws_lc_rs,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
    server::NoServerSessionStorage,
};
use tokio_rustls::{TlsAcceptor, server::TlsStream};

use super::limits;

/// Exporter label of channel binding `tls-exporter` (RFC 9266, section 2).
const EXPORTER_LABEL: &[u8] = b"EXPORTER-Channel-Binding";

/// Why TLS cannot be offered. The operator must act on every one of them.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// Only one of certificate and key is set.
    #[error("TLS needs both a certificate and a key: set tls_cert and tls_key together.")]
    Incomplete,
    /// A file cannot be read.
    #[error(
        "{path} cannot be read: {cause}. Check the path and that the relay's user may read it."
    )]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the system said.
        cause: std::io::Error,
    },
    /// A file holds no PEM section of the wanted kind.
    #[error(
        "{path} holds no PEM {wanted}. Give the file that your certificate authority's tool wrote."
    )]
    NotPem {
        /// The file.
        path: PathBuf,
        /// `certificate` or `private key`.
        wanted: &'static str,
    },
    /// Certificate and key are not accepted, or do not belong together.
    #[error(
        "the certificate and the key cannot be used together: {0}. Give the key of this certificate."
    )]
    Mismatch(rustls::Error),
}

/// Loads certificate chain and key.
///
/// # Errors
/// [`TlsError`] says which file the operator must correct.
pub(crate) fn load(
    cert: Option<&Path>,
    key: Option<&Path>,
) -> Result<Option<TlsAcceptor>, TlsError> {
    let (cert, key) = match (cert, key) {
        (None, None) => return Ok(None),
        (Some(cert), Some(key)) => (cert, key),
        (Some(_), None) | (None, Some(_)) => return Err(TlsError::Incomplete),
    };
    let chain = CertificateDer::pem_slice_iter(&read(cert)?)
        .collect::<Result<Vec<_>, _>>()
        .ok()
        .filter(|chain| !chain.is_empty())
        .ok_or_else(|| TlsError::NotPem {
            path: cert.to_owned(),
            wanted: "certificate",
        })?;
    let private = PrivateKeyDer::from_pem_slice(&read(key)?).map_err(|_| TlsError::NotPem {
        path: key.to_owned(),
        wanted: "private key",
    })?;
    let mut config = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .and_then(|builder| {
            builder
                .with_no_client_auth()
                .with_single_cert(chain, private)
        })
        .map_err(TlsError::Mismatch)?;
    config.require_ems = true;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    // Resumption saves 3 to 6 % of a handshake and costs memory for each client.
    config.session_storage = Arc::new(NoServerSessionStorage {});
    config.send_tls13_tickets = 0;
    config.max_early_data_size = 0;
    Ok(Some(TlsAcceptor::from(Arc::new(config))))
}

fn read(path: &Path) -> Result<Vec<u8>, TlsError> {
    std::fs::read(path).map_err(|cause| TlsError::Unreadable {
        path: path.to_owned(),
        cause,
    })
}

/// Bounds what a session buffers, and exports the value of RFC 9266: 32 bytes that only the two ends of this very
/// connection know. `None` when the session cannot export; logins on it are then bound to the host name.
pub(crate) fn bind<S>(stream: &mut TlsStream<S>) -> Option<[u8; 32]> {
    let session = stream.get_mut().1;
    session.set_buffer_limit(Some(limits::TLS_BUFFER_BYTES));
    session
        .export_keying_material([0; 32], EXPORTER_LABEL, Some(&[]))
        .ok()
}
