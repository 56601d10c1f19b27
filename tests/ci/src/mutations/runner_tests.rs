use std::path::Path;

use super::*;

#[test]
fn the_tests_of_a_library_are_found_among_cargos_messages() {
    let messages = concat!(
        r#"{"reason":"compiler-artifact","manifest_path":"/w/lib/Cargo.toml","executable":null,"fresh":true}"#,
        "\n",
        r#"{"reason":"build-script-executed","package_id":"a"}"#,
        "\n",
        r#"{"reason":"compiler-artifact","manifest_path":"/w/a/Cargo.toml","executable":"/t/debug/deps/a-1"}"#,
        "\n",
        r#"{"reason":"build-finished","success":true}"#,
        "\n",
    );
    let found = tests(messages).unwrap();
    assert_eq!(found.binary, Path::new("/t/debug/deps/a-1"));
    assert_eq!(found.folder, Path::new("/w/a"));
    assert!(tests(r#"{"reason":"build-finished","success":true}"#).is_none());
}

#[test]
fn a_test_that_did_not_run_did_not_pass() {
    let output = "running 2 tests\ntest a::one ... ok\ntest a::one_more ... ignored\n\ntest result: ok. 1 passed\n";
    assert_eq!(not_passed(output, &["a::one"]), None);
    assert_eq!(
        not_passed(output, &["a::one", "a::one_more"]),
        Some("a::one_more")
    );
    assert_eq!(not_passed(output, &["one"]), Some("one"));
    assert_eq!(not_passed("running 0 tests\n", &["a::one"]), Some("a::one"));
}

#[test]
fn the_compilers_first_error_is_shown() {
    let said = "warning: unused\nerror[E0425]: cannot find value `x`\n --> a.rs\nerror: aborting\n";
    assert_eq!(first_error(said), "error[E0425]: cannot find value `x`");
    assert_eq!(first_error(""), "without a word");
}

/// This very tool's tests stand in for a library's.
fn own_tests() -> Tests {
    Tests {
        binary: std::env::current_exe().unwrap(),
        folder: PathBuf::from(env!("CARGO_MANIFEST_DIR")),
    }
}

#[test]
fn a_test_passes_fails_or_is_none() {
    let own = own_tests();
    let passing = "mutations::runner::tests::the_compilers_first_error_is_shown";
    assert!(own.pass(&[passing]).unwrap());
    let missing = own.pass(&["mutations::runner::tests::no_such_test"]);
    assert!(
        matches!(missing, Err(RunnerError::NotRun(_))),
        "{missing:?}"
    );
}

#[test]
fn a_binary_that_ends_with_an_error_has_a_failing_test() {
    let tests = Tests {
        binary: PathBuf::from("false"),
        folder: PathBuf::from("."),
    };
    assert!(!tests.pass(&["a"]).unwrap());
}
