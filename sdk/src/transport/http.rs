//! One HTTP/1.1 connection to a relay that is opened again when it was closed, and bounded answers.

use std::time::Duration;

use bytes::Bytes;
use http::{Request, StatusCode, header};
use http_body_util::{BodyExt, Full, LengthLimitError, Limited};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use tokio::task::JoinHandle;
use undertone_protocol::relay_address::RelayAddress;
use undertone_wire::limits::MAX_FRAME_BYTES;

use super::Transport;
use super::address;
use super::config::ConnectionClass;
use super::dial::{Dialled, within};
use super::error::{ConnectError, Stage, Violation};
use super::limits::{HTTP_HEADER_BYTES, HTTP_HEADERS, POLL_BODY, POLL_PREAMBLE};

/// Longest answer that is read, in bytes.
const ANSWER_BYTES: usize = POLL_BODY + POLL_PREAMBLE + MAX_FRAME_BYTES;

/// The client's end of a connection.
pub(super) struct HttpClient<'a> {
    transport: &'a Transport,
    relay: &'a RelayAddress,
    class: ConnectionClass,
    open: Option<Open>,
}

struct Open {
    sender: http1::SendRequest<Full<Bytes>>,
    driver: JoinHandle<()>,
}

impl Drop for Open {
    fn drop(&mut self) {
        self.driver.abort();
    }
}

/// A whole answer.
pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) body: Bytes,
}

impl<'a> HttpClient<'a> {
    pub(super) fn new(
        transport: &'a Transport,
        relay: &'a RelayAddress,
        class: ConnectionClass,
    ) -> Self {
        Self {
            transport,
            relay,
            class,
            open: None,
        }
    }

    /// Posts `body` and reads the answer, within `limit` once connected. On an error the connection is closed, and the relay
    /// may or may not have taken the request.
    pub(super) async fn post(
        &mut self,
        path: &str,
        bearer: Option<&str>,
        body: Bytes,
        limit: Duration,
    ) -> Result<Answer, ConnectError> {
        let mut open = self.reuse_or_connect().await?;
        let mut request = Request::post(path)
            .header(header::HOST, address::authority(self.relay))
            .header(header::CONTENT_TYPE, "application/octet-stream");
        if let Some(bearer) = bearer {
            request = request.header(header::AUTHORIZATION, format!("Bearer {bearer}"));
        }
        let request = request.body(Full::new(body)).map_err(|_| Violation::Http)?;
        let answer = within(limit, Stage::Upgrading, exchange(&mut open.sender, request)).await?;
        self.open = Some(open);
        Ok(answer)
    }

    async fn reuse_or_connect(&mut self) -> Result<Open, ConnectError> {
        if let Some(mut open) = self.open.take()
            && open.sender.ready().await.is_ok()
        {
            return Ok(open);
        }
        self.connect().await
    }

    async fn connect(&self) -> Result<Open, ConnectError> {
        let Dialled { stream, .. } = self.transport.dial(self.relay, self.class).await?;
        let (sender, connection) = http1::Builder::new()
            .max_headers(HTTP_HEADERS)
            .max_buf_size(HTTP_HEADER_BYTES)
            .handshake(TokioIo::new(stream))
            .await
            .map_err(|_| ConnectError::Unreachable)?;
        let driver = tokio::spawn(async move {
            // How it ended is told to whoever waits for an answer.
            let _ = connection.await;
        });
        Ok(Open { sender, driver })
    }
}

async fn exchange(
    sender: &mut http1::SendRequest<Full<Bytes>>,
    request: Request<Full<Bytes>>,
) -> Result<Answer, ConnectError> {
    let answer = sender.send_request(request).await.map_err(|error| {
        if error.is_parse() {
            Violation::Http.into()
        } else {
            ConnectError::Unreachable
        }
    })?;
    let status = answer.status();
    let body = Limited::new(answer.into_body(), ANSWER_BYTES)
        .collect()
        .await
        .map_err(|error| {
            if error.is::<LengthLimitError>() {
                Violation::TooLarge.into()
            } else {
                ConnectError::Unreachable
            }
        })?;
    Ok(Answer {
        status,
        body: body.to_bytes(),
    })
}
