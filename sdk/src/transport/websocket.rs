//! One WebSocket to a relay: upgrade, greeting, frames both ways, heartbeat.
//!
//! Invariant: no more is buffered than one message of [`MAX_FRAME_BYTES`], a read buffer and a write buffer; a longer
//! message is refused at its header. There is no compression: tungstenite offers none and refuses compressed frames.

use std::time::Duration;

use futures_util::stream::{SplitSink, SplitStream};
use futures_util::{SinkExt, StreamExt};
use http::{Request, StatusCode, header};
use tokio::time::{Instant, sleep_until, timeout};
use tokio_tungstenite::tungstenite::error::{Error as WsError, ProtocolError};
use tokio_tungstenite::tungstenite::handshake::client::generate_key;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::tungstenite::{Bytes, Message};
use tokio_tungstenite::{WebSocketStream, client_async_with_config};
use undertone_protocol::relay_address::RelayAddress;
use undertone_wire::frame::Body;
use undertone_wire::limits::MAX_FRAME_BYTES;
use undertone_wire::{Closing, ErrorCode, Frame, FrameDecodeError, Ping};

use super::Transport;
use super::address;
use super::config::ConnectionClass;
use super::dial::{Dialled, Stream, within};
use super::error::{ConnectError, DisconnectCause, Stage, Violation};
use super::greeting::{Expectation, Greeting};
use super::limits::{WEBSOCKET_FRAMING, WEBSOCKET_READ_BUFFER, WEBSOCKET_WRITE_BUFFER};
use super::lines::{Change, Lines};
use super::liveness::{Due, Liveness};

/// The relay's subprotocol, and with it the version of the wire.
const SUBPROTOCOL: &str = "undertone.v1";

/// Request ids with this bit are the transport's own pings; the engine's stay below.
const OWN_REQUEST: u64 = 1 << 63;

/// Time to say goodbye in.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(2);

type Socket = WebSocketStream<Box<dyn Stream>>;

/// An open WebSocket whose relay has greeted.
pub(super) struct WebSocket {
    socket: Box<Socket>,
    greeting: Greeting,
}

/// Why there is no WebSocket.
pub(super) enum OpenError {
    /// The relay is reachable, the upgrade is not: something in between may allow plain HTTP only.
    Blocked(ConnectError),
    /// Another way to the same relay would fail alike.
    Failed(ConnectError),
}

impl WebSocket {
    /// Connects, upgrades and waits for the greeting.
    pub(super) async fn open(
        transport: &Transport,
        relay: &RelayAddress,
        class: ConnectionClass,
    ) -> Result<Self, OpenError> {
        let limit = transport.config.timeouts.handshake;
        let Dialled { stream, exporter } = transport
            .dial(relay, class)
            .await
            .map_err(OpenError::Failed)?;
        let mut socket = within(limit, Stage::Upgrading, upgrade(stream, relay))
            .await
            .map_err(OpenError::Blocked)?;
        let first = match within(limit, Stage::Greeting, first_frame(&mut socket)).await {
            Ok(first) => first,
            Err(error @ ConnectError::Violation(_)) => return Err(OpenError::Failed(error)),
            Err(error) => return Err(OpenError::Blocked(error)),
        };
        let expected = Expectation {
            relay,
            exporter,
            policy: transport.config.channel_binding,
        };
        let greeting = Greeting::parse(first, &expected).map_err(OpenError::Failed)?;
        Ok(Self {
            socket: Box::new(socket),
            greeting,
        })
    }

    pub(super) fn greeting(&self) -> &Greeting {
        &self.greeting
    }

    /// Carries frames both ways until the connection ends.
    pub(super) async fn run(self, lines: Lines<'_>) -> DisconnectCause {
        let liveness = Liveness::new(
            self.greeting.heartbeat(),
            lines.transport.config.timeouts.reply,
            Instant::now(),
        );
        let (sink, source) = (*self.socket).split();
        let mut running = Running {
            source,
            sink,
            lines,
            liveness,
            unflushed: false,
            pings: 0,
        };
        loop {
            match running.turn().await {
                Ok(()) => {}
                Err(DisconnectCause::Requested) => return running.close().await,
                Err(cause) => return cause,
            }
        }
    }
}

/// Sends the upgrade request and checks the answer.
async fn upgrade(stream: Box<dyn Stream>, relay: &RelayAddress) -> Result<Socket, ConnectError> {
    let request = Request::get(format!("ws://{}/v1/ws", address::authority(relay)))
        .header(header::HOST, address::authority(relay))
        .header(header::CONNECTION, "Upgrade")
        .header(header::UPGRADE, "websocket")
        .header(header::SEC_WEBSOCKET_VERSION, "13")
        .header(header::SEC_WEBSOCKET_KEY, generate_key())
        .header(header::SEC_WEBSOCKET_PROTOCOL, SUBPROTOCOL)
        .body(())
        .map_err(|_| Violation::Http)?;
    match client_async_with_config(request, stream, Some(socket_config())).await {
        Ok((socket, _)) => Ok(socket),
        Err(WsError::Http(answer)) => Err(refusal(answer.status())),
        Err(WsError::Io(_)) | Err(WsError::Protocol(ProtocolError::HandshakeIncomplete)) => {
            Err(ConnectError::Unreachable)
        }
        Err(_) => Err(Violation::Http.into()),
    }
}

fn socket_config() -> WebSocketConfig {
    WebSocketConfig::default()
        .read_buffer_size(WEBSOCKET_READ_BUFFER)
        .write_buffer_size(WEBSOCKET_WRITE_BUFFER)
        .max_write_buffer_size(2 * WEBSOCKET_WRITE_BUFFER + MAX_FRAME_BYTES + WEBSOCKET_FRAMING)
        .max_message_size(Some(MAX_FRAME_BYTES))
        .max_frame_size(Some(MAX_FRAME_BYTES))
}

/// What an HTTP answer other than the wanted one says.
pub(super) fn refusal(status: StatusCode) -> ConnectError {
    match status {
        StatusCode::SERVICE_UNAVAILABLE | StatusCode::TOO_MANY_REQUESTS => ConnectError::Busy,
        other => ConnectError::NotARelay {
            status: other.as_u16(),
        },
    }
}

async fn first_frame(socket: &mut Socket) -> Result<Frame, ConnectError> {
    loop {
        match socket.next().await {
            Some(Ok(Message::Binary(bytes))) => {
                return Ok(Frame::from_bytes(bytes).map_err(Violation::from)?);
            }
            Some(Ok(Message::Ping(_) | Message::Pong(_))) => {}
            Some(Ok(Message::Text(_) | Message::Frame(_))) => {
                return Err(Violation::WebSocket.into());
            }
            Some(Ok(Message::Close(_))) | None => return Err(ConnectError::Unreachable),
            Some(Err(error)) => {
                return Err(
                    violation_of(&error).map_or(ConnectError::Unreachable, ConnectError::Violation)
                );
            }
        }
    }
}

/// A connection at work.
struct Running<'a> {
    source: SplitStream<Socket>,
    sink: SplitSink<Socket, Message>,
    lines: Lines<'a>,
    liveness: Liveness,
    unflushed: bool,
    pings: u64,
}

impl Running<'_> {
    /// Does the next thing there is to do. Whatever a cancelled branch had begun is taken up in the next turn.
    async fn turn(&mut self) -> Result<(), DisconnectCause> {
        let look_again = self.liveness.next();
        tokio::select! {
            message = self.source.next() => self.received(message).await,
            flushed = self.sink.flush(), if self.unflushed => {
                self.unflushed = false;
                flushed.map_err(|error| broken(&error))
            }
            frame = self.lines.outgoing.recv(), if !self.unflushed => match frame {
                Some(frame) => self.queue_all(frame).await,
                None => Err(DisconnectCause::Requested),
            },
            () = sleep_until(look_again) => self.look().await,
            change = self.lines.settings.change() => match change {
                Change::None => Ok(()),
                Change::Close => Err(DisconnectCause::Requested),
                Change::Probe => {
                    self.ping().await?;
                    let probe = self.lines.transport.config.timeouts.probe;
                    self.liveness.hurry(probe, Instant::now());
                    Ok(())
                }
            },
        }
    }

    async fn received(
        &mut self,
        message: Option<Result<Message, WsError>>,
    ) -> Result<(), DisconnectCause> {
        let bytes = match message {
            Some(Ok(Message::Binary(bytes))) => bytes,
            Some(Ok(Message::Ping(_) | Message::Pong(_))) => return Ok(()),
            Some(Ok(Message::Text(_) | Message::Frame(_))) => {
                return Err(Violation::WebSocket.into());
            }
            Some(Ok(Message::Close(_))) | None => return Err(DisconnectCause::Lost),
            Some(Err(error)) => return Err(broken(&error)),
        };
        let size = bytes.len();
        let frame = Frame::from_bytes(bytes).map_err(Violation::from)?;
        self.liveness.received();
        if let Some(frame) = incoming(frame)? {
            self.lines.reporter.frame(frame, size).await;
        }
        Ok(())
    }

    /// Queues a frame and those that wait behind it, as long as they fit the write buffer.
    async fn queue_all(&mut self, first: Frame) -> Result<(), DisconnectCause> {
        let mut next = Some(first);
        let mut queued = 0;
        while let Some(frame) = next {
            queued += self.queue(&frame).await?;
            next = if queued < WEBSOCKET_WRITE_BUFFER {
                self.lines.outgoing.try_recv().ok()
            } else {
                None
            };
        }
        Ok(())
    }

    async fn queue(&mut self, frame: &Frame) -> Result<usize, DisconnectCause> {
        let Some(bytes) = encoded(frame) else {
            return Ok(0);
        };
        let size = bytes.len();
        self.liveness.sent(Instant::now());
        self.unflushed = true;
        self.sink
            .feed(Message::Binary(bytes))
            .await
            .map_err(|error| broken(&error))?;
        Ok(size)
    }

    async fn ping(&mut self) -> Result<(), DisconnectCause> {
        self.pings = self.pings.wrapping_add(1);
        let frame = Frame {
            request_id: OWN_REQUEST | self.pings,
            body: Some(Body::Ping(Ping::default())),
        };
        self.queue(&frame).await.map(|_| ())
    }

    async fn look(&mut self) -> Result<(), DisconnectCause> {
        match self.liveness.due(Instant::now()) {
            Due::Nothing => Ok(()),
            Due::Heartbeat => self.ping().await,
            Due::Dead => Err(DisconnectCause::Silent),
        }
    }

    /// Sends what is queued and says goodbye.
    async fn close(mut self) -> DisconnectCause {
        let goodbye = async {
            self.lines.outgoing.close();
            while let Some(frame) = self.lines.outgoing.recv().await {
                self.queue(&frame).await?;
            }
            self.sink.close().await.map_err(|error| broken(&error))
        };
        // A goodbye that fails changes nothing: the relay delivers again what was not acknowledged.
        let _ = timeout(CLOSE_TIMEOUT, goodbye).await;
        DisconnectCause::Requested
    }
}

/// The bytes of a frame; `None`, with a complaint, for one above the limit, which the engine must not build.
fn encoded(frame: &Frame) -> Option<Bytes> {
    frame
        .to_bytes()
        .inspect_err(|error| tracing::error!(%error, "a request was not sent"))
        .ok()
}

/// What of a received frame is for the engine.
pub(super) fn incoming(frame: Frame) -> Result<Option<Frame>, DisconnectCause> {
    match &frame.body {
        Some(Body::Closing(closing)) => Err(closed_by_relay(closing)),
        Some(Body::Hello(_)) => Err(Violation::Greeting.into()),
        _ if frame.request_id & OWN_REQUEST != 0 => Ok(None),
        _ => Ok(Some(frame)),
    }
}

fn closed_by_relay(closing: &Closing) -> DisconnectCause {
    let reason = ErrorCode::try_from(closing.reason).unwrap_or(ErrorCode::Unspecified);
    DisconnectCause::ClosedByRelay {
        reason,
        retry_after: Duration::from_millis(closing.retry_after_ms.into()),
    }
}

fn broken(error: &WsError) -> DisconnectCause {
    violation_of(error).map_or(DisconnectCause::Lost, DisconnectCause::Violation)
}

/// What the relay did wrong; `None` when the socket merely broke.
fn violation_of(error: &WsError) -> Option<Violation> {
    if matches!(error, WsError::Capacity(_)) {
        Some(Violation::TooLarge)
    } else if matches!(
        error,
        WsError::Protocol(ProtocolError::ResetWithoutClosingHandshake)
    ) {
        None
    } else if matches!(error, WsError::Protocol(_) | WsError::Utf8(_)) {
        Some(Violation::WebSocket)
    } else {
        None
    }
}

impl From<FrameDecodeError> for Violation {
    fn from(error: FrameDecodeError) -> Self {
        match error {
            FrameDecodeError::TooLarge | FrameDecodeError::TooManyFields => Self::TooLarge,
            FrameDecodeError::Malformed => Self::MalformedFrame,
        }
    }
}
