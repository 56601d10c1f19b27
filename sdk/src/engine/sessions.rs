//! The sessions with all peer devices, in memory; encrypting with the one that is used for sending.
//!
//! Invariant: what is in memory equals what the store will have when the step commits; a step that is
//! dropped throws this away. Which one is used is in [`session_choice`](super::session_choice). The ratchet is the
//! protocol's ([`Session`]).

use std::collections::{BTreeMap, HashMap};

use rand_core::CryptoRng;
use undertone_protocol::session::{MessageNumber, Position, Session, SessionId, SkippedKey};
use undertone_protocol::tag::Tag;
use undertone_protocol::tag_index::TagIndex;
use undertone_protocol::time::Timestamp;

use super::step::Step;
use crate::error::StepError;
use crate::store::{
    EnvelopeId, NewRetained, OutboxHold, OutboxRow, PeerDeviceId, SessionStatus, SessionStep, Tx,
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
    /// Whether its post-quantum ratchet goes on, as the application was told.
    pq_goes_on: bool,
}

/// All sessions.
pub(crate) struct Sessions {
    pub(super) all: HashMap<SessionId, Cached>,
    of_device: HashMap<PeerDeviceId, Vec<SessionId>>,
    pub(super) dirty: BTreeMap<SessionId, SessionStep>,
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

    pub(super) fn take_in(
        &mut self,
        session: Box<Session>,
        device: PeerDeviceId,
        status: SessionStatus,
        created: Timestamp,
    ) {
        let id = session.id();
        self.of_device.entry(device).or_default().push(id);
        let pq_goes_on = session.pq_failure().is_none();
        self.all.insert(
            id,
            Cached {
                session,
                device,
                status,
                created,
                pq_goes_on,
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

    /// Whether a device has a session that needs no other one in its place.
    pub(crate) fn is_ready(&self, device: PeerDeviceId) -> bool {
        self.sending(device).is_some_and(|cached| {
            cached.session.remaining() > 0 && cached.session.pq_failure().is_none()
        })
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
        let Some(cached) = self.all.get(id) else {
            return;
        };
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
    ) -> Result<Result<(EnvelopeId, Vec<u8>), NoSession>, StepError> {
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
        self.step_taken(device)?;
        let envelope_id = self.envelope_id();
        self.tx.outbox().set_envelope(
            row.id,
            (&envelope_id, &envelope),
            (&id, number),
            OutboxHold::None,
        )?;
        self.retain(row, device, content, (id, number))?;
        Ok(Ok((envelope_id, envelope)))
    }

    pub(super) fn retain(
        &mut self,
        row: &OutboxRow,
        device: PeerDeviceId,
        content: &[u8],
        (session, number): (SessionId, MessageNumber),
    ) -> Result<(), StepError> {
        // What was deleted, or disappeared, before it was sent is sent, and no copy of it kept.
        let gone = row.item.shown && self.tx.messages().is_gone(&row.item.message_id)?;
        self.tx.retained().insert(&NewRetained {
            session,
            number,
            peer_device: device,
            message_id: row.item.message_id,
            shown: row.item.shown,
            content: (!gone).then(|| content.to_vec()),
            sent: self.now.wall,
        })?;
        Ok(())
    }

    pub(super) fn forget_session(&mut self, id: &SessionId) -> Result<(), StepError> {
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
        let mut stopped = Vec::new();
        for (id, step) in std::mem::take(&mut sessions.dirty) {
            if let Some(cached) = sessions.all.get_mut(&id) {
                let rows = self.tx.sessions();
                rows.advance(&id, &cached.session.to_bytes(), step, self.now.wall)?;
                if let Some(material) = cached.session.take_changed_pq_material() {
                    rows.set_pq_material(&id, &material)?;
                }
                let goes_on = cached.session.pq_failure().is_none();
                let went_on = std::mem::replace(&mut cached.pq_goes_on, goes_on);
                if went_on && !goes_on && cached.status == SessionStatus::Active {
                    stopped.push(cached.device);
                }
            }
        }
        for device in stopped {
            self.healing_stopped(device)?;
        }
        Ok(())
    }
}
