//! What a live list tells, with the row's type written out: bindings have no generics.

use super::diff::Op;
use super::window::News;
use crate::client::model::ConversationSummary;
use crate::client::rows::TimelineRow;

macro_rules! update {
    ($(#[$about:meta])* $update:ident, $diff:ident, $change:ident, $row:ty,
     ($(#[$near_about:meta])* $near:ident, $(#[$far_about:meta])* $far:ident)) => {
        $(#[$about])*
        #[derive(Clone, Debug, PartialEq)]
        pub struct $update {
            /// The version of the rows after it: one more than before. Who has not the version before it has lost one, and takes the
            /// page.
            pub version: u64,
            /// What to do with the rows.
            pub diff: $diff,
            $(#[$near_about])*
            pub $near: bool,
            $(#[$far_about])*
            pub $far: bool,
        }

        /// What to do with the rows.
        #[derive(Clone, Debug, PartialEq)]
        pub enum $diff {
            /// These are the rows now, whatever they were: at first, after a jump, and for who fell far behind.
            Reset(Vec<$row>),
            /// These changes, one after the other.
            Changes(Vec<$change>),
        }

        /// One change. Places count from 0, in the rows as the changes before left them.
        #[derive(Clone, Debug, PartialEq)]
        pub enum $change {
            /// A row comes to this place.
            Insert {
                /// Where.
                at: usize,
                /// What.
                row: $row,
            },
            /// The row at this place looks otherwise.
            Update {
                /// Where.
                at: usize,
                /// What it is now.
                row: $row,
            },
            /// The row at this place goes.
            Remove {
                /// Where.
                at: usize,
            },
            /// The row at one place comes to another.
            Move {
                /// Where it was.
                from: usize,
                /// Where it is then, counted without it.
                to: usize,
            },
        }

        impl $update {
            pub(super) fn new(news: News<$row>) -> Self {
                let News { version, rows, ops, ends } = news;
                let diff = match ops {
                    None => $diff::Reset(rows),
                    Some(ops) => {
                        $diff::Changes(ops.into_iter().filter_map(|op| $change::new(op, &rows)).collect())
                    }
                };
                Self { version, diff, $near: ends.near, $far: ends.far }
            }

            /// Brings rows of the version before up to date. `false`: they were none, and are wrong now.
            pub fn apply(self, rows: &mut Vec<$row>) -> bool {
                match self.diff {
                    $diff::Reset(all) => {
                        *rows = all;
                        true
                    }
                    $diff::Changes(changes) => changes.into_iter().all(|change| change.apply(rows)),
                }
            }
        }

        impl $change {
            fn new(op: Op, rows: &[$row]) -> Option<Self> {
                Some(match op {
                    Op::Remove { at } => Self::Remove { at },
                    Op::Move { from, to } => Self::Move { from, to },
                    Op::Insert { at } => Self::Insert { at, row: rows.get(at)?.clone() },
                    Op::Update { at } => Self::Update { at, row: rows.get(at)?.clone() },
                })
            }

            /// Whether there is such a place.
            fn apply(self, rows: &mut Vec<$row>) -> bool {
                match self {
                    Self::Insert { at, row } if at <= rows.len() => rows.insert(at, row),
                    Self::Update { at, row } if at < rows.len() => rows[at] = row,
                    Self::Remove { at } if at < rows.len() => _ = rows.remove(at),
                    Self::Move { from, to } if from < rows.len() && to < rows.len() => {
                        let row = rows.remove(from);
                        rows.insert(to, row);
                    }
                    Self::Insert { .. } | Self::Update { .. } | Self::Remove { .. } | Self::Move { .. } => {
                        return false;
                    }
                }
                true
            }
        }
    };
}

update! {
    /// How a timeline is now. Its rows are in the order of the conversation, the newest last.
    TimelineUpdate, TimelineDiff, TimelineChange, TimelineRow,
    (
        /// Whether there may be newer rows than these.
        has_newer,
        /// Whether there may be older rows than these.
        has_older
    )
}

update! {
    /// How the conversation list is now.
    ConversationsUpdate, ConversationsDiff, ConversationsChange, ConversationSummary,
    (
        /// Whether there may be rows before these.
        has_before,
        /// Whether there may be rows behind these.
        has_more
    )
}
