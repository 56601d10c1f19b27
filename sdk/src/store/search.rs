//! Full-text search: what the user types, the index query it becomes, and where the matches are in the text.
//!
//! The index, the query and the highlighting use one segmentation ([`undertone_tokenizer::segment`]), so what is found is
//! what is marked. Words and filters are terms of one index, so that a search reads no message that it does not find, but for
//! those of hidden conversations.

mod highlight;
mod query;
mod rank;

use std::cmp::Reverse;
use std::ops::Range;

pub use query::SearchQuery;
use undertone_protocol::time::Timestamp;

use super::error::StoreError;
use super::ids::{ContactId, ConversationId, MessageRowId};
use super::limits::{MAX_PAGE_ROWS, MAX_RANKED};
use super::tables::{
    COLUMNS, ContentKind, META_VERSION, MessageRow, MetaKey, REACTED_TERM, conversation_term,
    index_table, kind_term, page, read_message, sender_term,
};
use super::tx::Tx;
use super::{OpenError, Store};
use crate::operation::Watch;
use rank::Rank;

/// Which messages a search looks at, and in which order they come.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct SearchFilter {
    /// Only this conversation.
    pub conversation: Option<ConversationId>,
    /// Only this sender; `Some(None)` is this account.
    pub sender: Option<Option<ContactId>>,
    /// Only what has this.
    pub kind: Option<ContentKind>,
    /// Not older than this.
    pub from: Option<Timestamp>,
    /// Older than this.
    pub until: Option<Timestamp>,
    /// Only what somebody reacted to.
    pub has_reaction: bool,
    /// In which order the results come.
    pub order: SearchOrder,
}

/// In which order results come.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum SearchOrder {
    /// The newest first.
    #[default]
    Newest,
    /// Of the newest [`MAX_RANKED`] results the best first, then of those before them, and so on. What has the words next to
    /// each other, as they were typed, is better; then what has more of them as whole words; then that of whose text they are
    /// a larger part; then the newer.
    Relevance,
}

/// Where a page of results ends. The page behind it has the same order, whatever its filter says.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct SearchCursor(Place);

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Place {
    /// Behind this row, in the order of rows.
    Newest(MessageRowId),
    /// Behind all rows from this one on, which were ranked.
    Ranked(MessageRowId),
    /// Behind a rank among rows that are ranked together.
    Within {
        /// Those rows.
        ranked: Window,
        /// Whether nothing is found before them.
        all: bool,
        /// The last that was shown.
        behind: Rank,
    },
}

/// Rows that are looked at: from the first to before the last.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Window {
    first: i64,
    before: i64,
}

/// A message that was found.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Hit {
    /// The message.
    pub message: MessageRow,
    /// The part of its text around the first match.
    pub snippet: String,
    /// The matches in the snippet: byte ranges on character boundaries, ascending, not overlapping.
    pub highlights: Vec<Range<usize>>,
}

/// A page of results.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SearchPage {
    /// The results.
    pub hits: Vec<Hit>,
    /// Continues after the page; `None` at the end.
    pub next: Option<SearchCursor>,
}

impl SearchPage {
    fn new(query: &SearchQuery, rows: Vec<MessageRow>, next: Option<Place>) -> Self {
        let hits = rows.into_iter().map(|message| hit(query, message));
        Self {
            hits: hits.collect(),
            next: next.map(SearchCursor),
        }
    }
}

impl Tx<'_> {
    /// Finds messages, at most `limit` (bounded by [`MAX_PAGE_ROWS`]). What is in conversations that the list leaves out (of
    /// strangers who are not accepted, and of blocked contacts) is found only when the filter names one. Ordered by relevance,
    /// a page may be shorter than `limit` although another one follows.
    ///
    /// # Errors
    /// When the disk fails. A query without words finds nothing, but for an empty one with a filter by conversation, sender,
    /// kind or reactions, which finds all of it.
    pub fn search(
        &self,
        query: &SearchQuery,
        filter: &SearchFilter,
        after: Option<SearchCursor>,
        limit: usize,
    ) -> Result<SearchPage, StoreError> {
        let limit = limit.min(MAX_PAGE_ROWS);
        let expression = match_expression(query, filter).filter(|_| limit > 0);
        let Some(expression) = expression else {
            return Ok(SearchPage::new(query, Vec::new(), None));
        };
        let all = Window {
            first: filter.from.map_or(0, |from| first_row(Some(from))),
            before: first_row(filter.until),
        };
        let up_to = |row: MessageRowId| Window {
            before: all.before.min(row.get()),
            ..all
        };
        let found = Found {
            tx: self,
            query,
            expression: &expression,
            filter,
        };
        match (after.map(|cursor| cursor.0), filter.order) {
            (None, SearchOrder::Newest) => found.newest(all, limit),
            (None, SearchOrder::Relevance) => found.best(all, limit),
            (Some(Place::Newest(row)), _) => found.newest(up_to(row), limit),
            (Some(Place::Ranked(row)), _) => found.best(up_to(row), limit),
            (
                Some(Place::Within {
                    ranked,
                    all,
                    behind,
                }),
                _,
            ) => {
                let rows = found.rows(ranked, MAX_RANKED)?;
                Ok(found.ranked(rows, ranked, all, Some(behind), limit))
            }
        }
    }
}

/// What a search finds, before it is in order.
struct Found<'a> {
    tx: &'a Tx<'a>,
    query: &'a SearchQuery,
    expression: &'a str,
    filter: &'a SearchFilter,
}

impl Found<'_> {
    fn newest(&self, window: Window, limit: usize) -> Result<SearchPage, StoreError> {
        let rows = self.rows(window, limit)?;
        let next = (rows.len() == limit)
            .then(|| rows.last().map(|row| Place::Newest(row.id)))
            .flatten();
        Ok(SearchPage::new(self.query, rows, next))
    }

    /// The first page of the newest rows of a window, ranked together.
    fn best(&self, window: Window, limit: usize) -> Result<SearchPage, StoreError> {
        let rows = self.rows(window, MAX_RANKED)?;
        // The pages behind it look at the same rows, whatever is written meanwhile.
        let ranked = match (rows.first(), rows.last()) {
            (Some(newest), Some(oldest)) => Window {
                first: oldest.id.get(),
                before: newest.id.get().saturating_add(1),
            },
            _ => window,
        };
        let all = rows.len() < MAX_RANKED;
        Ok(self.ranked(rows, ranked, all, None, limit))
    }

    /// A page of rows that are ranked together. `all`: nothing is found before them.
    fn ranked(
        &self,
        rows: Vec<MessageRow>,
        ranked: Window,
        all: bool,
        behind: Option<Rank>,
        limit: usize,
    ) -> SearchPage {
        let mut rows: Vec<(Rank, MessageRow)> = rows
            .into_iter()
            .map(|row| (Rank::of(&row, self.query.terms()), row))
            .filter(|(rank, _)| behind.is_none_or(|behind| *rank < behind))
            .collect();
        rows.sort_unstable_by_key(|(rank, _)| Reverse(*rank));
        let more = rows.len() > limit;
        rows.truncate(limit);
        let next = match rows.last() {
            Some((behind, _)) if more => Some(Place::Within {
                ranked,
                all,
                behind: *behind,
            }),
            _ => (!all).then(|| Place::Ranked(MessageRowId::new(ranked.first))),
        };
        let rows = rows.into_iter().map(|(_, row)| row).collect();
        SearchPage::new(self.query, rows, next)
    }

    /// The newest rows of a window that are found, newest first.
    fn rows(&self, window: Window, limit: usize) -> Result<Vec<MessageRow>, StoreError> {
        let index = index_table(self.filter.has_reaction);
        self.tx.all(
            &format!(
                "SELECT {COLUMNS} FROM {index} f JOIN message m ON m.id = f.rowid
                 WHERE {index} MATCH ?1 AND f.rowid >= ?2 AND f.rowid < ?3
                     AND m.conversation NOT IN (SELECT id FROM conversation WHERE hidden = 1 AND id IS NOT ?5)
                 ORDER BY f.rowid DESC LIMIT ?4"
            ),
            (
                self.expression,
                window.first,
                window.before,
                page(limit),
                self.filter.conversation,
            ),
            read_message,
        )
    }
}

fn hit(query: &SearchQuery, message: MessageRow) -> Hit {
    let (snippet, highlights) = highlight::snippet(&message.message.body, query.terms());
    Hit {
        message,
        snippet,
        highlights,
    }
}

/// What is looked for, in FTS5's language; `None` when that is nothing.
fn match_expression(query: &SearchQuery, filter: &SearchFilter) -> Option<String> {
    let terms: Vec<String> = filter_terms(filter)
        .map(|term| format!("meta : \"{term}\""))
        .collect();
    let wanted = query.wanted();
    if wanted.is_none() && (terms.is_empty() || !query.is_open()) {
        return None;
    }
    let wanted: Vec<String> = wanted.into_iter().chain(terms).collect();
    let wanted = wanted.join(" AND ");
    Some(match query.unwanted() {
        None => wanted,
        Some(unwanted) => format!("({wanted}) NOT {unwanted}"),
    })
}

/// The terms of the index that every result has.
fn filter_terms(filter: &SearchFilter) -> impl Iterator<Item = String> {
    let place = match (filter.kind, filter.conversation) {
        (Some(kind), of) => Some(kind_term(kind, of)),
        (None, Some(conversation)) => Some(conversation_term(conversation)),
        (None, None) => None,
    };
    let reacted = filter.has_reaction.then(|| REACTED_TERM.to_owned());
    place
        .into_iter()
        .chain(filter.sender.map(sender_term))
        .chain(reacted)
}

/// The first row number of a time: rows are packed clocks.
fn first_row(time: Option<Timestamp>) -> i64 {
    const COUNTER_BITS: u32 = 16;
    time.and_then(|time| i64::try_from(time.0).ok())
        .and_then(|ms| ms.checked_mul(1 << COUNTER_BITS))
        .unwrap_or(i64::MAX)
}

/// Of what the index was made: the version of the tokenizer, and that of the terms beside the text.
const INDEX: MetaKey = MetaKey("store.tokenizer");

/// Builds the index again when it was made by another version: all of it or nothing.
pub(super) fn rebuild_if_stale(store: &mut Store, watch: &dyn Watch) -> Result<(), OpenError> {
    let tx = store.transaction()?;
    let versions = [undertone_tokenizer::VERSION, META_VERSION];
    let current = versions.map(u32::to_be_bytes).concat();
    let found = tx.meta().get(INDEX)?;
    if found.as_deref() != Some(&current[..]) {
        if found.is_some() {
            tx.messages().rebuild_index(watch)?;
        }
        tx.meta().put(INDEX, &current)?;
        tx.commit()?;
    }
    Ok(())
}
