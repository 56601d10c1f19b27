//! The gates in their order, and what a run of them prints.

use std::io::{self, Write};
use std::time::Instant;

use clap::Subcommand;

use crate::{cargo, claims, constant_time, dependency_rule, duplicates, licences, style, vectors};

/// One gate. The order of [`Gate::ALL`] is from cheap to expensive, so that a run stops early on what costs seconds to find.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Subcommand)]
pub(crate) enum Gate {
    /// Formatting: `cargo fmt --all --check`.
    Fmt,
    /// The dependency rule between our crates, from `cargo metadata`.
    Deps,
    /// Licences of every package in the lock file.
    Licences,
    /// Several versions of one package.
    Duplicates,
    /// House style: lengths, panics outside tests, markers, `forbid(unsafe_code)`.
    Style,
    /// The tests that `tests/ATTACKS.md` names for each attack, and `sdk/protocol/SPEC-TESTS.md` for each rule, exist and run.
    Claims,
    /// Clippy on all targets, warnings denied.
    Clippy,
    /// Documentation builds without warnings.
    Docs,
    /// The README's test command: `cargo test --workspace`.
    Test,
    /// The protocol's test vectors are what the code produces.
    Vectors,
    /// The quickstart example exits 0.
    Quickstart,
    /// Operations on secrets take the same path whatever the secret, under valgrind.
    ConstantTime,
}

/// What a gate found.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// Nothing to object to; the text says what was looked at.
    Passed(String),
    /// What is wrong, one finding a line.
    Failed(Vec<String>),
}

impl Outcome {
    /// Passed with `looked_at` when there are no findings.
    pub(crate) fn of(findings: Vec<String>, looked_at: impl FnOnce() -> String) -> Self {
        if findings.is_empty() {
            Self::Passed(looked_at())
        } else {
            Self::Failed(findings)
        }
    }
}

/// A gate that could not look at its subject fails with the reason.
impl<E: std::error::Error> From<Result<Outcome, E>> for Outcome {
    fn from(result: Result<Outcome, E>) -> Self {
        result.unwrap_or_else(|error| Self::Failed(vec![error.to_string()]))
    }
}

impl Gate {
    /// All gates in the order in which they run.
    pub(crate) const ALL: [Self; 12] = [
        Self::Fmt,
        Self::Deps,
        Self::Licences,
        Self::Duplicates,
        Self::Style,
        Self::Claims,
        Self::Clippy,
        Self::Docs,
        Self::Test,
        Self::Vectors,
        Self::Quickstart,
        Self::ConstantTime,
    ];

    fn name(self) -> &'static str {
        match self {
            Self::Fmt => "fmt",
            Self::Deps => "deps",
            Self::Licences => "licences",
            Self::Duplicates => "duplicates",
            Self::Style => "style",
            Self::Claims => "claims",
            Self::Clippy => "clippy",
            Self::Docs => "docs",
            Self::Test => "test",
            Self::Vectors => "vectors",
            Self::Quickstart => "quickstart",
            Self::ConstantTime => "constant-time",
        }
    }

    fn check(self) -> Outcome {
        match self {
            Self::Fmt => cargo::fmt(),
            Self::Deps => dependency_rule::check().into(),
            Self::Licences => licences::check().into(),
            Self::Duplicates => duplicates::check().into(),
            Self::Style => style::check().into(),
            Self::Claims => claims::check().into(),
            Self::Clippy => cargo::clippy(),
            Self::Docs => cargo::docs(),
            Self::Test => cargo::test(),
            Self::Vectors => vectors::check(),
            Self::Quickstart => cargo::quickstart(),
            Self::ConstantTime => constant_time::check().into(),
        }
    }
}

/// Runs `gates` in order, prints a line for each and a summary, and says whether all passed.
pub(crate) fn run(gates: &[Gate], keep_going: bool) -> bool {
    let started = Instant::now();
    let mut lines = Vec::new();
    let mut failed = 0_usize;
    for (index, gate) in gates.iter().enumerate() {
        if failed > 0 && !keep_going {
            let names: Vec<_> = gates.iter().skip(index).map(|gate| gate.name()).collect();
            lines.push(format!("not run: {}", names.join(", ")));
            break;
        }
        let began = Instant::now();
        let outcome = gate.check();
        failed += usize::from(matches!(outcome, Outcome::Failed(_)));
        report(gate.name(), &outcome);
        lines.push(format!(
            "{}  {:.1} s",
            headline(gate.name(), &outcome),
            began.elapsed().as_secs_f64()
        ));
    }
    if gates.len() > 1 {
        print(&summary(&lines, failed, started.elapsed().as_secs_f64()));
    }
    failed == 0
}

/// Prints a gate's line and its findings, and says whether it passed.
pub(crate) fn report(name: &str, outcome: &Outcome) -> bool {
    let mut text = headline(name, outcome);
    text.push('\n');
    if let Outcome::Failed(findings) = outcome {
        for finding in findings {
            text.push_str("      ");
            text.push_str(finding);
            text.push('\n');
        }
    }
    print(&text);
    matches!(outcome, Outcome::Passed(_))
}

fn headline(name: &str, outcome: &Outcome) -> String {
    match outcome {
        Outcome::Passed(looked_at) => format!("ok    {name:<13} {looked_at}"),
        Outcome::Failed(findings) => {
            format!(
                "FAIL  {name:<13} {} finding{}",
                findings.len(),
                if findings.len() == 1 { "" } else { "s" }
            )
        }
    }
}

fn summary(lines: &[String], failed: usize, seconds: f64) -> String {
    let verdict = if failed == 0 {
        "all gates passed".to_owned()
    } else {
        format!("{failed} failed")
    };
    format!(
        "\ncargo ci: {verdict} in {seconds:.0} s\n{}\n",
        lines.join("\n")
    )
}

/// Standard output may be closed (`| head`): that is no reason to fail a gate.
pub(crate) fn print(text: &str) {
    let mut out = io::stdout().lock();
    let _ = out.write_all(text.as_bytes());
    let _ = out.flush();
}

#[cfg(test)]
#[path = "gates_tests.rs"]
mod tests;
