//! How well a message matches, for a search by relevance.
//!
//! Invariant: a rank depends on nothing but the message and the query, so that it is the same on every page. It tells how rare a
//! word is in other messages as little as in this one: every result has all words of the query.

use super::highlight::{Match, merged, places};
use super::query::Term;
use crate::store::ids::MessageRowId;
use crate::store::limits::RANKED_CHARS;
use crate::store::tables::MessageRow;

/// A better match is greater; no two messages have the same rank.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) struct Rank {
    /// Whether the words stand next to each other, as they were typed.
    in_a_row: bool,
    /// How many of them stand there whole, and not only begun.
    whole: usize,
    /// Which part of the text they are, in thousandths.
    part: usize,
    /// The newer one.
    row: MessageRowId,
}

impl Rank {
    /// Ranks by the first [`RANKED_CHARS`] characters.
    pub(super) fn of(row: &MessageRow, terms: &[Term]) -> Self {
        let body = row.message.body.as_str();
        let end = body.char_indices().nth(RANKED_CHARS);
        let text = end.map_or(body, |(end, _)| &body[..end]);
        let places = places(text, terms);
        let whole = places
            .iter()
            .filter(|of| of.iter().any(|found| found.whole));
        Self {
            in_a_row: in_a_row(text, &places),
            whole: whole.count(),
            part: merged(places)
                .into_iter()
                .map(|range| range.len())
                .sum::<usize>()
                .saturating_mul(1_000)
                / text.len().max(1),
            row: row.id,
        }
    }
}

/// Whether the terms follow each other somewhere, with nothing but spaces and punctuation between them.
fn in_a_row(text: &str, places: &[Vec<Match>]) -> bool {
    let mut places = places.iter();
    let mut ends: Vec<usize> = match places.next() {
        Some(first) => first.iter().map(|found| found.range.end).collect(),
        None => return true,
    };
    for next in places {
        ends.sort_unstable();
        let follows = |found: &&Match| {
            let start = found.range.start;
            let nearest = ends[..ends.partition_point(|end| *end <= start)].last();
            nearest.is_some_and(|end| !text[*end..start].contains(char::is_alphanumeric))
        };
        let next = next.iter().filter(follows);
        ends = next.map(|found| found.range.end).collect();
    }
    !ends.is_empty()
}
