//! A made-up history for searching: messages in nine scripts, in conversations of very different sizes, with links, payloads
//! and reactions.
//!
//! Invariant: the same seed and vocabulary give the same messages, whatever the machine. A message is made of units in
//! their folded form, and its text is one of the ways to write them: whoever checks a search compares units, and needs no
//! tokenizer.
//!
//! It is made up: words are random letters, as frequent as Zipf's law has it, and texts are as long as in chats (half of them
//! up to 42 characters, one in a hundred above 374). Real text has fewer different neighbours of characters, and more of some.

mod fill;
mod scripts;

use std::collections::BTreeSet;
use std::ops::Range;

use rand::seq::IndexedRandom;
use rand::{Rng, RngExt, SeedableRng};
use rand_chacha::ChaCha12Rng;

pub use fill::{Filled, fill};
pub use scripts::decorated;
use scripts::{LATIN, SCRIPTS};

/// Conversations, of which the first has as many messages as the second and the third.
pub const CONVERSATIONS: usize = 500;

/// When the first message was written, in Unix milliseconds: a million of them are five years.
pub const FIRST_MS: u64 = 1_640_000_000_000;
/// The longest time from one message to the next, in milliseconds.
const LONGEST_GAP_MS: u64 = 315_000;

/// The numbers of the scripts that are written without spaces.
pub mod unspaced {
    /// Han with Kana.
    pub const HAN: usize = 6;
    /// Hangul.
    pub const HANGUL: usize = 7;
    /// Thai.
    pub const THAI: usize = 8;
}

/// How many scripts there are, from 0.
pub const SCRIPT_COUNT: usize = SCRIPTS.len();

/// What a third of all messages has.
pub const EVERYWHERE: &str = "ok";

/// Lengths of texts in characters that 0, 10, 25, 50, 75, 90, 99, 99.9 and 100 % of them do not exceed, with the thousandths.
const LENGTHS: [(u32, usize); 9] = [
    (0, 1),
    (100, 12),
    (250, 22),
    (500, 42),
    (750, 80),
    (900, 142),
    (990, 374),
    (999, 800),
    (1_000, 2_000),
];

const SEPARATORS: [&str; 10] = [" ", " ", " ", " ", " ", " ", ", ", ". ", "! ", "\n"];

/// A word, or a run of a script without spaces: folded, as search sees them.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Unit {
    /// Found as a whole, and by its beginning.
    Word(String),
    /// Found by every part of it.
    Run(String),
}

impl Unit {
    /// What it is, folded.
    #[must_use]
    pub fn folded(&self) -> &str {
        match self {
            Self::Word(text) | Self::Run(text) => text,
        }
    }
}

/// A message.
#[derive(Clone, Debug)]
pub struct Line {
    /// From 0, in the order of time.
    pub number: u64,
    /// Which of the [`CONVERSATIONS`].
    pub conversation: usize,
    /// Whether this account wrote it.
    pub own: bool,
    /// When it was written.
    pub at_ms: u64,
    /// What it is made of.
    pub units: Vec<Unit>,
    /// Where each unit is in the text, in bytes.
    pub ranges: Vec<Range<usize>>,
    /// How that is written.
    pub text: String,
    /// Whether there is an address in it.
    pub link: bool,
    /// The type of the payload that it has.
    pub mime_type: Option<&'static str>,
    /// Whether somebody reacted to it.
    pub reacted: bool,
}

/// Things with frequencies as Zipf's law has them: the second is half as frequent as the first.
struct Zipf {
    /// Sums of the weights up to each thing.
    sums: Vec<u64>,
}

impl Zipf {
    fn new(things: usize) -> Self {
        const WEIGHT_OF_THE_FIRST: u64 = 1 << 40;
        let mut sum = 0;
        let sums = (1..).take(things).map(|rank: u64| {
            sum += WEIGHT_OF_THE_FIRST / rank;
            sum
        });
        Self {
            sums: sums.collect(),
        }
    }

    fn sample(&self, rng: &mut impl Rng) -> usize {
        let all = self.sums.last().copied().unwrap_or(1);
        let at = rng.random_range(0..all);
        self.sums.partition_point(|sum| *sum <= at)
    }
}

/// Makes messages without end.
pub struct Corpus {
    rng: ChaCha12Rng,
    /// Of each script, the most frequent first.
    words: Vec<Vec<String>>,
    word: Zipf,
    conversation: Zipf,
    number: u64,
    at_ms: u64,
}

impl Corpus {
    /// A corpus with so many different words of each script, fewer if it has not so many short ones.
    #[must_use]
    pub fn new(seed: u64, vocabulary: usize) -> Self {
        let mut rng = ChaCha12Rng::seed_from_u64(seed);
        let words = SCRIPTS.iter().map(|script| {
            let (mut known, mut words) = (BTreeSet::new(), Vec::new());
            for _ in 0..vocabulary * 8 {
                let word = script.word(&mut rng);
                if words.len() < vocabulary && known.insert(word.clone()) {
                    words.push(word);
                }
            }
            words
        });
        let words: Vec<Vec<String>> = words.collect();
        let shortest = words.iter().map(Vec::len).min().unwrap_or(0);
        Self {
            word: Zipf::new(shortest),
            conversation: Zipf::new(CONVERSATIONS),
            rng,
            words,
            number: 0,
            at_ms: FIRST_MS,
        }
    }

    /// A word of any script, the frequent ones more often.
    pub fn unit(&self, rng: &mut impl Rng) -> Unit {
        let script = rng.random_range(0..SCRIPTS.len());
        let word = self.words[script][self.word.sample(rng)].clone();
        if SCRIPTS[script].unspaced {
            Unit::Run(word)
        } else {
            Unit::Word(word)
        }
    }

    /// The word of a script that has this rank in frequency, from 0; the rarest one when there are not so many.
    #[must_use]
    pub fn word(&self, script: usize, rank: usize) -> &str {
        let words = self.words.get(script).map_or(&[][..], Vec::as_slice);
        let word = words.get(rank).or(words.last());
        word.map_or("", String::as_str)
    }

    fn latin_word(&mut self) -> String {
        let rank = self.word.sample(&mut self.rng);
        self.words[LATIN][rank].clone()
    }

    /// Units of one script, with some of Latin among them, until the text is long enough.
    fn units(&mut self, script: usize) -> Vec<Unit> {
        let wanted = length(self.rng.random_range(0..1_000));
        let (mut units, mut length): (Vec<Unit>, usize) = (Vec::new(), 0);
        while length < wanted {
            let foreign = self.rng.random_ratio(1, 12);
            let script = if foreign { LATIN } else { script };
            let words = if SCRIPTS[script].unspaced {
                self.rng.random_range(1..5)
            } else {
                1
            };
            let text: String = (0..words)
                .map(|_| self.words[script][self.word.sample(&mut self.rng)].as_str())
                .collect();
            length += text.chars().count() + 1;
            units.push(match SCRIPTS[script].unspaced {
                true => Unit::Run(text),
                false => Unit::Word(text),
            });
        }
        if self.rng.random_ratio(3, 10) {
            units.push(Unit::Word(EVERYWHERE.to_owned()));
        }
        if self.rng.random_ratio(1, 20) {
            units.push(Unit::Word("👍".to_owned()));
        }
        units
    }
}

/// The length of a text that so many thousandths do not exceed.
fn length(thousandth: u32) -> usize {
    let above = LENGTHS.partition_point(|(share, _)| *share <= thousandth);
    let ((from, short), (to, long)) = (LENGTHS[above - 1], LENGTHS[above]);
    let (done, all) = ((thousandth - from) as usize, (to - from) as usize);
    short + (long - short) * done / all
}

/// Writes units behind each other; and where each of them is.
pub fn written(rng: &mut impl Rng, units: &[Unit]) -> (String, Vec<Range<usize>>) {
    let (mut text, mut ranges) = (String::new(), Vec::new());
    for unit in units {
        if !text.is_empty() {
            text.push_str(SEPARATORS.choose(rng).unwrap_or(&" "));
        }
        let start = text.len();
        text.push_str(&decorated(rng, unit.folded()));
        ranges.push(start..text.len());
    }
    (text, ranges)
}

impl Iterator for Corpus {
    type Item = Line;

    fn next(&mut self) -> Option<Line> {
        let conversation = self.conversation.sample(&mut self.rng);
        let mime_type = match self.rng.random_range(0..100) {
            0..4 => Some("image/jpeg"),
            4..6 => Some("audio/ogg"),
            6..8 => Some("application/pdf"),
            _ => None,
        };
        let alone = mime_type.is_some() && self.rng.random_ratio(1, 4);
        let mut units = match alone {
            true => Vec::new(),
            false => self.units(conversation % SCRIPTS.len()),
        };
        let (mut text, mut ranges) = written(&mut self.rng, &units);
        let link = !alone && self.rng.random_ratio(1, 20);
        if link {
            let (host, page) = (self.latin_word(), self.latin_word());
            let address = [
                (" ", "https"),
                ("://", &host),
                (".", "example"),
                ("/", &page),
            ];
            for (before, word) in address {
                text.push_str(before);
                ranges.push(text.len()..text.len() + word.len());
                text.push_str(word);
                units.push(Unit::Word(word.to_owned()));
            }
        }
        self.at_ms += self.rng.random_range(0..=LONGEST_GAP_MS);
        let line = Line {
            number: self.number,
            conversation,
            own: self.rng.random_ratio(2, 5),
            at_ms: self.at_ms,
            units,
            ranges,
            text,
            link,
            mime_type,
            reacted: self.rng.random_ratio(3, 100),
        };
        self.number += 1;
        Some(line)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_gives_the_same_messages_again() {
        let texts = |seed| -> Vec<String> {
            let corpus = Corpus::new(seed, 100);
            corpus.take(50).map(|line| line.text).collect()
        };
        assert_eq!(texts(1), texts(1));
        assert_ne!(texts(1), texts(2));
    }

    #[test]
    fn it_is_as_it_says() {
        let lines: Vec<Line> = Corpus::new(3, 200).take(4_000).collect();
        let share = |of: &dyn Fn(&Line) -> bool| {
            lines.iter().filter(|line| of(line)).count() * 100 / lines.len()
        };
        let everywhere = Unit::Word(EVERYWHERE.to_owned());
        assert!((25..35).contains(&share(&|line| line.units.contains(&everywhere))));
        assert!((12..18).contains(&share(&|line| line.conversation == 0)));
        assert!((3..7).contains(&share(&|line| line.link)));
        assert!((6..10).contains(&share(&|line| line.mime_type.is_some())));
        assert!(share(&|line| line.text.chars().count() > 42) > 40);
        assert!(lines.is_sorted_by_key(|line| line.at_ms));
        for script in &SCRIPTS {
            let has = |line: &Line| script.letters.iter().any(|one| line.text.contains(one));
            assert!(lines.iter().any(has), "{:?}", script.letters);
        }
    }
}
