//! Blobs: resumed uploads, parts, secrets, quotas.

use std::net::SocketAddr;

use bytes::Bytes;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};
use undertone_relay::{Config, Relay};

use super::{
    client::{TestRelay, config},
    http::{get, request},
};

struct Upload {
    path: String,
    authorization: String,
}

async fn create(relay: SocketAddr, length: usize) -> Upload {
    let length = length.to_string();
    let answer = request(
        relay,
        "POST",
        "/v1/blobs",
        &[("upload-length", &length)],
        "",
    )
    .await;
    assert_eq!(answer.status(), 201);
    let header = |name: &str| answer.headers()[name].to_str().unwrap().to_owned();
    Upload {
        path: header("location"),
        authorization: format!("Bearer {}", header("upload-secret")),
    }
}

impl Upload {
    async fn ask(&self, relay: SocketAddr, method: &str, body: &[u8]) -> http::Response<Bytes> {
        let headers = [("authorization", self.authorization.as_str())];
        request(relay, method, &self.path, &headers, body.to_vec()).await
    }

    async fn patch(&self, relay: SocketAddr, offset: usize, body: &[u8]) -> http::Response<Bytes> {
        let offset = offset.to_string();
        let headers = [
            ("authorization", self.authorization.as_str()),
            ("upload-offset", offset.as_str()),
        ];
        request(relay, "PATCH", &self.path, &headers, body.to_vec()).await
    }

    async fn offset(&self, relay: SocketAddr) -> usize {
        let answer = self.ask(relay, "HEAD", b"").await;
        answer.headers()["upload-offset"]
            .to_str()
            .unwrap()
            .parse()
            .unwrap()
    }
}

fn content(len: usize) -> Vec<u8> {
    (0..len).map(|n| u8::try_from(n % 251).unwrap()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upload_resumes_and_is_served_whole_and_in_parts() {
    let relay = TestRelay::start().await;
    let bytes = content(300_000);
    let upload = create(relay.address(), bytes.len()).await;
    assert_eq!(
        upload
            .patch(relay.address(), 0, &bytes[..100_000])
            .await
            .status(),
        204
    );
    assert_eq!(
        get(relay.address(), &upload.path).await.status(),
        404,
        "unfinished"
    );

    let relay = relay.restart().await;
    assert_eq!(upload.offset(relay.address()).await, 100_000);
    let wrong = upload
        .patch(relay.address(), 99_999, &bytes[99_999..])
        .await;
    assert_eq!(
        (wrong.status().as_u16(), &wrong.headers()["upload-offset"]),
        (409, &"100000".parse().unwrap())
    );
    assert_eq!(
        upload
            .patch(relay.address(), 100_000, &bytes[100_000..])
            .await
            .status(),
        204
    );

    let whole = get(relay.address(), &upload.path).await;
    assert_eq!(whole.status(), 200);
    assert_eq!(whole.body(), &bytes);
    let part = request(
        relay.address(),
        "GET",
        &upload.path,
        &[("range", "bytes=70000-70099")],
        "",
    )
    .await;
    assert_eq!(part.status(), 206);
    assert_eq!(part.headers()["content-range"], "bytes 70000-70099/300000");
    assert_eq!(part.body(), &bytes[70_000..70_100]);

    assert_eq!(
        upload.ask(relay.address(), "DELETE", b"").await.status(),
        204
    );
    assert_eq!(get(relay.address(), &upload.path).await.status(), 404);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_arrived_before_a_break_counts() {
    let relay = TestRelay::start().await;
    let bytes = content(200_000);
    let upload = create(relay.address(), bytes.len()).await;
    let mut socket = TcpStream::connect(relay.address()).await.unwrap();
    let head = format!(
        "PATCH {} HTTP/1.1\r\nHost: localhost\r\nAuthorization: {}\r\nUpload-Offset: 0\r\nContent-Length: 200000\r\n\r\n",
        upload.path, upload.authorization
    );
    socket.write_all(head.as_bytes()).await.unwrap();
    socket.write_all(&bytes[..150_000]).await.unwrap();
    // Somebody else's bytes for nowhere: refused as misplaced until the relay reads what was sent, then as long as it does.
    let resume = async |at: usize| {
        let answer = upload.patch(relay.address(), at, &bytes[at..]).await;
        answer.status().as_u16()
    };
    while resume(199_999).await != 423 {
        tokio::task::yield_now().await;
    }
    socket.shutdown().await.unwrap();
    drop(socket);
    while resume(199_999).await == 423 {
        tokio::task::yield_now().await;
    }
    assert_eq!(upload.offset(relay.address()).await, 150_000);
    assert_eq!(resume(150_000).await, 204);
    assert_eq!(get(relay.address(), &upload.path).await.body(), &bytes);
}

#[tokio::test(flavor = "multi_thread")]
async fn without_the_secret_nothing_is_written_read_or_deleted() {
    let relay = TestRelay::start().await;
    let upload = create(relay.address(), 10).await;
    let stranger = Upload {
        path: upload.path.clone(),
        authorization: format!("Bearer {}", "0".repeat(32)),
    };
    let unknown = Upload {
        path: format!("/v1/blobs/{}", "0".repeat(32)),
        authorization: upload.authorization.clone(),
    };
    for other in [&stranger, &unknown] {
        assert_eq!(
            other
                .patch(relay.address(), 0, b"0123456789")
                .await
                .status(),
            404
        );
        assert_eq!(other.ask(relay.address(), "HEAD", b"").await.status(), 404);
        assert_eq!(
            other.ask(relay.address(), "DELETE", b"").await.status(),
            404
        );
    }
    let open = Upload {
        path: upload.path.clone(),
        authorization: String::new(),
    };
    assert_eq!(
        open.patch(relay.address(), 0, b"0123456789").await.status(),
        401
    );
    assert_eq!(upload.offset(relay.address()).await, 0);
}

/// What a relay with room for two blobs of 1 MiB, and 3 MiB of a source in an hour, says to one upload after another.
async fn reservations() -> Vec<u16> {
    let dir = tempfile::tempdir().unwrap();
    let small = Config {
        blob_quota_mib: 2,
        blob_max_mib: 1,
        blob_source_quota_mib: 3,
        ..config(dir.path())
    };
    let relay = Relay::start(small).await.unwrap();
    let address = relay.local_addr();
    let mib = 1024 * 1024;
    let mut said = Vec::new();
    let first = create(address, mib).await;
    for length in [mib + 1, 0, mib, mib] {
        said.push(ask_for(address, length).await);
    }
    said.push(first.ask(address, "DELETE", b"").await.status().as_u16());
    said.push(ask_for(address, 1).await);
    said
}

async fn ask_for(relay: SocketAddr, length: usize) -> u16 {
    let length = length.to_string();
    let headers = [("upload-length", length.as_str())];
    let answer = request(relay, "POST", "/v1/blobs", &headers, "").await;
    answer.status().as_u16()
}

#[tokio::test(flavor = "multi_thread")]
async fn space_is_reserved_at_creation() {
    let mut said = reservations().await;
    if said.last() != Some(&429) {
        // The source's hour ended in between; the next one does not.
        said = reservations().await;
    }
    // Too large, too small, reserved, full though nothing was uploaded, deleted, the source used up its hour.
    assert_eq!(said, [413, 400, 201, 507, 204, 429]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_longer_than_its_blob_is_refused() {
    let relay = TestRelay::start().await;
    let upload = create(relay.address(), 10).await;
    let refused = upload.patch(relay.address(), 0, b"01234567890").await;
    assert_eq!(refused.status(), 413);
    assert_eq!(upload.offset(relay.address()).await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_the_index_does_not_know_is_removed_at_start() {
    let relay = TestRelay::start().await;
    let upload = create(relay.address(), 3).await;
    assert_eq!(upload.patch(relay.address(), 0, b"abc").await.status(), 204);
    let folder = relay.dir.path().join("blobs/ff");
    std::fs::create_dir_all(&folder).unwrap();
    let orphan = folder.join("f".repeat(32));
    std::fs::write(&orphan, "left by a crash").unwrap();
    let relay = relay.restart().await;
    while orphan.exists() {
        tokio::task::yield_now().await;
    }
    assert_eq!(get(relay.address(), &upload.path).await.body(), "abc");
}

/// The status of asking for `length` bytes.
async fn reserve(relay: SocketAddr, length: usize) -> u16 {
    let length = length.to_string();
    let headers = [("upload-length", length.as_str())];
    let answer = request(relay, "POST", "/v1/blobs", &headers, "").await;
    answer.status().as_u16()
}

#[tokio::test(flavor = "multi_thread")]
async fn blobs_of_a_byte_are_counted_as_larger_ones() {
    let dir = tempfile::tempdir().unwrap();
    let of_source = Config {
        blob_source_quota_mib: 1,
        ..config(dir.path())
    };
    let other = tempfile::tempdir().unwrap();
    let of_all = Config {
        blob_quota_mib: 1,
        ..config(other.path())
    };
    for (config, refusal) in [(of_source, 429), (of_all, 507)] {
        let relay = Relay::start(config).await.unwrap();
        for _ in 0..16 {
            assert_eq!(reserve(relay.local_addr(), 1).await, 201);
        }
        assert_eq!(reserve(relay.local_addr(), 1).await, refusal);
    }
}

/// An upload of which the relay has begun to read the body, and gets no more.
async fn stall(relay: SocketAddr, upload: &Upload) -> TcpStream {
    let mut socket = TcpStream::connect(relay).await.unwrap();
    let head = format!(
        "PATCH {} HTTP/1.1\r\nHost: localhost\r\nX-Forwarded-For: 192.0.2.1\r\nAuthorization: {}\r\n\
         Upload-Offset: 0\r\nContent-Length: 1000\r\nExpect: 100-continue\r\n\r\n",
        upload.path, upload.authorization
    );
    socket.write_all(head.as_bytes()).await.unwrap();
    let mut first = [0; 12];
    socket.read_exact(&mut first).await.unwrap();
    assert_eq!(&first, b"HTTP/1.1 100");
    socket
}

#[tokio::test(flavor = "multi_thread")]
async fn one_source_cannot_have_all_transfers() {
    let dir = tempfile::tempdir().unwrap();
    let config = Config {
        trusted_proxies: vec![[127, 0, 0, 1].into()],
        ..config(dir.path())
    };
    let relay = Relay::start(config).await.unwrap();
    let address = relay.local_addr();
    let served = create(address, 3).await;
    assert_eq!(served.patch(address, 0, b"abc").await.status(), 204);
    let download = |source: &'static str| {
        let path = served.path.clone();
        async move {
            let headers = [("x-forwarded-for", source)];
            let answer = request(address, "GET", &path, &headers, "").await;
            answer.status().as_u16()
        }
    };
    let mut stalled = Vec::new();
    for _ in 0..16 {
        assert_eq!(download("192.0.2.1").await, 200);
        let upload = create(address, 1_000).await;
        stalled.push(stall(address, &upload).await);
    }
    assert_eq!(download("192.0.2.1").await, 429);
    assert_eq!(download("192.0.2.2").await, 200);
    drop(stalled.pop());
    // The relay notices when it reads that the socket is gone.
    while download("192.0.2.1").await != 200 {
        tokio::task::yield_now().await;
    }
}
