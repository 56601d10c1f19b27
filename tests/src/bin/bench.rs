//! Measures the speed table: `cargo ci bench`, or this binary in a release build.
//!
//! Exit code 0 when every row meets its goal, 1 when one misses it, 2 when a row could not be measured.
#![forbid(unsafe_code)]

use std::alloc::System;
use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Parser;
use stats_alloc::{INSTRUMENTED_SYSTEM, StatsAlloc};
use undertone_tests::bench::row::Row;
use undertone_tests::bench::{self, BenchError};

/// Counts allocations, for the rows that report them.
#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

/// Measures our operations beside their floor and their peers.
#[derive(Parser)]
struct Arguments {
    /// Also write the rows to this file as JSON.
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Measure only rows whose name contains this; `history` stands for all that a large history is made for.
    #[arg(long, value_name = "PART", default_value = "")]
    only: String,
    /// Messages of the large history: fewer show that its rows work, and not how fast they are.
    #[arg(long, value_name = "COUNT", default_value_t = bench::MESSAGES, hide = true)]
    messages: usize,
    /// Be the client whose memory a row measures: open the store in this file, and say how much it is.
    #[arg(long, value_name = "FILE", hide = true)]
    idle_client: Option<PathBuf>,
}

fn main() -> ExitCode {
    match run(&Arguments::parse()) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::from(1),
        Err(error) => {
            let _ = writeln!(io::stderr(), "bench: {error}");
            ExitCode::from(2)
        }
    }
}

/// Says whether every measured row meets its goal.
fn run(arguments: &Arguments) -> Result<bool, BenchError> {
    if cfg!(debug_assertions) {
        return Err("this is a debug build: use `cargo ci bench`".into());
    }
    if let Some(store) = &arguments.idle_client {
        writeln!(io::stdout(), "{}", bench::idle_client(store)?)?;
        return Ok(true);
    }
    let rows = bench::run(&arguments.only, arguments.messages, |row| {
        let _ = writeln!(io::stdout(), "{row}");
    })?;
    if rows.is_empty() {
        return Err(format!("no row's name contains `{}`", arguments.only).into());
    }
    if let Some(file) = &arguments.json {
        write_json(file, &rows)?;
    }
    let missed = rows.iter().filter(|row| !row.ok).count();
    writeln!(io::stdout(), "{} rows, {missed} missed", rows.len())?;
    Ok(missed == 0)
}

fn write_json(file: &Path, rows: &[Row]) -> Result<(), BenchError> {
    let mut out = BufWriter::new(File::create(file)?);
    serde_json::to_writer_pretty(&mut out, rows)?;
    writeln!(out)?;
    Ok(out.flush()?)
}
