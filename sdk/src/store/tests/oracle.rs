//! Search against a search without an index.
//!
//! Messages are made of units in their folded form (words, and runs of scripts without spaces), and written with
//! decorations that folding takes away: capitals, accents, vowel points, full width, decomposed characters. The oracle
//! compares the folded units and knows nothing of the tokenizer. Every query must find exactly what the oracle finds.

use std::collections::BTreeSet;

use rand::seq::IndexedRandom;
use rand::{Rng, RngExt};
use unicode_normalization::UnicodeNormalization;

use super::support::*;
use crate::store::*;

const MESSAGES: u64 = 4_000;
const QUERIES: usize = 1_000;

#[derive(Clone, PartialEq, Eq, Debug)]
enum Unit {
    Word(String),
    Run(String),
}

/// An alphabet whose letters are folded already.
struct Script {
    letters: &'static [&'static str],
    /// Written without spaces.
    run: bool,
    /// Marks that folding takes away.
    marks: &'static [&'static str],
}

const SCRIPTS: [Script; 10] = [
    Script {
        letters: &["a", "b", "e", "i", "n", "o", "r", "s", "t", "u"],
        run: false,
        marks: &["\u{301}", "\u{308}", "\u{30C}"],
    },
    Script {
        letters: &["а", "в", "е", "и", "й", "к", "н", "о", "р", "т"],
        run: false,
        marks: &["\u{301}"],
    },
    Script {
        letters: &["α", "γ", "ε", "ι", "κ", "λ", "ο", "σ", "τ"],
        run: false,
        marks: &["\u{301}"],
    },
    Script {
        letters: &["ا", "ب", "ت", "د", "ر", "س", "ل", "م", "ي", "ه"],
        run: false,
        marks: &["\u{64E}", "\u{650}", "\u{651}", "\u{640}"],
    },
    Script {
        letters: &["א", "ב", "ה", "ו", "י", "ל", "מ", "ש"],
        run: false,
        marks: &["\u{5B8}", "\u{5BC}"],
    },
    Script {
        letters: &["क", "कि", "की", "न", "न्द", "म", "में", "र", "ह", "हि"],
        run: false,
        marks: &["\u{200D}"],
    },
    Script {
        letters: &["ก", "ข", "ค", "ท", "ที่", "ไ", "ย", "น", "า"],
        run: true,
        marks: &[],
    },
    Script {
        letters: &[
            "東", "京", "都", "日", "本", "人", "の", "に", "が", "カ", "ナ", "ー",
        ],
        run: true,
        marks: &[],
    },
    Script {
        letters: &["한", "국", "어", "사", "람", "은", "가"],
        run: true,
        marks: &[],
    },
    Script {
        letters: &["中", "文", "学", "生", "大", "小", "𠮷"],
        run: true,
        marks: &[],
    },
];

const SEPARATORS: [&str; 7] = [" ", ", ", ". ", " – ", "! ", "\n", " «"];

fn unit(rng: &mut impl Rng, vocabulary: &[Vec<Unit>]) -> Unit {
    // Low numbers are far more frequent, as in language.
    let script = vocabulary.choose(rng).unwrap();
    let skew = rng.random::<f64>().powi(3);
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        clippy::cast_precision_loss
    )]
    let at = (skew * script.len() as f64) as usize;
    script[at.min(script.len() - 1)].clone()
}

fn vocabulary(rng: &mut impl Rng) -> Vec<Vec<Unit>> {
    SCRIPTS
        .iter()
        .map(|script| {
            let size = if script.run { 400 } else { 150 };
            (0..size)
                .map(|_| {
                    let len = rng.random_range(if script.run { 1..9 } else { 1..7 });
                    let text: String = (0..len)
                        .map(|_| *script.letters.choose(rng).unwrap())
                        .collect();
                    if script.run {
                        Unit::Run(text)
                    } else {
                        Unit::Word(text)
                    }
                })
                .collect()
        })
        .collect()
}

/// Writes a folded text in one of the ways that fold to it.
fn decorated(rng: &mut impl Rng, text: &str) -> String {
    let script = SCRIPTS
        .iter()
        .find(|script| script.letters.iter().any(|letter| text.starts_with(letter)));
    let mut out = String::new();
    for c in text.chars() {
        match rng.random_range(0..6) {
            0 => out.extend(c.to_uppercase()),
            1 if c.is_ascii_lowercase() => out.extend(char::from_u32(u32::from(c) - 0x61 + 0xFF41)),
            2 => out.extend(std::iter::once(c).nfd()),
            _ => out.push(c),
        }
        let marks = script.map_or(&[][..], |script| script.marks);
        if rng.random_ratio(1, 8)
            && let Some(mark) = marks.choose(rng)
        {
            out.push_str(mark);
        }
    }
    if rng.random() {
        out.nfc().collect()
    } else {
        out
    }
}

fn written(rng: &mut impl Rng, units: &[Unit]) -> String {
    let mut text = String::new();
    for unit in units {
        if !text.is_empty() {
            text.push_str(SEPARATORS.choose(rng).unwrap());
        }
        let (Unit::Word(folded) | Unit::Run(folded)) = unit;
        text.push_str(&decorated(rng, folded));
    }
    text
}

#[derive(Clone, Debug)]
enum Wanted {
    /// Units in a row; at the ends, a run may go on.
    Row(Vec<Unit>),
    Beginning(String),
}

/// Whether units at the start of `here` are the wanted row.
fn stands(here: &[Unit], row: &[Unit]) -> bool {
    here.len() >= row.len()
        && row
            .iter()
            .zip(here)
            .enumerate()
            .all(|(at, (wanted, unit))| {
                let (first, last) = (at == 0, at + 1 == row.len());
                match (wanted, unit) {
                    (Unit::Word(wanted), Unit::Word(word)) => wanted == word,
                    (Unit::Run(wanted), Unit::Run(run)) => match (first, last) {
                        (true, true) => run.contains(wanted.as_str()),
                        (true, false) => run.ends_with(wanted.as_str()),
                        (false, true) => run.starts_with(wanted.as_str()),
                        (false, false) => run == wanted,
                    },
                    _ => false,
                }
            })
}

fn matches(message: &[Unit], wanted: &Wanted) -> bool {
    match wanted {
        Wanted::Row(row) => (0..message.len()).any(|at| stands(&message[at..], row)),
        Wanted::Beginning(beginning) => message
            .iter()
            .any(|unit| matches!(unit, Unit::Word(word) if word.starts_with(beginning.as_str()))),
    }
}

/// A part of a run, by folded characters.
fn part(rng: &mut impl Rng, run: &str) -> String {
    let characters: Vec<char> = run.chars().collect();
    let len = rng.random_range(1..=characters.len().min(5));
    let start = rng.random_range(0..=characters.len() - len);
    characters[start..start + len].iter().collect()
}

fn wanted(rng: &mut impl Rng, messages: &[Vec<Unit>], vocabulary: &[Vec<Unit>]) -> Wanted {
    let message = messages.choose(rng).unwrap();
    match rng.random_range(0..10) {
        // A phrase of a message.
        0..3 => {
            let len = rng.random_range(1..=message.len().min(3));
            let start = rng.random_range(0..=message.len() - len);
            Wanted::Row(message[start..start + len].to_vec())
        }
        // A beginning of a word, if the unit is one.
        3..5 => match message.choose(rng).unwrap() {
            Unit::Word(word) => {
                let len = rng.random_range(1..=word.chars().count());
                Wanted::Beginning(word.chars().take(len).collect())
            }
            run => Wanted::Row(vec![run.clone()]),
        },
        // A word or a part of a run, in the corpus or not.
        _ => match unit(rng, vocabulary) {
            Unit::Run(run) => Wanted::Row(vec![Unit::Run(part(rng, &run))]),
            word => Wanted::Row(vec![word]),
        },
    }
}

fn query_text(rng: &mut impl Rng, wanted: &Wanted) -> String {
    match wanted {
        Wanted::Row(row) if row.len() == 1 && rng.random() => written(rng, row).replace('\n', " "),
        Wanted::Row(row) => format!("\"{}\"", written(rng, row)),
        Wanted::Beginning(beginning) => format!("{}*", decorated(rng, beginning)),
    }
}

fn found(tx: &Tx<'_>, query: &str) -> BTreeSet<u64> {
    let query = SearchQuery::parse(query);
    let mut seqs = BTreeSet::new();
    let mut after = None;
    loop {
        let page = tx
            .search(
                &query,
                &SearchFilter::default(),
                after,
                limits::MAX_PAGE_ROWS,
            )
            .unwrap();
        for hit in page.hits {
            assert!(
                !hit.highlights.is_empty(),
                "the match is marked: {query:?} in {}",
                hit.message.message.body
            );
            seqs.insert(hit.message.message.seq);
        }
        after = page.next;
        if after.is_none() {
            return seqs;
        }
    }
}

#[test]
fn search_finds_what_reading_everything_finds() {
    let mut rng = rng(20);
    let vocabulary = vocabulary(&mut rng);
    let messages: Vec<Vec<Unit>> = (0..MESSAGES)
        .map(|_| {
            (0..rng.random_range(1..12))
                .map(|_| unit(&mut rng, &vocabulary))
                .collect()
        })
        .collect();
    let mut fixture = Fixture::new();
    fixture.write(|tx| {
        let peer = peer(tx, 1);
        for (number, units) in (0..).zip(&messages) {
            tx.messages()
                .insert(&message(&peer, number, &written(&mut rng, units)))
                .unwrap();
        }
    });
    let tx = fixture.store.transaction().unwrap();
    let mut some = 0;
    for _ in 0..QUERIES {
        let all: Vec<Wanted> = (0..rng.random_range(1..3))
            .map(|_| wanted(&mut rng, &messages, &vocabulary))
            .collect();
        let unwanted = rng
            .random_ratio(1, 5)
            .then(|| wanted(&mut rng, &messages, &vocabulary));
        let mut text: Vec<String> = all
            .iter()
            .map(|wanted| query_text(&mut rng, wanted))
            .collect();
        text.extend(
            unwanted
                .iter()
                .map(|unwanted| format!("-{}", query_text(&mut rng, unwanted))),
        );
        let text = text.join(" ");
        let expected: BTreeSet<u64> = (0..)
            .zip(&messages)
            .filter(|(_, message)| {
                all.iter().all(|wanted| matches(message, wanted))
                    && !unwanted
                        .as_ref()
                        .is_some_and(|unwanted| matches(message, unwanted))
            })
            .map(|(number, _)| number)
            .collect();
        some += usize::from(!expected.is_empty());
        assert_eq!(
            found(&tx, &text),
            expected,
            "{text:?} {all:?} without {unwanted:?}"
        );
    }
    assert!(some > QUERIES / 3, "{some} queries find something");
}
