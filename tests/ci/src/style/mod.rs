//! House style, as far as a machine can see it: short files and functions, no panics outside tests, no markers of unfinished work, no sleeping
//! or ignored tests, and `forbid(unsafe_code)` in every crate root but the tokenizer's.

mod crate_roots;
mod source;
mod test_modules;

use std::fs;
use std::path::Path;

use crate::cargo::workspace_root;
use crate::gates::Outcome;
use crate::git::{self, ListError};
use crate::metadata::{Metadata, MetadataError};

/// Lines of code in a file, test modules not counted.
const MAX_FILE_LINES: usize = 500;
/// Lines of a function from its signature's first to its closing brace.
const MAX_FUNCTION_LINES: usize = 70;

/// Why the check could not be made.
#[derive(Debug, thiserror::Error)]
pub(crate) enum StyleError {
    #[error(transparent)]
    Metadata(#[from] MetadataError),
    #[error(transparent)]
    List(#[from] ListError),
    #[error("{0}: {1}")]
    Read(String, std::io::Error),
}

pub(crate) fn check() -> Result<Outcome, StyleError> {
    let root = workspace_root();
    let files = git::files(&root, "*.rs")?;
    let texts = files
        .into_iter()
        .map(|file| read(&root.join(&file)).map(|text| (file, text)))
        .collect::<Result<Vec<_>, _>>()?;
    let only_in_tests = test_modules::find(&texts);
    let mut findings = crate_roots::findings(&Metadata::load()?, &root)?;
    findings.extend(crate_roots::findings(&Metadata::load_fuzz()?, &root)?);
    for (file, text) in &texts {
        let is_test = only_in_tests.contains(file) || source::is_test_file(file);
        findings.extend(source::findings(file, text, is_test));
    }
    Ok(Outcome::of(findings, || format!("{} files", texts.len())))
}

fn read(path: &Path) -> Result<String, StyleError> {
    fs::read_to_string(path).map_err(|error| StyleError::Read(path.display().to_string(), error))
}
