//! A batch: requests that are handled together, become durable together, and are answered only then (group commit).
//!
//! Invariant: when the transaction cannot be committed, nothing of the batch happened, neither in the storage nor in the
//! service. A store that is full is tried again without whatever makes it grow, so that acks and deletes go through;
//! what grows is answered `STORAGE_FULL`.

use std::collections::{BTreeSet, HashMap};
use std::mem;

use bytes::Bytes;
use rand_core::CryptoRng;
use undertone_wire::frame::Body;
use undertone_wire::limits::MAX_PING_BYTES;
use undertone_wire::{Closing, ErrorCode, Frame, MailboxId, Ping, Pong, WorkChallenge};

use super::limits::{CLOSING_RETRY_MS, SWEEP_ROWS};
use super::rates::SourceRate;
use super::refusal::Stop;
use super::session::Session;
use super::{ConnectionId, ConnectionInfo, Output, Service};
use crate::storage::{Room, Storage, StorageError, Timestamp};

/// What came of a batch.
#[derive(Debug)]
pub struct Committed {
    /// To be carried out, in this order. Right whatever `failure` says.
    pub outputs: Vec<Output>,
    /// What kept the batch from being committed as it was: for logs, metrics and readiness.
    pub failure: Option<StorageError>,
    /// Envelopes that their owners acknowledged.
    pub acked: u64,
    /// Envelopes that expired unread.
    pub expired: u64,
}

/// An open batch. Dropping it is as if it had never been.
pub struct Batch<'a> {
    pub(super) service: &'a mut Service,
    pub(super) storage: &'a mut dyn Storage,
    pub(super) now: Timestamp,
    pub(super) mode: Mode,
    inputs: Vec<Input>,
    outputs: Vec<Output>,
    /// Connections that may have something to be delivered from storage.
    behind: BTreeSet<ConnectionId>,
    /// Those of them who have to wait for another batch.
    pub(super) later: BTreeSet<ConnectionId>,
    /// Rows of a kind that may be removed because they are past their time.
    pub(super) sweep_budget: u32,
    /// Envelopes acknowledged, and expired.
    pub(super) gone: (u64, u64),
    pub(super) undo: Undo,
    failure: Option<StorageError>,
}

/// What a batch may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mode {
    Normal,
    /// The store is full: nothing that makes it grow.
    NoGrowth,
    /// The storage failed: every request gets this answer.
    Broken(ErrorCode),
}

/// What was handled, to be handled again when the transaction cannot be committed.
enum Input {
    Open {
        conn: ConnectionId,
        info: ConnectionInfo,
        challenge: [u8; 32],
    },
    Frame {
        conn: ConnectionId,
        frame: Frame,
    },
    Heard(ConnectionId),
    Close(ConnectionId),
    Tick,
    Sweep,
}

/// How the service was before the batch, as far as the batch changed it.
#[derive(Default)]
pub(super) struct Undo {
    pub(super) sessions: HashMap<ConnectionId, Option<Session>>,
    online: HashMap<MailboxId, Option<ConnectionId>>,
}

impl<'a> Batch<'a> {
    pub(super) fn begin(
        service: &'a mut Service,
        storage: &'a mut dyn Storage,
        now: Timestamp,
    ) -> Self {
        let mut batch = Self {
            service,
            storage,
            now,
            mode: Mode::Normal,
            inputs: Vec::new(),
            outputs: Vec::new(),
            behind: BTreeSet::new(),
            later: BTreeSet::new(),
            sweep_budget: 0,
            gone: (0, 0),
            undo: Undo::default(),
            failure: None,
        };
        if let Err(error) = batch.storage.begin() {
            batch.failure = Some(error);
        } else if batch.storage.room() == Room::Low {
            batch.mode = Mode::NoGrowth;
        }
        batch
    }

    /// A connection was opened; it gets `Hello`.
    pub fn open<R: CryptoRng + ?Sized>(
        &mut self,
        conn: ConnectionId,
        info: ConnectionInfo,
        rng: &mut R,
    ) {
        let mut challenge = [0; 32];
        rng.fill_bytes(&mut challenge);
        self.take(Input::Open {
            conn,
            info,
            challenge,
        });
    }

    /// A frame came from a connection. Every request gets exactly one reply with its request id.
    pub fn frame(&mut self, conn: ConnectionId, frame: Frame) {
        self.take(Input::Frame { conn, frame });
    }

    /// The peer of a connection gave a sign of life that is no frame.
    pub fn heard(&mut self, conn: ConnectionId) {
        self.take(Input::Heard(conn));
    }

    /// A connection is gone.
    pub fn close(&mut self, conn: ConnectionId) {
        self.take(Input::Close(conn));
    }

    /// Time passes: dead connections are closed and what is past its time is removed. To be called every 5 s or so.
    pub fn tick(&mut self) {
        self.take(Input::Tick);
    }

    /// There is time to remove some of what is past its time.
    pub fn sweep_some(&mut self) {
        self.take(Input::Sweep);
    }

    /// The storage inside the open transaction, for the index of blobs. What is done here counts only if
    /// [`Committed::failure`] is `None`.
    pub fn storage(&mut self) -> &mut dyn Storage {
        self.storage
    }

    /// Tells the batch that something done through [`Batch::storage`] failed, so that it is not committed as it is.
    pub fn fail(&mut self, error: StorageError) {
        self.failure.get_or_insert(error);
    }

    /// Makes everything durable and releases the outputs.
    #[must_use]
    pub fn commit(mut self) -> Committed {
        if self.failure.is_none()
            && let Err(error) = self.finish()
        {
            self.failure = Some(error);
        }
        let failure = self.failure.take();
        match &failure {
            None => {}
            Some(StorageError::Full) => {
                if let Err(error) = self.again(Mode::NoGrowth) {
                    self.give_up(&error);
                }
            }
            Some(error) => self.give_up(error),
        }
        self.undo = Undo::default();
        let (acked, expired) = self.gone;
        Committed {
            outputs: mem::take(&mut self.outputs),
            failure,
            acked,
            expired,
        }
    }

    fn finish(&mut self) -> Result<(), StorageError> {
        self.deliver_backlogs()?;
        self.sweep()?;
        self.storage.commit()?;
        self.service.to_deliver = mem::take(&mut self.later);
        Ok(())
    }

    fn take(&mut self, input: Input) {
        if self.failure.is_none()
            && let Err(error) = self.handle(&input)
        {
            self.failure = Some(error);
        }
        self.inputs.push(input);
    }

    /// Takes everything back and handles the inputs again in another mode.
    fn again(&mut self, mode: Mode) -> Result<(), StorageError> {
        self.take_back();
        self.mode = mode;
        if mode == Mode::NoGrowth {
            self.storage.begin()?;
        }
        let inputs = mem::take(&mut self.inputs);
        let handled = inputs.iter().try_for_each(|input| self.handle(input));
        self.inputs = inputs;
        handled?;
        if mode == Mode::NoGrowth {
            self.finish()?;
        }
        Ok(())
    }

    fn give_up(&mut self, error: &StorageError) {
        let code = match error {
            StorageError::Full => ErrorCode::StorageFull,
            StorageError::Corrupt
            | StorageError::NewerSchema { .. }
            | StorageError::NotAStore
            | StorageError::InUse
            | StorageError::Io(_) => ErrorCode::Internal,
        };
        // Touches no storage, so it cannot fail.
        let _ = self.again(Mode::Broken(code));
    }

    fn take_back(&mut self) {
        self.storage.rollback();
        self.outputs.clear();
        self.behind.clear();
        self.later.clear();
        self.sweep_budget = 0;
        self.gone = (0, 0);
        let undo = mem::take(&mut self.undo);
        for (conn, before) in undo.sessions {
            match before {
                Some(session) => self.service.sessions.insert(conn, session),
                None => self.service.sessions.remove(&conn),
            };
        }
        for (mailbox, before) in undo.online {
            match before {
                Some(conn) => self.service.online.insert(mailbox, conn),
                None => self.service.online.remove(&mailbox),
            };
        }
    }

    fn handle(&mut self, input: &Input) -> Result<(), StorageError> {
        match input {
            Input::Open {
                conn,
                info,
                challenge,
            } => self.handle_open(*conn, *info, *challenge),
            Input::Frame { conn, frame } => return self.handle_frame(*conn, frame),
            Input::Heard(conn) => self.hear(*conn),
            Input::Close(conn) => self.forget(*conn),
            Input::Tick => return self.handle_tick(),
            Input::Sweep => self.sweep_budget = self.sweep_budget.max(SWEEP_ROWS),
        }
        Ok(())
    }

    fn handle_frame(&mut self, conn: ConnectionId, frame: &Frame) -> Result<(), StorageError> {
        if !self.service.sessions.contains_key(&conn) {
            return Ok(());
        }
        self.hear(conn);
        if frame.request_id == 0 {
            self.shut(conn, ErrorCode::Malformed);
            return Ok(());
        }
        let reply = match self.mode {
            Mode::Broken(code) => Err(code.into()),
            Mode::Normal | Mode::NoGrowth => self.answer(conn, frame.body.as_ref()),
        };
        let body = match reply {
            Ok(body) => body,
            Err(Stop::Refused(refusal)) => Body::Failure(refusal.into_failure()),
            Err(Stop::Broken(error)) => return Err(error),
        };
        self.push(conn, frame.request_id, body);
        Ok(())
    }

    #[expect(
        clippy::wildcard_enum_match_arm,
        reason = "whatever a later version adds counts as a request, and is none until somebody handles it"
    )]
    fn answer(&mut self, conn: ConnectionId, body: Option<&Body>) -> Result<Body, Stop> {
        let Some(body) = body else {
            return Err(ErrorCode::Unsupported.into());
        };
        match body {
            Body::Ack(ack) => return self.ack(conn, ack),
            Body::Credit(credit) => return self.credit(conn, credit),
            Body::DeleteMailbox(_) => return self.delete_mailbox(conn),
            // An owner's acks and deletes always work; everything else counts.
            _ => self.charge(conn, 1)?,
        }
        match body {
            Body::Authenticate(login) => self.authenticate(conn, login),
            Body::SetTokens(tokens) => self.set_tokens(conn, tokens),
            Body::ReplacePrekeys(replacement) => self.replace_prekeys(conn, replacement),
            Body::PrekeyStatus(_) => self.prekey_status(conn),
            Body::Send(send) => self.send(conn, send),
            Body::SendMany(send) => self.send_many(conn, send),
            Body::PopPrekeys(pop) => self.pop_prekeys(conn, pop),
            Body::GetRecord(get) => self.get_record(get),
            Body::PutRecord(put) => self.put_record(conn, put),
            Body::DeleteRecord(delete) => self.delete_record(delete),
            Body::Ping(ping) => self.ping(ping),
            Body::Challenge(_) => Ok(self.work_challenge()),
            // What only a relay sends.
            _ => Err(ErrorCode::Malformed.into()),
        }
    }

    fn ping(&self, ping: &Ping) -> Result<Body, Stop> {
        if ping.opaque.len() > MAX_PING_BYTES {
            return Err(ErrorCode::TooLarge.into());
        }
        Ok(Body::Pong(Pong {
            opaque: ping.opaque.clone(),
            time_ms: self.now.0,
        }))
    }

    fn work_challenge(&mut self) -> Body {
        let (challenge, expires) = self.service.work.issue(self.now);
        Body::WorkChallenge(WorkChallenge {
            challenge: Bytes::copy_from_slice(&challenge),
            difficulty: self.service.config.base_difficulty,
            expires_ms: expires.0,
        })
    }

    /// Counts `units` requests of the connection against every rate they fall under.
    pub(super) fn charge(&mut self, conn: ConnectionId, units: u32) -> Result<(), Stop> {
        if self.mode != Mode::Normal {
            return Ok(());
        }
        let rate = self.service.config.connection_requests;
        let Some(session) = self.service.sessions.get_mut(&conn) else {
            return Ok(());
        };
        session.requests.take(rate, units, self.now)?;
        let source = session.info.source;
        let rates = &mut self.service.rates;
        rates.take_source(SourceRate::Requests, &source, units, self.now)?;
        rates.take_any(units, self.now)?;
        Ok(())
    }

    /// Stops whatever would make the store grow while it is full.
    pub(super) fn growing(&self) -> Result<(), Stop> {
        match self.mode {
            Mode::Normal => Ok(()),
            Mode::NoGrowth => Err(ErrorCode::StorageFull.into()),
            Mode::Broken(code) => Err(code.into()),
        }
    }

    fn hear(&mut self, conn: ConnectionId) {
        if let Some(session) = self.service.sessions.get_mut(&conn) {
            session.heard = self.now;
        }
    }

    pub(super) fn session(&self, conn: ConnectionId) -> Option<&Session> {
        self.service.sessions.get(&conn)
    }

    /// A session to be changed; how it was is remembered.
    pub(super) fn session_mut(&mut self, conn: ConnectionId) -> Option<&mut Session> {
        let session = self.service.sessions.get_mut(&conn)?;
        self.undo
            .sessions
            .entry(conn)
            .or_insert_with(|| Some(session.clone()));
        Some(session)
    }

    pub(super) fn set_online(&mut self, mailbox: MailboxId, conn: Option<ConnectionId>) {
        let before = match conn {
            Some(conn) => self.service.online.insert(mailbox, conn),
            None => self.service.online.remove(&mailbox),
        };
        self.undo.online.entry(mailbox).or_insert(before);
    }

    /// Forgets a connection.
    pub(super) fn forget(&mut self, conn: ConnectionId) {
        let Some(session) = self.service.sessions.remove(&conn) else {
            return;
        };
        if let Some(login) = &session.login
            && self.service.online.get(&login.mailbox) == Some(&conn)
        {
            self.set_online(login.mailbox, None);
        }
        self.behind.remove(&conn);
        self.undo.sessions.entry(conn).or_insert(Some(session));
    }

    /// Closes a connection with a reason.
    pub(super) fn shut(&mut self, conn: ConnectionId, code: ErrorCode) {
        let closing = Closing {
            reason: code.into(),
            retry_after_ms: CLOSING_RETRY_MS,
        };
        self.push(conn, 0, Body::Closing(closing));
        self.forget(conn);
        self.outputs.push(Output::Close {
            connection: conn,
            code,
        });
    }

    pub(super) fn push(&mut self, conn: ConnectionId, request_id: u64, body: Body) {
        let frame = Frame {
            request_id,
            body: Some(body),
        };
        self.outputs.push(Output::Frame {
            connection: conn,
            frame,
        });
    }

    pub(super) fn mark_behind(&mut self, conn: ConnectionId) {
        self.behind.insert(conn);
    }

    /// Those who may have something to be delivered, those who have waited for a batch first.
    pub(super) fn take_behind(&mut self) -> Vec<ConnectionId> {
        let waited = &self.service.to_deliver;
        let mut all: Vec<ConnectionId> = waited.iter().copied().collect();
        let behind = mem::take(&mut self.behind);
        all.extend(behind.into_iter().filter(|conn| !waited.contains(conn)));
        all
    }
}

impl Drop for Batch<'_> {
    fn drop(&mut self) {
        // After a commit there is nothing left to take back.
        self.take_back();
    }
}
