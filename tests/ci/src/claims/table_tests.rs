use super::*;

fn rows(rows: &str) -> Vec<Result<Claim, String>> {
    claims(
        "T.md",
        &format!("Text.\n\n| Row | What | Tests |\n|---|---|---|\n{rows}\n\nText | with a bar.\n"),
    )
}

fn test(file: &str, name: &str) -> Test {
    Test {
        file: file.to_owned(),
        name: name.to_owned(),
    }
}

fn claim(line: usize, id: &str, evidence: Evidence) -> Result<Claim, String> {
    Ok(Claim {
        line,
        id: id.to_owned(),
        evidence,
    })
}

#[test]
fn a_row_names_files_and_their_tests() {
    let found = rows(
        "| E1 | A sentence. | `a/b.rs` `one`, `two`; `c.rs` `three` |\n| 13.1 | Another. | `c.rs` `four` |",
    );
    let tests = vec![
        test("a/b.rs", "one"),
        test("a/b.rs", "two"),
        test("c.rs", "three"),
    ];
    assert_eq!(
        found,
        [
            claim(5, "E1", Evidence::Tests(tests)),
            claim(6, "13.1", Evidence::Tests(vec![test("c.rs", "four")])),
        ]
    );
}

#[test]
fn a_row_without_a_test_has_a_reason() {
    let found = rows(
        "| G1 | A sentence. | later: groups do not exist yet |\n| S8 | A sentence. | no test: it is a matter of taste |",
    );
    assert_eq!(
        found,
        [
            claim(5, "G1", Evidence::Reason),
            claim(6, "S8", Evidence::Reason)
        ]
    );
}

#[test]
fn a_row_that_says_nothing_is_found() {
    for (row, finding) in [
        ("| E1 | A sentence. |", "a row has three cells"),
        (
            "| E1 | A sentence. | `a.rs` `b` | more |",
            "a row has three cells",
        ),
        (
            "| E 1 | A sentence. | `a.rs` `b` |",
            "the first cell is one word",
        ),
        ("| E1 | | `a.rs` `b` |", "nothing is claimed"),
        (
            "| E1 | A sentence. | |",
            "no test is named, and no reason given",
        ),
        (
            "| E1 | A sentence. | later: |",
            "no test is named, and no reason given",
        ),
        ("| E1 | A sentence. | later: soon |", "there is no reason"),
        (
            "| E1 | A sentence. | `b` |",
            "a test is named without its file",
        ),
        (
            "| E1 | A sentence. | `a.rs` |",
            "a file is named without a test",
        ),
        (
            "| E1 | A sentence. | `a.rs` `c.rs` `b` |",
            "a file is named without a test",
        ),
    ] {
        assert_eq!(rows(row), [Err(format!("T.md:5: {finding}"))], "{row}");
    }
}

#[test]
fn a_text_without_a_table_has_no_rows() {
    assert_eq!(claims("T.md", "| E1 | not a table | `a.rs` `b` |\n"), []);
}

#[test]
fn attacks_are_told_from_sections() {
    let prefix = |id: &str| {
        let claim = Claim {
            line: 1,
            id: id.to_owned(),
            evidence: Evidence::Reason,
        };
        claim.test_prefix()
    };
    assert_eq!(prefix("E13").as_deref(), Some("e13_"));
    for section in ["13", "13.1", "E", "e1", "EE1", "E1b"] {
        assert_eq!(prefix(section), None, "{section}");
    }
}
