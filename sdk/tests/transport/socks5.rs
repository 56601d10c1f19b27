//! Connections through a SOCKS5 proxy (RFC 1928), one for each class.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt, AsyncWriteExt, copy_bidirectional};
use tokio::net::TcpStream;
use undertone::transport::{
    ConnectError, ConnectionClass, DisconnectCause, ProxyLogin, Socks5Proxy, TransportConfig,
};

use crate::servers::{Port, Server, serve};
use crate::support::{Subject, TestRelay, patient};

/// What a proxy was asked for.
#[derive(Clone, Debug, Default, PartialEq)]
struct Asked {
    user: Option<String>,
    host: String,
}

type Log = Arc<Mutex<Vec<Asked>>>;

/// A SOCKS5 server that leads every connection to `target`.
async fn proxy(target: SocketAddr, log: Log) -> Server {
    serve(move |stream| {
        let log = Arc::clone(&log);
        async move {
            let _ = relay_socks(stream, target, log).await;
        }
    })
    .await
}

async fn relay_socks(mut client: TcpStream, target: SocketAddr, log: Log) -> std::io::Result<()> {
    let mut asked = Asked::default();
    assert_eq!(client.read_u8().await?, 5);
    let methods = bytes(&mut client).await?;
    if methods.contains(&2) {
        client.write_all(&[5, 2]).await?;
        assert_eq!(client.read_u8().await?, 1);
        asked.user = Some(text(&mut client).await?);
        text(&mut client).await?;
        client.write_all(&[1, 0]).await?;
    } else {
        client.write_all(&[5, 0]).await?;
    }
    let mut request = [0; 4];
    client.read_exact(&mut request).await?;
    assert_eq!(request[..3], [5, 1, 0]);
    asked.host = match request[3] {
        1 => std::net::Ipv4Addr::from(client.read_u32().await?).to_string(),
        3 => text(&mut client).await?,
        other => panic!("address type {other}"),
    };
    client.read_u16().await?;
    log.lock().unwrap().push(asked);
    client.write_all(&[5, 0, 0, 1, 0, 0, 0, 0, 0, 0]).await?;
    let mut server = TcpStream::connect(target).await?;
    copy_bidirectional(&mut client, &mut server).await.map(drop)
}

async fn bytes(stream: &mut TcpStream) -> std::io::Result<Vec<u8>> {
    let mut bytes = vec![0; usize::from(stream.read_u8().await?)];
    stream.read_exact(&mut bytes).await?;
    Ok(bytes)
}

async fn text(stream: &mut TcpStream) -> std::io::Result<String> {
    Ok(String::from_utf8(bytes(stream).await?).unwrap())
}

fn through(proxy: &Server, login: ProxyLogin) -> Option<Socks5Proxy> {
    Some(Socks5Proxy {
        host: proxy.address.ip().to_string(),
        port: proxy.address.port(),
        login,
    })
}

#[tokio::test]
async fn each_class_takes_its_own_proxy_and_names_are_resolved_there() {
    let relay = TestRelay::start().await;
    let (own_log, anonymous_log) = (Log::default(), Log::default());
    let own = proxy(relay.address(), Arc::clone(&own_log)).await;
    let anonymous = proxy(relay.address(), Arc::clone(&anonymous_log)).await;
    let config = TransportConfig {
        own_proxy: through(
            &own,
            ProxyLogin::Password {
                user: "me".into(),
                password: "secret".into(),
            },
        ),
        anonymous_proxy: through(&anonymous, ProxyLogin::Anonymous),
        ..patient()
    };
    let address = format!("http://localhost:{}", relay.address().port());
    let mut own = Subject::connect_as(&address, config.clone(), ConnectionClass::Own);
    let (_, _, sender) = own.up().await;
    own.converse(&sender, 1).await;
    let mut anonymous = Subject::connect_as(&address, config, ConnectionClass::Anonymous);
    let (_, _, sender) = anonymous.up().await;
    anonymous.converse(&sender, 1).await;

    let localhost = "localhost".to_owned();
    assert_eq!(
        *own_log.lock().unwrap(),
        [Asked {
            user: Some("me".into()),
            host: localhost.clone()
        }]
    );
    assert_eq!(
        *anonymous_log.lock().unwrap(),
        [Asked {
            user: None,
            host: localhost
        }]
    );
}

#[tokio::test]
async fn isolated_connections_share_no_user_name() {
    let relay = TestRelay::start().await;
    let log = Log::default();
    let server = proxy(relay.address(), Arc::clone(&log)).await;
    let config = TransportConfig {
        anonymous_proxy: through(&server, ProxyLogin::Isolated),
        ..patient()
    };
    for _ in 0..2 {
        let mut subject = Subject::connect(&relay.url(), config.clone());
        let _up = subject.up().await;
    }
    let log = log.lock().unwrap();
    assert!(log[0].user.is_some() && log[1].user.is_some());
    assert_ne!(log[0].user, log[1].user);
}

#[tokio::test]
async fn nothing_goes_past_a_proxy_that_is_down() {
    let relay = TestRelay::start().await;
    let gone = Port::reserve();
    let proxy = Socks5Proxy {
        host: gone.address.ip().to_string(),
        port: gone.address.port(),
        login: ProxyLogin::Anonymous,
    };
    let config = TransportConfig {
        anonymous_proxy: Some(proxy),
        ..patient()
    };
    let mut subject = Subject::connect(&relay.url(), config);
    assert_eq!(
        subject.down().await.0,
        DisconnectCause::Connect(ConnectError::Proxy)
    );
}
