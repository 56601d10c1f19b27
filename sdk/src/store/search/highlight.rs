//! Where the matches are in a text, and the part of it that is shown.

use std::ops::Range;

use undertone_tokenizer::{Mode, Token, segment};

use super::query::Term;
use crate::store::limits::{SNIPPET_CHARS, SNIPPET_LEAD_CHARS};

/// The part of a text around its first match, and the matches in it.
pub(super) fn snippet(body: &str, terms: &[Term]) -> (String, Vec<Range<usize>>) {
    let matches = matches(body, terms);
    let first = matches.first().map_or(0, |range| range.start);
    let start = body[..first]
        .char_indices()
        .rev()
        .take(SNIPPET_LEAD_CHARS)
        .last()
        .map_or(first, |(at, _)| at);
    let end = body[start..]
        .char_indices()
        .nth(SNIPPET_CHARS)
        .map_or(body.len(), |(at, _)| start + at);
    let highlights = matches
        .into_iter()
        .filter(|range| range.start < end)
        .map(|range| range.start - start..range.end.min(end) - start)
        .collect();
    (body[start..end].to_owned(), highlights)
}

/// The byte ranges of all matches, ascending, merged where they touch or overlap.
fn matches(body: &str, terms: &[Term]) -> Vec<Range<usize>> {
    let tokens = segment(body, Mode::Document);
    let mut positions: Vec<&[Token]> = Vec::new();
    let mut rest = tokens.as_slice();
    while let Some(first) = rest.first() {
        let len = rest
            .iter()
            .take_while(|token| token.position == first.position)
            .count();
        let (here, after) = rest.split_at(len);
        positions.push(here);
        rest = after;
    }
    let mut found: Vec<Range<usize>> = Vec::new();
    for term in terms {
        found.extend(
            positions
                .windows(term.tokens.len().max(1))
                .filter_map(|window| matched(window, term)),
        );
    }
    found.sort_unstable_by_key(|range| range.start);
    let mut merged: Vec<Range<usize>> = Vec::new();
    for range in found {
        match merged.last_mut() {
            Some(last) if range.start <= last.end => last.end = last.end.max(range.end),
            _ => merged.push(range),
        }
    }
    merged
}

/// The range of a term that matches at these positions.
fn matched(window: &[&[Token]], term: &Term) -> Option<Range<usize>> {
    let mut range: Option<Range<usize>> = None;
    for (at, (here, wanted)) in window.iter().zip(&term.tokens).enumerate() {
        let open = term.prefix && at + 1 == term.tokens.len();
        let token = here.iter().find(|token| {
            token.text == *wanted || (open && token.text.starts_with(wanted.as_str()))
        })?;
        range = Some(match range {
            None => token.range.clone(),
            Some(so_far) => so_far.start.min(token.range.start)..so_far.end.max(token.range.end),
        });
    }
    range
}
