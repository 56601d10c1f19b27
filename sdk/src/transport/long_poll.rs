//! The same semantics as a WebSocket over plain HTTP requests, for networks that block the upgrade.
//!
//! A session is named by a bearer; one request waits for frames, another connection sends. Each receive names the cursor up
//! to which everything was handled, so that a lost answer loses nothing. A request whose answer was lost is sent again: the
//! relay takes requests at least once, as after a reconnect.

use std::convert::Infallible;
use std::time::Duration;

use bytes::{Buf, Bytes, BytesMut};
use http::StatusCode;
use tokio::time::{Instant, sleep, timeout};
use undertone_protocol::relay_address::RelayAddress;
use undertone_wire::{ErrorCode, Frame, batch};

use super::Transport;
use super::config::ConnectionClass;
use super::error::{ConnectError, DisconnectCause, Violation};
use super::greeting::{Expectation, Greeting};
use super::http::{Answer, HttpClient};
use super::limits::{POLL_ATTEMPTS, POLL_BODY, POLL_WAIT_SECONDS};
use super::lines::{Change, ConversationSettings, Lines};
use super::report::Reporter;
use super::websocket::{OpenError, WebSocket, incoming, refusal};

/// Characters of a session's bearer.
const BEARER: usize = 32;

/// Where requests go.
const SEND: &str = "/v1/poll/send";

/// How a connection ended.
pub(super) enum End {
    Down(DisconnectCause),
    /// The WebSocket is not blocked any more; here is one.
    Upgraded(Box<WebSocket>),
}

/// An open session whose relay has greeted.
pub(super) struct LongPoll {
    greeting: Greeting,
    bearer: String,
    cursor: u64,
    /// Came with the greeting.
    first: Vec<(Frame, usize)>,
}

impl LongPoll {
    /// Opens a session.
    pub(super) async fn open(
        transport: &Transport,
        relay: &RelayAddress,
        class: ConnectionClass,
    ) -> Result<Self, ConnectError> {
        let mut client = HttpClient::new(transport, relay, class);
        let answer = client
            .post(
                "/v1/poll/open",
                None,
                Bytes::new(),
                transport.config.timeouts.handshake,
            )
            .await?;
        if answer.status != StatusCode::OK {
            return Err(refusal(answer.status));
        }
        let mut body = answer.body;
        if body.len() < BEARER {
            return Err(Violation::Http.into());
        }
        let bearer = body.split_to(BEARER);
        let bearer = std::str::from_utf8(&bearer)
            .ok()
            .filter(|text| text.bytes().all(|byte| byte.is_ascii_hexdigit()))
            .ok_or(Violation::Http)?
            .to_owned();
        let (cursor, frames) = parse(body)?;
        let mut frames = frames.into_iter();
        let (first, _) = frames.next().ok_or(Violation::Greeting)?;
        let expected = Expectation {
            relay,
            exporter: None,
            policy: transport.config.channel_binding,
        };
        let greeting = Greeting::parse(first, &expected)?;
        Ok(Self {
            greeting,
            bearer,
            cursor,
            first: frames.collect(),
        })
    }

    pub(super) fn greeting(&self) -> &Greeting {
        &self.greeting
    }

    /// Carries frames both ways until the session ends or the WebSocket is open again.
    pub(super) async fn run(self, lines: Lines<'_>) -> End {
        let Lines {
            transport,
            relay,
            class,
            reporter,
            mut outgoing,
            mut settings,
        } = lines;
        let reply = transport.config.timeouts.reply;
        let receiving = async {
            let client = HttpClient::new(transport, relay, class);
            match (Receiving {
                client,
                bearer: &self.bearer,
                cursor: self.cursor,
                reply,
            })
            .run(self.first, reporter)
            .await
            {
                Ok(never) => match never {},
                Err(cause) => cause,
            }
        };
        let mut sending = Sending {
            client: HttpClient::new(transport, relay, class),
            bearer: &self.bearer,
            reply,
        };
        let end = {
            let sending = async {
                loop {
                    let Some(first) = outgoing.recv().await else {
                        return DisconnectCause::Requested;
                    };
                    let body = gather(&first, || outgoing.try_recv().ok());
                    if let Err(cause) = sending.post(SEND, &body).await {
                        return cause;
                    }
                }
            };
            tokio::select! {
                cause = receiving => End::Down(cause),
                cause = sending => End::Down(cause),
                cause = unwanted(&mut settings) => End::Down(cause),
                websocket = unblocked(transport, relay, class) => End::Upgraded(Box::new(websocket)),
            }
        };
        if matches!(
            end,
            End::Down(DisconnectCause::Requested) | End::Upgraded(_)
        ) {
            let goodbye = async {
                while let Ok(first) = outgoing.try_recv() {
                    sending
                        .post(SEND, &gather(&first, || outgoing.try_recv().ok()))
                        .await?;
                }
                sending.post("/v1/poll/close", &Bytes::new()).await
            };
            // A goodbye that fails changes nothing: the relay ends the session by itself.
            let _ = timeout(reply, goodbye).await;
        }
        end
    }
}

/// The waiting half of a session.
struct Receiving<'a> {
    client: HttpClient<'a>,
    bearer: &'a str,
    cursor: u64,
    reply: Duration,
}

impl Receiving<'_> {
    async fn run(
        mut self,
        first: Vec<(Frame, usize)>,
        reporter: &Reporter,
    ) -> Result<Infallible, DisconnectCause> {
        hand_on(first, reporter).await?;
        loop {
            let (cursor, frames) = self.receive().await?;
            hand_on(frames, reporter).await?;
            self.cursor = cursor;
        }
    }

    async fn receive(&mut self) -> Result<(u64, Vec<(Frame, usize)>), DisconnectCause> {
        let path = format!(
            "/v1/poll/receive?after={}&wait={POLL_WAIT_SECONDS}",
            self.cursor
        );
        let limit = receive_limit(self.reply);
        let answer = persist(&mut self.client, &path, self.bearer, &Bytes::new(), limit).await?;
        Ok(parse(accepted(answer)?)?)
    }
}

async fn hand_on(frames: Vec<(Frame, usize)>, reporter: &Reporter) -> Result<(), DisconnectCause> {
    for (frame, size) in frames {
        if let Some(frame) = incoming(frame)? {
            reporter.frame(frame, size).await;
        }
    }
    Ok(())
}

/// The sending half of a session.
struct Sending<'a> {
    client: HttpClient<'a>,
    bearer: &'a str,
    reply: Duration,
}

impl Sending<'_> {
    async fn post(&mut self, path: &str, body: &Bytes) -> Result<(), DisconnectCause> {
        let answer = persist(&mut self.client, path, self.bearer, body, self.reply).await?;
        accepted(answer).map(drop)
    }
}

/// How long an answer to a receive may take.
fn receive_limit(reply: Duration) -> Duration {
    Duration::from_secs(POLL_WAIT_SECONDS) + reply
}

/// Posts, and posts again on a fresh connection when the answer was lost. All attempts together wait for at
/// most `limit`, connecting aside.
async fn persist(
    client: &mut HttpClient<'_>,
    path: &str,
    bearer: &str,
    body: &Bytes,
    limit: Duration,
) -> Result<Answer, DisconnectCause> {
    let until = Instant::now() + limit;
    let mut attempts = 1;
    loop {
        let left = until.saturating_duration_since(Instant::now());
        match client.post(path, Some(bearer), body.clone(), left).await {
            Ok(answer) => return Ok(answer),
            Err(ConnectError::Violation(violation)) => return Err(violation.into()),
            Err(ConnectError::TimedOut(_)) => return Err(DisconnectCause::Silent),
            Err(_) if attempts < POLL_ATTEMPTS => attempts += 1,
            Err(_) => return Err(DisconnectCause::Lost),
        }
    }
}

/// The body of a good answer. Any other status ends the session.
fn accepted(answer: Answer) -> Result<Bytes, DisconnectCause> {
    match answer.status {
        StatusCode::OK | StatusCode::NO_CONTENT => Ok(answer.body),
        StatusCode::SERVICE_UNAVAILABLE | StatusCode::TOO_MANY_REQUESTS => {
            Err(DisconnectCause::ClosedByRelay {
                reason: ErrorCode::Busy,
                retry_after: Duration::ZERO,
            })
        }
        _ => Err(DisconnectCause::Lost),
    }
}

/// A cursor and the frames up to it, each with its size.
fn parse(mut body: Bytes) -> Result<(u64, Vec<(Frame, usize)>), Violation> {
    if body.len() < size_of::<u64>() {
        return Err(Violation::Http);
    }
    let cursor = body.get_u64();
    let mut frames = Vec::new();
    let mut left = body.len();
    while let Some(frame) = batch::pop(&mut body)? {
        frames.push((frame, left - body.len()));
        left = body.len();
    }
    Ok((cursor, frames))
}

/// One request body of a frame and those that wait behind it.
fn gather(first: &Frame, mut next: impl FnMut() -> Option<Frame>) -> Bytes {
    let mut body = BytesMut::new();
    push(&mut body, first);
    // The next frame may be as long as a frame can be.
    while body.len() + undertone_wire::limits::MAX_FRAME_BYTES < POLL_BODY {
        let Some(frame) = next() else { break };
        push(&mut body, &frame);
    }
    body.freeze()
}

fn push(body: &mut BytesMut, frame: &Frame) {
    if let Err(error) = batch::push(body, frame) {
        tracing::error!(%error, "a request was not sent");
    }
}

/// Returns when the session is not wanted any more, or when the network changed and its connections are probably dead.
async fn unwanted(settings: &mut ConversationSettings) -> DisconnectCause {
    loop {
        match settings.change().await {
            Change::None => {}
            Change::Close => return DisconnectCause::Requested,
            Change::Probe => return DisconnectCause::Lost,
        }
    }
}

/// Tries the WebSocket from time to time and returns the first one that opens.
async fn unblocked(
    transport: &Transport,
    relay: &RelayAddress,
    class: ConnectionClass,
) -> WebSocket {
    loop {
        sleep(transport.config.timeouts.upgrade_retry).await;
        match WebSocket::open(transport, relay, class).await {
            Ok(websocket) => {
                transport.remember(relay, false);
                return websocket;
            }
            Err(OpenError::Blocked(_) | OpenError::Failed(_)) => transport.remember(relay, true),
        }
    }
}

#[cfg(test)]
#[path = "long_poll_tests.rs"]
mod tests;
