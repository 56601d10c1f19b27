//! TLS: logins are bound to the very channel, and bad certificate files are named.

use std::{path::PathBuf, sync::Arc};

use ed25519_dalek::SigningKey;
use futures_util::{SinkExt, StreamExt};
use rustls::{ClientConfig, RootCertStore, pki_types::CertificateDer};
use tokio::net::TcpStream;
use tokio_rustls::{TlsConnector, client::TlsStream};
use tokio_tungstenite::{WebSocketStream, client_async, tungstenite::Message};
use undertone_relay::{Config, Relay, StartError};
use undertone_wire::{
    ChannelBinding, ErrorCode, Frame, Hello,
    binding::{self, BindingValue},
    frame::Body,
};

use super::client::{login, websocket_request};

struct Tls {
    relay: Relay,
    root: CertificateDer<'static>,
    _dir: tempfile::TempDir,
}

fn files(dir: &std::path::Path) -> (Config, CertificateDer<'static>) {
    let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
    let mut config = Config::loopback(dir.join("data"));
    let (cert, key) = (dir.join("cert.pem"), dir.join("key.pem"));
    std::fs::write(&cert, made.cert.pem()).unwrap();
    std::fs::write(&key, made.signing_key.serialize_pem()).unwrap();
    config.tls_cert = Some(cert);
    config.tls_key = Some(key);
    (config, made.cert.der().clone())
}

impl Tls {
    async fn start() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let (config, root) = files(dir.path());
        let relay = Relay::start(config).await.unwrap();
        Self {
            relay,
            root,
            _dir: dir,
        }
    }

    async fn connect(&self) -> (WebSocketStream<TlsStream<TcpStream>>, [u8; 32], Hello) {
        let mut roots = RootCertStore::empty();
        roots.add(self.root.clone()).unwrap();
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
        let socket = TcpStream::connect(self.relay.local_addr()).await.unwrap();
        let name = "localhost".try_into().unwrap();
        let tls = TlsConnector::from(Arc::new(config))
            .connect(name, socket)
            .await
            .unwrap();
        let exporter = tls
            .get_ref()
            .1
            .export_keying_material([0; 32], b"EXPORTER-Channel-Binding", Some(&[]))
            .unwrap();
        let request = websocket_request(self.relay.local_addr());
        let (mut socket, _) = client_async(request, tls).await.unwrap();
        let Some(Body::Hello(hello)) = next(&mut socket).await.body else {
            panic!("no Hello")
        };
        (socket, exporter, hello)
    }
}

async fn next(socket: &mut WebSocketStream<TlsStream<TcpStream>>) -> Frame {
    match socket.next().await.unwrap().unwrap() {
        Message::Binary(bytes) => Frame::from_bytes(bytes).unwrap(),
        other => panic!("no frame: {other:?}"),
    }
}

async fn log_in(tls: &Tls, choose: impl FnOnce([u8; 32]) -> BindingValue) -> Body {
    let (mut socket, exporter, hello) = tls.connect().await;
    assert_eq!(hello.channel_binding(), ChannelBinding::Exporter);
    let challenge = hello.challenge.as_ref().try_into().unwrap();
    let login = login(
        &SigningKey::from_bytes(&[1; 32]),
        &challenge,
        choose(exporter),
        0,
    );
    let frame = Frame {
        request_id: 1,
        body: Some(Body::Authenticate(login)),
    };
    socket
        .send(Message::Binary(frame.to_bytes().unwrap()))
        .await
        .unwrap();
    next(&mut socket).await.body.unwrap()
}

fn refused(body: &Body) -> bool {
    matches!(body, Body::Failure(failure) if failure.code() == ErrorCode::BadSignature)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_login_counts_only_on_the_channel_that_it_was_signed_for() {
    let tls = Tls::start().await;
    let (_socket, other_channel, _) = tls.connect().await;
    assert!(matches!(
        log_in(&tls, BindingValue::Exporter).await,
        Body::Authenticated(_)
    ));
    assert!(refused(
        &log_in(&tls, |_| BindingValue::Exporter(other_channel)).await
    ));
    let host = BindingValue::Host(binding::host("localhost"));
    assert!(refused(&log_in(&tls, |_| host).await));
}

#[tokio::test(flavor = "multi_thread")]
async fn plain_text_on_the_tls_port_is_closed() {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let tls = Tls::start().await;
    let mut socket = TcpStream::connect(tls.relay.local_addr()).await.unwrap();
    socket
        .write_all(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
        .await
        .unwrap();
    let mut answer = Vec::new();
    let _ = socket.read_to_end(&mut answer).await;
    assert!(!answer.starts_with(b"HTTP"));
}

#[tokio::test]
async fn each_wrong_file_is_named_on_one_line() {
    let dir = tempfile::tempdir().unwrap();
    let (good, _) = files(dir.path());
    let garbage = dir.path().join("garbage.pem");
    std::fs::write(&garbage, "no pem").unwrap();
    let other = tempfile::tempdir().unwrap();
    let foreign_key = files(other.path()).0.tls_key;
    let missing: PathBuf = dir.path().join("missing.pem");
    let cases = [
        (good.tls_cert.clone(), None, "tls_key"),
        (Some(missing.clone()), good.tls_key.clone(), "missing.pem"),
        (good.tls_cert.clone(), Some(missing), "missing.pem"),
        (Some(garbage.clone()), good.tls_key.clone(), "garbage.pem"),
        (good.tls_cert.clone(), Some(garbage), "garbage.pem"),
        (good.tls_cert.clone(), foreign_key, "together"),
    ];
    for (cert, key, named) in cases {
        let config = Config {
            tls_cert: cert,
            tls_key: key,
            ..good.clone()
        };
        let data = config.data.clone();
        let refused = Relay::start(config).await.err().unwrap();
        assert!(matches!(refused, StartError::Tls(_)));
        let message = refused.to_string();
        assert!(message.contains(named), "{message}");
        assert_eq!(message.lines().count(), 1);
        assert!(
            !data.exists(),
            "nothing is made before the certificate is known to be good"
        );
    }
}
