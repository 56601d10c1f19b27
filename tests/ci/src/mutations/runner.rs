//! Builds the tests of a package's library in the copy, and runs some of them.

use std::io::{self, Read};
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use serde::Deserialize;

use crate::cargo::cargo;

/// How long named tests may take. The slowest takes seconds; a mistake can make one run for ever.
const LONGEST_RUN: Duration = Duration::from_secs(300);

/// Why there is no result.
#[derive(Debug, thiserror::Error)]
pub(crate) enum RunnerError {
    #[error("{0} does not start: {1}")]
    Start(&'static str, io::Error),
    /// The compiler's first error.
    #[error("does not compile: {0}")]
    Compile(String),
    #[error("cargo built no tests of a library of {0}")]
    NoBinary(String),
    #[error("a test ran longer than {} s", LONGEST_RUN.as_secs())]
    Endless,
    #[error("no test `{0}` ran")]
    NotRun(String),
}

/// Where mistakes are tried.
pub(crate) struct Runner {
    /// The copy of the workspace.
    pub(crate) workspace: PathBuf,
    /// The target folder of all builds, kept from run to run. Not the workspace's own: cargo gives what it builds of a copy
    /// the same names, and would take a mistake for the real thing.
    pub(crate) target: PathBuf,
}

/// The tests of a library, built.
pub(crate) struct Tests {
    binary: PathBuf,
    /// Where the package's tests expect to run.
    folder: PathBuf,
}

/// A line of `cargo build --message-format json`, as far as it counts.
#[derive(Deserialize)]
struct Message {
    executable: Option<PathBuf>,
    manifest_path: Option<PathBuf>,
}

impl Runner {
    pub(crate) fn build(&self, package: &str) -> Result<Tests, RunnerError> {
        let output = cargo(["test", "--lib", "--no-run", "--locked", "--quiet"])
            .args(["--package", package])
            .arg("--message-format=json-render-diagnostics")
            .arg("--target-dir")
            .arg(&self.target)
            .current_dir(&self.workspace)
            // One file changes at a time, and nobody looks at a stack.
            .env("CARGO_INCREMENTAL", "1")
            .env("CARGO_PROFILE_DEV_DEBUG", "none")
            .output()
            .map_err(|error| RunnerError::Start("cargo test", error))?;
        if !output.status.success() {
            let said = String::from_utf8_lossy(&output.stderr);
            return Err(RunnerError::Compile(first_error(&said).to_owned()));
        }
        tests(&String::from_utf8_lossy(&output.stdout))
            .ok_or_else(|| RunnerError::NoBinary(package.to_owned()))
    }
}

impl Tests {
    /// Runs the tests with exactly these names; tells whether all passed.
    pub(crate) fn pass(&self, names: &[&str]) -> Result<bool, RunnerError> {
        let mut child = Command::new(&self.binary)
            .arg("--exact")
            .args(names)
            .current_dir(&self.folder)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .map_err(|error| RunnerError::Start("the tests", error))?;
        let (send, output) = mpsc::channel();
        if let Some(mut stdout) = child.stdout.take() {
            thread::spawn(move || {
                let mut bytes = Vec::new();
                // What was read before an error counts as well.
                let _ = stdout.read_to_end(&mut bytes);
                let _ = send.send(bytes);
            });
        }
        let Ok(bytes) = output.recv_timeout(LONGEST_RUN) else {
            let _ = child.kill();
            let _ = child.wait();
            return Err(RunnerError::Endless);
        };
        let status = child
            .wait()
            .map_err(|error| RunnerError::Start("the tests", error))?;
        if !status.success() {
            return Ok(false);
        }
        match not_passed(&String::from_utf8_lossy(&bytes), names) {
            Some(name) => Err(RunnerError::NotRun(name.to_owned())),
            None => Ok(true),
        }
    }
}

/// The one binary that cargo's messages name.
fn tests(messages: &str) -> Option<Tests> {
    messages.lines().find_map(|line| {
        let message: Message = serde_json::from_str(line).ok()?;
        let folder = message.manifest_path?.parent()?.to_path_buf();
        let binary = message.executable?;
        Some(Tests { binary, folder })
    })
}

/// The line that says what the compiler, or cargo, objects to.
fn first_error(said: &str) -> &str {
    let mut lines = said.lines();
    lines
        .find(|line| line.starts_with("error"))
        .unwrap_or("without a word")
}

/// The first name that the output of a run without failure does not call `ok`.
fn not_passed<'n>(output: &str, names: &[&'n str]) -> Option<&'n str> {
    let passed = |name: &str| {
        let mut lines = output.lines();
        lines.any(|line| {
            line.strip_prefix("test ")
                .and_then(|line| line.strip_suffix(" ... ok"))
                == Some(name)
        })
    };
    names.iter().copied().find(|name| !passed(name))
}

#[cfg(test)]
#[path = "runner_tests.rs"]
mod tests;
