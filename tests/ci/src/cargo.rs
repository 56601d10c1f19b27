//! The gates that run what a developer would type. Output of the commands is passed through, so that compiler messages and the test runners'
//! own summary lines are seen as they are.

use std::env;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::gates::Outcome;

/// The workspace's top folder: two above this crate's.
pub(crate) fn workspace_root() -> PathBuf {
    let own = Path::new(env!("CARGO_MANIFEST_DIR"));
    own.ancestors().nth(2).unwrap_or(own).to_path_buf()
}

/// A `cargo` of the toolchain that runs this tool, in the workspace's top folder, without standard input.
pub(crate) fn cargo<I, S>(arguments: I) -> Command
where
    I: IntoIterator<Item = S>,
    S: AsRef<OsStr>,
{
    let mut command = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command
        .args(arguments)
        .current_dir(workspace_root())
        .stdin(Stdio::null());
    command
}

pub(crate) fn fmt() -> Outcome {
    passes(&mut cargo(["fmt", "--all", "--check"]))
}

pub(crate) fn clippy() -> Outcome {
    passes(&mut cargo([
        "clippy",
        "--workspace",
        "--all-targets",
        "--locked",
        "--",
        "-D",
        "warnings",
    ]))
}

pub(crate) fn docs() -> Outcome {
    passes(
        cargo(["doc", "--no-deps", "--workspace", "--locked"]).env("RUSTDOCFLAGS", "-D warnings"),
    )
}

/// Word for word the README's command.
pub(crate) fn test() -> Outcome {
    passes(&mut cargo(["test", "--workspace"]))
}

/// Word for word the README's command.
pub(crate) fn quickstart() -> Outcome {
    passes(&mut cargo(["run", "--release", "--example", "quickstart"]))
}

/// Builds and runs the bench in release; its exit code is 1 when a row misses its goal.
pub(crate) fn bench(json: Option<&Path>, only: Option<&str>) -> Outcome {
    let mut command = cargo([
        "run",
        "--release",
        "--locked",
        "--package",
        "undertone-tests",
        "--bin",
        "bench",
        "--",
    ]);
    if let Some(file) = json {
        // The command runs in the workspace's top folder, the file is meant relative to where the user stands.
        command
            .arg("--json")
            .arg(std::path::absolute(file).unwrap_or_else(|_| file.to_path_buf()));
    }
    if let Some(part) = only {
        command.args(["--only", part]);
    }
    passes(&mut command)
}

/// Runs `command` to its end and passes when it exits 0.
fn passes(command: &mut Command) -> Outcome {
    let text = shown(command);
    match command.status() {
        Ok(status) if status.success() => Outcome::Passed(text),
        Ok(status) => Outcome::Failed(vec![format!("{text}: {status}")]),
        Err(error) => Outcome::Failed(vec![format!("{text} does not start: {error}")]),
    }
}

/// The command as a user would type it.
fn shown(command: &Command) -> String {
    let arguments: Vec<_> = command.get_args().map(OsStr::to_string_lossy).collect();
    format!("cargo {}", arguments.join(" "))
}

#[cfg(test)]
#[path = "cargo_tests.rs"]
mod tests;
