//! TLS against a relay with a certificate of the test's own authority.

use rcgen::{CertificateParams, KeyPair, date_time_ymd};
use tempfile::TempDir;
use undertone::transport::{
    BindingPolicy, ConnectError, DisconnectCause, TlsFailure, Transport, TransportConfig,
};
use undertone_wire::ChannelBinding;

use undertone_wire::binding::BindingValue;

use crate::support::{Subject, TestRelay};

/// A relay that ends TLS itself with a certificate for `name`, and the certificate.
struct TlsRelay {
    relay: TestRelay,
    root: Vec<u8>,
    _files: TempDir,
}

async fn relay(name: &str, expired: bool) -> TlsRelay {
    let key = KeyPair::generate().unwrap();
    let mut params = CertificateParams::new(vec![name.to_owned()]).unwrap();
    if expired {
        params.not_before = date_time_ymd(2020, 1, 1);
        params.not_after = date_time_ymd(2021, 1, 1);
    }
    let certificate = params.self_signed(&key).unwrap();
    let files = tempfile::tempdir().unwrap();
    let (chain, private) = (files.path().join("chain.pem"), files.path().join("key.pem"));
    std::fs::write(&chain, certificate.pem()).unwrap();
    std::fs::write(&private, key.serialize_pem()).unwrap();
    let relay = TestRelay::start_with(|config| {
        config.tls_cert = Some(chain);
        config.tls_key = Some(private);
        config.hosts = vec!["localhost".to_owned()];
    })
    .await;
    TlsRelay {
        relay,
        root: certificate.der().to_vec(),
        _files: files,
    }
}

impl TlsRelay {
    fn url(&self) -> String {
        format!("https://localhost:{}", self.relay.address().port())
    }

    fn config(&self) -> TransportConfig {
        TransportConfig {
            extra_roots: vec![self.root.clone()],
            ..TransportConfig::default()
        }
    }
}

#[tokio::test]
async fn logins_are_bound_to_the_tls_channel() {
    let relay = relay("localhost", false).await;
    let config = TransportConfig {
        channel_binding: BindingPolicy::Exporter,
        ..relay.config()
    };
    let mut first = Subject::connect(&relay.url(), config.clone());
    let (hello, binding, sender) = first.up().await;
    assert_eq!(hello.channel_binding(), ChannelBinding::Exporter);
    assert!(matches!(binding, BindingValue::Exporter(_)));
    first.converse(&sender, 1).await;
    let mut second = Subject::connect(&relay.url(), config);
    assert_ne!(
        second.up().await.1,
        binding,
        "another connection, another binding"
    );
}

async fn failure(relay: &TlsRelay, config: TransportConfig) -> DisconnectCause {
    Subject::connect(&relay.url(), config).down().await.0
}

#[tokio::test]
async fn a_certificate_that_nobody_trusts_is_refused() {
    let relay = relay("localhost", false).await;
    let cause = failure(&relay, TransportConfig::default()).await;
    assert_eq!(
        cause,
        DisconnectCause::Connect(ConnectError::Tls(TlsFailure::Certificate))
    );
}

#[tokio::test]
async fn a_certificate_for_another_name_is_refused() {
    let relay = relay("elsewhere.example", false).await;
    let cause = failure(&relay, relay.config()).await;
    assert_eq!(
        cause,
        DisconnectCause::Connect(ConnectError::Tls(TlsFailure::Certificate))
    );
}

#[tokio::test]
async fn a_certificate_out_of_date_points_at_the_clock() {
    let relay = relay("localhost", true).await;
    let cause = failure(&relay, relay.config()).await;
    assert_eq!(
        cause,
        DisconnectCause::Connect(ConnectError::Tls(TlsFailure::CertificateTime))
    );
}

#[test]
fn an_extra_root_that_is_no_certificate_is_refused_at_once() {
    let config = TransportConfig {
        extra_roots: vec![vec![1, 2, 3]],
        ..TransportConfig::default()
    };
    assert!(Transport::new(config).is_err());
}
