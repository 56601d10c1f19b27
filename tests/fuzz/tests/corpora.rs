//! Replays every file of every target's corpus, and checks that the targets are what `fuzz/` runs.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

use std::fs;
use std::panic::{self, AssertUnwindSafe};
use std::path::{Path, PathBuf};

use undertone_fuzz_targets::TARGETS;

fn fuzz_folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz")
}

fn names(folder: &Path) -> Vec<String> {
    let entries =
        fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let mut names: Vec<_> = entries
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort_unstable();
    names
}

#[test]
fn every_input_of_every_corpus_passes() {
    let mut failed = Vec::new();
    for target in TARGETS {
        let folder = fuzz_folder().join("corpus").join(target.name);
        let inputs = names(&folder);
        assert!(!inputs.is_empty(), "{} holds no input", folder.display());
        for input in inputs {
            let bytes = fs::read(folder.join(&input)).unwrap();
            let run = AssertUnwindSafe(|| (target.run)(&bytes));
            if panic::catch_unwind(run).is_err() {
                failed.push(format!("fuzz/corpus/{}/{input}", target.name));
            }
        }
    }
    assert!(failed.is_empty(), "failed: {failed:#?}");
}

#[test]
fn every_seed_passes() {
    for target in TARGETS {
        let seeds = (target.seeds)();
        assert!(!seeds.is_empty(), "{}", target.name);
        for (at, seed) in seeds.iter().enumerate() {
            let run = AssertUnwindSafe(|| (target.run)(seed));
            assert!(panic::catch_unwind(run).is_ok(), "{} {at}", target.name);
        }
    }
}

#[test]
fn each_target_has_a_program_and_a_corpus_and_each_of_these_a_target() {
    let targets: Vec<_> = TARGETS
        .iter()
        .map(|target| target.name.to_owned())
        .collect();
    let programs = names(&fuzz_folder().join("fuzz_targets"));
    let programs: Vec<_> = programs
        .iter()
        .map(|file| file.trim_end_matches(".rs").to_owned())
        .collect();
    assert_eq!(programs, targets);
    assert_eq!(names(&fuzz_folder().join("corpus")), targets);
}
