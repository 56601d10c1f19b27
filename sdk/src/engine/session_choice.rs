//! Which of several sessions with a device is used for sending, and how long the others are kept (SPEC.md, 19).
//!
//! Invariant: both sides come to use the same one, in whatever order they learn of them. Of two that both began at once it is
//! the one with the lower id, of two that one side began it is the newer. Until the peer shows that it has the one, the other
//! serves. What was sent in a session that the peer may never have learned of is sent again.
//!
//! When a session is given up for a fresh one is in [`fresh_session`](super::fresh_session).

use undertone_protocol::session::{Role, Session, SessionId};
use undertone_protocol::time::Timestamp;

use super::limits::{
    ARCHIVED_KEEP_MS, MAX_ARCHIVED_SESSIONS, MAX_RESENDS_ASKED, RESEND_ANSWER_FROM_MS,
    RESEND_ANSWER_TO_MS, RETENTION_MS,
};
use super::sessions::Cached;
use super::step::Step;
use crate::error::StepError;
use crate::store::{ContactState, PeerDeviceId, SessionRow, SessionStatus, SessionStep};

impl Cached {
    /// Whether both sides come to use this one rather than the other.
    fn precedes(&self, other: &Self) -> bool {
        if self.session.role() == other.session.role() {
            self.created > other.created
        } else {
            self.session.id() < other.session.id()
        }
    }
}

impl Step<'_> {
    /// Stores a new session and decides which one is used for sending.
    pub(super) fn add_session(
        &mut self,
        mut session: Session,
        device: PeerDeviceId,
    ) -> Result<(), StepError> {
        let id = session.id();
        let status = self.make_way(&session, device)?;
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
        self.core.sessions.index.track(&session);
        self.core
            .sessions
            .take_in(Box::new(session), device, status, self.now.wall);
        self.forget_excess_sessions(device)?;
        self.core.outbox.wake_device(device);
        Ok(())
    }

    /// What a new session is used for; those that it replaces make way.
    fn make_way(
        &mut self,
        new: &Session,
        device: PeerDeviceId,
    ) -> Result<SessionStatus, StepError> {
        let own = new.role() == Role::Initiator;
        let rival = self.core.sessions.sending(device);
        let rival = rival.map(|rival| {
            let session = &rival.session;
            let unanswered = session.role() == Role::Initiator && !session.has_received();
            (session.id(), unanswered)
        });
        match rival {
            Some(_) if own => self.end_sessions(device)?,
            // Both began at once, or as good as that: neither had heard of the other's.
            Some((other, true)) => {
                if other < new.id() {
                    return Ok(SessionStatus::ReceiveOnly);
                }
                self.set_session_status(other, SessionStatus::ReceiveOnly)?;
                self.requeue_undelivered(device, Some(&other))?;
            }
            Some((other, false)) => {
                self.set_session_status(other, SessionStatus::Retired)?;
                self.owe_unconfirmed(device)?;
            }
            None if own => {}
            None => self.owe_unconfirmed(device)?,
        }
        Ok(SessionStatus::Active)
    }

    /// A message came on a session. It may show which one the peer uses.
    pub(super) fn reconsider_sending(&mut self, heard: SessionId) -> Result<(), StepError> {
        let sessions = &self.core.sessions;
        let Some(cached) = sessions.get(&heard) else {
            return Ok(());
        };
        if cached.status != SessionStatus::ReceiveOnly {
            return Ok(());
        }
        let device = cached.device;
        let Some(active) = sessions.sending(device) else {
            return self.set_session_status(heard, SessionStatus::Active);
        };
        let other = active.session.id();
        let returns = cached.precedes(active);
        // The peer may never have learned of the one that is used: it uses this one, so that it reads it.
        let falls_back = !returns && !active.session.has_received();
        if returns || falls_back {
            self.set_session_status(other, SessionStatus::ReceiveOnly)?;
            self.set_session_status(heard, SessionStatus::Active)?;
        }
        if falls_back {
            self.requeue_undelivered(device, Some(&other))?;
        }
        Ok(())
    }

    /// None of the sessions with a device is used for sending any more.
    pub(super) fn end_sessions(&mut self, device: PeerDeviceId) -> Result<(), StepError> {
        let ending: Vec<SessionId> = self
            .core
            .sessions
            .of(device)
            .filter(|cached| cached.status != SessionStatus::Retired)
            .map(|cached| cached.session.id())
            .collect();
        for id in ending {
            self.set_session_status(id, SessionStatus::Retired)?;
        }
        Ok(())
    }

    pub(super) fn set_session_status(
        &mut self,
        id: SessionId,
        status: SessionStatus,
    ) -> Result<(), StepError> {
        self.tx.sessions().set_status(&id, status, self.now.wall)?;
        let sessions = &mut self.core.sessions;
        if let Some(cached) = sessions.all.get_mut(&id) {
            cached.status = status;
            if status == SessionStatus::Retired {
                cached.session.retire();
                sessions.dirty.entry(id).or_insert(SessionStep::Retired);
            }
        }
        Ok(())
    }

    /// A device replaced its session. Whatever it was sent and did not confirm, it may not have been able to read: it gets it
    /// as if it had asked.
    fn owe_unconfirmed(&mut self, device: PeerDeviceId) -> Result<(), StepError> {
        let since = self.now.wall.minus(RETENTION_MS);
        let kept = self
            .tx
            .retained()
            .undelivered(device, None, since, MAX_RESENDS_ASKED)?;
        if kept.is_empty() {
            return Ok(());
        }
        for kept in kept.iter().rev() {
            let (session, number) = (&kept.item.session, kept.item.number);
            self.tx
                .resends()
                .note(device, session, number, MAX_RESENDS_ASKED)?;
        }
        self.core.owed.resends.insert(device);
        self.answer_after(RESEND_ANSWER_FROM_MS, RESEND_ANSWER_TO_MS);
        Ok(())
    }

    /// Keeps the newest of the sessions with a device that only receive, those first that may send again; of a stranger's,
    /// none.
    fn forget_excess_sessions(&mut self, device: PeerDeviceId) -> Result<(), StepError> {
        let mut idle: Vec<(bool, Timestamp, SessionId)> = self
            .core
            .sessions
            .of(device)
            .filter(|cached| cached.status != SessionStatus::Active)
            .map(|cached| {
                let returns = cached.status == SessionStatus::ReceiveOnly;
                (returns, cached.created, cached.session.id())
            })
            .collect();
        idle.sort_unstable();
        let contact = self.peer(device)?.map(|peer| peer.contact);
        let kept = match contact {
            Some(contact) if self.is_in(contact, ContactState::Requested)? => 0,
            Some(_) | None => MAX_ARCHIVED_SESSIONS,
        };
        let excess = idle.len().saturating_sub(kept);
        for (_, _, id) in idle.into_iter().take(excess) {
            self.forget_session(&id)?;
        }
        Ok(())
    }

    /// Sessions that only receive, and received nothing for a week, are forgotten: not before the backlog was read, and not
    /// before the peer has shown that it uses another one.
    pub(super) fn forget_idle_sessions(&mut self) -> Result<(), StepError> {
        let cut = self.core.clock.aged_before(self.now, ARCHIVED_KEEP_MS);
        let Some(cut) = cut.filter(|_| self.core.own.caught_up) else {
            return Ok(());
        };
        for id in self.tx.sessions().idle_before(cut)? {
            let sessions = &self.core.sessions;
            let is_replaced = sessions
                .get(&id)
                .and_then(|cached| sessions.sending(cached.device))
                .is_some_and(|active| active.session.has_received());
            if is_replaced {
                self.forget_session(&id)?;
            }
        }
        Ok(())
    }
}
