//! What `cargo metadata` says about the workspace, and about that of the fuzz programs: the few fields that the gates read.

use std::path::PathBuf;

use serde::Deserialize;

use crate::cargo::cargo;

/// `cargo metadata` could not be had.
#[derive(Debug, thiserror::Error)]
pub(crate) enum MetadataError {
    /// The command did not run.
    #[error("cargo metadata does not start: {0}")]
    Start(#[from] std::io::Error),
    /// The command failed, with its own words.
    #[error("cargo metadata: {0}")]
    Failed(String),
    /// Its output is not what this tool understands.
    #[error("cargo metadata: {0}")]
    Parse(#[from] serde_json::Error),
}

#[derive(Deserialize)]
pub(crate) struct Metadata {
    pub(crate) packages: Vec<Package>,
    workspace_members: Vec<String>,
    pub(crate) target_directory: PathBuf,
}

#[derive(Deserialize)]
pub(crate) struct Package {
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) version: String,
    /// SPDX expression; absent when the package names only a file or nothing.
    pub(crate) license: Option<String>,
    pub(crate) dependencies: Vec<Dependency>,
    pub(crate) targets: Vec<Target>,
}

/// A dependency as declared, whether or not a feature switches it on.
#[derive(Deserialize)]
pub(crate) struct Dependency {
    pub(crate) name: String,
    /// `None` normal, else `dev` or `build`.
    pub(crate) kind: Option<String>,
}

#[derive(Deserialize)]
pub(crate) struct Target {
    pub(crate) kind: Vec<String>,
    pub(crate) src_path: PathBuf,
}

impl Metadata {
    /// Of the workspace with every target platform's packages, from the lock file as it is.
    pub(crate) fn load() -> Result<Self, MetadataError> {
        Self::of("Cargo.toml")
    }

    /// Of the workspace in `fuzz/`, which has a lock file of its own.
    pub(crate) fn load_fuzz() -> Result<Self, MetadataError> {
        Self::of("fuzz/Cargo.toml")
    }

    fn of(manifest: &str) -> Result<Self, MetadataError> {
        let mut metadata = cargo(["metadata", "--format-version", "1", "--locked"]);
        let output = metadata.args(["--manifest-path", manifest]).output()?;
        if !output.status.success() {
            return Err(MetadataError::Failed(
                String::from_utf8_lossy(&output.stderr).trim().to_owned(),
            ));
        }
        Ok(serde_json::from_slice(&output.stdout)?)
    }

    /// The workspace's own packages.
    pub(crate) fn members(&self) -> impl Iterator<Item = &Package> {
        self.packages
            .iter()
            .filter(|package| self.workspace_members.contains(&package.id))
    }
}
