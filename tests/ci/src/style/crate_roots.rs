//! Every library and binary of the workspace, and every fuzz program, forbids unsafe code in its root, so that no module below can allow it again.

use std::path::Path;

use syn::{Attribute, Meta};

use super::{StyleError, read};
use crate::metadata::{Metadata, Target};

/// Registering a tokenizer with SQLite is a C callback: the one crate that may contain unsafe code.
const MAY_BE_UNSAFE: &str = "undertone-tokenizer";

pub(super) fn findings(metadata: &Metadata, root: &Path) -> Result<Vec<String>, StyleError> {
    let mut findings = Vec::new();
    for package in metadata
        .members()
        .filter(|package| package.name != MAY_BE_UNSAFE)
    {
        for target in package
            .targets
            .iter()
            .filter(|target| is_crate_root(target))
        {
            if !forbids_unsafe(&read(&target.src_path)?) {
                let shown = target
                    .src_path
                    .strip_prefix(root)
                    .unwrap_or(&target.src_path);
                findings.push(format!("{}: no #![forbid(unsafe_code)]", shown.display()));
            }
        }
    }
    Ok(findings)
}

fn is_crate_root(target: &Target) -> bool {
    target
        .kind
        .iter()
        .any(|kind| ["lib", "bin", "cdylib", "staticlib", "proc-macro"].contains(&kind.as_str()))
}

fn forbids_unsafe(text: &str) -> bool {
    syn::parse_file(text).is_ok_and(|file| file.attrs.iter().any(is_forbid_unsafe))
}

fn is_forbid_unsafe(attribute: &Attribute) -> bool {
    let Meta::List(list) = &attribute.meta else {
        return false;
    };
    list.path.is_ident("forbid")
        && list
            .tokens
            .to_string()
            .split(',')
            .any(|lint| lint.trim() == "unsafe_code")
}

#[cfg(test)]
#[path = "crate_roots_tests.rs"]
mod tests;
