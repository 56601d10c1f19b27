//! The live conversation list, and the live archive.

use super::window::{Source, Way, Window};
use super::{ConversationsUpdate, Live};
use crate::client::Client;
use crate::client::model::ConversationSummary;
use crate::engine::View;
use crate::store::{ConversationCursor, ConversationId, ConversationRow, ListOrder, StoreError};

/// A part of the conversation list, or of the archive, as it is now, and as it changes: pinned ones first, then the most recently active. It
/// follows the first row as long as that is among its rows.
///
/// It has [`LIVE_ROWS`](crate::limits::LIVE_ROWS) rows at most: more on one side, and those on the other side go. While the client is locked it
/// has none, and those that it had when it is unlocked. Several can be open.
pub struct LiveConversations(Live<List>);

impl std::fmt::Debug for LiveConversations {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("LiveConversations(..)")
    }
}

impl Client {
    /// The live conversation list, which begins with the first `rows`.
    #[must_use]
    pub fn live_conversations(&self, rows: usize) -> LiveConversations {
        let source = List { archived: false };
        LiveConversations(Live::new(self.clone(), source, rows))
    }

    /// The live archive, which begins with the first `rows`.
    #[must_use]
    pub fn live_archive(&self, rows: usize) -> LiveConversations {
        let source = List { archived: true };
        LiveConversations(Live::new(self.clone(), source, rows))
    }
}

impl LiveConversations {
    /// Waits until something is otherwise than was told; at first, tells what is there. To be called by one task. Safe to cancel.
    ///
    /// # Errors
    /// [`StoreError::Closed`] when the client was closed. Any other says who must act; the next call waits for a change and tries again.
    pub async fn next(&self) -> Result<ConversationsUpdate, StoreError> {
        self.0.next().await.map(ConversationsUpdate::new)
    }

    /// What was told so far, as one page: for who has lost an update.
    pub async fn page(&self) -> ConversationsUpdate {
        ConversationsUpdate::new(self.0.page().await)
    }

    /// Shows up to `rows` more behind the last one, as [`next`](Self::next) tells.
    ///
    /// # Errors
    /// [`StoreError`] says who must act.
    pub async fn more(&self, rows: usize) -> Result<(), StoreError> {
        self.0.further(rows).await
    }

    /// Shows up to `rows` more before the first one, as [`next`](Self::next) tells.
    ///
    /// # Errors
    /// [`StoreError`] says who must act.
    pub async fn back(&self, rows: usize) -> Result<(), StoreError> {
        self.0.back(rows).await
    }

    /// Shows the first `rows` instead, as [`next`](Self::next) tells.
    ///
    /// # Errors
    /// [`StoreError`] says who must act.
    pub async fn to_first(&self, rows: usize) -> Result<(), StoreError> {
        self.0.home(rows).await
    }
}

/// The list, or the archive.
#[derive(Clone, Copy)]
pub(super) struct List {
    pub(super) archived: bool,
}

impl List {
    fn within(
        self,
        view: &View<'_>,
        window: Window<ConversationCursor>,
        way: Way,
        limit: usize,
    ) -> Result<Vec<ConversationRow>, StoreError> {
        let order = match way {
            Way::Outward => ListOrder::Forward,
            Way::Homeward => ListOrder::Backward,
        };
        view.conversations_within(self.archived, (window.near, window.far), order, limit)
    }
}

impl Source for List {
    type Row = ConversationSummary;
    type Id = ConversationId;
    type Place = ConversationCursor;

    const HOME_IS_LAST: bool = false;

    fn id(row: &ConversationSummary) -> ConversationId {
        row.id
    }

    fn place(row: &ConversationSummary) -> ConversationCursor {
        row.cursor
    }

    fn rows(
        &self,
        view: &View<'_>,
        window: Window<ConversationCursor>,
        limit: usize,
    ) -> Result<Vec<ConversationSummary>, StoreError> {
        let rows = self.within(view, window, Way::Outward, limit)?;
        let summary = |row| ConversationSummary::new(row, view);
        Ok(rows.into_iter().map(summary).collect())
    }

    fn places(
        &self,
        view: &View<'_>,
        window: Window<ConversationCursor>,
        way: Way,
        limit: usize,
    ) -> Result<Vec<ConversationCursor>, StoreError> {
        let rows = self.within(view, window, way, limit)?;
        Ok(rows.iter().map(ConversationRow::cursor).collect())
    }
}
