use super::*;
use crate::claims::table::claims;

fn findings(row: &str) -> Vec<String> {
    let root = workspace_root();
    let mut sources = Sources::new(&root);
    claims("T.md", &format!("|---|---|---|\n{row}"))
        .into_iter()
        .flat_map(|claim| sources.findings("T.md", &claim.unwrap()))
        .collect()
}

const THIS: &str = "tests/ci/src/claims/claims_tests.rs";

#[test]
fn a_test_that_is_there_passes() {
    assert!(
        findings(&format!(
            "| 1.1 | This. | `{THIS}` `a_test_that_is_there_passes` |"
        ))
        .is_empty()
    );
    assert!(findings("| G1 | Groups. | later: there are no groups |").is_empty());
}

#[test]
fn what_is_not_there_is_found() {
    let found = findings(&format!(
        "| 1.1 | This. | `{THIS}` `findings`, `no_such_test`; `no/such.rs` `a` |"
    ));
    assert_eq!(found.len(), 3, "{found:?}");
    assert_eq!(found[0], format!("T.md:2: 1.1: {THIS}: no test findings"));
    assert_eq!(
        found[1],
        format!("T.md:2: 1.1: {THIS}: no test no_such_test")
    );
    assert!(
        found[2].starts_with("T.md:2: 1.1: no/such.rs: "),
        "{found:?}"
    );
}

#[test]
fn an_attack_needs_a_test_of_its_name() {
    let row = |id: &str| {
        findings(&format!(
            "| {id} | This. | `{THIS}` `x9_an_attack_has_its_test` |"
        ))
    };
    assert!(row("X9").is_empty());
    assert_eq!(row("X8"), ["T.md:2: X8: no test is named x8_…"]);
    assert_eq!(row("X"), Vec::<String>::new());
}

#[test]
fn x9_an_attack_has_its_test() {
    assert_eq!(
        findings(&format!(
            "| X9 | This. | `{THIS}` `a_test_that_is_there_passes` |"
        ))
        .len(),
        1
    );
}

#[test]
fn the_tables_of_the_workspace_hold() {
    match check().unwrap() {
        Outcome::Passed(rows) => assert!(!rows.starts_with("0 rows"), "{rows}"),
        Outcome::Failed(findings) => panic!("{findings:#?}"),
    }
}
