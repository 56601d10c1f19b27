//! The speed table: every operation beside its floor and its peers, in one run.
//!
//! A row's *floor* is the sum of the primitives that the operation cannot avoid, named and counted, from the crates that the operation itself
//! uses, measured in the same passes. Cryptography is measured as CPU time of the thread, the lowest of several passes in which all
//! contestants take turns: what disturbs a pass disturbs them alike, and what disturbs none of them is the operation's own cost. A row is met
//! when ours is not above its goal.
//!
//! One file per kind of operation; reading a row's function shows what is measured, against what, and why the counts are what they are.

pub mod durability;
mod fan_out;
pub mod measure;
mod messages;
pub mod primitives;
mod ratchet;
pub mod row;
mod sessions;
mod setup;
mod vodozemac;

use std::error::Error;

use crate::bench::row::Row;

/// A measured operation failed: the bench has nothing to report.
pub type BenchError = Box<dyn Error + Send + Sync>;

/// A row of the table, by name.
struct Bench {
    name: &'static str,
    run: fn() -> Result<Row, BenchError>,
}

/// All rows in the order of the table.
const BENCHES: &[Bench] = &[
    Bench {
        name: "encrypt_100",
        run: messages::encrypt_100,
    },
    Bench {
        name: "decrypt_100",
        run: messages::decrypt_100,
    },
    Bench {
        name: "setup_initiator",
        run: setup::initiator,
    },
    Bench {
        name: "setup_responder",
        run: setup::responder,
    },
    Bench {
        name: "ping_pong",
        run: ratchet::ping_pong,
    },
    Bench {
        name: "skip_1000",
        run: ratchet::skip_1000,
    },
    Bench {
        name: "seal_1000_pairwise",
        run: fan_out::seal_1000_pairwise,
    },
    Bench {
        name: "miss_3000",
        run: fan_out::miss_3000,
    },
];

/// Measures the rows whose name contains `only`, calling `each` after each of them.
///
/// # Errors
/// When a measured operation fails.
pub fn run(only: &str, mut each: impl FnMut(&Row)) -> Result<Vec<Row>, BenchError> {
    let mut rows = Vec::new();
    for bench in BENCHES.iter().filter(|bench| bench.name.contains(only)) {
        let row = (bench.run)().map_err(|error| format!("{}: {error}", bench.name))?;
        each(&row);
        rows.push(row);
    }
    Ok(rows)
}
