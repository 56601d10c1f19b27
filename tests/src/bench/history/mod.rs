//! A client with a million messages: how soon it shows something, what a search takes, what it weighs.
//!
//! The store is that of a real account, filled through the store's own operations as messages are stored that arrive; twenty
//! contacts of it wait beside a relay for the backlog. Everything is on the disk of the temporary folder, and by the time it
//! is measured the system has read it: a disk that is cold is not measured.

mod backlog;
mod idle;
mod peers;
mod queries;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Instant;

use tempfile::TempDir;
use tokio::runtime::Runtime;
use undertone::store::{Position, SearchQuery, Store, StoreKey};
use undertone_protocol::content::Hlc;
use undertone_protocol::device::DeviceId;
use undertone_protocol::time::Timestamp;
use undertone_relay::Relay;

use crate::bench::BenchError;
use crate::bench::durability::percentile;
use crate::bench::measure::cpu_us;
use crate::bench::row::{Goal, Row};
use crate::corpus::{Corpus, FIRST_MS, Filled, Line, fill};

pub(super) use backlog::backlog;
pub(super) use idle::idle;
pub use idle::idle_client;
use peers::{Plain, Tantivy};
use queries::Asked;

/// Messages of the history that the rows are about.
pub const MESSAGES: usize = 1_000_000;
/// Different words of each script.
const VOCABULARY: usize = 20_000;
const SEED: u64 = 7;
const KEY: [u8; 32] = [7; 32];
/// What a screen shows: results, messages, conversations.
const SCREEN: usize = 50;
/// How often the store is opened, and how many pages are read.
const OPENINGS: usize = 20;
const PAGES: usize = 500;
/// Passes of all queries; of each query the fastest counts, because the machine may have other work.
const PASSES: usize = 3;

/// The history, and what stands beside it.
pub(super) struct History {
    runtime: Runtime,
    relay: Option<Relay>,
    senders: Vec<PathBuf>,
    store: PathBuf,
    messages: usize,
    corpus: Corpus,
    filled: Filled,
    last_ms: u64,
    seconds: f64,
    _folder: TempDir,
}

impl History {
    /// Makes an account with its contacts and so many messages.
    pub(super) fn new(messages: usize) -> Result<Self, BenchError> {
        let folder = tempfile::tempdir()?;
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .enable_all()
            .build()?;
        let (relay, senders) = runtime.block_on(backlog::meet(folder.path()))?;
        let store = backlog::recipient(folder.path());
        let began = Instant::now();
        let mut last_ms = FIRST_MS;
        let mut opened = Store::open(&store, &StoreKey::new(&KEY))?;
        let filled = fill(&mut opened, lines(messages), |line| last_ms = line.at_ms)?;
        opened.close()?;
        Ok(Self {
            runtime,
            relay: Some(relay),
            senders,
            store,
            messages,
            corpus: Corpus::new(SEED, VOCABULARY),
            filled,
            last_ms,
            seconds: began.elapsed().as_secs_f64(),
            _folder: folder,
        })
    }

    fn open(&self) -> Result<Store, BenchError> {
        Ok(Store::open(&self.store, &StoreKey::new(&KEY))?)
    }
}

impl Drop for History {
    fn drop(&mut self) {
        if let Some(relay) = self.relay.take() {
            self.runtime.block_on(relay.shutdown());
        }
    }
}

/// The messages of the history.
fn lines(messages: usize) -> impl Iterator<Item = Line> {
    Corpus::new(SEED, VOCABULARY).take(messages)
}

/// Milliseconds of operations, in real time and of this thread's CPU: where other work has the cores, the first are longer.
#[derive(Default)]
struct Took {
    real: Vec<f64>,
    cpu: Vec<f64>,
}

impl Took {
    fn time<T>(&mut self, work: impl FnOnce() -> Result<T, BenchError>) -> Result<T, BenchError> {
        let began = Instant::now();
        let mut result = None;
        let cpu = cpu_us(1, || {
            result = Some(work()?);
            Ok(())
        })?;
        self.real.push(began.elapsed().as_secs_f64() * 1e3);
        self.cpu.push(cpu / 1e3);
        result.ok_or_else(|| "nothing was measured".into())
    }

    /// Of each operation the faster one of two passes.
    fn fastest(self, other: &Self) -> Self {
        let least = |one: Vec<f64>, other: &[f64]| {
            let both = one.into_iter().zip(other);
            both.map(|(one, other)| one.min(*other)).collect()
        };
        Self {
            real: least(self.real, &other.real),
            cpu: least(self.cpu, &other.cpu),
        }
    }

    /// The row of what is `named`, in real time.
    fn row(
        &self,
        name: &'static str,
        named: &str,
        peers: BTreeMap<&'static str, f64>,
        goal: f64,
    ) -> Result<Row, BenchError> {
        let of = format!("none; of CPU time {:.2}; {named}", p95(&self.cpu)?);
        let goal = Goal::AtMost(goal);
        Ok(Row::new(
            name,
            "ms",
            p95(&self.real)?,
            (0.0, of),
            peers,
            goal,
        ))
    }
}

fn p95(samples: &[f64]) -> Result<f64, BenchError> {
    Ok(percentile(samples, 95).ok_or("nothing was measured")?)
}

/// From the file's path and key to the first 50 conversations; the 95th percentile.
pub(super) fn open(history: &mut History) -> Result<Row, BenchError> {
    let mut took = Took::default();
    for _ in 0..OPENINGS {
        let (store, shown) = took.time(|| {
            let mut store = history.open()?;
            let tx = store.transaction()?;
            let list = tx.conversations().list(false, None, SCREEN)?;
            drop(tx);
            Ok((store, list.len()))
        })?;
        store.close()?;
        if shown != SCREEN {
            return Err("conversations are missing".into());
        }
    }
    let named = format!(
        "{} messages were stored in {:.0} s",
        history.messages, history.seconds
    );
    took.row("open_1m_ms", &named, BTreeMap::new(), 15.0)
}

/// 50 messages before a place in one of the conversations, of which the first has a seventh of all messages; the 95th percentile.
pub(super) fn timeline_page(history: &mut History) -> Result<Row, BenchError> {
    let mut store = history.open()?;
    let tx = store.transaction()?;
    let mut took = Took::default();
    let conversations = &history.filled.conversations;
    let span = history.last_ms - FIRST_MS;
    for page in 0..PAGES {
        let at = FIRST_MS + span / PAGES as u64 * page as u64;
        let position = Position {
            clock: Hlc::at(Timestamp(at)),
            sender_device: DeviceId::from_bytes([0; 16]),
            seq: 0,
        };
        // Every other page is of the largest conversation.
        let conversation = conversations[page % 2 * page % conversations.len()];
        took.time(|| Ok(tx.messages().before(conversation, Some(position), SCREEN)?))?;
    }
    let named = format!("{PAGES} places in conversations of all sizes");
    took.row("timeline_page_ms", &named, BTreeMap::new(), 3.0)
}

/// The newest 50 results with their snippets, over the mix of `queries`; the 95th percentile. The peers search the same
/// messages: SQLite's `LIKE` on a plain table, the newest 50 as well, and tantivy in memory, with the same terms, the best 50 and their texts.
pub(super) fn search(history: &mut History) -> Result<Row, BenchError> {
    let mix = queries::mix(&history.corpus, &history.filled, history.last_ms);
    let mut store = history.open()?;
    let tx = store.transaction()?;
    let mut found = 0;
    let mut passes = Vec::new();
    for _ in 0..PASSES {
        let mut pass = Took::default();
        for asked in &mix {
            let page = pass.time(|| {
                let query = match asked.typing {
                    true => SearchQuery::as_typed(&asked.text),
                    false => SearchQuery::parse(&asked.text),
                };
                Ok(tx.search(&query, &asked.filter, None, SCREEN)?)
            })?;
            found += usize::from(!page.hits.is_empty());
        }
        passes.push(pass);
    }
    drop(tx);
    store.close()?;
    let took = passes.into_iter().reduce(|one, other| one.fastest(&other));
    let took = took.ok_or("nothing was measured")?;
    let named = format!(
        "p50 {:.2}, slowest {:.2}; {} of {} queries find something; p95 of each kind: {}",
        percentile(&took.real, 50).unwrap_or_default(),
        percentile(&took.real, 100).unwrap_or_default(),
        found / PASSES,
        mix.len(),
        of_each_kind(&mix, &took.real),
    );
    let plain = Plain::new(lines(history.messages))?.took(&mix)?;
    let tantivy = Tantivy::new(lines(history.messages))?.took(&mix, &history.filled)?;
    let peers = BTreeMap::from([("LIKE", p95(&plain)?), ("tantivy 0.27.0", p95(&tantivy)?)]);
    took.row("search_1m_p95_ms", &named, peers, 10.0)
}

fn of_each_kind(mix: &[Asked], took: &[f64]) -> String {
    let mut kinds: BTreeMap<&str, Vec<f64>> = BTreeMap::new();
    for (asked, took) in mix.iter().zip(took) {
        kinds.entry(asked.kind).or_default().push(*took);
    }
    let kinds = kinds
        .into_iter()
        .map(|(kind, took)| format!("{kind} {:.2}", percentile(&took, 95).unwrap_or_default()));
    kinds.collect::<Vec<_>>().join(", ")
}

/// Bytes of the index for each byte of text. Row numbers are times, which lie further apart than numbers that count.
#[expect(
    clippy::cast_precision_loss,
    reason = "sizes of files fit a double to the byte"
)]
pub(super) fn index_ratio(history: &mut History) -> Result<Row, BenchError> {
    let mut store = history.open()?;
    let tx = store.transaction()?;
    let index = tx.messages().index_bytes()? as f64;
    let text = history.filled.text_bytes as f64;
    let of = format!(
        "none; index {:.0} MiB, text {:.0} MiB",
        index / MIB,
        text / MIB
    );
    let ratio = index / text;
    Ok(Row::new(
        "index_ratio",
        "ratio",
        ratio,
        (0.0, of),
        BTreeMap::new(),
        Goal::AtMost(3.5),
    ))
}

/// Bytes of a mebibyte.
const MIB: f64 = 1_048_576.0;
