//! How the user wants to see conversations: pinned, archived, muted, marked unread, with a draft. Of this device alone, and told to nobody.

use undertone_protocol::time::Timestamp;

use super::event::Event;
use super::limits::MAX_TEXT_BYTES;
use super::step::Step;
use crate::error::{SendError, StepError};
use crate::store::{ConversationId, ConversationSettings};

impl Step<'_> {
    /// Shows a conversation before those that are not pinned, or no longer.
    ///
    /// # Errors
    /// [`SendError::NoSuchConversation`], and [`SendError::Step`].
    pub fn set_pinned(&mut self, id: ConversationId, pinned: bool) -> Result<(), SendError> {
        self.set(id, |settings| settings.pinned = pinned)
    }

    /// Moves a conversation to the archive, or back. A message that comes brings it back unless it is muted.
    ///
    /// # Errors
    /// [`SendError::NoSuchConversation`], and [`SendError::Step`].
    pub fn set_archived(&mut self, id: ConversationId, archived: bool) -> Result<(), SendError> {
        self.set(id, |settings| settings.archived = archived)
    }

    /// The user is not to be told of messages before a time.
    ///
    /// # Errors
    /// [`SendError::NoSuchConversation`], and [`SendError::Step`].
    pub fn set_muted(
        &mut self,
        id: ConversationId,
        until: Option<Timestamp>,
    ) -> Result<(), SendError> {
        self.set(id, |settings| settings.muted_until = until)
    }

    /// Shows a conversation as unread until it is read again.
    ///
    /// # Errors
    /// [`SendError::NoSuchConversation`], and [`SendError::Step`].
    pub fn mark_unread(&mut self, id: ConversationId) -> Result<(), SendError> {
        self.set(id, |settings| settings.marked_unread = true)
    }

    /// Keeps what the user has begun to write, until something is sent to the conversation.
    ///
    /// # Errors
    /// [`SendError::TooLong`], [`SendError::NoSuchConversation`], and [`SendError::Step`].
    pub fn set_draft(&mut self, id: ConversationId, draft: &str) -> Result<(), SendError> {
        if draft.len() > MAX_TEXT_BYTES {
            return Err(SendError::TooLong);
        }
        self.set(id, |settings| draft.clone_into(&mut settings.draft))
    }

    fn set(
        &mut self,
        id: ConversationId,
        change: impl FnOnce(&mut ConversationSettings),
    ) -> Result<(), SendError> {
        if self.change_settings(id, change)? {
            Ok(())
        } else {
            Err(SendError::NoSuchConversation)
        }
    }

    /// Whether there is such a conversation.
    fn change_settings(
        &mut self,
        id: ConversationId,
        change: impl FnOnce(&mut ConversationSettings),
    ) -> Result<bool, StepError> {
        let Some(row) = self.tx.conversations().get(id)? else {
            return Ok(false);
        };
        let mut settings = row.settings.clone();
        change(&mut settings);
        if settings != row.settings {
            self.tx.conversations().set_settings(id, &settings)?;
            self.emit(Event::ConversationChanged { conversation: id });
        }
        Ok(true)
    }

    /// Something was sent: it was the draft.
    pub(super) fn draft_sent(&mut self, id: ConversationId) -> Result<(), StepError> {
        self.change_settings(id, |settings| settings.draft.clear())?;
        Ok(())
    }

    /// It was read: it is no longer marked.
    pub(super) fn was_read(&mut self, id: ConversationId) -> Result<(), StepError> {
        self.change_settings(id, |settings| settings.marked_unread = false)?;
        Ok(())
    }

    /// A message came: an archived conversation is in the list again, unless it is muted.
    pub(super) fn leaves_archive(&mut self, id: ConversationId) -> Result<(), StepError> {
        let now = self.now.wall;
        self.change_settings(id, |settings| {
            let muted = settings.muted_until.is_some_and(|until| until > now);
            settings.archived &= muted;
        })?;
        Ok(())
    }
}
