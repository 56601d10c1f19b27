use super::*;

fn tolerated(name: &str, generations: &[&str]) -> Tolerated {
    let generations = generations
        .iter()
        .map(|generation| (*generation).to_owned())
        .collect();
    Tolerated {
        name: name.to_owned(),
        generations,
        reason: "two dependencies disagree".to_owned(),
    }
}

fn found(packages: &[(&str, &str)], tolerated: &[Tolerated]) -> Vec<String> {
    findings(&several(packages.iter().copied()), tolerated)
}

#[test]
fn a_generation_is_what_semantic_versioning_holds_fixed() {
    let cases = [
        ("1.2.3", "1"),
        ("0.9.5", "0.9"),
        ("0.0.11", "0.0.11"),
        ("2.0.0-rc.1", "2"),
        ("1.1.3+spec-1.1.0", "1"),
        ("0.0.0", "0.0.0"),
    ];
    for (version, expected) in cases {
        assert_eq!(generation(version), expected, "{version}");
    }
}

#[test]
fn one_version_of_each_is_no_finding() {
    assert!(found(&[("rand", "0.10.3"), ("sha2", "0.11.1")], &[]).is_empty());
}

#[test]
fn a_second_generation_needs_an_entry() {
    let packages = [("rand", "0.9.5"), ("rand", "0.10.3")];
    assert_eq!(
        found(&packages, &[]),
        ["rand: 0.10, 0.9; unify, or tolerate it with a reason"]
    );
    assert!(found(&packages, &[tolerated("rand", &["0.9", "0.10"])]).is_empty());
}

#[test]
fn a_third_generation_is_not_covered_by_the_entry_for_two() {
    let packages = [("rand", "0.8.0"), ("rand", "0.9.5"), ("rand", "0.10.3")];
    assert_eq!(
        found(&packages, &[tolerated("rand", &["0.9", "0.10"])]).len(),
        1
    );
}

#[test]
fn s9_cryptography_is_never_tolerated_twice() {
    let packages = [
        ("sha2", "0.10.9"),
        ("sha2", "0.11.1"),
        ("libcrux-sha3", "0.0.10"),
        ("libcrux-sha3", "0.0.11"),
    ];
    assert_eq!(
        found(
            &packages,
            &[
                tolerated("sha2", &["0.10", "0.11"]),
                tolerated("libcrux-sha3", &["0.0.10", "0.0.11"])
            ]
        )
        .len(),
        2
    );
}

#[test]
fn an_entry_that_is_not_needed_is_found() {
    assert_eq!(
        found(
            &[("rand", "0.10.3")],
            &[tolerated("rand", &["0.9", "0.10"])]
        ),
        ["rand: there is one version only; remove its entry"]
    );
}

#[test]
fn an_entry_without_a_reason_is_found() {
    let entry = Tolerated {
        reason: " ".to_owned(),
        ..tolerated("rand", &["0.9", "0.10"])
    };
    assert_eq!(
        found(&[("rand", "0.9.5"), ("rand", "0.10.3")], &[entry]),
        ["rand: its entry gives no reason"]
    );
}
