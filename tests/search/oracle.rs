//! A search that reads everything: units of the corpus, compared in their folded form.

use rand::seq::IndexedRandom;
use rand::{Rng, RngExt};
use undertone::store::{ContentKind, SearchFilter, SearchOrder};
use undertone_protocol::time::Timestamp;
use undertone_tests::corpus::{Corpus, Filled, Line, Unit, decorated, written};

/// Something that must occur, or must not.
#[derive(Clone, Debug)]
pub(crate) enum Wanted {
    /// Units in a row; at the ends, a run may go on.
    Row(Vec<Unit>),
    /// The beginning of a word.
    Beginning(String),
}

/// A query with its filter.
#[derive(Clone, Debug, Default)]
pub(crate) struct Asked {
    pub(crate) wanted: Vec<Wanted>,
    unwanted: Option<Wanted>,
    conversation: Option<usize>,
    /// Whether this account wrote it.
    own: Option<bool>,
    kind: Option<ContentKind>,
    from_ms: Option<u64>,
    until_ms: Option<u64>,
    has_reaction: bool,
    by_relevance: bool,
}

impl Asked {
    pub(crate) fn for_unit(unit: Unit) -> Self {
        Self {
            wanted: vec![Wanted::Row(vec![unit])],
            ..Self::default()
        }
    }

    pub(crate) fn random(rng: &mut impl Rng, corpus: &Corpus, lines: &[Line]) -> Self {
        let words = rng.random_range(1..3);
        let mut asked = Self {
            wanted: (0..words).map(|_| wanted(rng, corpus, lines)).collect(),
            unwanted: rng.random_ratio(1, 5).then(|| wanted(rng, corpus, lines)),
            by_relevance: rng.random_ratio(1, 8),
            ..Self::default()
        };
        if rng.random() {
            asked.narrow(rng, lines);
        }
        // A filter alone finds all that it lets through.
        let alone = asked.conversation.is_some() || asked.kind.is_some() || asked.has_reaction;
        if alone && rng.random_ratio(1, 4) {
            asked.wanted.clear();
        }
        asked
    }

    /// Filters that some message passes, mostly.
    fn narrow(&mut self, rng: &mut impl Rng, lines: &[Line]) {
        let Some(line) = lines.choose(rng) else {
            return;
        };
        let kinds = [ContentKind::Link, ContentKind::Media, ContentKind::File];
        match rng.random_range(0..6) {
            0 => self.conversation = Some(line.conversation),
            1 => self.own = Some(line.own),
            2 => self.kind = kinds.choose(rng).copied(),
            3 => self.from_ms = Some(line.at_ms),
            4 => self.until_ms = Some(line.at_ms),
            _ => self.has_reaction = true,
        }
        if rng.random() {
            self.narrow(rng, lines);
        }
    }

    pub(crate) fn is_filtered(&self) -> bool {
        self.conversation.is_some() || self.kind.is_some() || self.has_reaction
    }

    pub(crate) fn filter(&self, filled: &Filled) -> SearchFilter {
        // A contact has one conversation: the sender of a conversation that is not named is that of the first.
        let contact = filled.contacts[self.conversation.unwrap_or(0)];
        SearchFilter {
            conversation: self.conversation.map(|of| filled.conversations[of]),
            sender: self.own.map(|own| (!own).then_some(contact)),
            kind: self.kind,
            from: self.from_ms.map(Timestamp),
            until: self.until_ms.map(Timestamp),
            has_reaction: self.has_reaction,
            order: match self.by_relevance {
                true => SearchOrder::Relevance,
                false => SearchOrder::Newest,
            },
        }
    }

    /// As somebody types it.
    pub(crate) fn text(&self, rng: &mut impl Rng) -> String {
        let mut words: Vec<String> = self.wanted.iter().map(|one| typed(rng, one)).collect();
        words.extend(
            self.unwanted
                .iter()
                .map(|one| format!("-{}", typed(rng, one))),
        );
        words.join(" ")
    }

    pub(crate) fn holds(&self, line: &Line) -> bool {
        let kind = |kind| match kind {
            ContentKind::Link => line.link,
            ContentKind::Media => line.mime_type.is_some_and(|it| it != "application/pdf"),
            ContentKind::File => line.mime_type == Some("application/pdf"),
        };
        let of_sender = |own: bool| match own {
            true => line.own,
            false => !line.own && line.conversation == self.conversation.unwrap_or(0),
        };
        self.conversation.is_none_or(|of| of == line.conversation)
            && self.own.is_none_or(of_sender)
            && self.kind.is_none_or(kind)
            && self.from_ms.is_none_or(|from| line.at_ms >= from)
            && self.until_ms.is_none_or(|until| line.at_ms < until)
            && (!self.has_reaction || line.reacted)
            && self.wanted.iter().all(|wanted| occurs(wanted, &line.units))
            && !self
                .unwanted
                .iter()
                .any(|wanted| occurs(wanted, &line.units))
    }
}

/// What must be marked, in the order of the text; `None` when a part of a run is among it.
pub(crate) fn marks<'a>(asked: &Asked, line: &'a Line) -> Option<Vec<&'a str>> {
    let mut ranges = Vec::new();
    for wanted in &asked.wanted {
        let places = 0..line.units.len();
        match wanted {
            Wanted::Row(row) if row.iter().any(|unit| matches!(unit, Unit::Run(_))) => return None,
            Wanted::Row(row) => {
                let places = places.filter(|at| stands(&line.units[*at..], row));
                ranges.extend(
                    places.map(|at| line.ranges[at].start..line.ranges[at + row.len() - 1].end),
                );
            }
            Wanted::Beginning(_) => {
                let places = places.filter(|at| occurs(wanted, &line.units[*at..=*at]));
                ranges.extend(places.map(|at| line.ranges[at].clone()));
            }
        }
    }
    ranges.sort_unstable_by_key(|range| (range.start, range.end));
    let mut merged: Vec<std::ops::Range<usize>> = Vec::new();
    for range in ranges {
        match merged.last_mut() {
            Some(last) if range.start <= last.end => last.end = last.end.max(range.end),
            _ => merged.push(range),
        }
    }
    Some(merged.into_iter().map(|range| &line.text[range]).collect())
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
                    (Unit::Word(_), Unit::Run(_)) | (Unit::Run(_), Unit::Word(_)) => false,
                }
            })
}

fn occurs(wanted: &Wanted, units: &[Unit]) -> bool {
    match wanted {
        Wanted::Row(row) => (0..units.len()).any(|at| stands(&units[at..], row)),
        Wanted::Beginning(beginning) => units
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

/// A phrase of a message, a beginning of a word, a word or a part of a run; what occurs and what does not.
fn wanted(rng: &mut impl Rng, corpus: &Corpus, lines: &[Line]) -> Wanted {
    let some = lines.sample(rng, 8).find(|line| !line.units.is_empty());
    let Some(line) = some else {
        return Wanted::Row(vec![corpus.unit(rng)]);
    };
    match rng.random_range(0..10) {
        0..3 => {
            let len = rng.random_range(1..=line.units.len().min(3));
            let start = rng.random_range(0..=line.units.len() - len);
            Wanted::Row(line.units[start..start + len].to_vec())
        }
        3..5 => match &line.units[rng.random_range(0..line.units.len())] {
            Unit::Word(word) => {
                let len = rng.random_range(1..=word.chars().count());
                Wanted::Beginning(word.chars().take(len).collect())
            }
            run => Wanted::Row(vec![run.clone()]),
        },
        _ => match corpus.unit(rng) {
            Unit::Run(run) => Wanted::Row(vec![Unit::Run(part(rng, &run))]),
            word => Wanted::Row(vec![word]),
        },
    }
}

fn typed(rng: &mut impl Rng, wanted: &Wanted) -> String {
    match wanted {
        Wanted::Row(row) if row.len() == 1 && rng.random() => decorated(rng, row[0].folded()),
        Wanted::Row(row) => format!("\"{}\"", written(rng, row).0),
        Wanted::Beginning(beginning) => format!("{}*", decorated(rng, beginning)),
    }
}
