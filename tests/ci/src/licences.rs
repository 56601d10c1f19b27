//! Licences: every package in the lock files can be had under permissive terms alone.

use std::collections::BTreeMap;

use spdx::{Expression, LicenseReq, ParseMode};

use crate::gates::Outcome;
use crate::metadata::{Metadata, MetadataError, Package};

/// Permissive licences and public-domain dedications. Nothing with a copyleft belongs here, weak or strong.
const ALLOWED: &[&str] = &[
    "0BSD",
    "Apache-2.0",
    "blessing",
    "BSD-1-Clause",
    "BSD-2-Clause",
    "BSD-3-Clause",
    "BSL-1.0",
    "CC0-1.0",
    "CDLA-Permissive-2.0",
    "ISC",
    "MIT",
    "MIT-0",
    "NCSA",
    "Unicode-3.0",
    "Unlicense",
    "WTFPL",
    "Zlib",
];

pub(crate) fn check() -> Result<Outcome, MetadataError> {
    let (metadata, fuzz) = (Metadata::load()?, Metadata::load_fuzz()?);
    let both = metadata.packages.iter().chain(&fuzz.packages);
    let packages: BTreeMap<_, _> = both.map(|package| (&package.id, package)).collect();
    let findings = packages.values().copied().filter_map(finding).collect();
    Ok(Outcome::of(findings, || {
        format!("{} packages under permissive licences", packages.len())
    }))
}

fn finding(package: &Package) -> Option<String> {
    let name = format!("{} {}", package.name, package.version);
    match package.license.as_deref().map(permissive) {
        Some(Ok(true)) => None,
        Some(Ok(false)) => Some(format!(
            "{name}: {} cannot be met by permissive licences",
            package.license.as_deref()?
        )),
        Some(Err(reason)) => Some(format!("{name}: {reason}")),
        None => Some(format!("{name} names no licence expression")),
    }
}

/// Whether the expression can be met by allowed licences alone: one side of each OR, both of each AND. An exception after WITH only adds
/// permissions, so it is not looked at. `/` is read as the OR that older crates mean by it.
fn permissive(expression: &str) -> Result<bool, String> {
    let mode = ParseMode {
        allow_slash_as_or_operator: true,
        ..ParseMode::STRICT
    };
    let parsed = Expression::parse_mode(expression, mode).map_err(|error| error.to_string())?;
    Ok(parsed.evaluate(allowed))
}

fn allowed(requirement: &LicenseReq) -> bool {
    requirement
        .license
        .id()
        .is_some_and(|id| ALLOWED.contains(&id.name))
}

#[cfg(test)]
#[path = "licences_tests.rs"]
mod tests;
