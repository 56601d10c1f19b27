//! Live lists: a page of rows, and then what changes of it.
//!
//! After each commit a listener that waits has its window read again, and is told the difference to what it was told before. So what it was
//! told always comes to what a fresh page says, whatever the change was, and whoever made it; and a listener costs the rows that it was told,
//! [`LIVE_ROWS`](super::limits::LIVE_ROWS) at most, however slow it is: what happens while it does not wait is told at once when it does.
//!
//! Invariant: what is told is told once, in the order of the versions, also when a call is cancelled.
//! Not its concern: what rows say (`rows`), and how they are found (the store).

mod conversations;
mod diff;
mod timeline;
mod update;
mod window;

pub use conversations::LiveConversations;
pub use timeline::Timeline;
pub use update::{
    ConversationsChange, ConversationsDiff, ConversationsUpdate, TimelineChange, TimelineDiff,
    TimelineUpdate,
};

use tokio::sync::{Mutex, Notify, watch};

use super::Client;
use crate::engine::View;
use crate::store::StoreError;
use window::{Ends, News, Source, Told, Window};

/// A live list of anything.
struct Live<S: Source> {
    client: Client,
    source: S,
    /// Counts commits, and what else may change what is shown.
    commits: watch::Receiver<u64>,
    /// The window is another one.
    moved: Notify,
    state: Mutex<State<S>>,
}

struct State<S: Source> {
    shown: Part<S::Place>,
    told: Told<S::Row>,
    /// The count of commits that the window was read after; `None`: it is to be read.
    seen: Option<u64>,
}

/// Which part of its list is shown.
#[derive(Clone, Copy)]
enum Part<P> {
    /// So many rows from home: nobody has looked yet.
    Home(usize),
    Between(Window<P>),
}

impl<P: Copy> Part<P> {
    fn find<S: Source<Place = P>>(
        self,
        source: &S,
        view: &View<'_>,
    ) -> Result<Window<P>, StoreError> {
        match self {
            Self::Home(rows) => Window::home(source, view, rows),
            Self::Between(window) => Ok(window),
        }
    }
}

impl<S: Source> Live<S> {
    fn new(client: Client, source: S, rows: usize) -> Self {
        Self {
            commits: client.commits.clone(),
            client,
            source,
            moved: Notify::new(),
            state: Mutex::new(State {
                shown: Part::Home(rows),
                told: Told::nothing(),
                seen: None,
            }),
        }
    }

    /// Waits until there is something to tell. What a cancelled call has read is read again.
    async fn next(&self) -> Result<News<S::Row>, StoreError> {
        let mut commits = self.commits.clone();
        loop {
            let current = *commits.borrow_and_update();
            let mut state = self.state.lock().await;
            if state.seen != Some(current)
                && let Some(news) = self.look(&mut state, current).await?
            {
                return Ok(news);
            }
            drop(state);
            tokio::select! {
                changed = commits.changed() => changed.map_err(|_| StoreError::Closed)?,
                () = self.moved.notified() => {}
            }
        }
    }

    async fn look(
        &self,
        state: &mut State<S>,
        current: u64,
    ) -> Result<Option<News<S::Row>>, StoreError> {
        let (source, part) = (self.source.clone(), state.shown);
        let read = self
            .client
            .read(move |view| part.find(&source, view)?.read(&source, view))
            .await;
        state.seen = Some(current);
        let (ends, rows) = match read {
            Ok((window, rows)) => {
                state.shown = Part::Between(window);
                (window.ends(), rows)
            }
            // What a locked client showed is forgotten; where it was is not.
            Err(StoreError::Locked) => (Ends::default(), Vec::new()),
            Err(failure) => return Err(failure),
        };
        Ok(state.told.advance(rows, ends, S::id))
    }

    /// The page as it was told.
    async fn page(&self) -> News<S::Row> {
        let state = self.state.lock().await;
        News {
            version: state.told.version,
            rows: state.told.rows.clone(),
            ops: None,
            ends: state.told.ends,
        }
    }

    /// Shows another part. What is there is told by [`next`](Self::next). Whether there is such a part.
    async fn show(
        &self,
        find: impl FnOnce(
            &S,
            &View<'_>,
            Window<S::Place>,
        ) -> Result<Option<Window<S::Place>>, StoreError>
        + Send
        + 'static,
    ) -> Result<bool, StoreError> {
        let mut state = self.state.lock().await;
        let (source, part) = (self.source.clone(), state.shown);
        let found = self
            .client
            .read(move |view| {
                let window = part.find(&source, view)?;
                find(&source, view, window)
            })
            .await?;
        let Some(window) = found else {
            return Ok(false);
        };
        state.shown = Part::Between(window);
        state.seen = None;
        self.moved.notify_one();
        Ok(true)
    }

    /// More rows, away from home.
    async fn further(&self, rows: usize) -> Result<(), StoreError> {
        self.show(move |source, view, window| Ok(Some(window.further(source, view, rows)?)))
            .await?;
        Ok(())
    }

    /// More rows, towards home.
    async fn back(&self, rows: usize) -> Result<(), StoreError> {
        self.show(move |source, view, window| Ok(Some(window.back(source, view, rows)?)))
            .await?;
        Ok(())
    }

    /// The rows at home.
    async fn home(&self, rows: usize) -> Result<(), StoreError> {
        self.show(move |source, view, _| Ok(Some(Window::home(source, view, rows)?)))
            .await?;
        Ok(())
    }
}

#[cfg(test)]
mod tests;
