//! The history: the conversation list, single messages, and search.

use undertone_protocol::content::MessageId;

use super::Client;
use super::conversation::Conversation;
use super::model::{ConversationSummary, Message, SearchPage};
use crate::store::{
    ContactId, ConversationCursor, ConversationId, SearchCursor, SearchFilter, SearchQuery,
    StoreError,
};

impl Client {
    /// A page of the conversation list: pinned ones first, then the most recently active.
    ///
    /// # Errors
    /// [`StoreError`] says who must act.
    pub async fn conversations(
        &self,
        after: Option<ConversationCursor>,
        limit: usize,
    ) -> Result<Vec<ConversationSummary>, StoreError> {
        self.list(false, after, limit).await
    }

    /// A page of the archive, in the order of the list.
    ///
    /// # Errors
    /// [`StoreError`] says who must act.
    pub async fn archive(
        &self,
        after: Option<ConversationCursor>,
        limit: usize,
    ) -> Result<Vec<ConversationSummary>, StoreError> {
        self.list(true, after, limit).await
    }

    async fn list(
        &self,
        archived: bool,
        after: Option<ConversationCursor>,
        limit: usize,
    ) -> Result<Vec<ConversationSummary>, StoreError> {
        self.read(move |view| {
            let rows = view.conversations(archived, after, limit)?.into_iter();
            Ok(rows
                .map(|row| ConversationSummary::new(row, view))
                .collect())
        })
        .await
    }

    /// The conversation with a contact, when there is one.
    ///
    /// # Errors
    /// [`StoreError`] says who must act.
    pub async fn conversation_with(
        &self,
        contact: ContactId,
    ) -> Result<Option<Conversation>, StoreError> {
        let row = self.read(move |view| view.conversation_of(contact)).await?;
        Ok(row.map(|row| self.conversation(row.id)))
    }

    /// A conversation that the list or an event named.
    #[must_use]
    pub fn conversation(&self, id: ConversationId) -> Conversation {
        Conversation::new(self.clone(), id)
    }

    /// One message.
    ///
    /// # Errors
    /// [`StoreError`] says who must act.
    pub async fn message(&self, message: MessageId) -> Result<Option<Message>, StoreError> {
        self.read(move |view| Ok(view.message(&message)?.map(Message::from)))
            .await
    }

    /// Messages that were not read, in all conversations of the list.
    ///
    /// # Errors
    /// [`StoreError`] says who must act.
    pub async fn unread(&self) -> Result<u64, StoreError> {
        self.read(|view| view.unread()).await
    }

    /// A page of the messages that match what the user typed: at most `limit` (up to
    /// [`MAX_PAGE_ROWS`](crate::limits::MAX_PAGE_ROWS)), the first ones or those behind `after`, where the page before ended. All words must occur;
    /// `"a phrase"` must occur as it is; `word*` is the beginning of a word; `-word` must not occur. Without any text the filter alone decides: all
    /// links of a conversation, for example. A query may be at most [`MAX_QUERY_CHARS`](crate::limits::MAX_QUERY_CHARS) long and have
    /// [`MAX_QUERY_TERMS`](crate::limits::MAX_QUERY_TERMS) words; what is beyond is not looked for.
    ///
    /// The newest come first, or the best of the newest, as `filter.order` says: a page of those may be shorter than `limit` although another one
    /// follows.
    ///
    /// # Errors
    /// [`StoreError`] says who must act.
    pub async fn search(
        &self,
        text: &str,
        filter: SearchFilter,
        after: Option<SearchCursor>,
        limit: usize,
    ) -> Result<SearchPage, StoreError> {
        self.find(SearchQuery::parse(text), filter, after, limit)
            .await
    }

    /// As [`search`](Self::search), for a query that is still being typed: its last word may go on.
    ///
    /// # Errors
    /// [`StoreError`] says who must act.
    pub async fn search_as_typed(
        &self,
        text: &str,
        filter: SearchFilter,
        after: Option<SearchCursor>,
        limit: usize,
    ) -> Result<SearchPage, StoreError> {
        self.find(SearchQuery::as_typed(text), filter, after, limit)
            .await
    }

    async fn find(
        &self,
        query: SearchQuery,
        filter: SearchFilter,
        after: Option<SearchCursor>,
        limit: usize,
    ) -> Result<SearchPage, StoreError> {
        self.read(move |view| Ok(view.search(&query, &filter, after, limit)?.into()))
            .await
    }
}
