//! A second copy of the workspace, so that a run that is stopped halfway leaves no mistake where somebody works.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// A file or folder could not be read or written.
#[derive(Debug, thiserror::Error)]
#[error("{path}: {source}")]
pub(crate) struct FileError {
    path: PathBuf,
    source: io::Error,
}

/// Makes an error of what the system said about `path`.
pub(crate) fn at(path: &Path) -> impl FnOnce(io::Error) -> FileError {
    let path = path.to_path_buf();
    move |source| FileError { path, source }
}

/// Makes the folder `to` hold these files of `from` and no others. What is equal is not written again, so that nothing is
/// built again because of it.
pub(crate) fn update(from: &Path, files: &[String], to: &Path) -> Result<(), FileError> {
    for file in files {
        let (source, copy) = (from.join(file), to.join(file));
        let bytes = fs::read(&source).map_err(at(&source))?;
        if fs::read(&copy).is_ok_and(|existing| existing == bytes) {
            continue;
        }
        if let Some(folder) = copy.parent() {
            fs::create_dir_all(folder).map_err(at(folder))?;
        }
        fs::write(&copy, bytes).map_err(at(&copy))?;
    }
    let kept = files.iter().map(|file| to.join(file)).collect();
    remove_others(to, &kept)
}

fn remove_others(folder: &Path, kept: &BTreeSet<PathBuf>) -> Result<(), FileError> {
    for entry in fs::read_dir(folder).map_err(at(folder))? {
        let path = entry.map_err(at(folder))?.path();
        if path.is_dir() {
            remove_others(&path, kept)?;
        } else if !kept.contains(&path) {
            fs::remove_file(&path).map_err(at(&path))?;
        }
    }
    Ok(())
}

#[cfg(test)]
#[path = "copy_tests.rs"]
mod tests;
