//! Verifpal: built once from the crate registry, kept below the target folder, run as a process of its own.
//!
//! It is licensed under the GPL and is no dependency: nothing of it is linked or appears in the lock file, and only this gate runs it.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};

use super::verdict::Report;
use crate::cargo::cargo;
use crate::gates;

/// The version whose results the models state.
pub(crate) const VERSION: &str = "1.6.7";

/// Why the tool cannot be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ToolError {
    /// A process did not start.
    #[error("{0} does not start: {1}")]
    Start(&'static str, io::Error),
    /// Building failed; the compiler's own words are above.
    #[error("cargo install verifpal: {0}")]
    Build(ExitStatus),
    /// The tool found is another version than the one asked for.
    #[error("expected verifpal {VERSION}, found {0}")]
    Version(String),
    /// The report is not what this gate understands.
    #[error("verifpal: {0}")]
    Report(#[from] serde_json::Error),
}

/// The built tool.
pub(crate) struct Tool(PathBuf);

impl Tool {
    /// The tool of this version below `folder`, built when it is not there (about two minutes of one core).
    pub(crate) fn find_or_build(folder: &Path) -> Result<Self, ToolError> {
        let root = folder.join(VERSION);
        let tool = Self(root.join("bin").join("verifpal"));
        if !tool.0.exists() {
            gates::print(&format!("building verifpal {VERSION}, once\n"));
            build(&root, &folder.join("build"))?;
        }
        tool.check_version()?;
        Ok(tool)
    }

    fn check_version(&self) -> Result<(), ToolError> {
        let output = Command::new(&self.0)
            .arg("--version")
            .output()
            .map_err(|error| ToolError::Start("verifpal", error))?;
        let found = String::from_utf8_lossy(&output.stdout);
        match found.trim().strip_prefix("verifpal ") {
            Some(VERSION) => Ok(()),
            _ => Err(ToolError::Version(found.trim().to_owned())),
        }
    }

    /// Analyses one model on one core, so that several run side by side.
    pub(crate) fn verify(&self, model: &Path) -> Result<Report, ToolError> {
        let output = Command::new(&self.0)
            .args(["verify", "--format", "json"])
            .arg(model)
            .env("RAYON_NUM_THREADS", "1")
            .stdin(Stdio::null())
            .output()
            .map_err(|error| ToolError::Start("verifpal", error))?;
        Ok(serde_json::from_slice(&output.stdout)?)
    }
}

/// `RUSTC_BOOTSTRAP` and `--ignore-rust-version`, because the crate asks for a newer compiler than ours and builds with it all the same;
/// without link-time optimisation, because building took longer than it saves.
fn build(root: &Path, target: &Path) -> Result<(), ToolError> {
    let status = cargo(["install", "verifpal", "--version", VERSION])
        .args(["--quiet", "--locked", "--ignore-rust-version", "--root"])
        .arg(root)
        .arg("--target-dir")
        .arg(target)
        .env("RUSTC_BOOTSTRAP", "1")
        .env("CARGO_PROFILE_RELEASE_LTO", "off")
        .env("CARGO_PROFILE_RELEASE_CODEGEN_UNITS", "16")
        .status()
        .map_err(|error| ToolError::Start("cargo install", error))?;
    // A few hundred megabytes that nobody needs again; that they cannot be removed is no reason to fail.
    let _ = fs::remove_dir_all(target);
    if status.success() {
        Ok(())
    } else {
        Err(ToolError::Build(status))
    }
}
