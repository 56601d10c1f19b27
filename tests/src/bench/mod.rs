//! The speed table: every operation beside its floor and its peers, in one run.
//!
//! A row's *floor* is the sum of the primitives that the operation cannot avoid, named and counted, from the crates that the operation itself
//! uses, measured in the same passes. Cryptography is measured as CPU time of the thread, the lowest of several passes in which all
//! contestants take turns: what disturbs a pass disturbs them alike, and what disturbs none of them is the operation's own cost. Allocations,
//! sizes and messages are counted, in one pass. A row is met when ours is not above its goal. The rows of `history` share one store of a
//! million messages, which is made when the first of them is measured.
//!
//! One file per kind of operation; reading a row's function shows what is measured, against what, and why the counts are what they are.

mod allocations;
pub mod durability;
mod end_to_end;
mod fan_out;
mod group;
mod healing;
mod history;
pub mod measure;
mod messages;
pub mod primitives;
mod ratchet;
pub mod row;
mod sessions;
mod setup;
mod state;
mod vodozemac;

use std::error::Error;

use crate::bench::history::History;
use crate::bench::row::Row;

/// A measured operation failed: the bench has nothing to report.
pub type BenchError = Box<dyn Error + Send + Sync>;

pub use history::{MESSAGES, idle_client};

/// Measures one row.
type Bench = fn() -> Result<Row, BenchError>;

/// Measures one row of the large history.
type HistoryBench = fn(&mut History) -> Result<Row, BenchError>;

/// All rows by name, in the order of the table.
const BENCHES: &[(&str, Bench)] = &[
    ("encrypt_100", messages::encrypt_100),
    ("decrypt_100", messages::decrypt_100),
    ("setup_initiator", setup::initiator),
    ("setup_responder", setup::responder),
    ("ping_pong", ratchet::ping_pong),
    ("skip_1000", ratchet::skip_1000),
    ("seal_1000_pairwise", fan_out::seal_1000_pairwise),
    ("seal_group", group::seal),
    ("miss_3000", fan_out::miss_3000),
    ("encrypt_allocs", allocations::encrypt),
    ("decrypt_allocs", allocations::decrypt),
    ("session_bytes", state::session_bytes),
    (
        "session_bytes_1000_skipped",
        state::session_bytes_1000_skipped,
    ),
    ("heal_messages_classical", healing::classical),
    ("heal_messages_post_quantum", healing::post_quantum),
    ("e2e_p99_ms", end_to_end::p99),
];

/// The rows of the large history behind them. The backlog changes it, so that it is the last.
const HISTORY: &[(&str, HistoryBench)] = &[
    ("open_1m_ms", history::open),
    ("timeline_page_ms", history::timeline_page),
    ("search_1m_p95_ms", history::search),
    ("index_ratio", history::index_ratio),
    ("idle_client_mib", history::idle),
    ("backlog_per_s", history::backlog),
];

/// Measures the rows whose name contains `only`, calling `each` after each of them; `history` stands for all rows of the
/// large history, which has so many `messages`.
///
/// # Errors
/// When a measured operation fails.
pub fn run(
    only: &str,
    messages: usize,
    mut each: impl FnMut(&Row),
) -> Result<Vec<Row>, BenchError> {
    let mut rows = Vec::new();
    for (name, bench) in BENCHES.iter().filter(|(name, _)| name.contains(only)) {
        let row = bench().map_err(|error| format!("{name}: {error}"))?;
        each(&row);
        rows.push(row);
    }
    let mut history = None;
    let wanted = |name: &str| only == "history" || name.contains(only);
    for (name, bench) in HISTORY.iter().filter(|(name, _)| wanted(name)) {
        let history = match &mut history {
            Some(history) => history,
            None => history.insert(History::new(messages)?),
        };
        let row = bench(history).map_err(|error| format!("{name}: {error}"))?;
        each(&row);
        rows.push(row);
    }
    Ok(rows)
}
