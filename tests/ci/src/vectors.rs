//! Vectors up to date: the protocol's own tests produce every vector again and compare. `cargo test --workspace` runs them too; this gate
//! makes sure that they exist, since a test that was renamed away passes silently.

use std::fs;
use std::io;

use crate::cargo::{cargo, workspace_root};
use crate::gates::Outcome;

/// Part of the name of every test that checks vectors.
const FILTER: &str = "vectors";

pub(crate) fn check() -> Outcome {
    match (files(), run()) {
        (Err(error), _) => Outcome::Failed(vec![format!("sdk/protocol/vectors: {error}")]),
        (Ok(0), _) => Outcome::Failed(vec!["sdk/protocol/vectors holds no vector".to_owned()]),
        (_, Err(error)) => Outcome::Failed(vec![error]),
        (_, Ok(0)) => Outcome::Failed(vec![format!(
            "no test of undertone-protocol has `{FILTER}` in its name"
        )]),
        (Ok(files), Ok(tests)) => {
            Outcome::Passed(format!("{files} files checked by {tests} tests"))
        }
    }
}

/// Number of vector files.
fn files() -> io::Result<usize> {
    let mut count = 0;
    for entry in fs::read_dir(workspace_root().join("sdk/protocol/vectors"))? {
        count += usize::from(
            entry?
                .path()
                .extension()
                .is_some_and(|extension| extension == "json"),
        );
    }
    Ok(count)
}

/// Runs the vector tests and gives their number.
fn run() -> Result<usize, String> {
    let output = cargo([
        "test",
        "--locked",
        "--package",
        "undertone-protocol",
        FILTER,
    ])
    .output()
    .map_err(|error| error.to_string())?;
    let text = String::from_utf8_lossy(&output.stdout);
    if output.status.success() {
        Ok(passed(&text))
    } else {
        Err(format!("{text}{}", String::from_utf8_lossy(&output.stderr)))
    }
}

/// Sum of the runners' own counts: `test result: ok. 3 passed; 0 failed; …`.
fn passed(output: &str) -> usize {
    let counts = output.lines().filter_map(|line| {
        line.strip_prefix("test result: ok. ")?
            .split(' ')
            .next()?
            .parse::<usize>()
            .ok()
    });
    counts.sum()
}

#[cfg(test)]
#[path = "vectors_tests.rs"]
mod tests;
