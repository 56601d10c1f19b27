//! Tables that say which test proves what: each test that a row names must exist and run.
//!
//! A table is Markdown with three columns: what is claimed (the number of an attack or of a section), a sentence, and the tests, each as
//! the path of its file and its name in backquotes; several names may follow one path. A row without a test says `later: ` or `no test: `
//! and why. A row named like an attack (`E1`) needs a test whose name begins with it (`e1_`).
//!
//! Invariant: a row passes only if every test in it is one that `cargo test` runs, as far as the source of its file tells.
//!
//! Not its concern: whether a test proves what the sentence says.

mod source;
mod table;

use std::collections::BTreeMap;
use std::path::Path;
use std::{fs, io};

use self::source::Tests;
use self::table::{Claim, Evidence};
use crate::cargo::workspace_root;
use crate::gates::Outcome;

/// The files with tables, relative to the workspace.
const TABLES: &[&str] = &["tests/ATTACKS.md", "sdk/protocol/SPEC-TESTS.md"];

/// Why the check could not be made.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ClaimsError {
    #[error("{0}: {1}")]
    Read(&'static str, io::Error),
}

pub(crate) fn check() -> Result<Outcome, ClaimsError> {
    let root = workspace_root();
    let mut sources = Sources::new(&root);
    let (mut findings, mut rows) = (Vec::new(), 0_usize);
    for table in TABLES {
        let text = fs::read_to_string(root.join(table))
            .map_err(|error| ClaimsError::Read(table, error))?;
        let claims = table::claims(table, &text);
        rows += claims.len();
        if claims.is_empty() {
            findings.push(format!("{table}: no row"));
        }
        for claim in claims {
            match claim {
                Ok(claim) => findings.extend(sources.findings(table, &claim)),
                Err(malformed) => findings.push(malformed),
            }
        }
    }
    Ok(Outcome::of(findings, || {
        format!("{rows} rows, {} files with tests", sources.files.len())
    }))
}

/// The test files that were looked into, with what was found there.
struct Sources<'a> {
    root: &'a Path,
    files: BTreeMap<String, Result<Tests, String>>,
}

impl<'a> Sources<'a> {
    const fn new(root: &'a Path) -> Self {
        Self {
            root,
            files: BTreeMap::new(),
        }
    }

    /// What is wrong with one row.
    fn findings(&mut self, table: &str, claim: &Claim) -> Vec<String> {
        let Evidence::Tests(tests) = &claim.evidence else {
            return Vec::new();
        };
        let place = format!("{table}:{}: {}", claim.line, claim.id);
        let mut findings: Vec<_> = tests
            .iter()
            .filter_map(|test| self.finding(&test.file, &test.name))
            .map(|finding| format!("{place}: {finding}"))
            .collect();
        if let Some(prefix) = claim.test_prefix()
            && !tests.iter().any(|test| test.name.starts_with(&prefix))
        {
            findings.push(format!("{place}: no test is named {prefix}…"));
        }
        findings
    }

    fn finding(&mut self, file: &str, name: &str) -> Option<String> {
        let root = self.root;
        let read = || {
            let text = fs::read_to_string(root.join(file)).map_err(|error| error.to_string())?;
            source::tests(&text)
        };
        match self.files.entry(file.to_owned()).or_insert_with(read) {
            Err(error) => Some(format!("{file}: {error}")),
            Ok(tests) if tests.ignored.contains(name) => Some(format!("{file}: {name} is ignored")),
            Ok(tests) if tests.run.contains(name) => None,
            Ok(_) => Some(format!("{file}: no test {name}")),
        }
    }
}

#[cfg(test)]
#[path = "claims_tests.rs"]
mod tests;
