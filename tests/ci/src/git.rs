//! What belongs to the workspace, as git sees it.

use std::path::Path;
use std::process::Command;

/// The files could not be listed.
#[derive(Debug, thiserror::Error)]
#[error("git ls-files: {0}")]
pub(crate) struct ListError(String);

/// Files below `root` that git tracks or would track and that match `pattern`, relative to `root`; a file deleted but not yet committed is
/// left out. None at all is an error.
pub(crate) fn files(root: &Path, pattern: &str) -> Result<Vec<String>, ListError> {
    let mut git = Command::new("git");
    git.args([
        "ls-files",
        "-z",
        "--cached",
        "--others",
        "--exclude-standard",
        "--",
        pattern,
    ])
    .current_dir(root);
    let output = git.output().map_err(|error| ListError(error.to_string()))?;
    if !output.status.success() {
        return Err(ListError(
            String::from_utf8_lossy(&output.stderr).trim().to_owned(),
        ));
    }
    let listed = String::from_utf8_lossy(&output.stdout);
    let names = listed.split('\0').filter(|name| !name.is_empty());
    let files: Vec<_> = names
        .filter(|name| root.join(name).is_file())
        .map(str::to_owned)
        .collect();
    if files.is_empty() {
        Err(ListError(format!("nothing matches {pattern}")))
    } else {
        Ok(files)
    }
}
