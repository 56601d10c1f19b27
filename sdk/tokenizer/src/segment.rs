//! Segmentation: folded words; pairs of characters for scripts that are written without spaces.
//!
//! A *word* is a run of letters, digits and kept marks. A *run* of Han, Kana, Hangul, Thai, Lao, Khmer or Myanmar becomes the
//! pairs of its neighbouring characters and, at its end, its last character alone. A pictograph is a token of its own. In a
//! document, each word carries at its position its first letter and its first two behind [`PREFIX`], and each character of a
//! run itself behind [`CHARACTER`], so that short beginnings and single characters are found without scanning the index.

use std::ops::Range;

use unicode_normalization::char::is_combining_mark;

use crate::fold::{Unit, fold};

/// Starts a term that is not of the text (a filter); it goes on to the next space.
pub(crate) const META: char = '\u{1}';
/// Starts the term for the first letters of a word.
pub(crate) const PREFIX: char = '\u{2}';
/// Starts the term for one character of a run.
pub(crate) const CHARACTER: char = '\u{3}';

/// Letters of the longest beginning of a word that is a term of its own.
const PREFIX_LETTERS: usize = 2;

/// What a text is segmented for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Mode {
    /// The index, and highlighting.
    Document,
    /// Looking it up.
    Query {
        /// Whether the last word is only the beginning of one.
        prefix: bool,
    },
}

/// A term of the index.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Token {
    /// The term.
    pub text: String,
    /// Its place: terms that follow each other have numbers that do; several terms may share a place.
    pub position: usize,
    /// Where it is in the text, in bytes, on character boundaries.
    pub range: Range<usize>,
    /// In a query for a beginning: whether longer terms match as well. Otherwise false.
    pub extendable: bool,
}

/// The terms of a text, by position.
#[must_use]
pub fn segment(text: &str, mode: Mode) -> Vec<Token> {
    let units = fold(text);
    let mut writer = Writer {
        tokens: Vec::with_capacity(units.len() / 2 + 4),
        next: 0,
    };
    let mut rest = units.as_slice();
    while let Some(class) = rest.first().map(|unit| class(unit.character)) {
        let len = rest
            .iter()
            .take_while(|unit| belongs(class, unit.character))
            .count()
            .max(1);
        let len = if class == Class::Pictograph { 1 } else { len };
        let (run, after) = rest.split_at(len);
        rest = after;
        let last = !rest
            .iter()
            .any(|unit| self::class(unit.character) != Class::Separator);
        match (class, mode) {
            (Class::Separator, _) => {}
            (Class::Meta, _) => writer.whole(run, false),
            (Class::Pictograph, _) => writer.whole(run, false),
            (Class::Word, Mode::Document) => writer.document_word(run),
            (Class::Word, Mode::Query { prefix }) => writer.query_word(run, prefix && last),
            (Class::Run, Mode::Document) => writer.document_run(run),
            (Class::Run, Mode::Query { .. }) => writer.query_run(run, last),
        }
    }
    writer.tokens
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Class {
    Separator,
    Meta,
    Word,
    Run,
    Pictograph,
}

fn class(c: char) -> Class {
    if c.is_ascii() {
        return match c {
            META => Class::Meta,
            _ if c.is_ascii_alphanumeric() => Class::Word,
            _ => Class::Separator,
        };
    }
    if c.is_alphanumeric() || is_combining_mark(c) {
        if is_unspaced(c) {
            Class::Run
        } else {
            Class::Word
        }
    } else if is_pictograph(c) {
        Class::Pictograph
    } else {
        Class::Separator
    }
}

/// Whether a character goes on with what one of this class began.
fn belongs(began: Class, c: char) -> bool {
    match began {
        Class::Meta => c != ' ',
        Class::Separator | Class::Word | Class::Run | Class::Pictograph => class(c) == began,
    }
}

/// Scripts that are written without spaces between words, or with endings attached to them (Hangul).
fn is_unspaced(c: char) -> bool {
    matches!(
        u32::from(c),
        0x0E00..=0x0EFF            // Thai, Lao
        | 0x1000..=0x109F          // Myanmar
        | 0x1100..=0x11FF          // Hangul letters
        | 0x1780..=0x17FF          // Khmer
        | 0x3005..=0x3007          // Han iteration mark and zero
        | 0x3041..=0x312F          // Kana, Bopomofo
        | 0x3131..=0x318E          // Hangul letters
        | 0x31F0..=0x31FF          // Kana
        | 0x3400..=0x4DBF          // Han
        | 0x4E00..=0x9FFF          // Han
        | 0xA960..=0xA97F          // Hangul letters
        | 0xA9E0..=0xA9FF          // Myanmar
        | 0xAA60..=0xAA7F          // Myanmar
        | 0xAC00..=0xD7FF          // Hangul
        | 0xF900..=0xFAFF          // Han
        | 0x20000..=0x3FFFF        // Han
    )
}

fn is_pictograph(c: char) -> bool {
    matches!(u32::from(c), 0x2600..=0x27BF | 0x2B00..=0x2BFF | 0x1F000..=0x1FAFF)
}

struct Writer {
    tokens: Vec<Token>,
    next: usize,
}

impl Writer {
    /// One token of all these characters, at a new position.
    fn whole(&mut self, units: &[Unit], extendable: bool) {
        self.push(None, units, extendable);
        self.next += 1;
    }

    fn document_word(&mut self, word: &[Unit]) {
        self.push(None, word, false);
        for letters in 1..=PREFIX_LETTERS.min(word.len()) {
            if let (Some(beginning), Some(range)) = (word.get(..letters), range(word)) {
                let text = std::iter::once(PREFIX)
                    .chain(beginning.iter().map(|unit| unit.character))
                    .collect();
                self.tokens.push(Token {
                    text,
                    position: self.next,
                    range,
                    extendable: false,
                });
            }
        }
        self.next += 1;
    }

    fn query_word(&mut self, word: &[Unit], prefix: bool) {
        if prefix && word.len() <= PREFIX_LETTERS {
            self.push(Some(PREFIX), word, false);
            self.next += 1;
        } else {
            self.whole(word, prefix);
        }
    }

    fn document_run(&mut self, run: &[Unit]) {
        for at in 0..run.len() {
            if let (Some(pair), Some(one)) = (run.get(at..run.len().min(at + 2)), run.get(at..=at))
            {
                self.push(None, pair, false);
                self.push(Some(CHARACTER), one, false);
                self.next += 1;
            }
        }
    }

    /// The last run of a query may go on in the text; one that is followed by something else must end there.
    fn query_run(&mut self, run: &[Unit], last: bool) {
        for pair in run.windows(2) {
            self.whole(pair, false);
        }
        match run {
            [one] if last => {
                self.push(Some(CHARACTER), std::slice::from_ref(one), false);
                self.next += 1;
            }
            [.., end] if !last => self.whole(std::slice::from_ref(end), false),
            _ => {}
        }
    }

    fn push(&mut self, mark: Option<char>, units: &[Unit], extendable: bool) {
        if let Some(range) = range(units) {
            let text = mark
                .into_iter()
                .chain(units.iter().map(|unit| unit.character))
                .collect();
            self.tokens.push(Token {
                text,
                position: self.next,
                range,
                extendable,
            });
        }
    }
}

/// The bytes from the first character to the last.
fn range(units: &[Unit]) -> Option<Range<usize>> {
    Some(units.first()?.range.start..units.last()?.range.end)
}

#[cfg(test)]
#[path = "segment_tests.rs"]
mod tests;
