//! Servers of the tests' own: what misbehaves, and what stands between a client and its relay.

use std::future::Future;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

use tokio::io::{AsyncReadExt, AsyncWriteExt, copy_bidirectional};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::task::JoinHandle;

/// A loopback port where nobody listens, kept from everybody who asks for any port for as long as this lives: whoever asks
/// for this very one may listen on it.
pub(crate) struct Port {
    pub(crate) address: SocketAddr,
    /// Elsewhere than on Linux a bound socket would keep the listener away as well.
    _held: Option<TcpSocket>,
}

impl Port {
    pub(crate) fn reserve() -> Self {
        let held = TcpSocket::new_v4().unwrap();
        // As every listener has it: a socket that does not listen is then in nobody's way.
        held.set_reuseaddr(true).unwrap();
        held.bind("127.0.0.1:0".parse().unwrap()).unwrap();
        let address = held.local_addr().unwrap();
        Self {
            address,
            _held: cfg!(target_os = "linux").then_some(held),
        }
    }
}

/// Runs `serve` for each connection to a fresh loopback port.
pub(crate) async fn serve<F, S>(serve: F) -> Server
where
    F: Fn(TcpStream) -> S + Send + 'static,
    S: Future<Output = ()> + Send + 'static,
{
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let accepting = tokio::spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            tokio::spawn(serve(stream));
        }
    });
    Server { address, accepting }
}

/// A server that ends with the test.
pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    accepting: JoinHandle<()>,
}

impl Server {
    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

/// What the proxy in between does with upgrades.
#[derive(Clone, Copy)]
pub(crate) enum Block {
    /// Answers 403.
    Forbid,
    /// Never answers.
    Swallow,
}

/// A proxy that passes everything but upgrades, while `blocking` holds; it counts the upgrades that it saw.
pub(crate) async fn proxy(
    relay: SocketAddr,
    block: Block,
    blocking: Arc<AtomicBool>,
    upgrades: Arc<AtomicU32>,
) -> Server {
    serve(move |mut client| {
        let (blocking, upgrades) = (Arc::clone(&blocking), Arc::clone(&upgrades));
        async move {
            let mut start = [0; 3];
            if client.read_exact(&mut start).await.is_err() {
                return;
            }
            if &start == b"GET" {
                upgrades.fetch_add(1, Ordering::SeqCst);
                if blocking.load(Ordering::SeqCst) {
                    return refuse(client, block).await;
                }
            }
            let mut server = TcpStream::connect(relay).await.unwrap();
            server.write_all(&start).await.unwrap();
            let _ = copy_bidirectional(&mut client, &mut server).await;
        }
    })
    .await
}

async fn refuse(mut client: TcpStream, block: Block) {
    match block {
        Block::Forbid => {
            let _ = client
                .write_all(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n")
                .await;
        }
        Block::Swallow => {
            let mut rest = [0; 1024];
            while matches!(client.read(&mut rest).await, Ok(n) if n > 0) {}
        }
    }
}
