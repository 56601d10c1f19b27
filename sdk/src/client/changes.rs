//! What the user does with messages that are there: edits, deletions, reactions.

use undertone_protocol::content::{MessageId, Post};

use super::Client;
use super::model::Revision;
use crate::error::{ChangeError, StepError};
use crate::store::StoreError;

impl Client {
    /// Gives an own message another text, here and at whoever has it, within
    /// [`CHANGE_WINDOW_MS`](crate::limits::CHANGE_WINDOW_MS) after it was written. What it said before is kept on both sides.
    ///
    /// # Errors
    /// [`ChangeError`] says who must act; nothing was changed.
    pub async fn edit(&self, message: MessageId, post: Post) -> Result<(), ChangeError> {
        self.write(move |step| step.edit(&message, post)).await
    }

    /// Takes an own message back, here and at whoever has it, within
    /// [`CHANGE_WINDOW_MS`](crate::limits::CHANGE_WINDOW_MS) after it was written. Nothing of it is left in this store when this
    /// returns; the other side's software does the same when it learns of it, if it is honest.
    ///
    /// # Errors
    /// [`ChangeError`] says who must act; nothing was changed.
    pub async fn delete_for_everyone(&self, message: MessageId) -> Result<(), ChangeError> {
        self.write(move |step| step.delete_for_everyone(&message))
            .await?;
        self.erase().await;
        Ok(())
    }

    /// Deletes a message here; the other side keeps it. Nothing of it is left in this store when this returns.
    ///
    /// # Errors
    /// [`ChangeError`] says who must act; nothing was changed.
    pub async fn delete_here(&self, message: MessageId) -> Result<(), ChangeError> {
        self.write(move |step| step.delete_here(&message)).await?;
        self.erase().await;
        Ok(())
    }

    /// Says what the user thinks of a message, instead of what was said before. No emoji takes it back.
    ///
    /// # Errors
    /// [`ChangeError`] says who must act; nothing was changed.
    pub async fn react(&self, message: MessageId, emoji: Vec<String>) -> Result<(), ChangeError> {
        self.write(move |step| step.react(&message, &emoji)).await
    }

    /// What a message said before it was edited, oldest first.
    ///
    /// # Errors
    /// [`StoreError`] says who must act.
    pub async fn revisions(&self, message: MessageId) -> Result<Vec<Revision>, StoreError> {
        self.read(move |view| {
            let revisions = view.revisions(&message)?;
            Ok(revisions.into_iter().map(Revision::from).collect())
        })
        .await
    }

    /// Whether contacts are told that the user types; on unless it was switched off. Who tells nothing is told nothing.
    ///
    /// # Errors
    /// [`StepError`] says who must act.
    pub async fn set_typing_indicators(&self, on: bool) -> Result<(), StepError> {
        self.write(move |step| step.set_typing_indicators(on)).await
    }

    /// Whether contacts are told what the user has read; on unless it was switched off. Who tells nothing is told nothing.
    ///
    /// # Errors
    /// [`StepError`] says who must act.
    pub async fn set_read_receipts(&self, on: bool) -> Result<(), StepError> {
        self.write(move |step| step.set_read_receipts(on)).await
    }
}
