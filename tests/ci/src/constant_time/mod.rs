//! Constant time: operations on secrets take the same path through the same memory, whatever the secret.
//!
//! The program `constant_time` of `undertone-cryptography` holds the operations, says of each what is secret, and what is not covered. This gate
//! builds it as it ships, lets it write inputs that differ in the secret alone, and runs each operation with its inputs under valgrind, which
//! prints the address of each instruction and of each access to memory. Two inputs of one operation must give the same trace, byte
//! for byte: equal counts of instructions would not show a table that a secret looks up. No instruction of a trace may be a division,
//! whose duration depends on its operands.
//!
//! Invariant: the operations that are not in constant time (their names begin with `control_`) are found in the same run, or the gate
//! fails: it would not see anything else either.

mod binary;
mod trace;

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus};
use std::time::Instant;

use crate::cargo::cargo;
use crate::gates::{self, Outcome};
use crate::metadata::{Metadata, MetadataError};
use crate::workers::on_each_core;
use binary::Binary;
use trace::Trace;

/// Beginning of the name of an operation that must be found.
const CONTROL: &str = "control_";

/// Why nothing was looked at.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ConstantTimeError {
    #[error(
        "valgrind is not installed (Debian: apt-get install valgrind); this gate cannot do without: {0}"
    )]
    Valgrind(io::Error),
    #[error("objdump is not installed (Debian: apt-get install binutils): {0}")]
    Objdump(io::Error),
    #[error("{0}: {1}")]
    File(PathBuf, io::Error),
    #[error("cargo build --bin constant_time: {0}")]
    Build(ExitStatus),
    #[error("constant_time prepare: {0}")]
    Prepare(ExitStatus),
    #[error("{0} does not start: {1}")]
    Start(&'static str, io::Error),
    #[error("{operation}: {why}")]
    Run { operation: String, why: String },
    #[error("the program has no function {0}")]
    NoMark(&'static str),
    #[error("no operation {0}")]
    Nothing(&'static str),
    #[error(transparent)]
    Metadata(#[from] MetadataError),
}

/// How many inputs each operation has, by its name.
type Operations = BTreeMap<String, usize>;

pub(crate) fn check() -> Result<Outcome, ConstantTimeError> {
    trace::valgrind_starts()?;
    let target = Metadata::load()?.target_directory;
    let program = build(&target)?;
    let folder = target.join("constant-time");
    let operations = prepare(&program, &folder)?;
    for (kind, is_control) in [("to check", false), ("that must be found", true)] {
        if !operations
            .keys()
            .any(|name| name.starts_with(CONTROL) == is_control)
        {
            return Err(ConstantTimeError::Nothing(kind));
        }
    }
    let binary = Binary::read(&program)?;
    let work: Vec<_> = operations.iter().collect();
    let findings = on_each_core(&work, |(name, inputs)| {
        let began = Instant::now();
        let traces = Trace::all_of(&program, name, &folder)?;
        if traces.len() != **inputs || traces.len() < 2 {
            return Ok(vec![format!("{name}: {} traces", traces.len())]);
        }
        let found = compare(&binary, &traces);
        report(name, &traces, &found, began);
        Ok(verdict(name, found))
    });
    let findings = findings
        .into_iter()
        .collect::<Result<Vec<_>, ConstantTimeError>>()?;
    let traces: usize = operations.values().sum();
    Ok(Outcome::of(findings.concat(), || {
        format!("{} operations, {traces} traces", operations.len())
    }))
}

/// The program in the profile that ships.
fn build(target: &Path) -> Result<PathBuf, ConstantTimeError> {
    let status = cargo(["build", "--release", "--locked", "--quiet"])
        .args([
            "--package",
            "undertone-cryptography",
            "--bin",
            "constant_time",
        ])
        .status()
        .map_err(|error| ConstantTimeError::Start("cargo build", error))?;
    if !status.success() {
        return Err(ConstantTimeError::Build(status));
    }
    Ok(target.join("release").join("constant_time"))
}

/// Lets the program write its inputs to `folder`, outside valgrind: they cost handshakes.
fn prepare(program: &Path, folder: &Path) -> Result<Operations, ConstantTimeError> {
    let at = |path: &Path| {
        let path = path.to_path_buf();
        move |error| ConstantTimeError::File(path, error)
    };
    if folder.exists() {
        fs::remove_dir_all(folder).map_err(at(folder))?;
    }
    let status = Command::new(program)
        .arg("prepare")
        .arg(folder)
        .status()
        .map_err(|error| ConstantTimeError::Start("constant_time", error))?;
    if !status.success() {
        return Err(ConstantTimeError::Prepare(status));
    }
    let mut operations = Operations::new();
    for entry in fs::read_dir(folder).map_err(at(folder))? {
        let entry = entry.map_err(at(folder))?;
        let name = entry.file_name().to_string_lossy().into_owned();
        let inputs = fs::read_dir(entry.path()).map_err(at(&entry.path()))?;
        operations.insert(name, inputs.count());
    }
    Ok(operations)
}

/// What is not in constant time in an operation with these traces.
fn compare(binary: &Binary, traces: &[Trace]) -> Vec<String> {
    let Some((first, others)) = traces.split_first() else {
        return Vec::new();
    };
    let mut found = binary.divisions(first);
    for (input, trace) in (1..).zip(others) {
        if let Some(difference) = binary.difference(first, trace) {
            found.push(format!(
                "input {input} takes another path than the first: {difference}"
            ));
        }
    }
    found
}

/// Prints a line.
fn report(name: &str, traces: &[Trace], found: &[String], began: Instant) {
    let steps = traces.first().map_or(0, Trace::len);
    gates::print(&format!(
        "      {name:<24} {} inputs {steps:>8} steps {:>5.1} s{}\n",
        traces.len(),
        began.elapsed().as_secs_f64(),
        if found.is_empty() {
            ""
        } else {
            "  not in constant time"
        }
    ));
}

/// A control is wrong when nothing was found.
fn verdict(name: &str, found: Vec<String>) -> Vec<String> {
    match (name.starts_with(CONTROL), found.is_empty()) {
        (true, true) => vec![format!(
            "{name} is not in constant time, and that was not seen"
        )],
        (true, false) => Vec::new(),
        (false, _) => found
            .into_iter()
            .map(|what| format!("{name}: {what}"))
            .collect(),
    }
}

#[cfg(test)]
#[path = "verdict_tests.rs"]
mod tests;
