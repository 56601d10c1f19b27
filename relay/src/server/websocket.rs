//! One client on a WebSocket: one binary message is one frame.
//!
//! Invariant: memory per client is bounded by the frame limit (reading), the outbound queue and the requests in flight
//! (writing); a client that does not read its answers is not read either.
//! Not its concern: what frames mean, and when a silent client counts as dead; the service is told of every complete
//! message and ends the connection. A socket that takes no byte is ended by `write_deadline`.

use bytes::Bytes;
use futures_util::{SinkExt, StreamExt};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    sync::watch,
};
use tokio_tungstenite::{
    WebSocketStream,
    tungstenite::{
        Error, Message,
        protocol::{CloseFrame, Role, WebSocketConfig, frame::coding::CloseCode},
    },
};
use undertone_wire::{Closing, ErrorCode, Frame, frame::Body, limits::MAX_FRAME_BYTES};

use super::{
    connection::Connection,
    limits,
    metrics::Metrics,
    outbound::{Closed, Next},
};
use crate::service::limits::CLOSING_RETRY_MS;

/// The subprotocol that a client must offer.
pub(crate) const SUBPROTOCOL: &str = "undertone.v1";

/// Sizes chosen for many idle sockets: the defaults cost 128 KiB each.
fn sizes() -> WebSocketConfig {
    WebSocketConfig::default()
        .read_buffer_size(limits::WEBSOCKET_READ_BUFFER_BYTES)
        .write_buffer_size(limits::WEBSOCKET_WRITE_BUFFER_BYTES)
        .max_write_buffer_size(limits::WEBSOCKET_WRITE_BUFFER_BYTES + 2 * MAX_FRAME_BYTES)
        .max_message_size(Some(MAX_FRAME_BYTES))
        .max_frame_size(Some(MAX_FRAME_BYTES))
}

/// Why a WebSocket ends.
enum End {
    /// The relay ends it, and is still to say why.
    Tell(ErrorCode),
    /// The relay ends it, and its last frame said why.
    Told(ErrorCode),
    /// The client left, or the socket broke: there is nobody to tell.
    Gone,
}

/// Serves a client until either side ends it, or `draining` becomes true and everything asked for is answered.
pub(crate) async fn serve<S>(
    stream: S,
    connection: Connection,
    metrics: &Metrics,
    draining: watch::Receiver<bool>,
) where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let socket = WebSocketStream::from_raw_socket(stream, Role::Server, Some(sizes())).await;
    metrics.websockets.increment(1);
    let mut lane = Lane {
        socket,
        connection,
        metrics,
    };
    let (reason, farewell) = match lane.run(draining).await {
        End::Tell(reason) => (reason, closing(reason).to_bytes().ok()),
        End::Told(reason) => (reason, None),
        End::Gone => (ErrorCode::Ok, None),
    };
    if reason != ErrorCode::Ok {
        tracing::debug!(reason = reason.as_str_name(), "a websocket was closed");
        lane.say_goodbye(reason, farewell).await;
    }
    metrics.websockets.decrement(1);
}

struct Lane<'m, S> {
    socket: WebSocketStream<S>,
    connection: Connection,
    metrics: &'m Metrics,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Lane<'_, S> {
    async fn run(&mut self, mut draining: watch::Receiver<bool>) -> End {
        loop {
            let stopping = *draining.borrow_and_update();
            if stopping && self.connection.is_settled(0) {
                return End::Tell(ErrorCode::Busy);
            }
            tokio::select! {
                // Reading first: what already arrived shows that the client lives, however long a write took.
                biased;
                _ = draining.changed(), if !stopping => {}
                message = readable(&mut self.socket, &self.connection), if !stopping => {
                    if let Err(end) = self.take(message).await {
                        return end;
                    }
                }
                next = self.connection.next() => {
                    if let Err(end) = self.write(next).await {
                        return end;
                    }
                }
            }
        }
    }

    /// Takes one message that the client sent.
    async fn take(&mut self, message: Option<Result<Message, Error>>) -> Result<(), End> {
        let bytes = match message {
            Some(Ok(Message::Binary(bytes))) => bytes,
            Some(Ok(Message::Ping(_) | Message::Pong(_))) => {
                self.connection.heard();
                return Ok(());
            }
            Some(Ok(Message::Text(_) | Message::Frame(_))) => {
                self.metrics.refused_frames.increment(1);
                return Err(End::Tell(ErrorCode::Malformed));
            }
            Some(Err(Error::Capacity(_))) => {
                self.metrics.refused_frames.increment(1);
                return Err(End::Tell(ErrorCode::TooLarge));
            }
            Some(Ok(Message::Close(_)) | Err(_)) | None => return Err(End::Gone),
        };
        self.submit(bytes).await
    }

    fn count_end(&self, reason: ErrorCode) {
        if reason == ErrorCode::TimedOut {
            self.metrics.idle_closed.increment(1);
        }
    }

    async fn submit(&mut self, bytes: Bytes) -> Result<(), End> {
        let len = bytes.len();
        let frame = parse_request(bytes).map_err(|()| {
            self.metrics.refused_frames.increment(1);
            End::Tell(ErrorCode::Malformed)
        })?;
        self.metrics.frames_in.increment(1);
        self.metrics
            .bytes_in
            .increment(u64::try_from(len).unwrap_or(u64::MAX));
        self.connection.submit(frame, len).await;
        Ok(())
    }

    /// Writes everything that waits, then flushes once.
    async fn write(&mut self, first: Next) -> Result<(), End> {
        let mut next = Some(first);
        let mut answered = Vec::new();
        while let Some(item) = next {
            let frame = match item {
                Next::Frame(frame) => frame,
                Next::Closed(Closed::Told(reason)) => {
                    self.count_end(reason);
                    return Err(End::Told(reason));
                }
                Next::Closed(Closed::Overrun) => {
                    self.metrics.overrun_closed.increment(1);
                    return Err(End::Tell(ErrorCode::Busy));
                }
            };
            let bytes = frame
                .to_bytes()
                .map_err(|_| End::Tell(ErrorCode::Internal))?;
            let bytes_len = bytes.len();
            self.metrics.frames_out.increment(1);
            self.metrics
                .bytes_out
                .increment(u64::try_from(bytes_len).unwrap_or(u64::MAX));
            self.socket
                .feed(Message::Binary(bytes))
                .await
                .map_err(|_| End::Gone)?;
            answered.push((frame.request_id, bytes_len));
            next = self.connection.try_next();
        }
        self.socket.flush().await.map_err(|_| End::Gone)?;
        for (request_id, bytes) in answered {
            self.connection.left(request_id, bytes);
        }
        Ok(())
    }

    /// The last frame and the close; whether they arrive is the client's luck.
    async fn say_goodbye(&mut self, reason: ErrorCode, farewell: Option<Bytes>) {
        if let Some(bytes) = farewell
            && self.socket.feed(Message::Binary(bytes)).await.is_err()
        {
            return;
        }
        let close = CloseFrame {
            code: close_code(reason),
            reason: "".into(),
        };
        // Nobody is left to tell when it fails.
        let _ = self.socket.close(Some(close)).await;
    }
}

/// The next message, once another request may be handed in.
async fn readable<S>(
    socket: &mut WebSocketStream<S>,
    connection: &Connection,
) -> Option<Result<Message, Error>>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    connection.room().await;
    socket.next().await
}

/// A frame that asks for something: it parses and has a request id to answer under.
pub(crate) fn parse_request(bytes: Bytes) -> Result<Frame, ()> {
    match Frame::from_bytes(bytes) {
        Ok(frame) if frame.request_id != 0 => Ok(frame),
        Ok(_) | Err(_) => Err(()),
    }
}

/// The frame that ends a connection, when the service did not say it already.
pub(crate) fn closing(reason: ErrorCode) -> Frame {
    let closing = Closing {
        reason: reason.into(),
        retry_after_ms: CLOSING_RETRY_MS,
    };
    Frame {
        request_id: 0,
        body: Some(Body::Closing(closing)),
    }
}

/// RFC 6455, section 7.4.1, and 1012 from the IANA registry.
fn close_code(reason: ErrorCode) -> CloseCode {
    if reason == ErrorCode::Busy {
        CloseCode::Restart
    } else if reason == ErrorCode::TooLarge {
        CloseCode::Size
    } else if reason == ErrorCode::Internal || reason == ErrorCode::StorageFull {
        CloseCode::Error
    } else if reason == ErrorCode::TimedOut {
        CloseCode::Normal
    } else {
        CloseCode::Policy
    }
}
