//! Tests of the service, through its only door: batches of inputs, outputs after the commit.

#![allow(
    clippy::wildcard_enum_match_arm,
    reason = "what a test did not expect fails it"
)]

mod batches;
mod deliveries;
mod heartbeats;
mod limits;
mod logins;
mod prekeys;
mod records;
mod rights;
mod sending;
mod sweeps;

use std::collections::HashMap;

use bytes::Bytes;
use ed25519_dalek::SigningKey;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;
use undertone_wire::bearer::BearerHash;
use undertone_wire::binding::BindingValue;
use undertone_wire::frame::Body;
use undertone_wire::right::Right as RightBody;
use undertone_wire::signed::{LoginBody, SignedBody};
use undertone_wire::work::WorkSubject;
use undertone_wire::{
    Ack, Authenticate, Challenge, ErrorCode, Failure, Frame, Hello, KnockWork, MailboxId,
    MessageId, Right, Send, SetTokens, StoreEpoch, TokenHash, TokenKind, WorkChallenge,
};

use super::{ConnectionId, ConnectionInfo, Output, Service, ServiceConfig};
use crate::storage::memory::MemoryStorage;
use crate::storage::{Storage, StorageError, Timestamp};

pub(super) const START: Timestamp = Timestamp(1_790_000_000_000);
pub(super) const MINUTE: u64 = 60_000;
pub(super) const DAY: u64 = 24 * 60 * MINUTE;
/// Enough to be work, quick in a test.
pub(super) const BASE: u32 = 8;

/// A relay without sockets.
pub(super) struct Relay {
    pub(super) service: Service,
    pub(super) storage: Box<dyn Storage>,
    pub(super) now: Timestamp,
    pub(super) rng: ChaCha8Rng,
    pub(super) last_failure: Option<StorageError>,
    frames: HashMap<ConnectionId, Vec<Frame>>,
    closed: HashMap<ConnectionId, ErrorCode>,
    hellos: HashMap<ConnectionId, Hello>,
    connections: u64,
    requests: u64,
}

pub(super) fn config() -> ServiceConfig {
    ServiceConfig {
        base_difficulty: BASE,
        ..ServiceConfig::default()
    }
}

pub(super) const BINDING: BindingValue = BindingValue::Host([4; 32]);

impl Relay {
    pub(super) fn new() -> Self {
        Self::with(config())
    }

    pub(super) fn with(config: ServiceConfig) -> Self {
        let storage = MemoryStorage::new(StoreEpoch::from_bytes([1; 16]), START);
        Self::on(config, Box::new(storage))
    }

    pub(super) fn on(config: ServiceConfig, storage: Box<dyn Storage>) -> Self {
        let mut rng = ChaCha8Rng::seed_from_u64(7);
        Self {
            service: Service::new(config, &mut rng),
            storage,
            now: START,
            rng,
            last_failure: None,
            frames: HashMap::new(),
            closed: HashMap::new(),
            hellos: HashMap::new(),
            connections: 0,
            requests: 0,
        }
    }

    /// Several inputs in one batch.
    pub(super) fn batch(&mut self, work: impl FnOnce(&mut super::Batch<'_>)) {
        let mut batch = self.service.batch(self.storage.as_mut(), self.now);
        work(&mut batch);
        let committed = batch.commit();
        self.last_failure = committed.failure;
        for output in committed.outputs {
            match output {
                Output::Frame { connection, frame } => {
                    assert!(!self.closed.contains_key(&connection), "sent after the end");
                    self.frames.entry(connection).or_default().push(frame);
                }
                Output::Close { connection, code } => {
                    assert_eq!(self.closed.insert(connection, code), None);
                }
            }
        }
    }

    pub(super) fn tick(&mut self) {
        self.batch(|batch| batch.tick());
    }

    pub(super) fn connect(&mut self) -> ConnectionId {
        self.connect_from(1)
    }

    pub(super) fn connect_from(&mut self, source: u8) -> ConnectionId {
        self.connect_as([source; 16])
    }

    /// A connection from a source in a network: bytes of the network's hash, then of the source's.
    pub(super) fn connect_within(&mut self, network: u8, source: u8) -> ConnectionId {
        let mut both = [network; 16];
        both[8..].fill(source);
        self.connect_as(both)
    }

    fn connect_as(&mut self, source: [u8; 16]) -> ConnectionId {
        self.connections += 1;
        let conn = ConnectionId(self.connections);
        let info = ConnectionInfo {
            source,
            binding: BINDING,
        };
        let mut rng = self.rng.clone();
        self.batch(|batch| batch.open(conn, info, &mut rng));
        self.rng = rng;
        let first = self.unasked(conn);
        let [Body::Hello(hello)] = &first[..] else {
            panic!("{first:?}")
        };
        self.hellos.insert(conn, hello.clone());
        conn
    }

    pub(super) fn hello(&self, conn: ConnectionId) -> &Hello {
        &self.hellos[&conn]
    }

    pub(super) fn frame(&mut self, body: Body) -> Frame {
        self.requests += 1;
        Frame {
            request_id: self.requests,
            body: Some(body),
        }
    }

    /// One request in a batch of its own; its one reply.
    pub(super) fn ask(&mut self, conn: ConnectionId, body: Body) -> Body {
        let frame = self.frame(body);
        let id = frame.request_id;
        self.batch(|batch| batch.frame(conn, frame));
        self.reply(conn, id)
    }

    pub(super) fn reply(&mut self, conn: ConnectionId, request_id: u64) -> Body {
        let frames = self.frames.entry(conn).or_default();
        let replies: Vec<Frame> = frames
            .extract_if(.., |frame| frame.request_id == request_id)
            .collect();
        let [
            Frame {
                body: Some(body), ..
            },
        ] = &replies[..]
        else {
            panic!("one reply: {replies:?}")
        };
        body.clone()
    }

    /// The code of a refusal.
    pub(super) fn refused(&mut self, conn: ConnectionId, body: Body) -> ErrorCode {
        self.failure(conn, body).code()
    }

    pub(super) fn failure(&mut self, conn: ConnectionId, body: Body) -> Failure {
        match self.ask(conn, body) {
            Body::Failure(failure) => failure,
            other => panic!("granted: {other:?}"),
        }
    }

    /// What came unasked since the last time.
    pub(super) fn unasked(&mut self, conn: ConnectionId) -> Vec<Body> {
        self.frames
            .entry(conn)
            .or_default()
            .extract_if(.., |frame| frame.request_id == 0)
            .filter_map(|frame| frame.body)
            .collect()
    }

    /// Message numbers delivered since the last time; anything else is an error.
    pub(super) fn delivered(&mut self, conn: ConnectionId) -> Vec<u8> {
        self.unasked(conn)
            .into_iter()
            .map(|body| match body {
                Body::Deliver(deliver) => deliver.envelope[0],
                other => panic!("{other:?}"),
            })
            .collect()
    }

    pub(super) fn closed(&self, conn: ConnectionId) -> Option<ErrorCode> {
        self.closed.get(&conn).copied()
    }

    pub(super) fn login_frame(&mut self, conn: ConnectionId, owner: &Owner, after: u64) -> Frame {
        let login = owner.login(self.hello(conn), after, false);
        self.frame(Body::Authenticate(login))
    }

    /// An owner who has everything.
    pub(super) fn online(&mut self, owner: &Owner) -> ConnectionId {
        let conn = self.connect_from(200);
        let frame = self.login_frame(conn, owner, 0);
        let id = frame.request_id;
        self.batch(|batch| batch.frame(conn, frame));
        assert!(matches!(self.reply(conn, id), Body::Authenticated(_)));
        conn
    }

    /// A mailbox with a delivery token (byte `owner.n`), whose owner is offline again.
    pub(super) fn mailbox(&mut self, n: u8) -> Owner {
        let owner = Owner::new(n);
        let conn = self.online(&owner);
        let tokens = SetTokens {
            tokens: vec![token(n, TokenKind::Delivery)],
        };
        assert!(matches!(
            self.ask(conn, Body::SetTokens(tokens)),
            Body::Done(_)
        ));
        self.batch(|batch| batch.close(conn));
        owner
    }

    /// Does the work for a send.
    pub(super) fn knock(&mut self, conn: ConnectionId, send: Send, difficulty: u32) -> Send {
        work_for(&self.challenge(conn), send, difficulty)
    }

    pub(super) fn challenge(&mut self, conn: ConnectionId) -> WorkChallenge {
        match self.ask(conn, Body::Challenge(Challenge {})) {
            Body::WorkChallenge(challenge) => challenge,
            other => panic!("{other:?}"),
        }
    }

    pub(super) fn ack(&mut self, conn: ConnectionId, up_to_seq: u64) {
        let done = self.ask(conn, Body::Ack(Ack { up_to_seq }));
        assert!(matches!(done, Body::Done(_)));
    }
}

/// Who owns a mailbox.
pub(super) struct Owner {
    pub(super) n: u8,
    key: SigningKey,
}

impl Owner {
    pub(super) fn new(n: u8) -> Self {
        Self {
            n,
            key: SigningKey::from_bytes(&[n; 32]),
        }
    }

    pub(super) fn id(&self) -> MailboxId {
        MailboxId::of_key(&self.key.verifying_key().to_bytes())
    }

    pub(super) fn login(&self, hello: &Hello, after_seq: u64, peek: bool) -> Authenticate {
        let public = self.key.verifying_key().to_bytes();
        let login = LoginBody {
            challenge: hello.challenge.as_ref().try_into().unwrap(),
            binding: BINDING,
            mailbox_key: &public,
            peek,
        };
        Authenticate {
            mailbox_key: Bytes::copy_from_slice(&public),
            signature: Bytes::copy_from_slice(&login.sign(&self.key)),
            after_seq,
            peek,
        }
    }
}

pub(super) fn token(bearer: u8, kind: TokenKind) -> TokenHash {
    TokenHash {
        hash: Bytes::copy_from_slice(BearerHash::of(&[bearer; 16]).as_bytes()),
        kind: kind.into(),
        expires_ms: 0,
        quota: 0,
    }
}

pub(super) fn bearer(n: u8) -> Right {
    Right {
        right: Some(RightBody::Bearer(Bytes::from(vec![n; 16]))),
    }
}

/// A send with the work for it done under a challenge.
pub(super) fn work_for(challenge: &WorkChallenge, mut send: Send, difficulty: u32) -> Send {
    let subject = WorkSubject::knock(
        &challenge.challenge,
        MailboxId::try_from(&send.mailbox).unwrap(),
        MessageId::try_from(&send.message_id).unwrap(),
        &send.envelope,
    );
    send.right = Some(work(challenge, subject.solve(difficulty).unwrap()));
    send
}

pub(super) fn work(challenge: &WorkChallenge, nonce: u64) -> Right {
    let challenge = challenge.challenge.clone();
    Right {
        right: Some(RightBody::Work(KnockWork { challenge, nonce })),
    }
}

/// Message `n` to the owner's mailbox, by its delivery token.
pub(super) fn send_to(owner: &Owner, n: u8, len: usize) -> Send {
    Send {
        mailbox: owner.id().to_field(),
        message_id: MessageId::from_bytes([n; 16]).to_field(),
        right: Some(bearer(owner.n)),
        envelope: Bytes::from(vec![n; len]),
        wake: true,
        ephemeral: false,
    }
}
