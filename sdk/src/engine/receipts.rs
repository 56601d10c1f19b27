//! Delivery receipts: owed with the message, sent together after a short random wait or ahead of what is
//! sent anyway, never to strangers, and rarely (attack row T1). What is missing rides along.

use undertone_protocol::content::{
    Body, CONTENT_HEADER_LEN, DeliveryReceipt, MAX_ENTRIES, MessageId,
};

use super::backoff;
use super::content::From;
use super::limits::{
    RECEIPT_BURST, RECEIPT_SPACING_MS, RECEIPT_WAIT_FROM_MS, RECEIPT_WAIT_TO_MS, SMALLEST_CONTENT,
};
use super::step::Step;
use super::timers::Timer;
use crate::error::StepError;
use crate::store::limits::MAX_PAGE_ROWS;
use crate::store::{ContactId, MessageState, PeerDeviceId};

/// Bytes of a receipt's entries: a message id, and a missing message.
const DELIVERED_LEN: usize = 16;
const MISSING_LEN: usize = 24;
/// Room for entries in the smallest envelope, behind the header and the count.
const ROOM: usize = SMALLEST_CONTENT - CONTENT_HEADER_LEN - 2;

impl Step<'_> {
    pub(super) fn owe_receipt(
        &mut self,
        device: PeerDeviceId,
        message: &MessageId,
    ) -> Result<(), StepError> {
        self.tx.receipts().owe(device, message)?;
        if self.core.receipts_owed.insert(device) {
            let wait = backoff::between(RECEIPT_WAIT_FROM_MS, RECEIPT_WAIT_TO_MS, &mut self.rng);
            self.core
                .timers
                .arm(Timer::Receipts, self.now.monotonic_ms.saturating_add(wait));
        }
        Ok(())
    }

    /// What was owed to a device stays unanswered.
    pub(super) fn owe_nothing(&mut self, device: PeerDeviceId) -> Result<(), StepError> {
        while !self.tx.receipts().take(device, MAX_PAGE_ROWS)?.is_empty() {}
        self.core.receipts_owed.remove(&device);
        Ok(())
    }

    /// Sends the receipts that waited long enough.
    pub(super) fn send_receipts(&mut self) -> Result<(), StepError> {
        let now = self.now.monotonic_ms;
        for device in std::mem::take(&mut self.core.receipts_owed) {
            let budget = self.core.receipt_budgets.entry(device).or_default();
            if budget.take(RECEIPT_BURST, RECEIPT_SPACING_MS, now) {
                self.flush_receipts(device)?;
            } else {
                self.core.receipts_owed.insert(device);
                self.core
                    .timers
                    .arm(Timer::Receipts, now.saturating_add(RECEIPT_SPACING_MS));
            }
        }
        Ok(())
    }

    /// Something is sent to a contact anyway: what is owed goes ahead of it.
    pub(super) fn ride_along(&mut self, contact: ContactId) -> Result<(), StepError> {
        for device in self.active_devices(contact)? {
            if self.core.receipts_owed.remove(&device) {
                self.flush_receipts(device)?;
            }
        }
        Ok(())
    }

    fn flush_receipts(&mut self, device: PeerDeviceId) -> Result<(), StepError> {
        let Some(contact) = self.peer(device)?.map(|peer| peer.contact) else {
            return Ok(());
        };
        // One at a time, so that a relay that takes nothing costs one row. The rest follows when it was taken, or goes with
        // what is owed next.
        if self.tx.outbox().has_hidden(device)? {
            return Ok(());
        }
        let delivered = self.tx.receipts().take(device, MAX_ENTRIES)?;
        if delivered.is_empty() {
            return Ok(());
        }
        let left = ROOM.saturating_sub(delivered.len() * DELIVERED_LEN) / MISSING_LEN;
        let missing = self.ask_for_missing(device, left)?;
        let receipt = DeliveryReceipt { delivered, missing };
        let composed = self.compose_hidden(Body::DeliveryReceipt(receipt))?;
        self.queue_for(contact, device, &composed)
    }

    /// A relay took something that no conversation shows: what is still owed to its recipient may follow.
    pub(super) fn more_receipts(&mut self, device: PeerDeviceId) -> Result<(), StepError> {
        if self.tx.receipts().is_owed(device)? && self.core.receipts_owed.insert(device) {
            let wait = backoff::between(RECEIPT_WAIT_FROM_MS, RECEIPT_WAIT_TO_MS, &mut self.rng);
            let at = self.now.monotonic_ms.saturating_add(wait);
            self.core.timers.arm(Timer::Receipts, at);
        }
        Ok(())
    }

    /// A contact's device confirms messages.
    pub(super) fn confirmed(
        &mut self,
        from: &From,
        messages: &[MessageId],
    ) -> Result<(), StepError> {
        let mut news = false;
        for message in messages {
            self.tx.outbox().confirmed(from.device, message)?;
            if !self
                .tx
                .retained()
                .mark_delivered(from.device, message, self.now.wall)?
            {
                continue;
            }
            news = true;
            self.advance_message(message, MessageState::Delivered)?;
            if self
                .contact(from.contact)?
                .is_some_and(|contact| contact.row.acceptance_owed)
                && self
                    .tx
                    .retained()
                    .of_message(message)?
                    .iter()
                    .any(|kept| !kept.item.shown)
            {
                self.tx
                    .contacts()
                    .set_acceptance_owed(from.contact, false)?;
                self.core.contacts.changed(from.contact);
            }
        }
        if news
            && self
                .contact(from.contact)?
                .is_some_and(|contact| contact.row.silent_due.is_some())
        {
            // The contact is not silent. A newer manifest that it named is fetched all the same.
            self.tx.contacts().set_silent_due(from.contact, None)?;
            self.core.contacts.changed(from.contact);
        }
        Ok(())
    }
}
