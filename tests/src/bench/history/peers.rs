//! What else could search the same messages: a scan of a plain SQLite table, and tantivy.

use std::ops::Bound;
use std::time::Instant;

use rusqlite::Connection;
use tantivy::collector::TopDocs;
use tantivy::query::{BooleanQuery, Occur, PhraseQuery, Query, RangeQuery, RegexQuery, TermQuery};
use tantivy::schema::{
    FAST, Field, INDEXED, IndexRecordOption, STORED, STRING, Schema, TextFieldIndexing, TextOptions,
};
use tantivy::tokenizer::{PreTokenizedString, Token};
use tantivy::{Index, IndexWriter, Searcher, TantivyDocument, Term};
use undertone_tokenizer::{Mode, segment};

use super::SCREEN;
use super::queries::{Asked, Piece};
use crate::bench::BenchError;
use crate::corpus::{Filled, Line};

/// A scan reads everything that a query is not in: one of so many queries of each kind is enough.
const SCANS: usize = 10;
/// Bytes that tantivy may gather before it writes a segment.
const BUFFER: usize = 256 << 20;

/// Messages in a table without an index of their words, not encrypted.
pub(super) struct Plain(Connection);

impl Plain {
    pub(super) fn new(lines: impl Iterator<Item = Line>) -> Result<Self, BenchError> {
        let connection = Connection::open_in_memory()?;
        connection.execute_batch(
            "CREATE TABLE message (id INTEGER PRIMARY KEY, body TEXT NOT NULL); BEGIN",
        )?;
        let mut insert = connection.prepare("INSERT INTO message VALUES (?1, ?2)")?;
        for line in lines {
            insert.execute((i64::try_from(line.number)?, line.text))?;
        }
        drop(insert);
        connection.execute_batch("COMMIT")?;
        Ok(Self(connection))
    }

    /// Milliseconds of each query: its longest word, wherever it stands.
    pub(super) fn took(&self, mix: &[Asked]) -> Result<Vec<f64>, BenchError> {
        let mut select = self
            .0
            .prepare("SELECT id, body FROM message WHERE body LIKE ?1 ORDER BY id DESC LIMIT ?2")?;
        let limit = i64::try_from(SCREEN)?;
        let mut took = Vec::new();
        for asked in mix.iter().step_by(SCANS) {
            let wanted = asked.pieces.iter().filter(|piece| !piece.excluded);
            let Some(longest) = wanted
                .map(|piece| &piece.text)
                .max_by_key(|text| text.len())
            else {
                continue;
            };
            let began = Instant::now();
            let mut rows = select.query((format!("%{longest}%"), limit))?;
            while let Some(row) = rows.next()? {
                let _: String = row.get(1)?;
            }
            took.push(began.elapsed().as_secs_f64() * 1e3);
        }
        Ok(took)
    }
}

/// Messages in tantivy, with the terms that our index has.
pub(super) struct Tantivy {
    searcher: Searcher,
    fields: Fields,
}

/// What a result must have, or must not.
type Clause = (Occur, Box<dyn Query>);

#[derive(Clone, Copy)]
struct Fields {
    body: Field,
    meta: Field,
    at: Field,
}

impl Tantivy {
    pub(super) fn new(lines: impl Iterator<Item = Line>) -> Result<Self, BenchError> {
        let mut schema = Schema::builder();
        let positions =
            TextFieldIndexing::default().set_index_option(IndexRecordOption::WithFreqsAndPositions);
        let text = TextOptions::default()
            .set_indexing_options(positions)
            .set_stored();
        let fields = Fields {
            body: schema.add_text_field("body", text),
            meta: schema.add_text_field("meta", STRING),
            at: schema.add_u64_field("at", INDEXED | FAST | STORED),
        };
        let index = Index::create_in_ram(schema.build());
        let mut writer: IndexWriter = index.writer_with_num_threads(1, BUFFER)?;
        for line in lines {
            writer.add_document(document(fields, &line))?;
        }
        writer.commit()?;
        writer.wait_merging_threads()?;
        Ok(Self {
            searcher: index.reader()?.searcher(),
            fields,
        })
    }

    /// Milliseconds of each query: the best results and their texts.
    pub(super) fn took(&self, mix: &[Asked], filled: &Filled) -> Result<Vec<f64>, BenchError> {
        let mut took = Vec::new();
        for asked in mix {
            let terms = asked.filter_terms(filled);
            let began = Instant::now();
            let query = BooleanQuery::new(self.clauses(asked, terms)?);
            let best = TopDocs::with_limit(SCREEN).order_by_score();
            for (_, address) in self.searcher.search(&query, &best)? {
                let _: TantivyDocument = self.searcher.doc(address)?;
            }
            took.push(began.elapsed().as_secs_f64() * 1e3);
        }
        Ok(took)
    }

    fn clauses(&self, asked: &Asked, terms: Vec<String>) -> Result<Vec<Clause>, BenchError> {
        let Fields { meta, at, .. } = self.fields;
        let mut clauses: Vec<Clause> = Vec::new();
        for piece in &asked.pieces {
            let occur = match piece.excluded {
                true => Occur::MustNot,
                false => Occur::Must,
            };
            clauses.push((occur, self.piece(piece)?));
        }
        for term in terms {
            let term = Term::from_field_text(meta, &term);
            let query = TermQuery::new(term, IndexRecordOption::Basic);
            clauses.push((Occur::Must, Box::new(query)));
        }
        if let (Some(from), Some(until)) = (asked.filter.from, asked.filter.until) {
            let from = Bound::Included(Term::from_field_u64(at, from.0));
            let until = Bound::Excluded(Term::from_field_u64(at, until.0));
            clauses.push((Occur::Must, Box::new(RangeQuery::new(from, until))));
        }
        Ok(clauses)
    }

    fn piece(&self, piece: &Piece) -> Result<Box<dyn Query>, BenchError> {
        let body = self.fields.body;
        let tokens = segment(
            &piece.text,
            Mode::Query {
                prefix: piece.begun,
            },
        );
        Ok(match tokens.as_slice() {
            [one] if one.extendable => {
                Box::new(RegexQuery::from_pattern(&format!("{}.*", one.text), body)?)
            }
            [one] => Box::new(TermQuery::new(
                Term::from_field_text(body, &one.text),
                IndexRecordOption::WithFreqs,
            )),
            many => {
                let terms = many
                    .iter()
                    .map(|token| Term::from_field_text(body, &token.text));
                Box::new(PhraseQuery::new(terms.collect()))
            }
        })
    }
}

fn document(fields: Fields, line: &Line) -> TantivyDocument {
    let tokens = segment(&line.text, Mode::Document).into_iter();
    let tokens = tokens.map(|token| Token {
        offset_from: token.range.start,
        offset_to: token.range.end,
        position: token.position,
        text: token.text,
        position_length: 1,
    });
    let mut document = TantivyDocument::new();
    document.add_pre_tokenized_text(
        fields.body,
        PreTokenizedString {
            text: line.text.clone(),
            tokens: tokens.collect(),
        },
    );
    for term in super::queries::terms_of(line) {
        document.add_text(fields.meta, term);
    }
    document.add_u64(fields.at, line.at_ms);
    document
}
