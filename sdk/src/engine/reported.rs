//! What a report about somebody is made of. Nothing is sent: the app decides what becomes of it.

use undertone_protocol::account::AccountId;
use undertone_protocol::content::MessageId;
use undertone_protocol::time::Timestamp;

use super::step::Step;
use crate::error::{ReportError, StepError};
use crate::store::{ContactId, ContactRow, ContactState, MessageRow};

/// Somebody who is reported, and what he wrote.
pub(crate) struct Reported {
    pub(crate) by: AccountId,
    pub(crate) made: Timestamp,
    pub(crate) contact: ContactRow,
    /// Newest first.
    pub(crate) messages: Vec<MessageRow>,
}

impl Step<'_> {
    /// A contact with the last messages that it wrote, at most so many.
    pub(crate) fn reported_contact(
        &mut self,
        contact: ContactId,
        limit: usize,
    ) -> Result<Reported, ReportError> {
        let conversation = self
            .contact(contact)?
            .ok_or(ReportError::NothingToReport)?
            .conversation;
        let messages =
            self.tx
                .messages()
                .before(conversation, None, crate::store::limits::MAX_PAGE_ROWS)?;
        let theirs = messages
            .into_iter()
            .filter(|row| row.message.sender == Some(contact));
        self.reported(contact, theirs.take(limit).collect())
    }

    /// A message of a contact.
    pub(crate) fn reported_message(
        &mut self,
        message: &MessageId,
    ) -> Result<Reported, ReportError> {
        let row = self
            .tx
            .messages()
            .get(message)?
            .ok_or(ReportError::NothingToReport)?;
        let contact = row.message.sender.ok_or(ReportError::NothingToReport)?;
        self.reported(contact, vec![row])
    }

    fn reported(
        &mut self,
        contact: ContactId,
        messages: Vec<MessageRow>,
    ) -> Result<Reported, ReportError> {
        let found = self.contact(contact)?.ok_or(StepError::Damaged)?;
        let contact = found.row.clone();
        Ok(Reported {
            contact,
            by: self.core.me.account,
            made: self.now.wall,
            messages,
        })
    }

    /// Blocks whoever was reported, unless that was done before.
    pub(crate) fn block_reported(&mut self, contact: ContactId) -> Result<(), ReportError> {
        if !self.is_in(contact, ContactState::Blocked)? {
            self.block(contact)?;
        }
        Ok(())
    }
}
