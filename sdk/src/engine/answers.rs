//! What this device sends only because a contact sent something: receipts, and copies of what the contact misses. Owed in
//! the store, sent together after a random wait.
//!
//! Invariant: a contact that shows nothing to the user makes this device send at most one batch a minute, whatever it
//! sends, from however many devices, and whether or not this device restarts: else it could watch when the device is
//! online (attack row T1).

use std::collections::BTreeSet;

use undertone_protocol::content::MissingMessage;

use super::Core;
use super::backoff;
use super::budget;
use super::limits::{
    ANSWER_BURST, ANSWER_JITTER_MS, ANSWER_SPACING_MS, DAY_MS, MAX_RESENDS_PER_DAY,
    RECEIPT_LATER_TO_MS,
};
use super::step::Step;
use super::timers::Timer;
use crate::error::StepError;
use crate::store::limits::MAX_PAGE_ROWS;
use crate::store::{BudgetKind, ContactId, PeerDeviceId, Tx};
use undertone_protocol::time::Timestamp;

/// The devices that something is owed to. The rows are in the store.
#[derive(Debug, Default)]
pub(crate) struct Owed {
    /// Receipts that may go by themselves.
    pub(crate) receipts: BTreeSet<PeerDeviceId>,
    /// Receipts that wait for something to go with.
    pub(crate) later: BTreeSet<PeerDeviceId>,
    /// Copies of what they miss.
    pub(crate) resends: BTreeSet<PeerDeviceId>,
}

impl Owed {
    pub(crate) fn load(tx: &Tx<'_>, now: Timestamp) -> Result<Self, StepError> {
        let latest = now.plus(RECEIPT_LATER_TO_MS);
        let receipts: BTreeSet<_> = tx.receipts().due(now, latest)?.into_iter().collect();
        Ok(Self {
            later: tx
                .receipts()
                .devices()?
                .into_iter()
                .filter(|device| !receipts.contains(device))
                .collect(),
            receipts,
            resends: tx.resends().devices()?.into_iter().collect(),
        })
    }
}

impl Core {
    /// Nothing is owed to a device.
    pub(super) fn owes_nothing(&mut self, device: PeerDeviceId) {
        self.owed.receipts.remove(&device);
        self.owed.later.remove(&device);
        self.owed.resends.remove(&device);
    }
}

impl Step<'_> {
    /// What was owed to a device stays unanswered.
    pub(super) fn owe_nothing(&mut self, device: PeerDeviceId) -> Result<(), StepError> {
        while !self.tx.receipts().take(device, MAX_PAGE_ROWS)?.is_empty() {}
        self.tx.resends().take(device)?;
        self.core.owes_nothing(device);
        Ok(())
    }

    /// Answers are owed: they are sent after a random wait in this span, ms.
    pub(super) fn answer_after(&mut self, from: u64, to: u64) {
        let wait = backoff::between(from, to, &mut self.rng);
        let at = self.now.monotonic_ms.saturating_add(wait);
        self.core.timers.arm(Timer::Answers, at);
    }

    /// Sends what is owed to whom has some of the budget left.
    pub(super) fn send_answers(&mut self) -> Result<(), StepError> {
        let receipts = std::mem::take(&mut self.core.owed.receipts);
        let resends = std::mem::take(&mut self.core.owed.resends);
        for device in receipts.union(&resends) {
            let Some(contact) = self.peer(*device)?.map(|peer| peer.contact) else {
                continue;
            };
            if let Some(wait) = self.spend(
                contact,
                BudgetKind::Answers,
                (ANSWER_BURST, ANSWER_SPACING_MS),
            )? {
                if receipts.contains(device) {
                    self.core.owed.receipts.insert(*device);
                }
                if resends.contains(device) {
                    self.core.owed.resends.insert(*device);
                }
                self.answer_after(wait, wait.saturating_add(ANSWER_JITTER_MS));
                continue;
            }
            self.tell_delivery(contact)?;
            if receipts.contains(device) {
                self.flush_receipts(contact, *device)?;
            }
            if resends.contains(device) {
                self.send_missing(contact, *device)?;
            }
        }
        Ok(())
    }

    fn send_missing(&mut self, contact: ContactId, device: PeerDeviceId) -> Result<(), StepError> {
        for (session, number) in self.tx.resends().take(device)? {
            if !self.may_resend(contact)? {
                // What is left is asked for again on another day.
                return Ok(());
            }
            self.send_again(contact, device, MissingMessage { session, number })?;
        }
        Ok(())
    }

    /// Takes one from what may be sent to a contact in a day because something did not arrive; whether there was one.
    pub(super) fn may_resend(&mut self, contact: ContactId) -> Result<bool, StepError> {
        let spacing = DAY_MS / u64::from(MAX_RESENDS_PER_DAY);
        let bounds = (MAX_RESENDS_PER_DAY, spacing);
        Ok(self.spend(contact, BudgetKind::Resends, bounds)?.is_none())
    }

    /// Takes one from a contact's budget of so many at once and one more each so many ms. When it is used up: how long, ms,
    /// until there is one.
    fn spend(
        &mut self,
        contact: ContactId,
        kind: BudgetKind,
        (burst, spacing_ms): (u32, u64),
    ) -> Result<Option<u64>, StepError> {
        let now = self.now.wall;
        let full_at = self.tx.budgets().full_at(contact, kind)?;
        let spent = budget::spend(full_at.unwrap_or(now), burst, spacing_ms, now);
        self.tx
            .budgets()
            .set_full_at(contact, kind, spent.full_at)?;
        Ok(spent.wait_ms)
    }

    /// Receipts that waited long enough for something to go with.
    pub(super) fn answers_due(&mut self, now: Timestamp) -> Result<(), StepError> {
        let latest = now.plus(RECEIPT_LATER_TO_MS);
        for device in self.tx.receipts().due(now, latest)? {
            self.core.owed.later.remove(&device);
            self.core.owed.receipts.insert(device);
            self.answer_after(0, ANSWER_JITTER_MS);
        }
        Ok(())
    }
}
