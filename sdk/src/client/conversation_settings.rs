//! How the user wants to see a conversation in the list; nobody else is told.

use undertone_protocol::time::Timestamp;

use super::conversation::Conversation;
use crate::error::SendError;

impl Conversation {
    /// Shows it before those that are not pinned, or no longer.
    ///
    /// # Errors
    /// [`SendError::NoSuchConversation`], and [`SendError::Step`].
    pub async fn set_pinned(&self, pinned: bool) -> Result<(), SendError> {
        let id = self.id();
        let client = self.client();
        client.write(move |step| step.set_pinned(id, pinned)).await
    }

    /// Moves it to the archive, or back. A message that comes brings it back unless it is muted.
    ///
    /// # Errors
    /// [`SendError::NoSuchConversation`], and [`SendError::Step`].
    pub async fn set_archived(&self, archived: bool) -> Result<(), SendError> {
        let id = self.id();
        let client = self.client();
        client
            .write(move |step| step.set_archived(id, archived))
            .await
    }

    /// The user is not to be told of its messages before a time; `None`: of all. The app that notifies looks at
    /// [`muted_until`](crate::ConversationSummary::muted_until).
    ///
    /// # Errors
    /// [`SendError::NoSuchConversation`], and [`SendError::Step`].
    pub async fn set_muted(&self, until: Option<Timestamp>) -> Result<(), SendError> {
        let id = self.id();
        let client = self.client();
        client.write(move |step| step.set_muted(id, until)).await
    }

    /// Shows it as unread until it is read again.
    ///
    /// # Errors
    /// [`SendError::NoSuchConversation`], and [`SendError::Step`].
    pub async fn mark_unread(&self) -> Result<(), SendError> {
        let id = self.id();
        self.client().write(move |step| step.mark_unread(id)).await
    }

    /// Keeps what the user has begun to write, until something is sent.
    ///
    /// # Errors
    /// [`SendError::TooLong`], [`SendError::NoSuchConversation`], and [`SendError::Step`].
    pub async fn set_draft(&self, draft: &str) -> Result<(), SendError> {
        let (id, draft) = (self.id(), draft.to_owned());
        let client = self.client();
        client.write(move |step| step.set_draft(id, &draft)).await
    }
}
