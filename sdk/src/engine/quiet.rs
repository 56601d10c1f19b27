//! Messages that say nothing: they complete a ratchet step that is owed to a contact that writes and gets no answer, so that
//! its session heals (attack row R11).
//!
//! Invariant: for accepted contacts only, hours after what causes them, one for many messages, and none for what says nothing
//! itself: two devices that are left alone fall silent. When one is due is in the store.

use std::collections::BTreeMap;

use undertone_protocol::content::Body;
use undertone_protocol::time::Timestamp;

use super::backoff;
use super::limits::{QUIET_AFTER_MESSAGES, QUIET_AFTER_MS, QUIET_WAIT_FROM_MS, QUIET_WAIT_TO_MS};
use super::step::Step;
use crate::error::StepError;
use crate::store::{ContactState, PeerDeviceId, Tx};

/// When which device is to get such a message.
#[derive(Debug, Default)]
pub(crate) struct Quiet(BTreeMap<PeerDeviceId, Timestamp>);

impl Quiet {
    pub(crate) fn load(tx: &Tx<'_>) -> Result<Self, StepError> {
        Ok(Self(tx.peer_devices().quiet()?.into_iter().collect()))
    }

    /// Whether a device is to get one by `time`.
    pub(crate) fn is_due_by(&self, device: PeerDeviceId, time: Timestamp) -> bool {
        self.0.get(&device).is_some_and(|due| *due <= time)
    }
}

impl Step<'_> {
    /// Messages of a device were opened; `wrote` when its user wrote one of them.
    pub(super) fn note_owed_step(
        &mut self,
        device: PeerDeviceId,
        wrote: bool,
    ) -> Result<(), StepError> {
        let sending = self.core.sessions.sending(device);
        let unanswered = sending.map_or(0, |cached| cached.session.unanswered());
        let many = unanswered >= QUIET_AFTER_MESSAGES;
        if unanswered == 0 || !(wrote || many) {
            return Ok(());
        }
        let due = self.core.quiet.0.get(&device);
        let soon = self.now.wall.plus(QUIET_WAIT_TO_MS);
        if due.is_some_and(|due| !many || *due <= soon) {
            return Ok(());
        }
        let Some(contact) = self.peer(device)?.map(|peer| peer.contact) else {
            return Ok(());
        };
        if !self.is_in(contact, ContactState::Accepted)? {
            return Ok(());
        }
        let jitter = backoff::between(QUIET_WAIT_FROM_MS, QUIET_WAIT_TO_MS, &mut self.rng);
        let wait = if many { 0 } else { QUIET_AFTER_MS };
        self.owe_quiet_message(device, wait.saturating_add(jitter))
    }

    /// A device is to get a message that says nothing, after so long, ms, unless it gets another one before.
    pub(super) fn owe_quiet_message(
        &mut self,
        device: PeerDeviceId,
        wait: u64,
    ) -> Result<(), StepError> {
        let due = self.now.wall.plus(wait);
        self.core.quiet.0.insert(device, due);
        Ok(self.tx.peer_devices().set_quiet(device, Some(due))?)
    }

    /// Something was encrypted for a device: no step is owed to it.
    pub(super) fn step_taken(&mut self, device: PeerDeviceId) -> Result<(), StepError> {
        if self.core.quiet.0.remove(&device).is_some() {
            self.tx.peer_devices().set_quiet(device, None)?;
        }
        Ok(())
    }

    /// Those whose time has come, or is further off than any should be, because a clock was wrong.
    pub(super) fn send_quiet_messages(&mut self, now: Timestamp) -> Result<(), StepError> {
        let latest = now.plus(QUIET_AFTER_MS).plus(QUIET_WAIT_TO_MS);
        let all = self.core.quiet.0.iter();
        let due: Vec<PeerDeviceId> = all
            .filter(|(_, due)| **due <= now || **due > latest)
            .map(|(device, _)| *device)
            .collect();
        for device in due {
            self.step_taken(device)?;
            let Some(contact) = self.peer(device)?.map(|peer| peer.contact) else {
                continue;
            };
            if !self.is_in(contact, ContactState::Accepted)? {
                continue;
            }
            self.make_session_if_ended(device)?;
            self.ride_along(contact)?;
            if self.tx.outbox().of_device(device, 1)?.is_empty() {
                let nothing = self.compose_hidden(Body::Nothing)?;
                self.queue_for(contact, device, &nothing)?;
            }
        }
        Ok(())
    }
}
