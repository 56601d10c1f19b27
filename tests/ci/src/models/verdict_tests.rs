use super::*;

fn expected(what: Expected) -> Vec<Query> {
    vec![Query {
        text: "confidentiality? m".to_owned(),
        expected: what,
    }]
}

/// As Verifpal writes it, fields that nobody reads included.
fn report(query: &str, resolved: bool, exhausted: bool, subtype: &str) -> Report {
    let text = format!(
        r#"{{"version":"1.6.7","ok":true,"models":[{{"file":"m.vp","ok":true,"analysis":{{"code":"c0","queries":[
        {{"query":"{query}","kind":"confidentiality","resolved":{resolved},"envelope":{{"sessions":2,"truncations":[],"exhausted":{exhausted}}},
        {subtype}"summary":"1. Attacker observes k."}}]}}}}]}}"#
    );
    serde_json::from_str(&text).unwrap()
}

const REPLAYED: &str = r#""subtype":"duplicate acceptance: no recipient-generated context","#;

#[test]
fn each_result_is_told_from_the_others() {
    let found = [
        (
            Expected::Holds,
            report("confidentiality? m", false, true, ""),
        ),
        (
            Expected::Attack,
            report("confidentiality? m", true, true, ""),
        ),
        (
            Expected::Replay,
            report("confidentiality? m", true, true, REPLAYED),
        ),
    ];
    for (is, report) in &found {
        for (wanted, _) in &found {
            let findings = compare(&expected(*wanted), report);
            assert_eq!(findings.is_empty(), is == wanted, "{findings:?}");
        }
    }
}

#[test]
fn a_search_that_was_cut_short_holds_nothing() {
    let cut_short = report("confidentiality? m", false, false, "");
    assert_eq!(compare(&expected(Expected::Holds), &cut_short).len(), 1);
}

#[test]
fn an_attack_is_shown_with_its_trace() {
    let findings = compare(
        &expected(Expected::Holds),
        &report("confidentiality? m", true, true, ""),
    );
    assert!(findings[0].contains("Attacker observes k."), "{findings:?}");
}

#[test]
fn another_query_than_the_expected_one_is_a_finding() {
    let other = report("confidentiality? n", false, true, "");
    assert_eq!(compare(&expected(Expected::Holds), &other).len(), 1);
    assert_eq!(compare(&[], &other).len(), 1);
}

#[test]
fn a_model_that_could_not_be_read_is_a_finding() {
    let unread = r#"{"version":"1.6.7","ok":false,"models":[{"file":"m.vp","ok":false,"error":"parse error"}]}"#;
    assert_eq!(
        compare(
            &expected(Expected::Holds),
            &serde_json::from_str(unread).unwrap()
        ),
        ["parse error"]
    );
}
