//! A blob, as an app uploads and fetches it: tus over HTTP/1.1 (relay/wire/SPEC.md, section 3).

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};

/// Bytes of the blob.
const LENGTH: usize = 100_000;

/// What the relay said about a blob that it has.
pub(crate) struct Blob {
    path: String,
}

fn content() -> Vec<u8> {
    (0..LENGTH)
        .map(|at| u8::try_from(at % 251).unwrap())
        .collect()
}

/// Asks once; gives the head and the body of the answer.
fn ask(relay: SocketAddr, request: &str, body: &[u8]) -> (String, Vec<u8>) {
    let mut stream = TcpStream::connect(relay).unwrap();
    let head = format!(
        "{request}Host: {relay}\r\nConnection: close\r\nContent-Length: {}\r\n\r\n",
        body.len()
    );
    stream.write_all(head.as_bytes()).unwrap();
    stream.write_all(body).unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).unwrap();
    let end = answer.windows(4).position(|four| four == b"\r\n\r\n");
    let body = answer.split_off(end.expect("a head") + 4);
    (String::from_utf8(answer).unwrap(), body)
}

fn header<'a>(head: &'a str, name: &str) -> &'a str {
    let mut lines = head.lines().filter_map(|line| line.split_once(": "));
    let found = lines.find(|(other, _)| other.eq_ignore_ascii_case(name));
    found.unwrap_or_else(|| panic!("no {name}: {head}")).1
}

impl Blob {
    /// Uploads it whole; the relay has acknowledged it then.
    pub(crate) fn upload(relay: SocketAddr) -> Self {
        let request = format!("POST /v1/blobs HTTP/1.1\r\nUpload-Length: {LENGTH}\r\n");
        let (created, _) = ask(relay, &request, b"");
        assert!(created.starts_with("HTTP/1.1 201"), "{created}");
        let (path, secret) = (
            header(&created, "location"),
            header(&created, "upload-secret"),
        );
        let request = format!(
            "PATCH {path} HTTP/1.1\r\nAuthorization: Bearer {secret}\r\nUpload-Offset: 0\r\n"
        );
        let (taken, _) = ask(relay, &request, &content());
        assert!(taken.starts_with("HTTP/1.1 204"), "{taken}");
        Self {
            path: path.to_owned(),
        }
    }

    /// Whether the relay serves it as it was uploaded.
    pub(crate) fn is_whole(&self, relay: SocketAddr) -> bool {
        let request = format!("GET {} HTTP/1.1\r\n", self.path);
        let (head, body) = ask(relay, &request, b"");
        head.starts_with("HTTP/1.1 200") && body == content()
    }
}
