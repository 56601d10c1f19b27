//! Where the matches are in a text, and the part of it that is shown.

use std::ops::Range;

use undertone_tokenizer::{Mode, Token, continues, segment};

use super::query::Term;
use crate::store::limits::{SNIPPET_CHARS, SNIPPET_LEAD_CHARS};

/// The part of a text around its first match, and the matches in it.
pub(super) fn snippet(body: &str, terms: &[Term]) -> (String, Vec<Range<usize>>) {
    let matches = merged(places(body, terms));
    let first = matches.first().cloned().unwrap_or(0..0);
    let lead = body[..first.start]
        .char_indices()
        .rev()
        .take(SNIPPET_LEAD_CHARS)
        .last();
    // A snippet begins with a letter and not with the marks of one before, and its last letter has all of its own.
    let start = lead.map_or(first.start, |(at, _)| {
        let lead = body[at..first.start].char_indices();
        let mut letters = lead.filter(|(_, c)| !continues(*c));
        letters
            .next()
            .map_or(first.start, |(skipped, _)| at + skipped)
    });
    let most = body[start..]
        .char_indices()
        .nth(SNIPPET_CHARS)
        .map_or(body.len(), |(at, _)| start + at);
    let end = match body[most..].chars().next() {
        Some(next) if continues(next) => {
            let mut letters = body[first.end.min(most)..most].char_indices().rev();
            let last = letters.find(|(_, c)| !continues(*c));
            last.map_or(most, |(at, _)| first.end.min(most) + at)
        }
        _ => most,
    };
    let highlights = matches
        .into_iter()
        .filter(|range| range.start < end)
        .map(|range| range.start - start..range.end.min(end) - start)
        .collect();
    (body[start..end].to_owned(), highlights)
}

/// A term in a text.
pub(super) struct Match {
    /// Its bytes; of a beginning, those of the whole word.
    pub(super) range: Range<usize>,
    /// Whether it is what was typed, and not only begun by it.
    pub(super) whole: bool,
}

/// Where each term is, ascending; one list a term.
pub(super) fn places(body: &str, terms: &[Term]) -> Vec<Vec<Match>> {
    let tokens = segment(body, Mode::Document);
    let positions: Vec<&[Token]> = tokens
        .chunk_by(|one, next| one.position == next.position)
        .collect();
    let of = |term: &Term| {
        positions
            .windows(term.tokens.len().max(1))
            .filter_map(|window| matched(window, term))
            .collect()
    };
    terms.iter().map(of).collect()
}

/// The byte ranges of all matches, ascending, merged where they touch or overlap.
pub(super) fn merged(places: Vec<Vec<Match>>) -> Vec<Range<usize>> {
    let mut found: Vec<Range<usize>> = places
        .into_iter()
        .flatten()
        .map(|found| found.range)
        .collect();
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

/// The term, if it stands at these positions.
fn matched(window: &[&[Token]], term: &Term) -> Option<Match> {
    let mut found: Option<Match> = None;
    for (at, (here, wanted)) in window.iter().zip(&term.tokens).enumerate() {
        let last = at + 1 == term.tokens.len();
        let open = term.prefix && last;
        let token = here.iter().find(|token| {
            token.text == *wanted || (open && token.text.starts_with(wanted.as_str()))
        })?;
        let word = wanted.trim_start_matches(char::is_control);
        let whole = !(last && term.begun) || here.iter().any(|token| token.text == word);
        let range = match found {
            None => token.range.clone(),
            Some(so_far) => {
                so_far.range.start.min(token.range.start)..so_far.range.end.max(token.range.end)
            }
        };
        found = Some(Match { range, whole });
    }
    found
}
