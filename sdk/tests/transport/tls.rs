//! TLS against a relay with a certificate of the test's own authority.

use undertone::transport::{
    BindingPolicy, ConnectError, DisconnectCause, TlsFailure, Transport, TransportConfig,
};
use undertone_wire::ChannelBinding;

use undertone_wire::binding::BindingValue;

use crate::certificate::Certificate;
use crate::support::{Subject, TestRelay, patient};

/// A relay that ends TLS itself, and the root that signed for it.
struct TlsRelay {
    relay: TestRelay,
    certificate: Certificate,
}

async fn relay(name: &str, expired: bool) -> TlsRelay {
    let certificate = Certificate::of(name, expired);
    let relay = TestRelay::start_with(|config| certificate.configure(config)).await;
    TlsRelay { relay, certificate }
}

impl TlsRelay {
    fn url(&self) -> String {
        format!("https://localhost:{}", self.relay.address().port())
    }

    fn config(&self) -> TransportConfig {
        TransportConfig {
            extra_roots: vec![self.certificate.root.clone()],
            ..patient()
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
    let cause = failure(&relay, patient()).await;
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
