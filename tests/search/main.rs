//! Search against a search without an index: what is found, and what is marked.
//!
//! A message of the corpus is made of units in their folded form, and written with capitals, accents, vowel points, full width
//! and decomposed characters. The oracle compares units and knows nothing of the tokenizer: what folding calls the same is all
//! that it and the index agree on. Every query must find exactly what the oracle finds, and mark it.
#![forbid(unsafe_code)]
#![allow(
    clippy::unwrap_used,
    reason = "test support: a failed expectation is the test's failure"
)]

mod oracle;

use std::collections::BTreeSet;

use oracle::{Asked, Wanted};
use rand::SeedableRng;
use rand_chacha::ChaCha12Rng;
use tempfile::TempDir;
use undertone::store::{
    Durability, Hit, SearchFilter, SearchQuery, Store, StoreKey, StoreOptions, Tx, limits,
};
use undertone_tests::corpus::{Corpus, Filled, Line, Unit, fill};
use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;

const MESSAGES: usize = 4_000;
const QUERIES: usize = 1_000;
/// Words of each script: few, so that they meet in many ways.
const VOCABULARY: usize = 300;

struct History {
    lines: Vec<Line>,
    filled: Filled,
    store: Store,
    _folder: TempDir,
}

fn history(corpus: &mut Corpus) -> History {
    let folder = TempDir::new().unwrap();
    let options = StoreOptions {
        durability: Durability::None,
        ..StoreOptions::default()
    };
    let key = StoreKey::new(&[7; 32]);
    let mut store = Store::open_with(&folder.path().join("store.db"), &key, options).unwrap();
    let mut lines = Vec::new();
    let corpus = corpus.by_ref().take(MESSAGES);
    let filled = fill(&mut store, corpus, |line| lines.push(line.clone())).unwrap();
    History {
        lines,
        filled,
        store,
        _folder: folder,
    }
}

/// The messages that a query finds, all pages of it.
fn found(tx: &Tx<'_>, query: &str, filter: &SearchFilter, mut each: impl FnMut(&Hit)) -> Vec<u64> {
    let query = SearchQuery::parse(query);
    let (mut numbers, mut after) = (Vec::new(), None);
    loop {
        let page = tx
            .search(&query, filter, after, limits::MAX_PAGE_ROWS)
            .unwrap();
        for hit in &page.hits {
            each(hit);
            numbers.push(hit.message.message.seq);
        }
        after = page.next;
        if after.is_none() {
            return numbers;
        }
    }
}

/// What is marked in a snippet.
fn marked(hit: &Hit) -> Vec<&str> {
    let marks = hit.highlights.iter();
    marks.map(|range| &hit.snippet[range.clone()]).collect()
}

/// The marks are what was asked for: exactly, of words; of a part of a run, that part.
fn check_marks(asked: &Asked, line: &Line, hit: &Hit) {
    let at = line.text.find(&hit.snippet).unwrap();
    let behind = &line.text[at + hit.snippet.len()..];
    let is_cut = |text: &str| text.chars().next().is_some_and(is_combining_mark);
    assert!(
        !is_cut(&hit.snippet) && !is_cut(behind),
        "{:?}",
        hit.snippet
    );
    assert!(hit.snippet.chars().count() <= limits::SNIPPET_CHARS);
    let marked = marked(hit);
    assert_eq!(
        marked.is_empty(),
        asked.wanted.is_empty(),
        "{asked:?} in {}",
        line.text
    );
    if let Some(expected) = oracle::marks(asked, line) {
        assert!(marked.len() <= expected.len(), "{asked:?} in {}", line.text);
        for (at, (marked, expected)) in marked.iter().zip(&expected).enumerate() {
            let cut = at + 1 == hit.highlights.len();
            let same = marked == expected || cut && expected.starts_with(marked);
            assert!(
                same,
                "{marked:?} for {expected:?}: {asked:?} in {}",
                line.text
            );
        }
    }
    if let [Wanted::Row(row)] = &asked.wanted[..]
        && let [Unit::Run(part)] = &row[..]
    {
        let holds = |marked: &&&str| marked.nfc().collect::<String>().contains(part.as_str());
        // The last one may be cut.
        let whole = marked.iter().take(marked.len().max(2) - 1);
        assert_eq!(
            whole.clone().filter(holds).count(),
            whole.count(),
            "{marked:?} {asked:?}"
        );
    }
}

#[test]
fn search_finds_and_marks_what_reading_everything_finds() {
    let mut rng = ChaCha12Rng::seed_from_u64(20);
    let mut corpus = Corpus::new(20, VOCABULARY);
    let mut history = history(&mut corpus);
    let tx = history.store.transaction().unwrap();
    let (mut some, mut filtered) = (0, 0);
    for _ in 0..QUERIES {
        let asked = Asked::random(&mut rng, &corpus, &history.lines);
        let filter = asked.filter(&history.filled);
        let text = asked.text(&mut rng);
        let numbers = found(&tx, &text, &filter, |hit| {
            let number = usize::try_from(hit.message.message.seq).unwrap();
            check_marks(&asked, &history.lines[number], hit);
        });
        let lines = history.lines.iter();
        let expected: BTreeSet<u64> = lines
            .filter(|line| asked.holds(line))
            .map(|line| line.number)
            .collect();
        assert_eq!(numbers.len(), expected.len(), "{text:?} {asked:?}");
        assert_eq!(BTreeSet::from_iter(numbers), expected, "{text:?} {asked:?}");
        some += usize::from(!expected.is_empty());
        filtered += usize::from(!expected.is_empty() && asked.is_filtered());
    }
    assert!(some > QUERIES / 3, "{some} queries find something");
    assert!(filtered > QUERIES / 10, "{filtered} of them with a filter");
}

/// Of the oracle itself: it finds what the corpus is made of.
#[test]
fn the_oracle_finds_each_unit_where_it_is() {
    let mut rng = ChaCha12Rng::seed_from_u64(21);
    let lines: Vec<Line> = Corpus::new(21, VOCABULARY).take(200).collect();
    for line in &lines {
        for unit in &line.units {
            let asked = Asked::for_unit(unit.clone());
            assert!(asked.holds(line));
            assert!(!asked.text(&mut rng).is_empty());
        }
    }
}
