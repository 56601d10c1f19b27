//! Mutations: each mistake of `tests/mutations/*.txt` makes the test fail that is named beside it.
//!
//! Every run works on a copy of the workspace below the target folder. First the named tests must pass there as the code stands; then each mistake
//! is made, the package's tests are built, the named one runs, and the file is put back. A mistake that nothing notices, one that does not
//! compile, and one whose place in the code is not found any more, are findings alike.
//!
//! Not part of the default run: each mistake costs a build of its package.

mod copy;
mod runner;
mod source;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::time::Instant;

use crate::cargo::workspace_root;
use crate::gates::{self, Outcome};
use crate::git::{self, ListError};
use crate::metadata::{Metadata, MetadataError};
use copy::{FileError, at};
use runner::{Runner, RunnerError};
use source::{Mutation, SourceError, Stale};

/// Where the files with the mutations are.
const FOLDER: &str = "tests/mutations";

/// Why no mutation was tried.
#[derive(Debug, thiserror::Error)]
pub(crate) enum MutationsError {
    #[error(transparent)]
    File(#[from] FileError),
    #[error(transparent)]
    List(#[from] ListError),
    #[error(transparent)]
    Metadata(#[from] MetadataError),
    /// A mutation file is not written as it should be.
    #[error("{FOLDER}/{file}: {source}")]
    Source {
        /// Its name.
        file: String,
        /// What is wrong.
        source: SourceError,
    },
    /// Nothing has the name asked for.
    #[error("no mutation of {FOLDER} has `{0}` in its name")]
    NoMutation(String),
}

/// Why a mutation is a finding.
#[derive(Debug, thiserror::Error)]
enum Finding {
    #[error("{} does not notice it", .0)]
    Survived(String),
    #[error(transparent)]
    Stale(#[from] Stale),
    #[error(transparent)]
    Runner(#[from] RunnerError),
    #[error(transparent)]
    File(#[from] FileError),
}

/// Tries the mutations whose name (`file.mutation`) contains `only`, or all.
pub(crate) fn check(only: Option<&str>) -> Result<Outcome, MutationsError> {
    let only = only.unwrap_or_default();
    let root = workspace_root();
    let mut mutations = load(&root.join(FOLDER))?;
    mutations.retain(|mutation| mutation.name.contains(only));
    if mutations.is_empty() {
        return Err(MutationsError::NoMutation(only.to_owned()));
    }
    let folder = Metadata::load()?.target_directory.join("mutations");
    let runner = Runner {
        workspace: folder.join("workspace"),
        target: folder.join("build"),
    };
    copy::update(&root, &git::files(&root, ".")?, &runner.workspace)?;
    let mut packages: BTreeMap<&str, Vec<&Mutation>> = BTreeMap::new();
    for mutation in &mutations {
        packages
            .entry(&mutation.package)
            .or_default()
            .push(mutation);
    }
    let mut findings = Vec::new();
    for (package, mutations) in packages {
        findings.extend(try_package(&runner, package, &mutations));
    }
    Ok(Outcome::of(findings, || {
        format!(
            "{} mutations noticed by the tests that they name",
            mutations.len()
        )
    }))
}

/// Every mutation of every file in `folder`, sorted by file; the file's name goes before the mutation's.
fn load(folder: &Path) -> Result<Vec<Mutation>, MutationsError> {
    let mut files = BTreeMap::new();
    for entry in fs::read_dir(folder).map_err(at(folder))? {
        let path = entry.map_err(at(folder))?.path();
        if path.extension().is_some_and(|extension| extension == "txt") {
            let stem = path.file_stem().unwrap_or_default().to_string_lossy();
            let text = fs::read_to_string(&path).map_err(at(&path))?;
            files.insert(stem.into_owned(), text);
        }
    }
    let mut mutations = Vec::new();
    for (stem, text) in files {
        let mut found = source::parse(&text).map_err(|source| MutationsError::Source {
            file: format!("{stem}.txt"),
            source,
        })?;
        for mutation in &mut found {
            mutation.name = format!("{stem}.{}", mutation.name);
        }
        mutations.append(&mut found);
    }
    Ok(mutations)
}

/// Tries mutations that tests of one package notice, if these pass without them.
fn try_package(runner: &Runner, package: &str, mutations: &[&Mutation]) -> Vec<String> {
    let names: BTreeSet<&str> = mutations.iter().map(|mutation| &*mutation.test).collect();
    let names: Vec<&str> = names.into_iter().collect();
    let sound = runner.build(package).and_then(|tests| tests.pass(&names));
    match sound {
        Ok(true) => {}
        Ok(false) => return vec![format!("{package}: named tests fail without any mutation")],
        Err(error) => return vec![format!("{package}, without any mutation: {error}")],
    }
    let mut findings = Vec::new();
    for mutation in mutations {
        let began = Instant::now();
        let tried = try_one(runner, mutation);
        gates::print(&format!(
            "      {:<64} {} {:>6.1} s\n",
            mutation.name,
            if tried.is_ok() { "noticed" } else { "FINDING" },
            began.elapsed().as_secs_f64(),
        ));
        if let Err(finding) = tried {
            findings.push(format!("{}: {finding}", mutation.name));
        }
    }
    findings
}

/// Makes the mistake, runs the test, and takes the mistake back.
fn try_one(runner: &Runner, mutation: &Mutation) -> Result<(), Finding> {
    let path = runner.workspace.join(&mutation.file);
    let text = fs::read_to_string(&path).map_err(at(&path))?;
    let mutated = mutation.apply(&text)?;
    fs::write(&path, mutated).map_err(at(&path))?;
    let passed = runner
        .build(&mutation.package)
        .and_then(|tests| tests.pass(&[&mutation.test]));
    fs::write(&path, text).map_err(at(&path))?;
    if passed? {
        Err(Finding::Survived(mutation.test.clone()))
    } else {
        Ok(())
    }
}

#[cfg(test)]
#[path = "mutations_tests.rs"]
mod tests;
