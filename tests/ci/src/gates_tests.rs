use std::collections::HashSet;

use super::*;

#[test]
fn every_gate_has_a_name_of_its_own() {
    let names: HashSet<_> = Gate::ALL.iter().map(|gate| gate.name()).collect();
    assert_eq!(names.len(), Gate::ALL.len());
}

#[test]
fn an_outcome_without_findings_has_passed() {
    assert_eq!(
        Outcome::of(vec![], || "3 files".into()),
        Outcome::Passed("3 files".into())
    );
    assert_eq!(
        Outcome::of(vec!["x".into()], || "3 files".into()),
        Outcome::Failed(vec!["x".into()])
    );
}

#[test]
fn a_gate_that_could_not_look_has_failed() {
    let unreadable: Result<Outcome, io::Error> = Err(io::Error::other("unreadable"));
    assert_eq!(
        Outcome::from(unreadable),
        Outcome::Failed(vec!["unreadable".into()])
    );
}

#[test]
fn headlines_count_findings() {
    assert_eq!(
        headline("fmt", &Outcome::Passed("42 files".into())),
        "ok    fmt           42 files"
    );
    assert_eq!(
        headline("style", &Outcome::Failed(vec!["a".into()])),
        "FAIL  style         1 finding"
    );
    assert_eq!(
        headline("style", &Outcome::Failed(vec!["a".into(), "b".into()])),
        "FAIL  style         2 findings"
    );
}

#[test]
fn the_summary_says_how_many_failed() {
    assert!(summary(&[], 0, 1.0).contains("all gates passed"));
    assert!(summary(&["FAIL  fmt".into()], 1, 1.0).contains("1 failed"));
}
