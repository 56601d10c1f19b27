//! The mix of queries: sixteen kinds, sixty of each.

use rand::seq::IndexedRandom;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha12Rng;
use undertone::store::{ContentKind, SearchFilter};
use undertone_protocol::time::Timestamp;

use super::lines;
use crate::corpus::{Corpus, EVERYWHERE, FIRST_MS, Filled, Line, SCRIPT_COUNT, unspaced};

/// Queries of each kind.
const OF_EACH: usize = 60;

/// Messages from which phrases are taken.
const SAMPLE: usize = 20_000;

/// A word or a phrase of a query.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Piece {
    pub(super) text: String,
    pub(super) excluded: bool,
    /// Whether it is only the beginning of a word.
    pub(super) begun: bool,
}

/// A query.
#[derive(Clone, Debug)]
pub(super) struct Asked {
    pub(super) kind: &'static str,
    pub(super) pieces: Vec<Piece>,
    /// The same, as somebody types it.
    pub(super) text: String,
    /// Whether it is still being typed.
    pub(super) typing: bool,
    pub(super) filter: SearchFilter,
}

impl Asked {
    fn new(kind: &'static str, pieces: Vec<Piece>) -> Self {
        let text = pieces.iter().map(|piece| {
            let minus = if piece.excluded { "-" } else { "" };
            match piece.text.contains(' ') {
                true => format!("{minus}\"{}\"", piece.text),
                false => format!("{minus}{}", piece.text),
            }
        });
        Self {
            kind,
            text: text.collect::<Vec<_>>().join(" "),
            typing: pieces.iter().any(|piece| piece.begun),
            pieces,
            filter: SearchFilter::default(),
        }
    }
}

fn word(text: &str) -> Piece {
    Piece {
        text: text.to_owned(),
        excluded: false,
        begun: false,
    }
}

/// What the queries are made of.
struct Source<'a> {
    rng: ChaCha12Rng,
    corpus: &'a Corpus,
    sample: Vec<Line>,
    filled: &'a Filled,
    last_ms: u64,
}

/// All queries, always the same.
pub(super) fn mix(corpus: &Corpus, filled: &Filled, last_ms: u64) -> Vec<Asked> {
    let mut source = Source {
        rng: ChaCha12Rng::seed_from_u64(960),
        corpus,
        sample: lines(SAMPLE).collect(),
        filled,
        last_ms,
    };
    let kinds: [fn(&mut Source<'_>) -> Asked; 16] = [
        |source| Asked::new("rare", vec![source.any(2_000..20_000)]),
        |source| Asked::new("common", vec![source.any(0..20)]),
        |_| Asked::new("everywhere", vec![word(EVERYWHERE)]),
        |source| Asked::new("two", vec![source.any(0..20), source.any(0..2_000)]),
        |source| source.excluding(),
        |source| source.begun("begun 1", 1),
        |source| source.begun("begun 2", 2),
        |source| source.begun("begun 4", 4),
        |source| source.phrase(),
        |source| source.part("han 1", unspaced::HAN, 1),
        |source| source.part("han 2", unspaced::HAN, 2),
        |source| source.part("han 4", unspaced::HAN, 4),
        |source| source.part("hangul", unspaced::HANGUL, 2),
        |source| source.part("thai", unspaced::THAI, 4),
        |source| source.placed(),
        |source| source.of_kind(),
    ];
    let each = kinds
        .iter()
        .flat_map(|kind| std::iter::repeat_n(kind, OF_EACH));
    each.map(|kind| kind(&mut source)).collect()
}

impl Source<'_> {
    /// A word of any script that is so frequent.
    fn any(&mut self, ranks: std::ops::Range<usize>) -> Piece {
        let script = self.rng.random_range(0..SCRIPT_COUNT);
        let rank = self.rng.random_range(ranks);
        word(self.corpus.word(script, rank))
    }

    fn excluding(&mut self) -> Asked {
        let unwanted = Piece {
            excluded: true,
            ..word(EVERYWHERE)
        };
        Asked::new("excluding", vec![self.any(0..200), unwanted])
    }

    /// The first letters of a word of a script with spaces.
    fn begun(&mut self, kind: &'static str, letters: usize) -> Asked {
        let script = self.rng.random_range(0..unspaced::HAN);
        let rank = self.rng.random_range(0..2_000);
        let text: String = self
            .corpus
            .word(script, rank)
            .chars()
            .take(letters)
            .collect();
        let piece = Piece {
            begun: true,
            ..word(&text)
        };
        Asked::new(kind, vec![piece])
    }

    /// Two or three units of a message.
    fn phrase(&mut self) -> Asked {
        let long = self.sample.iter().filter(|line| line.units.len() > 3);
        let long: Vec<&Line> = long.collect();
        let Some(line) = long.choose(&mut self.rng) else {
            return Asked::new("phrase", vec![word(EVERYWHERE)]);
        };
        let len = self.rng.random_range(2..=3);
        let start = self.rng.random_range(0..line.units.len() - len);
        let units = &line.units[start..start + len];
        let text: Vec<&str> = units.iter().map(|unit| unit.folded()).collect();
        Asked::new("phrase", vec![word(&text.join(" "))])
    }

    /// So many characters of a text in a script without spaces.
    fn part(&mut self, kind: &'static str, script: usize, characters: usize) -> Asked {
        let of_script = |line: &&Line| {
            line.conversation % SCRIPT_COUNT == script
                && line
                    .units
                    .iter()
                    .any(|unit| unit.folded().chars().count() >= characters)
        };
        let lines: Vec<&Line> = self.sample.iter().filter(of_script).collect();
        let text = lines.choose(&mut self.rng).and_then(|line| {
            let mut units = line.units.iter().map(|unit| unit.folded());
            units.find(|text| text.chars().count() >= characters)
        });
        let text: Vec<char> = text.unwrap_or(EVERYWHERE).chars().collect();
        let start = self
            .rng
            .random_range(0..=text.len().saturating_sub(characters));
        let part: String = text.into_iter().skip(start).take(characters).collect();
        Asked::new(kind, vec![word(&part)])
    }

    /// A word in a conversation, of a sender, in a quarter of all the time.
    fn placed(&mut self) -> Asked {
        let at = self
            .rng
            .random_range(0..self.filled.conversations.len() / 4);
        let mut asked = Asked::new("placed", vec![self.any(0..200)]);
        match self.rng.random_range(0..3) {
            0 => asked.filter.conversation = Some(self.filled.conversations[at]),
            1 => {
                asked.filter.sender = Some(
                    self.rng
                        .random::<bool>()
                        .then_some(self.filled.contacts[at]),
                )
            }
            _ => {
                let quarter = (self.last_ms - FIRST_MS) / 4;
                let from = FIRST_MS + self.rng.random_range(0..3 * quarter);
                asked.filter.from = Some(Timestamp(from));
                asked.filter.until = Some(Timestamp(from + quarter));
            }
        }
        asked
    }

    /// Links, media, files, what somebody reacted to: in a conversation, or with a word.
    fn of_kind(&mut self) -> Asked {
        let with_word = self.rng.random();
        let pieces = if with_word {
            vec![self.any(0..200)]
        } else {
            vec![]
        };
        let mut asked = Asked::new("of a kind", pieces);
        if !with_word {
            let conversation = self.filled.conversations.choose(&mut self.rng);
            asked.filter.conversation = conversation.copied();
        }
        let kinds = [ContentKind::Link, ContentKind::Media, ContentKind::File];
        match self.rng.random_range(0..4) {
            0 => asked.filter.has_reaction = true,
            _ => asked.filter.kind = kinds.choose(&mut self.rng).copied(),
        }
        asked
    }
}

/// What a message is filtered by, for a peer: as terms.
pub(super) fn terms_of(line: &Line) -> Vec<String> {
    let sender = match line.own {
        true => "own".to_owned(),
        false => format!("from {}", line.conversation),
    };
    let kind = line.mime_type.map(|mime_type| match mime_type {
        "application/pdf" => kind_term(ContentKind::File),
        _ => kind_term(ContentKind::Media),
    });
    let link = line.link.then(|| kind_term(ContentKind::Link));
    let reacted = line.reacted.then(|| "reacted".to_owned());
    let place = format!("in {}", line.conversation);
    [place, sender]
        .into_iter()
        .chain(kind)
        .chain(link)
        .chain(reacted)
        .collect()
}

fn kind_term(kind: ContentKind) -> String {
    format!("{kind:?}")
}

impl Asked {
    /// The terms of [`terms_of`] that its filter wants.
    pub(super) fn filter_terms(&self, filled: &Filled) -> Vec<String> {
        let place = self.filter.conversation.and_then(|wanted| {
            let at = filled.conversations.iter().position(|id| *id == wanted);
            at.map(|at| format!("in {at}"))
        });
        let sender = self.filter.sender.map(|sender| {
            let at = filled.contacts.iter().position(|id| Some(*id) == sender);
            at.map_or_else(|| "own".to_owned(), |at| format!("from {at}"))
        });
        let reacted = self.filter.has_reaction.then(|| "reacted".to_owned());
        place
            .into_iter()
            .chain(sender)
            .chain(self.filter.kind.map(kind_term))
            .chain(reacted)
            .collect()
    }
}
