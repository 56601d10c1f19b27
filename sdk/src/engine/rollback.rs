//! This device's own disk was put back to an older state, or another copy of it runs (attack row R6).
//!
//! Evidence: the own relay says that more was acknowledged than this store ever handled, and a device acknowledges only what
//! is durable. It is looked for before the first message is encrypted after a start. No relay can hide a salt that repeats,
//! for none does; what it can do with a lie is to make this device begin its sessions anew, which is said to the user and
//! believed once a day.
//!
//! Invariant: after a rollback was noticed no session that was there before is used for sending, and nothing that is queued is
//! lost: it is encrypted again, under the same message ids, for sessions that are made as the user writes, else for what is
//! unconfirmed after hours.

use std::collections::BTreeSet;

use undertone_protocol::time::Timestamp;

use super::event::Event;
use super::limits::{RETENTION_MS, ROLLBACK_SPACING_MS, ROLLBACK_WAIT_MS};
use super::login::OwnMailbox;
use super::meta;
use super::queues::Turn;
use super::step::Step;
use super::timers::{Timer, Timers};
use crate::error::StepError;
use crate::store::PeerDeviceId;

/// Whether something may be encrypted before the own relay has said how far this device acknowledged.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Checked {
    /// The relay was asked, or cannot be.
    #[default]
    Yes,
    /// It is waited for until then, monotonic ms.
    Until(u64),
}

impl OwnMailbox {
    /// The engine was opened, with sessions that may be old: nothing is sent in them before the relay was asked.
    pub(crate) fn check_first(&mut self, now: u64, timers: &mut Timers) {
        let until = now.saturating_add(ROLLBACK_WAIT_MS);
        self.checked = Checked::Until(until);
        timers.arm(Timer::Lanes, until);
    }

    /// Whether what is queued has to wait, and until when.
    pub(crate) fn unchecked_until(&self, now: u64) -> Option<u64> {
        match self.checked {
            Checked::Until(until) if now < until => Some(until),
            Checked::Until(_) | Checked::Yes => None,
        }
    }
}

impl Step<'_> {
    /// The relay answered, or cannot: what waited for that goes on.
    pub(super) fn store_was_checked(&mut self) {
        if self.core.own.checked != Checked::Yes {
            self.core.own.checked = Checked::Yes;
            self.core.outbox.unblock_all();
        }
    }

    /// More was acknowledged than this store handled.
    pub(super) fn store_is_old(&mut self, acked: u64) -> Result<(), StepError> {
        // What was acknowledged is gone from the relay.
        self.core.own.handled = acked;
        self.tx.meta().put(meta::ROLLBACK_SUSPECTED, &[])?;
        self.believe_rollback()
    }

    /// Believes that this store is old, if the relay said so: at most once a day. A time in the future was written by a clock
    /// that was wrong.
    pub(super) fn believe_rollback(&mut self) -> Result<(), StepError> {
        let meta = self.tx.meta();
        let now = self.now.wall;
        let bytes = meta.get(meta::ROLLBACK_NOTICED)?;
        let noticed = bytes
            .and_then(|bytes| bytes.try_into().ok())
            .map(|bytes| Timestamp(u64::from_be_bytes(bytes)));
        if meta.get(meta::ROLLBACK_SUSPECTED)?.is_none()
            || noticed.is_some_and(|at| at <= now && now.since(at) < ROLLBACK_SPACING_MS)
        {
            return Ok(());
        }
        meta.remove(meta::ROLLBACK_SUSPECTED)?;
        meta.put(meta::ROLLBACK_NOTICED, &now.0.to_be_bytes())?;
        self.abandon_sessions()?;
        // Prekeys of which this store knows nothing may be at the relay.
        self.forget_what_is_published()?;
        self.emit(Event::StoreRolledBack);
        Ok(())
    }

    fn abandon_sessions(&mut self) -> Result<(), StepError> {
        let since = self.now.wall.minus(RETENTION_MS);
        let all = self.core.sessions.all.values();
        let devices: BTreeSet<PeerDeviceId> = all.map(|cached| cached.device).collect();
        for device in devices {
            self.end_sessions(device)?;
            let retained = self.tx.retained();
            if !retained.undelivered(device, None, since, 1)?.is_empty() {
                self.owe_fresh_session(device)?;
            }
        }
        for queued in self.tx.outbox().devices()? {
            self.open_envelopes(queued.peer_device)?;
            self.core.outbox.set(queued.peer_device, Turn::Ready);
        }
        Ok(())
    }
}
