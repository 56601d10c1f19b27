//! What is done by the hour: expiry, deletion, renewal. All of it by the trusted clock, and none of it while
//! there is none.

use super::limits::{
    ACCEPTANCE_REPEAT_MS, CLOCK_TOLERANCE_MS, EARLY_CHANGE_KEEP_MS, HOUR_MS, MAX_RENEWALS,
    MESSAGE_LIFETIME_MS, REFETCH_FROM_MS, REFETCH_TO_MS, RENEWAL_SPACING_MS, RESEND_WAIT_TO_MS,
    RETENTION_MS, UPKEEP_ROWS,
};
use super::meta;
use super::step::Step;
use super::timers::Timer;
use crate::error::StepError;
use crate::store::{ContactState, MessageState, PeerDeviceRow, SessionStatus};
use undertone_protocol::session::limits::{PARKED_LIFETIME_MS, SKIPPED_LIFETIME_MS};
use undertone_protocol::time::Timestamp;

impl Step<'_> {
    pub(super) fn upkeep(&mut self) -> Result<(), StepError> {
        self.core
            .timers
            .arm(Timer::Upkeep, self.now.monotonic_ms.saturating_add(HOUR_MS));
        let Some(now) = self.core.clock.trusted(self.now) else {
            return Ok(());
        };
        self.tx
            .meta()
            .put(meta::LAST_TRUSTED, &now.0.to_be_bytes())?;
        self.expire_messages()?;
        self.expire_outbox()?;
        self.forget_taken()?;
        self.expire_retained()?;
        self.delete_old_keys()?;
        self.delete_old_prekeys()?;
        // Made anew when they are a week old; else the relay is asked how many one-time ones are left.
        self.core.own.prekeys_due = true;
        let latest = (now.plus(REFETCH_TO_MS), now.plus(REFETCH_FROM_MS));
        for contact in self.tx.contacts().manifests_due(now, latest)? {
            self.want_manifest(contact.id)?;
        }
        self.fetch_due_profiles(now)?;
        self.answers_due(now)?;
        self.age_delivery()?;
        self.tell_delivery_due(now)?;
        self.believe_rollback()?;
        self.forget_idle_sessions()?;
        self.renew_unanswered(now)?;
        self.send_quiet_messages(now)?;
        self.repeat_acceptances()?;
        self.request_due_gaps()
    }

    /// What was never confirmed in 30 days is expired, and no copy is kept longer.
    fn expire_retained(&mut self) -> Result<(), StepError> {
        let Some(cut) = self
            .core
            .clock
            .aged_before(self.now, RETENTION_MS.max(MESSAGE_LIFETIME_MS))
        else {
            return Ok(());
        };
        loop {
            let rows = self.tx.retained().older(cut, UPKEEP_ROWS)?;
            if rows.is_empty() {
                return Ok(());
            }
            for row in rows {
                if row.item.shown && row.delivered.is_none() {
                    self.advance_message(&row.item.message_id, MessageState::Expired)?;
                }
                self.tx.retained().remove(row.id)?;
            }
        }
    }

    fn delete_old_keys(&mut self) -> Result<(), StepError> {
        if let Some(cut) = self.core.clock.aged_before(self.now, SKIPPED_LIFETIME_MS) {
            for tag in self.tx.skipped().remove_older(cut)? {
                self.core.sessions.index.forget_skipped(tag);
            }
        }
        if let Some(cut) = self.core.clock.aged_before(self.now, EARLY_CHANGE_KEEP_MS) {
            self.tx.early_changes().remove_before(cut)?;
        }
        if let Some(cut) = self.core.clock.aged_before(self.now, PARKED_LIFETIME_MS) {
            self.core.park.expire(cut);
            self.tx.parked().remove_older(cut)?;
        }
        Ok(())
    }

    /// A session that was never answered is renewed, with everything that was sent in it: the other side may have lost the
    /// first message, or its device.
    fn renew_unanswered(&mut self, now: Timestamp) -> Result<(), StepError> {
        let latest = now.plus(RENEWAL_SPACING_MS + RESEND_WAIT_TO_MS);
        for device in self.tx.peer_devices().handshakes_due(now, latest)? {
            self.tx.peer_devices().set_next_handshake(device.id, None)?;
            let unanswered = self
                .core
                .sessions
                .sending(device.id)
                .filter(|cached| !cached.session.has_received())
                .map(|cached| cached.session.id());
            if let Some(session) = unanswered.filter(|_| may_be_renewed(&device, now)) {
                // Nothing more is encrypted for it; an answer is still understood.
                self.set_session_status(session, SessionStatus::ReceiveOnly)?;
                self.requeue_undelivered(device.id, Some(&session))?;
                self.want_session(device.id)?;
            }
        }
        Ok(())
    }

    /// An acceptance is repeated until its receipt came.
    fn repeat_acceptances(&mut self) -> Result<(), StepError> {
        let Some(now) = self.core.clock.trusted(self.now) else {
            return Ok(());
        };
        let before = now.minus(ACCEPTANCE_REPEAT_MS);
        for contact in self
            .tx
            .contacts()
            .acceptances_due(before, now.plus(CLOCK_TOLERANCE_MS))?
        {
            self.set_contact_state(contact.id, ContactState::Accepted)?;
            self.queue_acceptance(contact.id)?;
        }
        Ok(())
    }
}

/// Once because nothing was heard, after that each week if the device was heard since.
fn may_be_renewed(device: &PeerDeviceRow, now: Timestamp) -> bool {
    let last = device.last_handshake.unwrap_or_default();
    let was_active = device.last_heard.is_some_and(|heard| heard > last);
    device.unanswered <= MAX_RENEWALS || (was_active && now.since(last) >= RENEWAL_SPACING_MS)
}
