//! `cargo ci`: every gate that a change must pass, in one command.
//!
//! Without a subcommand all gates run in order, each ends in one line, and the first failure stops the run with exit code 1 (`--keep-going`
//! runs the rest all the same). With a subcommand only that gate runs. A gate finds either in the workspace as it stands (formatting, the
//! dependency rule, licences, duplicate versions, house style, the tables that name tests) or by running what a developer would type.
//!
//! Invariant: a gate that could not look at its subject fails; it never passes for lack of anything to check.
//!
//! Not its concern: measuring (`cargo ci bench` only starts the bench binary of `undertone-tests`).
#![forbid(unsafe_code)]

mod cargo;
mod claims;
mod constant_time;
#[cfg(test)]
mod cryptography_tests;
mod dependency_rule;
mod duplicates;
mod gates;
mod git;
mod licences;
mod metadata;
mod models;
mod mutations;
mod style;
mod vectors;
mod workers;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::gates::Gate;

/// Runs the project's gates.
#[derive(Parser)]
#[command(name = "cargo ci", bin_name = "cargo ci")]
struct Arguments {
    /// Run the remaining gates after one has failed.
    #[arg(long)]
    keep_going: bool,
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Subcommand)]
enum Command {
    #[command(flatten)]
    Gate(Gate),
    /// What Verifpal finds in the protocol's models is what is written beside their queries (not part of the default run; builds Verifpal
    /// once).
    Models {
        /// Look only at models whose name contains this.
        #[arg(long, value_name = "PART")]
        only: Option<String>,
    },
    /// Each mistake of `tests/mutations` fails the test that is named beside it (not part of the default run; every mistake is built).
    Mutations {
        /// Try only mutations whose name contains this.
        #[arg(long, value_name = "PART")]
        only: Option<String>,
    },
    /// Measures the rows of the speed table (not part of the default run).
    Bench {
        /// Also write the rows to this file as JSON.
        #[arg(long, value_name = "FILE")]
        json: Option<PathBuf>,
        /// Measure only rows whose name contains this.
        #[arg(long, value_name = "PART")]
        only: Option<String>,
    },
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let passed = match arguments.command {
        None => gates::run(&Gate::ALL, arguments.keep_going),
        Some(Command::Gate(gate)) => gates::run(&[gate], false),
        Some(Command::Models { only }) => {
            gates::report("models", &models::check(only.as_deref()).into())
        }
        Some(Command::Mutations { only }) => {
            gates::report("mutations", &mutations::check(only.as_deref()).into())
        }
        Some(Command::Bench { json, only }) => {
            gates::report("bench", &cargo::bench(json.as_deref(), only.as_deref()))
        }
    };
    if passed {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}
