//! Duplicate versions: one generation of each cryptographic family without exception; elsewhere a second generation of a package needs an
//! entry, with its reason, in `tests/ci/duplicates.json`. An entry that is no longer needed is a finding too.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use serde::Deserialize;

use crate::cargo::workspace_root;
use crate::gates::Outcome;
use crate::metadata::{Metadata, MetadataError};

/// Packages that implement or define the interfaces of cryptography: two generations of one of them would mean two types for one key, or two
/// implementations to watch. A trailing `*` stands for any ending.
const CRYPTOGRAPHY: &[&str] = &[
    "aead",
    "aes",
    "aes-gcm",
    "bip39",
    "block-buffer",
    "cbc",
    "chacha20",
    "chacha20poly1305",
    "cipher",
    "crypto-common",
    "ctr",
    "curve25519-dalek",
    "digest",
    "ed25519",
    "ed25519-dalek",
    "ghash",
    "hkdf",
    "hmac",
    "inout",
    "kem",
    "keccak",
    "libcrux-*",
    "ml-kem",
    "pkcs8",
    "poly1305",
    "polyval",
    "ring",
    "aws-lc-rs",
    "rustls",
    "sha1",
    "sha2",
    "sha3",
    "signature",
    "subtle",
    "universal-hash",
    "x25519-dalek",
    "zeroize",
];

/// Why the check could not be made.
#[derive(Debug, thiserror::Error)]
pub(crate) enum DuplicatesError {
    #[error(transparent)]
    Metadata(#[from] MetadataError),
    #[error("tests/ci/duplicates.json: {0}")]
    Read(#[from] std::io::Error),
    #[error("tests/ci/duplicates.json: {0}")]
    Parse(#[from] serde_json::Error),
}

/// One tolerated package: its generations (the part of the version that semantic versioning holds fixed) and why there are several.
#[derive(Deserialize)]
struct Tolerated {
    name: String,
    generations: BTreeSet<String>,
    reason: String,
}

type Generations = BTreeMap<String, BTreeSet<String>>;

pub(crate) fn check() -> Result<Outcome, DuplicatesError> {
    let metadata = Metadata::load()?;
    let tolerated: Vec<Tolerated> = serde_json::from_slice(&fs::read(
        workspace_root().join("tests/ci/duplicates.json"),
    )?)?;
    let packages = metadata
        .packages
        .iter()
        .map(|package| (package.name.as_str(), package.version.as_str()));
    let several = several(packages);
    Ok(Outcome::of(findings(&several, &tolerated), || {
        format!(
            "one generation of each cryptographic package; {} tolerated duplicates elsewhere",
            tolerated.len()
        )
    }))
}

/// Packages of which there is more than one version, with their generations.
fn several<'a>(packages: impl Iterator<Item = (&'a str, &'a str)>) -> Generations {
    let mut versions: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for (name, version) in packages {
        versions.entry(name).or_default().insert(version);
    }
    let repeated = versions
        .into_iter()
        .filter(|(_, versions)| versions.len() > 1);
    repeated
        .map(|(name, versions)| {
            (
                name.to_owned(),
                versions.into_iter().map(generation).collect(),
            )
        })
        .collect()
}

/// `1.2.3` → `1`, `0.9.5` → `0.9`, `0.0.11` → `0.0.11`: versions of one generation replace one another.
fn generation(version: &str) -> String {
    let release = version.split(['-', '+']).next().unwrap_or(version);
    let parts: Vec<_> = release.split('.').collect();
    let fixed = parts
        .iter()
        .position(|part| *part != "0")
        .unwrap_or(parts.len())
        + 1;
    parts.into_iter().take(fixed).collect::<Vec<_>>().join(".")
}

fn findings(several: &Generations, tolerated: &[Tolerated]) -> Vec<String> {
    let mut findings = Vec::new();
    for (name, generations) in several {
        let found = generations.iter().cloned().collect::<Vec<_>>().join(", ");
        if is_cryptography(name) {
            findings.push(format!(
                "{name}: {found}; cryptography comes in one generation"
            ));
            continue;
        }
        match tolerated.iter().find(|entry| entry.name == *name) {
            None => findings.push(format!(
                "{name}: {found}; unify, or tolerate it with a reason"
            )),
            Some(entry) if entry.generations != *generations => {
                findings.push(format!("{name}: {found}; its entry names others"))
            }
            Some(entry) if entry.reason.trim().is_empty() => {
                findings.push(format!("{name}: its entry gives no reason"))
            }
            Some(_) => {}
        }
    }
    let needless = tolerated
        .iter()
        .filter(|entry| !several.contains_key(&entry.name));
    findings.extend(needless.map(|entry| {
        format!(
            "{}: there is one version only; remove its entry",
            entry.name
        )
    }));
    findings
}

fn is_cryptography(name: &str) -> bool {
    CRYPTOGRAPHY
        .iter()
        .any(|family| match family.strip_suffix('*') {
            Some(start) => name.starts_with(start),
            None => name == *family,
        })
}

#[cfg(test)]
#[path = "duplicates_tests.rs"]
mod tests;
