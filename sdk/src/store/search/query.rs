//! What the user types.

use undertone_tokenizer::{Mode, segment};

use crate::store::limits::{MAX_QUERY_CHARS, MAX_QUERY_TERMS};

/// One word or phrase of a query: index terms that follow each other.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Term {
    /// The terms, in the index's form.
    pub(super) tokens: Vec<String>,
    /// Whether the last one may go on.
    pub(super) prefix: bool,
    /// Whether it was typed as a beginning, which may be a term of its own.
    pub(super) begun: bool,
}

/// A parsed query. All its words must occur; `"a phrase"` must occur as it is; `word*` is the beginning of a word; `-word`
/// must not occur. Case, accents and the other foldings of the tokenizer do not count.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SearchQuery {
    wanted: Vec<Term>,
    unwanted: Vec<Term>,
    /// Whether nothing was typed at all.
    blank: bool,
}

impl SearchQuery {
    /// Parses a finished query. Every text is one.
    #[must_use]
    pub fn parse(text: &str) -> Self {
        Self::build(text, false)
    }

    /// Parses a query that is still being typed: its last word may go on.
    #[must_use]
    pub fn as_typed(text: &str) -> Self {
        Self::build(text, true)
    }

    pub(super) fn terms(&self) -> &[Term] {
        &self.wanted
    }

    fn build(text: &str, typing: bool) -> Self {
        let text: String = text
            .chars()
            .take(MAX_QUERY_CHARS)
            // Control characters are the index's own marks.
            .map(|c| if c.is_control() { ' ' } else { c })
            .collect();
        let mut query = Self {
            wanted: Vec::new(),
            unwanted: Vec::new(),
            blank: text.trim().is_empty(),
        };
        let mut pieces = split(&text);
        if typing
            && let Some(last) = pieces.last_mut()
            && !last.quoted
            && !text.ends_with(' ')
        {
            last.prefix = true;
        }
        for piece in pieces.into_iter().take(MAX_QUERY_TERMS) {
            let tokens = segment(
                piece.text,
                Mode::Query {
                    prefix: piece.prefix,
                },
            );
            if tokens.is_empty() {
                continue;
            }
            // A prefix that is a term of its own in the index is looked up like a word.
            let prefix = piece.prefix && tokens.last().is_some_and(|token| token.extendable);
            let term = Term {
                tokens: tokens.into_iter().map(|token| token.text).collect(),
                prefix,
                begun: piece.prefix,
            };
            if piece.excluded {
                query.unwanted.push(term)
            } else {
                query.wanted.push(term)
            }
        }
        query
    }

    /// Whether it says nothing of what is wanted, so that a filter alone decides: it is blank, or only excludes. What was typed
    /// and has no words wants something that is not there.
    pub(super) fn is_open(&self) -> bool {
        self.wanted.is_empty() && (self.blank || !self.unwanted.is_empty())
    }

    /// All that must occur, in FTS5's language.
    pub(super) fn wanted(&self) -> Option<String> {
        expression(&self.wanted, " AND ")
    }

    /// All that must not occur, in FTS5's language.
    pub(super) fn unwanted(&self) -> Option<String> {
        expression(&self.unwanted, " OR ")
    }
}

fn expression(terms: &[Term], between: &str) -> Option<String> {
    let all: Vec<String> = terms.iter().map(Term::expression).collect();
    (!all.is_empty()).then(|| format!("body : ({})", all.join(between)))
}

impl Term {
    fn expression(&self) -> String {
        let quoted: Vec<String> = self
            .tokens
            .iter()
            .map(|token| format!("\"{}\"", token.replace('"', "\"\"")))
            .collect();
        let star = if self.prefix { " *" } else { "" };
        format!("({}{star})", quoted.join(" + "))
    }
}

/// A piece of a query between spaces, or between quotes.
struct Piece<'a> {
    text: &'a str,
    quoted: bool,
    excluded: bool,
    prefix: bool,
}

fn split(text: &str) -> Vec<Piece<'_>> {
    let mut pieces = Vec::new();
    let mut rest = text.trim_start();
    while !rest.is_empty() {
        let excluded = rest
            .strip_prefix('-')
            .filter(|after| !after.is_empty() && !after.starts_with(' '));
        let body = excluded.unwrap_or(rest);
        let quoted = body.strip_prefix('"');
        let (piece, after) = match quoted {
            Some(inner) => inner.split_once('"').unwrap_or((inner, "")),
            None => body.split_once(char::is_whitespace).unwrap_or((body, "")),
        };
        let prefix = quoted.is_none() && piece.ends_with('*');
        pieces.push(Piece {
            text: piece,
            quoted: quoted.is_some(),
            excluded: excluded.is_some(),
            prefix,
        });
        rest = after.trim_start();
    }
    pieces
}
