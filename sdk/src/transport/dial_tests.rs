use tokio::net::{TcpListener, TcpSocket};

use super::*;

/// An address where nothing listens as long as the socket lives.
fn closed() -> (TcpSocket, SocketAddr) {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let address = socket.local_addr().unwrap();
    (socket, address)
}

#[tokio::test]
async fn an_address_that_refuses_gives_way_to_the_next() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let open = listener.local_addr().unwrap();
    let (one, other) = (closed(), closed());
    let stream = race(&[one.1, other.1, open]).await.unwrap();
    assert_eq!(stream.peer_addr().unwrap(), open);
}

#[tokio::test]
async fn when_all_refuse_there_is_no_connection() {
    let (one, other) = (closed(), closed());
    assert!(race(&[one.1, other.1]).await.is_none());
    assert!(race(&[]).await.is_none());
}
