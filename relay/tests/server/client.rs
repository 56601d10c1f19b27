//! A client of the relay's own tests: frames over a WebSocket or over long-poll, with the same methods.

use std::{collections::VecDeque, net::SocketAddr};

use bytes::{Buf, Bytes, BytesMut};
use ed25519_dalek::SigningKey;
use futures_util::{SinkExt, StreamExt};
use tokio::net::TcpStream;
use tokio_tungstenite::{
    WebSocketStream, client_async,
    tungstenite::{Message, client::IntoClientRequest},
};
use undertone_relay::{Config, Relay};
use undertone_wire::{
    Authenticate, Frame, Hello, MailboxId, MessageId, Right, Send, SetTokens, TokenHash, TokenKind,
    batch,
    bearer::BearerHash,
    binding::{self, BindingValue},
    frame::Body,
    right,
    signed::{LoginBody, SignedBody},
};

use super::http;

/// How frames travel.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Transport {
    WebSocket,
    LongPoll,
}

/// One lane to a relay.
pub(crate) struct Lane {
    wire: Wire,
    pub(crate) hello: Hello,
    next_request: u64,
    unasked: VecDeque<Body>,
}

enum Wire {
    WebSocket(Box<WebSocketStream<TcpStream>>),
    LongPoll(LongPoll),
}

struct LongPoll {
    relay: SocketAddr,
    bearer: String,
    cursor: u64,
    frames: VecDeque<Frame>,
}

/// A relay in a directory of its own.
pub(crate) struct TestRelay {
    pub(crate) relay: Relay,
    pub(crate) dir: tempfile::TempDir,
}

impl TestRelay {
    pub(crate) async fn start() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let relay = Relay::start(config(dir.path())).await.unwrap();
        Self { relay, dir }
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.relay.local_addr()
    }

    /// Stops the relay and starts another one on the same directory.
    pub(crate) async fn restart(self) -> Self {
        self.relay.shutdown().await;
        let relay = Relay::start(config(self.dir.path())).await.unwrap();
        Self {
            relay,
            dir: self.dir,
        }
    }
}

pub(crate) fn config(dir: &std::path::Path) -> Config {
    Config::loopback(dir)
}

pub(crate) fn websocket_request(
    relay: SocketAddr,
) -> tokio_tungstenite::tungstenite::handshake::client::Request {
    let mut request = format!("ws://{relay}/v1/ws").into_client_request().unwrap();
    let protocol = "undertone.v1".parse().unwrap();
    request
        .headers_mut()
        .insert("sec-websocket-protocol", protocol);
    request
}

impl Lane {
    pub(crate) async fn open(relay: SocketAddr, transport: Transport) -> Self {
        let mut wire = match transport {
            Transport::WebSocket => {
                let socket = TcpStream::connect(relay).await.unwrap();
                let (socket, _) = client_async(websocket_request(relay), socket)
                    .await
                    .unwrap();
                Wire::WebSocket(Box::new(socket))
            }
            Transport::LongPoll => Wire::LongPoll(LongPoll::open(relay).await),
        };
        let Some(Frame {
            request_id: 0,
            body: Some(Body::Hello(hello)),
        }) = wire.receive().await
        else {
            panic!("no Hello first");
        };
        Self {
            wire,
            hello,
            next_request: 1,
            unasked: VecDeque::new(),
        }
    }

    /// Asks and waits for the reply; what comes unasked meanwhile is kept.
    pub(crate) async fn ask(&mut self, body: Body) -> Body {
        let request_id = self.submit(body).await;
        loop {
            let frame = self
                .wire
                .receive()
                .await
                .expect("the relay closed the lane");
            if frame.request_id == request_id {
                return frame.body.unwrap();
            }
            assert_eq!(frame.request_id, 0, "a reply to nothing");
            self.unasked.push_back(frame.body.unwrap());
        }
    }

    /// Asks without waiting.
    pub(crate) async fn submit(&mut self, body: Body) -> u64 {
        let request_id = self.next_request;
        self.next_request += 1;
        self.wire
            .send(Frame {
                request_id,
                body: Some(body),
            })
            .await;
        request_id
    }

    /// What the relay says unasked, or `None` when it closed the lane.
    pub(crate) async fn unasked(&mut self) -> Option<Body> {
        if let Some(body) = self.unasked.pop_front() {
            return Some(body);
        }
        self.wire.receive().await.map(|frame| frame.body.unwrap())
    }

    pub(crate) async fn log_in(&mut self, key: &SigningKey, after_seq: u64) -> Body {
        let binding = BindingValue::Host(binding::host("127.0.0.1"));
        self.log_in_bound(key, after_seq, binding).await
    }

    pub(crate) async fn log_in_bound(
        &mut self,
        key: &SigningKey,
        after_seq: u64,
        binding: BindingValue,
    ) -> Body {
        let challenge = self.hello.challenge.as_ref().try_into().unwrap();
        let login = login(key, &challenge, binding, after_seq);
        self.ask(Body::Authenticate(login)).await
    }
}

impl Wire {
    async fn send(&mut self, frame: Frame) {
        match self {
            Self::WebSocket(socket) => {
                socket
                    .send(Message::Binary(frame.to_bytes().unwrap()))
                    .await
                    .unwrap();
            }
            Self::LongPoll(poll) => poll.send(&frame).await,
        }
    }

    async fn receive(&mut self) -> Option<Frame> {
        match self {
            Self::WebSocket(socket) => loop {
                match socket.next().await? {
                    Ok(Message::Binary(bytes)) => return Some(Frame::from_bytes(bytes).unwrap()),
                    Ok(Message::Close(_)) | Err(_) => return None,
                    Ok(_) => {}
                }
            },
            Self::LongPoll(poll) => poll.receive().await,
        }
    }
}

impl LongPoll {
    async fn open(relay: SocketAddr) -> Self {
        let answer = http::request(relay, "POST", "/v1/poll/open", &[], "").await;
        assert_eq!(answer.status(), 200);
        let mut body = answer.into_body();
        let bearer = String::from_utf8(body.split_to(32).to_vec()).unwrap();
        let mut poll = Self {
            relay,
            bearer,
            cursor: 0,
            frames: VecDeque::new(),
        };
        poll.take(body);
        poll
    }

    fn authorization(&self) -> String {
        format!("Bearer {}", self.bearer)
    }

    async fn send(&mut self, frame: &Frame) {
        let mut body = BytesMut::new();
        batch::push(&mut body, frame).unwrap();
        let authorization = self.authorization();
        let headers = [("authorization", authorization.as_str())];
        let answer = http::request(self.relay, "POST", "/v1/poll/send", &headers, body).await;
        assert_eq!(answer.status(), 204);
    }

    async fn receive(&mut self) -> Option<Frame> {
        while self.frames.is_empty() {
            let path = format!("/v1/poll/receive?after={}&wait=20", self.cursor);
            let authorization = self.authorization();
            let headers = [("authorization", authorization.as_str())];
            let answer = http::request(self.relay, "POST", &path, &headers, "").await;
            if answer.status() == 404 {
                return None;
            }
            assert_eq!(answer.status(), 200);
            self.take(answer.into_body());
        }
        self.frames.pop_front()
    }

    fn take(&mut self, mut body: Bytes) {
        self.cursor = body.get_u64();
        while let Some(frame) = batch::pop(&mut body).unwrap() {
            self.frames.push_back(frame);
        }
    }
}

pub(crate) fn login(
    key: &SigningKey,
    challenge: &[u8; 32],
    binding: BindingValue,
    after_seq: u64,
) -> Authenticate {
    let mailbox_key = key.verifying_key().to_bytes();
    let signature = LoginBody {
        challenge,
        binding,
        mailbox_key: &mailbox_key,
        peek: false,
    }
    .sign(key);
    Authenticate {
        mailbox_key: Bytes::copy_from_slice(&mailbox_key),
        signature: Bytes::copy_from_slice(&signature),
        after_seq,
        peek: false,
    }
}

pub(crate) fn mailbox_of(key: &SigningKey) -> MailboxId {
    MailboxId::of_key(&key.verifying_key().to_bytes())
}

pub(crate) fn tokens(bearer: [u8; 16]) -> Body {
    let hash = Bytes::copy_from_slice(BearerHash::of(&bearer).as_bytes());
    let token = TokenHash {
        hash,
        kind: TokenKind::Delivery.into(),
        expires_ms: 0,
        quota: 0,
    };
    Body::SetTokens(SetTokens {
        tokens: vec![token],
    })
}

pub(crate) fn send(mailbox: MailboxId, id: u8, bearer: [u8; 16], envelope: &[u8]) -> Body {
    Body::Send(Send {
        mailbox: mailbox.to_field(),
        message_id: MessageId::from_bytes([id; 16]).to_field(),
        right: Some(Right {
            right: Some(right::Right::Bearer(Bytes::copy_from_slice(&bearer))),
        }),
        envelope: Bytes::copy_from_slice(envelope),
        wake: true,
        ephemeral: false,
    })
}
