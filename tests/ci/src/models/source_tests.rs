use super::*;

const FILE: &str = "\
// Two variants of one.
// variant honest: nothing is stolen
// variant stolen.before: the key is known
attacker[active]
principal Bob[ // a comment
  knows private k
  leaks k                    //+ stolen
  d = AEAD_DEC(k, nil, c, nil)? //- stolen.before
  leaks both //+ honest stolen //- stolen
]
queries[
  confidentiality? m // holds, but attack in stolen
  authentication? Alice -> Bob: c //- stolen // replay
]
";

fn query(text: &str, expected: Expected) -> Query {
    Query {
        text: text.to_owned(),
        expected,
    }
}

#[test]
fn variants_differ_in_marked_lines_and_results() {
    let variants = variants("m", FILE).unwrap();
    let [honest, stolen] = &variants[..] else {
        panic!("{} variants", variants.len())
    };
    assert_eq!(
        (&*honest.name, &*stolen.name),
        ("m.honest", "m.stolen.before")
    );
    assert!(!honest.text.contains("leaks k") && stolen.text.contains("  leaks k\n"));
    assert!(
        honest.text.contains("  d = AEAD_DEC(k, nil, c, nil)?\n")
            && !stolen.text.contains("AEAD_DEC")
    );
    assert!(honest.text.contains("leaks both") && !stolen.text.contains("leaks both"));
    assert!(honest.text.contains("principal Bob[ // a comment\n"));
    assert_eq!(
        honest.queries,
        [
            query("confidentiality? m", Expected::Holds),
            query("authentication? Alice -> Bob: c", Expected::Replay)
        ]
    );
    assert_eq!(
        stolen.queries,
        [query("confidentiality? m", Expected::Attack)]
    );
}

#[test]
fn a_file_without_variants_is_one_model() {
    let variants = variants("m", "queries[\n  confidentiality? m // attack\n]\n").unwrap();
    assert_eq!(variants.len(), 1);
    assert_eq!(variants[0].name, "m");
    assert_eq!(
        variants[0].queries,
        [query("confidentiality? m", Expected::Attack)]
    );
}

#[test]
fn what_is_written_wrongly_is_refused() {
    let cases = [
        (
            "// variant a: x\n  leaks k //+ b\n",
            SourceError::UnknownWord(2, "b".into()),
        ),
        (
            "// variant a: x\nqueries[\n  confidentiality? m // holds, but attack in b\n]\n",
            SourceError::UnknownWord(3, "b".into()),
        ),
        ("// variant a\n", SourceError::Declaration(1)),
        ("// variant A: x\n", SourceError::Declaration(1)),
        (
            "// variant a: x\n// variant a: y\n",
            SourceError::Declaration(2),
        ),
        (
            "queries[\n  confidentiality? m\n]\n",
            SourceError::NoExpectation(2),
        ),
        (
            "queries[\n  confidentiality? m // maybe\n]\n",
            SourceError::NoExpectation(2),
        ),
        (
            "queries[\n  confidentiality? m // holds, but not in a\n]\n",
            SourceError::NoExpectation(2),
        ),
        (
            "// variant a: x\nqueries[\n]\n",
            SourceError::NoQuery("m.a".into()),
        ),
    ];
    for (text, error) in cases {
        assert_eq!(variants("m", text), Err(error), "{text}");
    }
}
