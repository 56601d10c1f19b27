//! Receipts: that something arrived is owed with the message, that it was read when the user reads it; both are sent together after a short random wait or ahead of what is sent anyway,
//! never to strangers, and as rarely as [`answers`](super::answers) has it. What is missing rides along.

use undertone_protocol::content::{
    Body, CONTENT_HEADER_LEN, DeliveryReceipt, Hlc, MAX_ENTRIES, MessageId,
};

use super::backoff;
use super::content::From;
use super::limits::{
    RECEIPT_LATER_FROM_MS, RECEIPT_LATER_TO_MS, RECEIPT_WAIT_FROM_MS, RECEIPT_WAIT_TO_MS,
    SMALLEST_CONTENT,
};
use super::meta;
use super::step::Step;
use crate::error::StepError;
use crate::store::{
    ContactId, ContactState, ConversationId, MessageRow, MessageState, Owed, PeerDeviceId,
};

/// Bytes of a receipt's entries: a message id, and a missing message.
const DELIVERED_LEN: usize = 16;
const MISSING_LEN: usize = 24;
/// Room for entries in the smallest envelope, behind the header and the count.
const ROOM: usize = SMALLEST_CONTENT - CONTENT_HEADER_LEN - 2;

impl Step<'_> {
    /// A receipt for something new is owed.
    pub(super) fn owe_receipt(
        &mut self,
        device: PeerDeviceId,
        message: &MessageId,
    ) -> Result<(), StepError> {
        self.tx.receipts().owe(device, message, None)?;
        if self.core.owed.receipts.insert(device) {
            self.answer_after(RECEIPT_WAIT_FROM_MS, RECEIPT_WAIT_TO_MS);
        }
        Ok(())
    }

    /// A receipt for a repetition is owed: its first one may have been lost, or the contact only wants to see an answer.
    /// It goes with something else, else after hours.
    pub(super) fn owe_receipt_again(
        &mut self,
        device: PeerDeviceId,
        message: &MessageId,
    ) -> Result<(), StepError> {
        self.owe_receipt_inside(device, message)?;
        self.core.owed.later.insert(device);
        Ok(())
    }

    /// A receipt is owed for what was asked for: that it arrived shall not be seen. It goes inside another receipt, which has
    /// its size all the same, else after hours.
    pub(super) fn owe_receipt_inside(
        &mut self,
        device: PeerDeviceId,
        message: &MessageId,
    ) -> Result<(), StepError> {
        let wait = backoff::between(RECEIPT_LATER_FROM_MS, RECEIPT_LATER_TO_MS, &mut self.rng);
        let due = self.now.wall.plus(wait);
        Ok(self.tx.receipts().owe(device, message, Some(due))?)
    }

    /// Something is sent to a contact anyway: what is owed goes ahead of it.
    pub(super) fn ride_along(&mut self, contact: ContactId) -> Result<(), StepError> {
        self.tell_delivery(contact)?;
        for device in self.active_devices(contact)? {
            let owed = &self.core.owed;
            if owed.receipts.contains(&device) || owed.later.contains(&device) {
                self.flush_receipts(contact, device)?;
            }
        }
        Ok(())
    }

    pub(super) fn flush_receipts(
        &mut self,
        contact: ContactId,
        device: PeerDeviceId,
    ) -> Result<(), StepError> {
        self.core.owed.receipts.remove(&device);
        self.core.owed.later.remove(&device);
        // One at a time, so that a relay that takes nothing costs one row. The rest follows when it was taken, or goes with
        // what is owed next.
        if self.tx.outbox().has_hidden(device)? {
            return Ok(());
        }
        let Owed { delivered, read } = self.tx.receipts().take(device, MAX_ENTRIES)?;
        if !read.is_empty() {
            let composed = self.compose_hidden(Body::ReadReceipt(read))?;
            return self.queue_for(contact, device, &composed);
        }
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
        if self.tx.receipts().is_owed(device)? && self.core.owed.receipts.insert(device) {
            self.answer_after(RECEIPT_WAIT_FROM_MS, RECEIPT_WAIT_TO_MS);
        }
        Ok(())
    }

    /// The user reads a conversation up to a clock: whoever wrote is told, if the user wants that.
    pub(super) fn owe_read_receipts(
        &mut self,
        conversation: ConversationId,
        up_to: Hlc,
    ) -> Result<(), StepError> {
        if !self.is_on(meta::NO_READ_RECEIPTS)? {
            return Ok(());
        }
        let mut after = None;
        loop {
            let rows = self.tx.messages().unread(conversation, after, up_to)?;
            let Some(last) = rows.last() else {
                return Ok(());
            };
            after = Some(last.id);
            for row in &rows {
                self.owe_read_receipt(row)?;
            }
        }
    }

    /// Who wrote a message is told that the user has read it.
    pub(super) fn owe_read_receipt(&mut self, row: &MessageRow) -> Result<(), StepError> {
        let message = &row.message;
        let Some(contact) = message.sender else {
            return Ok(());
        };
        if !self.is_in(contact, ContactState::Accepted)? {
            return Ok(());
        }
        let device = self
            .tx
            .peer_devices()
            .find(contact, &message.sender_device)?;
        if let Some(device) = device.map(|row| row.id) {
            self.tx.receipts().owe_read(device, &message.message_id)?;
            if self.core.owed.receipts.insert(device) {
                self.answer_after(RECEIPT_WAIT_FROM_MS, RECEIPT_WAIT_TO_MS);
            }
        }
        Ok(())
    }

    /// Whether contacts are told what the user has read. Who tells nothing is told nothing.
    ///
    /// # Errors
    /// [`StepError`] when the store fails.
    pub fn set_read_receipts(&mut self, on: bool) -> Result<(), StepError> {
        self.switch(meta::NO_READ_RECEIPTS, on)
    }

    /// A contact's device says that messages were read, and so that they arrived.
    pub(super) fn read_by(&mut self, from: &From, messages: &[MessageId]) -> Result<(), StepError> {
        self.confirmed(from, messages)?;
        if !self.is_on(meta::NO_READ_RECEIPTS)? {
            return Ok(());
        }
        for message in messages {
            // Only what was sent to this contact is his to confirm.
            let row = self.tx.messages().get(message)?;
            if row.is_some_and(|row| row.message.conversation == from.conversation) {
                self.advance_message(message, MessageState::Read)?;
            }
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
                    .set_acceptance_owed(from.contact, false, self.now.wall)?;
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
