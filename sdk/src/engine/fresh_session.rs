//! When a session is given up for a fresh one although it still works, or because the peer contradicted itself.
//!
//! Invariant: nothing that a relay can do makes a handshake, but one thing: what does not open, what is repeated and what is
//! withheld change nothing here, unless hardly anything of a session comes through for a hundred messages; that stalls it (SPEC.md,
//! 23.7), and is told. The reasons are authentic: the peer's own headers show that its post-quantum ratchet does not go on (SPEC.md,
//! 23.6 and 23.7), or that its disk was put back (17.6). A handshake for such a reason waits for something that is sent anyway,
//! comes at most once an hour with one device, and never brings another identity (attack row R12).
//!
//! Who was rolled back himself is in [`rollback`](super::rollback).

use undertone_protocol::envelope::Envelope;
use undertone_protocol::session::SessionId;

use super::backoff;
use super::event::{Event, IdentityAlarm};
use super::limits::{
    FRESH_PATIENCE_MS, FRESH_SPACING_MS, RENEWAL_SPACING_MS, RESEND_WAIT_FROM_MS, RESEND_WAIT_TO_MS,
};
use super::queues::Turn;
use super::step::Step;
use super::timers::Timer;
use crate::error::StepError;
use crate::store::{ContactState, PeerDeviceId, SessionStatus};

impl Step<'_> {
    /// The post-quantum ratchet of a session that is used stopped, or stalled.
    pub(super) fn healing_stopped(&mut self, device: PeerDeviceId) -> Result<(), StepError> {
        if let Some(contact) = self.peer(device)?.map(|peer| peer.contact)
            && !self.is_in(contact, ContactState::Requested)?
        {
            self.emit(Event::HealingStalled { contact });
        }
        Ok(())
    }

    /// A message of the user's is next, and its session's post-quantum ratchet does not go on: a handshake is begun, for which
    /// the message waits a little. Whether it does.
    pub(super) fn waits_for_fresh_session(
        &mut self,
        device: PeerDeviceId,
    ) -> Result<bool, StepError> {
        let sending = self.core.sessions.sending(device);
        if sending.is_none_or(|cached| cached.session.pq_failure().is_none())
            || self.fresh_session_in(device)?.is_some()
        {
            return Ok(false);
        }
        let again = self.now.wall.plus(FRESH_SPACING_MS);
        self.tx.peer_devices().set_fresh_after(device, again)?;
        self.leave_queue_for(device, FRESH_PATIENCE_MS);
        self.want_session(device)?;
        Ok(true)
    }

    /// Something is to be sent and there is no session for it. One that came to an end so soon after its handshake is not
    /// replaced at once, and none for what the user did not write, such as the receipt for what just came.
    pub(super) fn session_is_missing(&mut self, device: PeerDeviceId) -> Result<(), StepError> {
        if self.core.sessions.sending(device).is_none()
            && let Some(wait) = self.fresh_session_in(device)?
        {
            self.leave_queue_for(device, wait);
            return Ok(());
        }
        self.core.outbox.set(device, Turn::Held);
        if self.is_ended(device)
            && !self.tx.outbox().has_shown(device)?
            && !self.core.lookups.prekeys.contains_key(&device)
        {
            return self.owe_fresh_session(device);
        }
        self.want_session(device)
    }

    /// Whether all sessions with a device came to an end.
    fn is_ended(&self, device: PeerDeviceId) -> bool {
        let mut sessions = self.core.sessions.of(device).peekable();
        sessions.peek().is_some() && sessions.all(|cached| cached.status == SessionStatus::Retired)
    }

    /// A fresh session is made after hours, unless the user writes before.
    pub(super) fn owe_fresh_session(&mut self, device: PeerDeviceId) -> Result<(), StepError> {
        let latest = self.now.wall.plus(RESEND_WAIT_TO_MS);
        if self.core.quiet.is_due_by(device, latest) {
            return Ok(());
        }
        let wait = backoff::between(RESEND_WAIT_FROM_MS, RESEND_WAIT_TO_MS, &mut self.rng);
        self.owe_quiet_message(device, wait)
    }

    /// The user wrote to a device: what waited for hours goes with it.
    pub(super) fn written_to(&mut self, device: PeerDeviceId) {
        if self.is_ended(device) {
            self.core.outbox.reconsider(device);
        }
    }

    /// A device is to get a message that says nothing, and has no session: it gets a fresh one.
    pub(super) fn make_session_if_ended(&mut self, device: PeerDeviceId) -> Result<(), StepError> {
        if self.is_ended(device) && self.fresh_session_in(device)?.is_none() {
            self.want_session(device)?;
        }
        Ok(())
    }

    fn leave_queue_for(&mut self, device: PeerDeviceId, ms: u64) {
        let until = self.now.monotonic_ms.saturating_add(ms);
        self.core.outbox.set(device, Turn::Waiting(until));
        self.core.timers.arm(Timer::Outbox, until);
    }

    /// How long, ms, no session with a device is given up. A time further off was written by a clock that was wrong.
    fn fresh_session_in(&mut self, device: PeerDeviceId) -> Result<Option<u64>, StepError> {
        let row = self.tx.peer_devices().get(device)?;
        let after = row.and_then(|row| row.fresh_after);
        let wait = after.map_or(0, |after| after.since(self.now.wall));
        Ok((1..=FRESH_SPACING_MS).contains(&wait).then_some(wait))
    }

    /// An envelope whose number was used before. Mostly a copy of what came then.
    pub(super) fn repeated(&mut self, envelope: Envelope<'_>) -> Result<(), StepError> {
        let sessions = &mut self.core.sessions;
        let now = self.now.monotonic_ms;
        let Some((id, n)) = sessions.index.replayed(envelope.tag(), now) else {
            return Ok(());
        };
        let contradicted = sessions
            .get(&id)
            .is_some_and(|cached| cached.session.is_contradicted_by(n, envelope));
        if contradicted {
            self.contradicted(&id)?;
        }
        Ok(())
    }

    /// The peer opened a chain twice: it no longer knows what it sent and received last. All sessions with it end; a fresh one
    /// is made with the next thing that goes to it, which is, when there is nothing else, a message that says nothing.
    pub(super) fn contradicted(&mut self, id: &SessionId) -> Result<(), StepError> {
        let cached = self.core.sessions.get(id);
        let Some(device) = cached
            .filter(|cached| cached.status != SessionStatus::Retired)
            .map(|cached| cached.device)
        else {
            return Ok(());
        };
        self.end_sessions(device)?;
        let Some(contact) = self.peer(device)?.map(|peer| peer.contact) else {
            return Ok(());
        };
        if self.is_in(contact, ContactState::Accepted)? {
            self.owe_fresh_session(device)?;
            self.identity_alarm(contact, IdentityAlarm::HistoryForked)?;
        }
        Ok(())
    }

    /// A device was heard, and not in the session that it was last offered: it is active, and may never have learned of that.
    /// Then the session is renewed, once in a week.
    pub(super) fn renew_unless_answered(&mut self, device: PeerDeviceId) -> Result<(), StepError> {
        let row = self.tx.peer_devices().get(device)?;
        let Some(row) = row.filter(|row| row.next_handshake.is_none()) else {
            return Ok(());
        };
        let earliest = row
            .last_handshake
            .map_or(self.now.wall, |last| last.plus(RENEWAL_SPACING_MS));
        let wait = backoff::between(RESEND_WAIT_FROM_MS, RESEND_WAIT_TO_MS, &mut self.rng);
        let due = earliest.max(self.now.wall).plus(wait);
        self.tx
            .peer_devices()
            .set_next_handshake(device, Some(due))?;
        Ok(())
    }
}
