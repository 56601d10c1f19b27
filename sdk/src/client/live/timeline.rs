//! The live timeline of a conversation.

use undertone_protocol::content::MessageId;

use super::window::{Source, Way, Window};
use super::{Live, TimelineUpdate};
use crate::client::conversation::Conversation;
use crate::client::rows::{self, RowId, TimelineRow};
use crate::engine::View;
use crate::store::{ConversationId, Position, Span, StoreError, TimelineEntry, Towards};

/// A part of a conversation as it is now, and as it changes: messages, what happened, and what is missing, the newest last. It follows the
/// newest row as long as that is among its rows.
///
/// It has [`LIVE_ROWS`](crate::limits::LIVE_ROWS) rows at most: more on one side, and those on the other side go. While the client is locked it
/// has none, and those that it had when it is unlocked. Several can be open of one conversation.
pub struct Timeline(Live<OfConversation>);

impl std::fmt::Debug for Timeline {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Timeline(..)")
    }
}

impl Conversation {
    /// A live timeline, which begins with the newest `rows`.
    #[must_use]
    pub fn timeline(&self, rows: usize) -> Timeline {
        let source = OfConversation(self.id());
        Timeline(Live::new(self.client().clone(), source, rows))
    }
}

impl Timeline {
    /// Waits until something is otherwise than was told; at first, tells what is there. To be called by one task. Safe to cancel.
    ///
    /// # Errors
    /// [`StoreError::Closed`] when the client was closed. Any other says who must act; the next call waits for a change and tries again.
    pub async fn next(&self) -> Result<TimelineUpdate, StoreError> {
        self.0.next().await.map(TimelineUpdate::new)
    }

    /// What was told so far, as one page: for who has lost an update.
    pub async fn page(&self) -> TimelineUpdate {
        TimelineUpdate::new(self.0.page().await)
    }

    /// Shows up to `rows` older rows too, as [`next`](Self::next) tells.
    ///
    /// # Errors
    /// [`StoreError`] says who must act.
    pub async fn older(&self, rows: usize) -> Result<(), StoreError> {
        self.0.further(rows).await
    }

    /// Shows up to `rows` newer rows too, as [`next`](Self::next) tells.
    ///
    /// # Errors
    /// [`StoreError`] says who must act.
    pub async fn newer(&self, rows: usize) -> Result<(), StoreError> {
        self.0.back(rows).await
    }

    /// Shows a message with up to `rows` on each side instead, as [`next`](Self::next) tells: where a search result, a reply or a
    /// notification leads. Whether the message is in this conversation; if not, nothing changes.
    ///
    /// # Errors
    /// [`StoreError`] says who must act.
    pub async fn jump_to(&self, message: MessageId, rows: usize) -> Result<bool, StoreError> {
        self.0
            .show(move |source, view, _| source.around(view, &message, rows))
            .await
    }

    /// Shows the newest `rows` instead, as [`next`](Self::next) tells.
    ///
    /// # Errors
    /// [`StoreError`] says who must act.
    pub async fn to_newest(&self, rows: usize) -> Result<(), StoreError> {
        self.0.home(rows).await
    }
}

/// The rows of a conversation.
#[derive(Clone, Copy)]
pub(super) struct OfConversation(pub(super) ConversationId);

impl OfConversation {
    pub(super) fn around(
        &self,
        view: &View<'_>,
        message: &MessageId,
        rows: usize,
    ) -> Result<Option<Window<Position>>, StoreError> {
        let row = view.message(message)?;
        let place = row.filter(|row| row.message.conversation == self.0 && row.is_shown());
        place
            .map(|row| Window::around(self, view, row.position(), rows))
            .transpose()
    }

    fn entries(
        &self,
        view: &View<'_>,
        window: Window<Position>,
        way: Way,
        limit: usize,
    ) -> Result<Vec<TimelineEntry>, StoreError> {
        let span = Span {
            before: window.near,
            after: window.far,
        };
        let towards = match way {
            Way::Outward => Towards::Older,
            Way::Homeward => Towards::Newer,
        };
        view.timeline(self.0, &span, towards, limit)
    }
}

impl Source for OfConversation {
    type Row = TimelineRow;
    type Id = RowId;
    type Place = Position;

    const HOME_IS_LAST: bool = true;

    fn id(row: &TimelineRow) -> RowId {
        row.id
    }

    fn place(row: &TimelineRow) -> Position {
        row.position
    }

    fn rows(
        &self,
        view: &View<'_>,
        window: Window<Position>,
        limit: usize,
    ) -> Result<Vec<TimelineRow>, StoreError> {
        let entries = self.entries(view, window, Way::Outward, limit)?;
        rows::timeline_rows(view, self.0, entries)
    }

    fn places(
        &self,
        view: &View<'_>,
        window: Window<Position>,
        way: Way,
        limit: usize,
    ) -> Result<Vec<Position>, StoreError> {
        let entries = self.entries(view, window, way, limit)?;
        Ok(entries.iter().map(TimelineEntry::position).collect())
    }
}
