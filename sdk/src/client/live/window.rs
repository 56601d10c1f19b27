//! Which part of a long list is shown, and what it shows.
//!
//! Invariant: what is shown is what the store has between two places, [`LIVE_ROWS`] rows at most; so it can be read again at any time,
//! and depends on nothing that came before.

use std::hash::Hash;

use super::diff::{Op, diff};
use crate::client::limits::LIVE_ROWS;
use crate::engine::View;
use crate::store::StoreError;

/// A long list in the store. It has a *home*, the end at which new things happen: the newest message, the first conversation.
pub(in crate::client) trait Source: Clone + Send + Sync + 'static {
    type Row: Clone + PartialEq + Send + 'static;
    type Id: Copy + Eq + Hash;
    type Place: Copy + Send + 'static;

    /// Whether home is at the end of the rows as they are shown, and not at their beginning.
    const HOME_IS_LAST: bool;

    fn id(row: &Self::Row) -> Self::Id;

    fn place(row: &Self::Row) -> Self::Place;

    /// Rows in a window, at most `limit`, from home outwards.
    fn rows(
        &self,
        view: &View<'_>,
        window: Window<Self::Place>,
        limit: usize,
    ) -> Result<Vec<Self::Row>, StoreError>;

    /// Places of rows in a window, at most `limit`.
    fn places(
        &self,
        view: &View<'_>,
        window: Window<Self::Place>,
        way: Way,
        limit: usize,
    ) -> Result<Vec<Self::Place>, StoreError>;
}

/// Which way a list is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::client) enum Way {
    Outward,
    Homeward,
}

/// What lies between two places, without them; without a place, everything up to that end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::client) struct Window<P> {
    /// Towards home.
    pub(in crate::client) near: Option<P>,
    /// Away from home.
    pub(in crate::client) far: Option<P>,
}

impl<P: Copy> Window<P> {
    /// The first `rows` from home.
    pub(super) fn home<S: Source<Place = P>>(
        source: &S,
        view: &View<'_>,
        rows: usize,
    ) -> Result<Self, StoreError> {
        let rows = rows.clamp(1, LIVE_ROWS);
        let all = Self {
            near: None,
            far: None,
        };
        let places = source.places(view, all, Way::Outward, rows + 1)?;
        Ok(Self {
            near: None,
            far: places.get(rows).copied(),
        })
    }

    /// A place with up to `rows` on each side.
    pub(super) fn around<S: Source<Place = P>>(
        source: &S,
        view: &View<'_>,
        place: P,
        rows: usize,
    ) -> Result<Self, StoreError> {
        let rows = rows.clamp(1, (LIVE_ROWS - 1) / 2);
        let (beyond, before) = (
            Self {
                near: Some(place),
                far: None,
            },
            Self {
                near: None,
                far: Some(place),
            },
        );
        let far = source.places(view, beyond, Way::Outward, rows + 1)?;
        let near = source.places(view, before, Way::Homeward, rows + 1)?;
        Ok(Self {
            near: near.get(rows).copied(),
            far: far.get(rows).copied(),
        })
    }

    /// `rows` more, away from home. What is too many is left out on the other side.
    pub(super) fn further<S: Source<Place = P>>(
        self,
        source: &S,
        view: &View<'_>,
        rows: usize,
    ) -> Result<Self, StoreError> {
        let Some(far) = self.far else {
            return Ok(self);
        };
        let rows = rows.clamp(1, LIVE_ROWS);
        let beyond = Self {
            near: Some(far),
            far: None,
        };
        // The place itself is within now, and the last one of those beyond it is the next that is not.
        let places = source.places(view, beyond, Way::Outward, rows)?;
        let far = places.get(rows - 1).copied();
        let grown = Self { far, ..self };
        let places = source.places(view, grown, Way::Homeward, LIVE_ROWS + 1)?;
        Ok(Self {
            near: places.get(LIVE_ROWS).copied().or(self.near),
            far,
        })
    }

    /// `rows` more, towards home. What is too many is left out on the other side.
    pub(super) fn back<S: Source<Place = P>>(
        self,
        source: &S,
        view: &View<'_>,
        rows: usize,
    ) -> Result<Self, StoreError> {
        let Some(near) = self.near else {
            return Ok(self);
        };
        let rows = rows.clamp(1, LIVE_ROWS);
        let before = Self {
            near: None,
            far: Some(near),
        };
        let places = source.places(view, before, Way::Homeward, rows)?;
        let near = places.get(rows - 1).copied();
        // Reading leaves out what is too many on the far side.
        Ok(Self { near, ..self })
    }

    /// What the store has in it now, as it is shown, and the window with it: smaller when there is too much.
    pub(super) fn read<S: Source<Place = P>>(
        mut self,
        source: &S,
        view: &View<'_>,
    ) -> Result<(Self, Vec<S::Row>), StoreError> {
        let mut rows = source.rows(view, self, LIVE_ROWS + 1)?;
        if let Some(first_left_out) = rows.get(LIVE_ROWS) {
            self.far = Some(S::place(first_left_out));
            rows.truncate(LIVE_ROWS);
        }
        if S::HOME_IS_LAST {
            rows.reverse();
        }
        Ok((self, rows))
    }

    /// Whether there may be more: towards home, and away from it.
    pub(super) const fn ends(&self) -> Ends {
        Ends {
            near: self.near.is_some(),
            far: self.far.is_some(),
        }
    }
}

/// Whether there may be more than is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub(in crate::client) struct Ends {
    pub(in crate::client) near: bool,
    pub(in crate::client) far: bool,
}

/// What a listener was told so far.
#[derive(Debug)]
pub(super) struct Told<R> {
    pub(super) version: u64,
    pub(super) rows: Vec<R>,
    pub(super) ends: Ends,
}

/// What a listener is told next.
pub(in crate::client) struct News<R> {
    pub(in crate::client) version: u64,
    /// The rows now.
    pub(in crate::client) rows: Vec<R>,
    /// From the rows before to these; `None`: they are to be replaced.
    pub(in crate::client) ops: Option<Vec<Op>>,
    pub(in crate::client) ends: Ends,
}

impl<R: Clone + PartialEq> Told<R> {
    pub(super) const fn nothing() -> Self {
        Self {
            version: 0,
            rows: Vec::new(),
            ends: Ends {
                near: false,
                far: false,
            },
        }
    }

    /// What the rows are now. Nothing, when that was told.
    pub(super) fn advance<I: Copy + Eq + Hash>(
        &mut self,
        rows: Vec<R>,
        ends: Ends,
        id: impl Fn(&R) -> I,
    ) -> Option<News<R>> {
        let is_first = self.version == 0;
        let ops = diff(&self.rows, &rows, id);
        if !is_first && ops.is_empty() && ends == self.ends {
            return None;
        }
        let removed = ops.iter().filter(|op| matches!(op, Op::Remove { .. }));
        let nothing_stays = !self.rows.is_empty() && removed.count() == self.rows.len();
        // Steps that say no less than the rows themselves are of no use to who fell so far behind.
        let is_reset = is_first || nothing_stays || ops.len() > LIVE_ROWS;
        self.version += 1;
        self.rows.clone_from(&rows);
        self.ends = ends;
        Some(News {
            version: self.version,
            rows,
            ops: (!is_reset).then_some(ops),
            ends,
        })
    }
}
