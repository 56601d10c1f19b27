//! Full-text search: what the user types, the index query it becomes, and where the matches are in the text.
//!
//! The index, the query and the highlighting use one segmentation ([`undertone_tokenizer::segment`]), so what is found is
//! what is marked.

mod highlight;
mod query;

use std::ops::Range;

pub use query::SearchQuery;
use undertone_protocol::time::Timestamp;

use super::error::StoreError;
use super::ids::{ContactId, ConversationId, MessageRowId, Uint};
use super::limits::{MAX_PAGE_ROWS, REBUILD_ROWS};
use super::tables::{
    COLUMNS, MessageRow, MetaKey, conversation_term, page, read_message, sender_term,
};
use super::tx::Tx;
use super::{OpenError, Store};
use crate::operation::Watch;

/// Which messages a search looks at.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct SearchFilter {
    /// Only this conversation.
    pub conversation: Option<ConversationId>,
    /// Only this sender; `Some(None)` is this account.
    pub sender: Option<Option<ContactId>>,
    /// Not older than this.
    pub from: Option<Timestamp>,
    /// Older than this.
    pub until: Option<Timestamp>,
    /// Only what somebody reacted to.
    pub has_reaction: bool,
}

/// Where a page of results ends.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct SearchCursor(MessageRowId);

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

/// A page of results, newest first.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SearchPage {
    /// The results.
    pub hits: Vec<Hit>,
    /// Continues after the page; `None` at the end.
    pub next: Option<SearchCursor>,
}

impl Tx<'_> {
    /// Finds messages, newest first, at most `limit` (bounded by [`MAX_PAGE_ROWS`]). What is in conversations that the list
    /// leaves out (of strangers who are not accepted, and of blocked contacts) is found only when the filter names one.
    ///
    /// # Errors
    /// When the disk fails. A query without words finds nothing.
    pub fn search(
        &self,
        query: &SearchQuery,
        filter: &SearchFilter,
        after: Option<SearchCursor>,
        limit: usize,
    ) -> Result<SearchPage, StoreError> {
        let limit = limit.min(MAX_PAGE_ROWS);
        let Some(expression) = match_expression(query, filter) else {
            return Ok(SearchPage {
                hits: Vec::new(),
                next: None,
            });
        };
        let below = after
            .map_or(i64::MAX, |cursor| cursor.0.get())
            .min(first_row(filter.until));
        let rows: Vec<MessageRow> = self.all(
            &format!(
                "SELECT {COLUMNS} FROM message_fts f JOIN message m ON m.id = f.rowid
                 WHERE message_fts MATCH ?1 AND f.rowid >= ?2 AND f.rowid < ?3
                     AND m.conversation NOT IN (SELECT id FROM conversation WHERE hidden = 1 AND id IS NOT ?5)
                     AND (?6 = 0 OR EXISTS (SELECT 1 FROM reaction r WHERE r.message = m.id AND r.emoji <> ''))
                 ORDER BY f.rowid DESC LIMIT ?4"
            ),
            (expression, filter.from.map_or(0, |from| first_row(Some(from))), below, page(limit), filter.conversation, filter.has_reaction),
            read_message,
        )?;
        let next = (rows.len() == limit)
            .then(|| rows.last().map(|row| SearchCursor(row.id)))
            .flatten();
        let hits = rows
            .into_iter()
            .map(|message| hit(query, message))
            .collect();
        Ok(SearchPage { hits, next })
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

fn match_expression(query: &SearchQuery, filter: &SearchFilter) -> Option<String> {
    let mut expression = query.expression()?;
    let terms = filter
        .conversation
        .map(conversation_term)
        .into_iter()
        .chain(filter.sender.map(sender_term));
    for term in terms {
        expression = format!("({expression}) AND meta : \"{term}\"");
    }
    Some(expression)
}

/// The first row number of a time: rows are packed clocks.
fn first_row(time: Option<Timestamp>) -> i64 {
    const COUNTER_BITS: u32 = 16;
    time.and_then(|time| i64::try_from(time.0).ok())
        .and_then(|ms| ms.checked_mul(1 << COUNTER_BITS))
        .unwrap_or(i64::MAX)
}

const TOKENIZER: MetaKey = MetaKey("store.tokenizer");

/// Builds the index again when it was made by another version of the tokenizer: all of it or nothing.
pub(super) fn rebuild_if_stale(store: &mut Store, watch: &dyn Watch) -> Result<(), OpenError> {
    let tx = store.transaction()?;
    let current = undertone_tokenizer::VERSION.to_be_bytes();
    let found = tx.meta().get(TOKENIZER)?;
    if found.as_deref() != Some(&current) {
        if found.is_some() {
            rebuild(&tx, watch)?;
        }
        tx.meta().put(TOKENIZER, &current)?;
        tx.commit()?;
    }
    Ok(())
}

fn rebuild(tx: &Tx<'_>, watch: &dyn Watch) -> Result<(), StoreError> {
    let total = tx.value::<Uint>("SELECT count(*) FROM message", [])?.0;
    tx.run(
        "INSERT INTO message_fts (message_fts) VALUES ('delete-all')",
        [],
    )?;
    let (mut done, mut after) = (0, 0);
    loop {
        watch.at(done, total)?;
        let (rows, last): (u64, Option<i64>) = tx
            .one(
                "SELECT count(*), max(id) FROM (SELECT id FROM message WHERE id > ?1 ORDER BY id LIMIT ?2)",
                (after, REBUILD_ROWS),
                |row| Ok((row.get::<_, Uint>(0)?.0, row.get(1)?)),
            )?
            .unwrap_or_default();
        let Some(last) = last else { return Ok(()) };
        tx.run(
            "INSERT INTO message_fts (rowid, body, meta)
             SELECT id, body, meta FROM message_text WHERE id > ?1 AND id <= ?2",
            (after, last),
        )?;
        (done, after) = (done + rows, last);
    }
}
