//! The sessions with all peer devices, in memory, and which of them is used for sending.
//!
//! Invariant: what is in memory equals what the store will have when the step commits; a step that is
//! dropped throws this away. Of two sessions that both sides began at once the one with the lower id is used
//! (protocol.md, F15); of others the newest. What is not used any more still receives.
//!
//! The ratchet is the protocol's ([`Session`]).

use std::collections::{BTreeMap, HashMap};

use rand_core::CryptoRng;
use undertone_protocol::session::{MessageNumber, Position, Session, SessionId, SkippedKey};
use undertone_protocol::tag::Tag;
use undertone_protocol::tag_index::TagIndex;
use undertone_protocol::time::Timestamp;

use super::limits::{FALLBACK_MESSAGES, MAX_ARCHIVED_SESSIONS};
use super::step::Step;
use crate::error::StepError;
use crate::store::{
    ContactId, ContactState, NewRetained, OutboxHold, OutboxRow, PeerDeviceId, SessionRow,
    SessionStatus, SessionStep, Tx,
};

/// There is no session to encrypt with; a handshake is needed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct NoSession;

/// A session in memory.
pub(crate) struct Cached {
    /// In a place of its own: a table that grows would leave a copy of its keys behind.
    pub(crate) session: Box<Session>,
    pub(crate) device: PeerDeviceId,
    pub(crate) status: SessionStatus,
    pub(crate) created: Timestamp,
    /// Messages that came on it since another one was preferred, or since the engine was opened.
    received: u32,
}

/// All sessions.
pub(crate) struct Sessions {
    all: HashMap<SessionId, Cached>,
    of_device: HashMap<PeerDeviceId, Vec<SessionId>>,
    dirty: BTreeMap<SessionId, SessionStep>,
    pub(crate) index: TagIndex,
}

impl Sessions {
    /// Loads all sessions and the places of all skipped messages.
    pub(crate) fn load(tx: &Tx<'_>, rng: &mut impl CryptoRng) -> Result<Self, StepError> {
        let mut sessions = Self {
            all: HashMap::new(),
            of_device: HashMap::new(),
            dirty: BTreeMap::new(),
            index: TagIndex::new(rng),
        };
        for stored in tx.sessions().all()? {
            let session = Session::from_bytes(&stored.state, &stored.pq_material)
                .map_err(|_| StepError::Damaged)?;
            let row = stored.row;
            sessions.index.track(&session);
            sessions.take_in(Box::new(session), row.peer_device, row.status, row.created);
        }
        for skipped in tx.skipped().all_tags()? {
            sessions
                .index
                .expect_skipped(skipped.session, skipped.number, skipped.tag);
        }
        Ok(sessions)
    }

    fn take_in(
        &mut self,
        session: Box<Session>,
        device: PeerDeviceId,
        status: SessionStatus,
        created: Timestamp,
    ) {
        let id = session.id();
        self.of_device.entry(device).or_default().push(id);
        self.all.insert(
            id,
            Cached {
                session,
                device,
                status,
                created,
                received: 0,
            },
        );
    }

    /// One session.
    pub(crate) fn get(&self, id: &SessionId) -> Option<&Cached> {
        self.all.get(id)
    }

    /// One session and the index beside it, for opening an envelope.
    pub(crate) fn open_with(&mut self, id: &SessionId) -> Option<(&mut Session, PeerDeviceId)> {
        self.all
            .get_mut(id)
            .map(|cached| (&mut *cached.session, cached.device))
    }

    /// The session that is used for sending to a device.
    pub(crate) fn sending(&self, device: PeerDeviceId) -> Option<&Cached> {
        self.of(device)
            .find(|cached| cached.status == SessionStatus::Active)
    }

    /// Whether something can be encrypted for a device now.
    pub(crate) fn is_ready(&self, device: PeerDeviceId) -> bool {
        self.sending(device)
            .is_some_and(|cached| cached.session.remaining() > 0)
    }

    /// All sessions with a device.
    pub(crate) fn of(&self, device: PeerDeviceId) -> impl Iterator<Item = &Cached> {
        self.of_device
            .get(&device)
            .into_iter()
            .flatten()
            .filter_map(|id| self.all.get(id))
    }

    /// The number of the message at a position of a session.
    pub(crate) fn number_of(&self, id: &SessionId, position: Position) -> Option<MessageNumber> {
        self.all
            .get(id)
            .map(|cached| cached.session.number_at(position))
    }

    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        self.all.len()
    }

    /// A message that others overtook was opened, and the session learned from it.
    pub(crate) fn learned(&mut self, id: &SessionId) {
        self.dirty.insert(*id, SessionStep::Received);
    }

    /// A message was opened: the index follows, and the row is written when the step commits.
    pub(crate) fn received(&mut self, id: &SessionId, tag: Tag, skipped: &[SkippedKey]) {
        let Some(cached) = self.all.get_mut(id) else {
            return;
        };
        cached.received = cached.received.saturating_add(1);
        self.index.follow(&cached.session, tag, skipped);
        self.dirty.insert(*id, SessionStep::Received);
    }
}

impl Step<'_> {
    /// Encrypts content for its device under the session that is used for sending, and makes the row an
    /// envelope. The kept copy for resends and the ratchet's step are in the same transaction.
    pub(super) fn encrypt_row(
        &mut self,
        row: &OutboxRow,
        device: PeerDeviceId,
        content: &[u8],
    ) -> Result<Result<Vec<u8>, NoSession>, StepError> {
        let sessions = &mut self.core.sessions;
        let Some(id) = sessions.sending(device).map(|cached| cached.session.id()) else {
            return Ok(Err(NoSession));
        };
        let Some(cached) = sessions.all.get_mut(&id) else {
            return Ok(Err(NoSession));
        };
        let mut envelope = Vec::new();
        let Ok(number) = cached
            .session
            .encrypt(&mut self.rng, content, &mut envelope)
        else {
            return Ok(Err(NoSession));
        };
        sessions.dirty.entry(id).or_insert(SessionStep::Sent);
        self.tx
            .outbox()
            .set_envelope(row.id, &envelope, (&id, number), OutboxHold::None)?;
        self.retain(row, device, content, (id, number))?;
        Ok(Ok(envelope))
    }

    pub(super) fn retain(
        &mut self,
        row: &OutboxRow,
        device: PeerDeviceId,
        content: &[u8],
        (session, number): (SessionId, MessageNumber),
    ) -> Result<(), StepError> {
        self.tx.retained().insert(&NewRetained {
            session,
            number,
            peer_device: device,
            message_id: row.item.message_id,
            shown: row.item.shown,
            content: Some(content.to_vec()),
            sent: self.now.wall,
        })?;
        Ok(())
    }

    /// Stores a new session and decides which one is used for sending.
    pub(super) fn add_session(
        &mut self,
        mut session: Session,
        device: PeerDeviceId,
    ) -> Result<(), StepError> {
        let id = session.id();
        let rival = self.core.sessions.sending(device).map(|cached| {
            // Neither side has answered the other's: both began at once.
            let simultaneous = !cached.session.has_received() && session.has_received();
            (cached.session.id(), simultaneous)
        });
        let loses = rival.is_some_and(|(other, simultaneous)| simultaneous && other < id);
        let status = if loses {
            SessionStatus::ReceiveOnly
        } else {
            SessionStatus::Active
        };
        self.tx.sessions().insert(
            &SessionRow {
                id,
                peer_device: device,
                role: session.role().into(),
                status,
                created: self.now.wall,
                last_sent: None,
                last_received: None,
            },
            &session.to_bytes(),
        )?;
        if let Some(material) = session.take_changed_pq_material() {
            self.tx.sessions().set_pq_material(&id, &material)?;
        }
        if let Some((other, _)) = rival.filter(|_| !loses) {
            self.set_session_status(other, SessionStatus::ReceiveOnly)?;
        }
        self.core.sessions.index.track(&session);
        self.core
            .sessions
            .take_in(Box::new(session), device, status, self.now.wall);
        self.forget_old_sessions(device)?;
        self.core.outbox.wake_device(device);
        Ok(())
    }

    /// When several messages came on a session that is not used for sending, and none on the one that is,
    /// the peer never learned of the latter: the former takes its place.
    pub(super) fn reconsider_sending(&mut self, heard: SessionId) -> Result<(), StepError> {
        let sessions = &self.core.sessions;
        let Some(cached) = sessions.get(&heard) else {
            return Ok(());
        };
        if cached.status == SessionStatus::Active || cached.received < FALLBACK_MESSAGES {
            return Ok(());
        }
        let device = cached.device;
        let Some(active) = sessions.sending(device) else {
            return self.set_session_status(heard, SessionStatus::Active);
        };
        if active.session.has_received() {
            return Ok(());
        }
        let unanswered = active.session.id();
        self.set_session_status(unanswered, SessionStatus::ReceiveOnly)?;
        self.set_session_status(heard, SessionStatus::Active)?;
        self.requeue_undelivered(device)
    }

    pub(super) fn set_session_status(
        &mut self,
        id: SessionId,
        status: SessionStatus,
    ) -> Result<(), StepError> {
        self.tx.sessions().set_status(&id, status)?;
        if let Some(cached) = self.core.sessions.all.get_mut(&id) {
            cached.status = status;
            cached.received = 0;
        }
        Ok(())
    }

    fn is_stranger(&mut self, contact: ContactId) -> Result<bool, StepError> {
        let found = self.contact(contact)?;
        Ok(found.is_some_and(|found| found.row.state == ContactState::Requested))
    }

    /// Keeps the newest of the sessions with a device that only receive; of a stranger's, none.
    fn forget_old_sessions(&mut self, device: PeerDeviceId) -> Result<(), StepError> {
        let mut idle: Vec<(Timestamp, SessionId)> = self
            .core
            .sessions
            .of(device)
            .filter(|cached| cached.status == SessionStatus::ReceiveOnly)
            .map(|cached| (cached.created, cached.session.id()))
            .collect();
        idle.sort_unstable();
        let kept = match self.peer(device)?.map(|peer| peer.contact) {
            Some(contact) if self.is_stranger(contact)? => 0,
            Some(_) | None => MAX_ARCHIVED_SESSIONS,
        };
        let excess = idle.len().saturating_sub(kept);
        for (_, id) in idle.into_iter().take(excess) {
            self.forget_session(&id)?;
        }
        Ok(())
    }

    fn forget_session(&mut self, id: &SessionId) -> Result<(), StepError> {
        self.tx.sessions().remove(id)?;
        let sessions = &mut self.core.sessions;
        sessions.index.forget(*id);
        sessions.dirty.remove(id);
        if let Some(cached) = sessions.all.remove(id)
            && let Some(ids) = sessions.of_device.get_mut(&cached.device)
        {
            ids.retain(|other| other != id);
        }
        Ok(())
    }

    /// Forgets what memory has of a contact whose rows are deleted.
    pub(super) fn forget_sessions_of(&mut self, device: PeerDeviceId) -> Result<(), StepError> {
        for id in self
            .core
            .sessions
            .of_device
            .remove(&device)
            .unwrap_or_default()
        {
            self.forget_session(&id)?;
        }
        Ok(())
    }

    /// Writes the sessions that changed.
    pub(super) fn flush_sessions(&mut self) -> Result<(), StepError> {
        let sessions = &mut self.core.sessions;
        for (id, step) in std::mem::take(&mut sessions.dirty) {
            if let Some(cached) = sessions.all.get_mut(&id) {
                let rows = self.tx.sessions();
                rows.advance(&id, &cached.session.to_bytes(), step, self.now.wall)?;
                if let Some(material) = cached.session.take_changed_pq_material() {
                    rows.set_pq_material(&id, &material)?;
                }
            }
        }
        Ok(())
    }
}
