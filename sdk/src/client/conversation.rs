//! One conversation: its messages, and writing to it.

use undertone_protocol::content::{MessageId, Post, Timer};

use super::Client;
use super::model::{ConversationSummary, Gap, Message};
use crate::error::{SendError, StepError};
use crate::store::{ConversationId, Position, StoreError};

/// A handle to one conversation, cheap to clone.
#[derive(Clone, Debug)]
pub struct Conversation {
    client: Client,
    id: ConversationId,
}

impl Conversation {
    pub(super) fn new(client: Client, id: ConversationId) -> Self {
        Self { client, id }
    }

    pub(super) fn client(&self) -> &Client {
        &self.client
    }

    /// Its id, on this device only.
    #[must_use]
    pub fn id(&self) -> ConversationId {
        self.id
    }

    /// Its entry in the conversation list; `None` when there is no such conversation.
    ///
    /// # Errors
    /// [`StoreError`] says who must act.
    pub async fn summary(&self) -> Result<Option<ConversationSummary>, StoreError> {
        let id = self.id;
        self.client
            .read(move |view| {
                let row = view.conversation(id)?;
                Ok(row.map(|row| ConversationSummary::new(row, view)))
            })
            .await
    }

    /// Sends a text. When this returns, the message is in the store and will be sent however long it takes: offline, after a
    /// crash, across restarts.
    ///
    /// # Errors
    /// [`SendError`] says who must act; nothing was stored.
    pub async fn send_text(&self, text: &str) -> Result<MessageId, SendError> {
        self.send(Post::text(text)).await
    }

    /// Sends a text with what is beside it: what it answers, whom it mentions, how it looks. As durable as
    /// [`send_text`](Self::send_text).
    ///
    /// # Errors
    /// [`SendError`] says who must act; nothing was stored.
    pub async fn send(&self, post: Post) -> Result<MessageId, SendError> {
        let id = self.id;
        self.client
            .write(move |step| step.send_post(id, post))
            .await
    }

    /// What is written from now on, by both sides, disappears so long after it was read, at its reader, and after it was written, at
    /// its writer; `None`: it stays.
    ///
    /// # Errors
    /// [`SendError`] says who must act; nothing was changed.
    pub async fn set_timer(&self, timer: Option<Timer>) -> Result<(), SendError> {
        let id = self.id;
        self.client
            .write(move |step| step.set_timer(id, timer))
            .await
    }

    /// The user types: to be called at each key. The other side, if it is there, is shown that for a few seconds; that the user ended
    /// is found out.
    ///
    /// # Errors
    /// [`StepError`] says who must act.
    pub async fn typing(&self) -> Result<(), StepError> {
        let id = self.id;
        self.client.write(move |step| step.typing(id)).await
    }

    /// Up to `limit` messages before a place, or the newest ones; oldest first.
    ///
    /// # Errors
    /// [`StoreError`] says who must act.
    pub async fn messages(
        &self,
        before: Option<Position>,
        limit: usize,
    ) -> Result<Vec<Message>, StoreError> {
        let id = self.id;
        self.client
            .read(move |view| {
                let mut page: Vec<Message> = view
                    .messages_before(id, before, limit)?
                    .into_iter()
                    .map(Message::from)
                    .collect();
                page.sort_by_key(|message| message.position);
                Ok(page)
            })
            .await
    }

    /// Up to `limit` messages after a place; oldest first.
    ///
    /// # Errors
    /// [`StoreError`] says who must act.
    pub async fn messages_after(
        &self,
        after: Position,
        limit: usize,
    ) -> Result<Vec<Message>, StoreError> {
        let id = self.id;
        self.client
            .read(move |view| {
                let page = view.messages_after(id, after, limit)?;
                Ok(page.into_iter().map(Message::from).collect())
            })
            .await
    }

    /// A message with up to `limit` messages on each side, oldest first: where a search result or a notification leads. Empty when
    /// it is not in this conversation.
    ///
    /// # Errors
    /// [`StoreError`] says who must act.
    pub async fn messages_around(
        &self,
        message: MessageId,
        limit: usize,
    ) -> Result<Vec<Message>, StoreError> {
        let id = self.id;
        self.client
            .read(move |view| {
                let found = view.message(&message)?;
                let Some(found) = found.filter(|row| row.message.conversation == id) else {
                    return Ok(Vec::new());
                };
                let place = found.position();
                let mut page = view.messages_before(id, Some(place), limit)?;
                page.reverse();
                page.push(found);
                page.extend(view.messages_after(id, place, limit)?);
                Ok(page.into_iter().map(Message::from).collect())
            })
            .await
    }

    /// What is known to be missing, oldest first. It is asked for by itself, without haste: so that no relay can make a device
    /// send by withholding something.
    ///
    /// # Errors
    /// [`StoreError`] says who must act.
    pub async fn gaps(&self) -> Result<Vec<Gap>, StoreError> {
        let id = self.id;
        self.client
            .read(move |view| Ok(view.gaps(id)?.iter().filter_map(Gap::of).collect()))
            .await
    }

    /// Marks everything up to a message as read, on this device.
    ///
    /// # Errors
    /// [`StepError`] says who must act.
    pub async fn mark_read(&self, up_to: Position) -> Result<(), StepError> {
        let id = self.id;
        self.client
            .write(move |step| step.mark_read(id, up_to.clock))
            .await
    }
}
