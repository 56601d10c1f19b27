//! Models: Verifpal finds in each of `sdk/protocol/models/*.vp` what is written beside its queries, no more and no less.
//!
//! Not part of the default run: the first run builds the tool from the crate registry, and all models together take minutes.

mod source;
mod tool;
mod verdict;

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Instant;

use crate::cargo::workspace_root;
use crate::gates::{self, Outcome};
use crate::metadata::{Metadata, MetadataError};
use crate::workers::on_each_core;
use source::{SourceError, Variant};
use tool::{Tool, ToolError};

/// Why no model was looked at.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ModelsError {
    /// A file or folder could not be read or written.
    #[error("{path}: {source}")]
    File {
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A model file is not written as it should be.
    #[error("{file}: {source}")]
    Source {
        /// Its name.
        file: String,
        /// What is wrong.
        source: SourceError,
    },
    /// Where the target folder is.
    #[error(transparent)]
    Metadata(#[from] MetadataError),
    /// The tool could not be built.
    #[error(transparent)]
    Tool(#[from] ToolError),
    /// Nothing has the name asked for.
    #[error("no model of sdk/protocol/models has `{0}` in its name")]
    NoModel(String),
}

/// Checks the models whose name (`file.variant`) contains `only`, or all.
pub(crate) fn check(only: Option<&str>) -> Result<Outcome, ModelsError> {
    let only = only.unwrap_or_default();
    let mut variants = load(&workspace_root().join("sdk/protocol/models"))?;
    variants.retain(|variant| variant.name.contains(only));
    if variants.is_empty() {
        return Err(ModelsError::NoModel(only.to_owned()));
    }
    let target = Metadata::load()?.target_directory;
    let tool = Tool::find_or_build(&target.join("verifpal"))?;
    let paths = write(&variants, &target.join("models"))?;
    let findings = run(&tool, &variants, &paths);
    let queries: usize = variants.iter().map(|variant| variant.queries.len()).sum();
    Ok(Outcome::of(findings, || {
        format!(
            "{} models, {queries} queries as expected, under verifpal {}",
            variants.len(),
            tool::VERSION
        )
    }))
}

/// Every variant of every model in `folder`, sorted by name.
fn load(folder: &Path) -> Result<Vec<Variant>, ModelsError> {
    let at = |path: &Path| {
        let path = path.to_path_buf();
        move |source| ModelsError::File { path, source }
    };
    let mut variants = Vec::new();
    for entry in fs::read_dir(folder).map_err(at(folder))? {
        let path = entry.map_err(at(folder))?.path();
        if path.extension().is_none_or(|extension| extension != "vp") {
            continue;
        }
        let text = fs::read_to_string(&path).map_err(at(&path))?;
        let stem = path.file_stem().unwrap_or_default().to_string_lossy();
        let found = source::variants(&stem, &text).map_err(|source| ModelsError::Source {
            file: format!("{stem}.vp"),
            source,
        })?;
        variants.extend(found);
    }
    variants.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(variants)
}

/// Writes each variant as the file that Verifpal reads; who wants to look at one by hand finds it there.
fn write(variants: &[Variant], folder: &Path) -> Result<Vec<PathBuf>, ModelsError> {
    let at = |path: &Path| {
        let path = path.to_path_buf();
        move |source| ModelsError::File { path, source }
    };
    fs::create_dir_all(folder).map_err(at(folder))?;
    let mut paths = Vec::new();
    for variant in variants {
        let path = folder.join(format!("{}.vp", variant.name));
        fs::write(&path, &variant.text).map_err(at(&path))?;
        paths.push(path);
    }
    Ok(paths)
}

/// Runs all models, one on each core, and gives what differs from what is expected, in the order of the models.
fn run(tool: &Tool, variants: &[Variant], paths: &[PathBuf]) -> Vec<String> {
    let work: Vec<_> = variants.iter().zip(paths).collect();
    let findings = on_each_core(&work, |(variant, path)| {
        let began = Instant::now();
        let found = match tool.verify(path) {
            Ok(report) => verdict::compare(&variant.queries, &report),
            Err(error) => vec![error.to_string()],
        };
        gates::print(&format!(
            "      {:<40} {:>2} queries {:>6.1} s{}\n",
            variant.name,
            variant.queries.len(),
            began.elapsed().as_secs_f64(),
            if found.is_empty() { "" } else { "  differs" }
        ));
        let named = found.into_iter();
        named
            .map(|finding| format!("{}: {finding}", variant.name))
            .collect::<Vec<_>>()
    });
    findings.concat()
}
