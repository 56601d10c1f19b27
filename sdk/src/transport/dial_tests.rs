use tokio::net::TcpListener;

use super::*;

/// An address where nothing listens.
async fn closed() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    listener.local_addr().unwrap()
}

#[tokio::test]
async fn an_address_that_refuses_gives_way_to_the_next() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let open = listener.local_addr().unwrap();
    let stream = race(&[closed().await, closed().await, open]).await.unwrap();
    assert_eq!(stream.peer_addr().unwrap(), open);
}

#[tokio::test]
async fn when_all_refuse_there_is_no_connection() {
    assert!(race(&[closed().await, closed().await]).await.is_none());
    assert!(race(&[]).await.is_none());
}
