//! Blobs: resumed uploads, parts, secrets, quotas.

use std::net::SocketAddr;

use bytes::Bytes;
use tokio::{io::AsyncWriteExt, net::TcpStream};
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
    socket.shutdown().await.unwrap();
    drop(socket);
    // The relay notices the break when it reads it; until then the blob is being written.
    let offset = loop {
        let resumed = upload
            .patch(relay.address(), 150_000, &bytes[150_000..])
            .await;
        match resumed.status().as_u16() {
            423 => tokio::task::yield_now().await,
            204 => break 150_000,
            409 => break upload.offset(relay.address()).await,
            other => panic!("{other}"),
        }
    };
    if offset < 150_000 {
        // Part of it was lost with the socket; what is counted is durable and the rest follows.
        assert_eq!(
            upload
                .patch(relay.address(), offset, &bytes[offset..])
                .await
                .status(),
            204
        );
    }
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

#[tokio::test(flavor = "multi_thread")]
async fn space_is_reserved_at_creation() {
    let dir = tempfile::tempdir().unwrap();
    let small = Config {
        blob_quota_mib: 2,
        blob_max_mib: 1,
        blob_source_quota_mib: 3,
        ..config(dir.path())
    };
    let relay = Relay::start(small).await.unwrap();
    let address = relay.local_addr();
    let ask = |length: usize| async move {
        let length = length.to_string();
        request(
            address,
            "POST",
            "/v1/blobs",
            &[("upload-length", &length)],
            "",
        )
        .await
        .status()
        .as_u16()
    };
    let mib = 1024 * 1024;
    assert_eq!(ask(mib + 1).await, 413);
    assert_eq!(ask(0).await, 400);
    let first = create(address, mib).await;
    assert_eq!(ask(mib).await, 201);
    assert_eq!(
        ask(mib).await,
        507,
        "the quota is reserved though nothing was uploaded"
    );
    assert_eq!(first.ask(address, "DELETE", b"").await.status(), 204);
    assert_eq!(ask(1).await, 429, "the source used up its hour");
    let too_much = create_refused_beyond(address, &dir).await;
    assert_eq!(too_much, 413);
}

/// A body longer than the blob.
async fn create_refused_beyond(_: SocketAddr, dir: &tempfile::TempDir) -> u16 {
    let other = dir.path().join("other");
    let relay = Relay::start(config(&other)).await.unwrap();
    let upload = create(relay.local_addr(), 10).await;
    let status = upload
        .patch(relay.local_addr(), 0, b"01234567890")
        .await
        .status()
        .as_u16();
    assert_eq!(upload.offset(relay.local_addr()).await, 0);
    status
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
