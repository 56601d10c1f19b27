//! The dependency rule: the relay cannot depend on what could decrypt, and the pure crates depend on nothing of ours. Dev-dependencies are
//! aside: they never reach a user.

use std::collections::{BTreeMap, BTreeSet};

use crate::gates::Outcome;
use crate::metadata::{Metadata, MetadataError};

/// Which of our crates each of our crates may depend on. A crate that is not listed fails the gate until somebody decides.
const MAY_DEPEND_ON: &[(&str, &[&str])] = &[
    ("undertone-protocol", &[]),
    ("undertone-wire", &[]),
    ("undertone-tokenizer", &[]),
    (
        "undertone",
        &[
            "undertone-protocol",
            "undertone-tokenizer",
            "undertone-wire",
        ],
    ),
    ("undertone-relay", &["undertone-wire"]),
    (
        "undertone-cryptography",
        &["undertone-protocol", "undertone-wire"],
    ),
    (
        "undertone-tests",
        &[
            "undertone",
            "undertone-cryptography",
            "undertone-protocol",
            "undertone-relay",
            "undertone-tokenizer",
            "undertone-wire",
        ],
    ),
    (
        "undertone-fuzz-targets",
        &["undertone-protocol", "undertone-wire"],
    ),
    ("undertone-ci", &[]),
];

/// The relay's crates, and the crates that could decrypt, directly or through others.
const RELAY: &[&str] = &["undertone-relay", "undertone-wire"];
const SDK: &[&str] = &["undertone", "undertone-protocol", "undertone-tokenizer"];

/// Our crates with the ones of ours that they depend on, dev-dependencies aside.
type Graph = BTreeMap<String, BTreeSet<String>>;

pub(crate) fn check() -> Result<Outcome, MetadataError> {
    let graph = graph(&Metadata::load()?);
    Ok(Outcome::of(findings(&graph), || {
        format!("{} crates keep the dependency rule", graph.len())
    }))
}

fn graph(metadata: &Metadata) -> Graph {
    let ours: BTreeSet<_> = metadata
        .members()
        .map(|package| package.name.clone())
        .collect();
    let edges = |package: &crate::metadata::Package| {
        let shipped = package
            .dependencies
            .iter()
            .filter(|dependency| dependency.kind.as_deref() != Some("dev"));
        shipped
            .map(|dependency| dependency.name.clone())
            .filter(|name| ours.contains(name))
            .collect()
    };
    metadata
        .members()
        .map(|package| (package.name.clone(), edges(package)))
        .collect()
}

fn findings(graph: &Graph) -> Vec<String> {
    let mut findings = Vec::new();
    for (name, depends_on) in graph {
        let Some((_, allowed)) = MAY_DEPEND_ON.iter().find(|(listed, _)| listed == name) else {
            findings.push(format!("{name} has no entry in the dependency rule"));
            continue;
        };
        let forbidden = depends_on
            .iter()
            .filter(|other| !allowed.contains(&other.as_str()));
        findings.extend(forbidden.map(|other| format!("{name} must not depend on {other}")));
    }
    for relay in RELAY {
        if !graph.contains_key(*relay) {
            findings.push(format!(
                "{relay} is not in the workspace, so nothing was checked for it"
            ));
        }
        let reached = reachable(graph, relay);
        let sdk = SDK.iter().filter(|name| reached.contains(**name));
        findings.extend(sdk.map(|name| format!("{relay} reaches {name}")));
    }
    findings
}

/// Everything of ours that `from` depends on, directly or through others.
fn reachable<'a>(graph: &'a Graph, from: &'a str) -> BTreeSet<&'a str> {
    let mut seen = BTreeSet::new();
    let mut open = vec![from];
    while let Some(name) = open.pop() {
        for next in graph.get(name).into_iter().flatten() {
            if seen.insert(next.as_str()) {
                open.push(next);
            }
        }
    }
    seen
}

#[cfg(test)]
#[path = "dependency_rule_tests.rs"]
mod tests;
