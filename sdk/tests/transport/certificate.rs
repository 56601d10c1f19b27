//! A certificate that signs for itself, in the files that a relay reads.

use std::path::PathBuf;

use rcgen::{CertificateParams, KeyPair, date_time_ymd};
use tempfile::TempDir;
use undertone_relay::Config;

pub(crate) struct Certificate {
    /// DER, for whoever is to trust it.
    pub(crate) root: Vec<u8>,
    chain: PathBuf,
    key: PathBuf,
    _files: TempDir,
}

impl Certificate {
    /// Of `name`; an expired one was good in 2020.
    pub(crate) fn of(name: &str, expired: bool) -> Self {
        let pair = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(vec![name.to_owned()]).unwrap();
        if expired {
            params.not_before = date_time_ymd(2020, 1, 1);
            params.not_after = date_time_ymd(2021, 1, 1);
        }
        let certificate = params.self_signed(&pair).unwrap();
        let files = tempfile::tempdir().unwrap();
        let (chain, key) = (files.path().join("chain.pem"), files.path().join("key.pem"));
        std::fs::write(&chain, certificate.pem()).unwrap();
        std::fs::write(&key, pair.serialize_pem()).unwrap();
        Self {
            root: certificate.der().to_vec(),
            chain,
            key,
            _files: files,
        }
    }

    /// Makes a relay end TLS with it, as `localhost`.
    pub(crate) fn configure(&self, config: &mut Config) {
        config.tls_cert = Some(self.chain.clone());
        config.tls_key = Some(self.key.clone());
        config.hosts = vec!["localhost".to_owned()];
    }
}
