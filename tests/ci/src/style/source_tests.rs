use super::*;

fn findings(path: &str, text: &str) -> Vec<String> {
    super::findings(path, text, is_test_file(path))
}

/// Findings without the path, in a product file.
fn found(text: &str) -> Vec<String> {
    let findings = findings("sdk/src/a.rs", text);
    findings
        .into_iter()
        .map(|finding| finding.replace("sdk/src/a.rs:", ""))
        .collect()
}

#[test]
fn clean_code_has_no_findings() {
    assert_eq!(
        found("/// Docs say unwrap() and panic!.\nfn a() -> &'static str { \"x.unwrap()\" }\n"),
        Vec::<String>::new()
    );
}

#[test]
fn panics_outside_tests_are_found() {
    assert_eq!(
        found("fn a(x: Option<u8>) -> u8 {\n    x.unwrap()\n}"),
        ["2: unwrap outside tests"]
    );
    assert_eq!(
        found("fn a() { panic!(\"x\") }"),
        ["1: panic outside tests"]
    );
    assert_eq!(
        found("fn a() { std::unreachable!() }"),
        ["1: unreachable outside tests"]
    );
}

#[test]
fn panics_inside_macro_arguments_are_found() {
    assert_eq!(
        found("fn a() { format!(\"{}\", b.expect(\"c\")); }"),
        ["1: expect outside tests"]
    );
    assert_eq!(
        found("fn a() { select! { x = y => { panic!() } } }"),
        ["1: panic outside tests"]
    );
}

#[test]
fn what_only_resembles_a_panic_is_no_finding() {
    assert!(
        found("fn a() { x.unwrap_or_default(); unwrap(); format!(\"{}\", b.unwrap_or(1)); }")
            .is_empty()
    );
}

#[test]
fn test_code_may_panic() {
    assert!(found("#[cfg(test)]\nmod tests {\n    fn a() { b.unwrap(); }\n}").is_empty());
    assert!(found("#[tokio::test]\nasync fn a() { b.unwrap(); }").is_empty());
    assert!(findings("sdk/src/a_tests.rs", "fn a() { b.unwrap(); }").is_empty());
    assert!(findings("sdk/examples/a.rs", "fn a() { b.unwrap(); }").is_empty());
}

#[test]
fn code_compiled_without_tests_is_no_test_code() {
    assert_eq!(found("#[cfg(not(test))]\nfn a() { b.unwrap(); }").len(), 1);
    assert_eq!(
        found("#[cfg(feature = \"test\")]\nfn a() { b.unwrap(); }").len(),
        1
    );
}

#[test]
fn this_tool_is_held_to_the_rules_of_the_product() {
    assert_eq!(
        findings("tests/ci/src/a.rs", "fn a() { b.unwrap(); }").len(),
        1
    );
}

#[test]
fn long_functions_are_found_and_their_limit_is_exact() {
    let function = |lines: usize| format!("fn a() {{\n{}}}\n", "    b();\n".repeat(lines - 2));
    assert!(found(&function(MAX_FUNCTION_LINES)).is_empty());
    assert_eq!(
        found(&function(MAX_FUNCTION_LINES + 1)),
        ["1: a has 71 lines, 70 allowed"]
    );
    assert_eq!(
        found(&format!(
            "struct S;\nimpl S {{\n{}}}",
            function(MAX_FUNCTION_LINES + 1)
        ))
        .len(),
        1
    );
    assert_eq!(
        found(&format!(
            "trait T {{\n{}}}",
            function(MAX_FUNCTION_LINES + 1)
        ))
        .len(),
        1
    );
}

#[test]
fn long_files_are_found_without_their_test_modules() {
    let lines = "const A: u8 = 0;\n";
    assert!(found(&lines.repeat(MAX_FILE_LINES)).is_empty());
    assert_eq!(
        found(&lines.repeat(MAX_FILE_LINES + 1)),
        [" 501 lines, 500 allowed"]
    );
    let with_tests = format!(
        "{}#[cfg(test)]\nmod tests {{\n{}}}\n",
        lines.repeat(MAX_FILE_LINES),
        lines.repeat(100)
    );
    assert!(found(&with_tests).is_empty());
}

#[test]
fn markers_are_found_as_whole_words() {
    let marker = MARKERS[0];
    assert_eq!(
        found(&format!("// {marker}: later")),
        [format!("1: {marker}")]
    );
    assert!(found(&format!("const {marker}S: u8 = 0;")).is_empty());
}

#[test]
fn ignored_and_sleeping_tests_are_found() {
    assert_eq!(found("#[test]\n#[ignore]\nfn a() {}"), ["1: ignored test"]);
    assert_eq!(
        found("#[test]\nfn a() { std::thread::sleep(x); }"),
        ["2: sleep in a test"]
    );
    assert!(found("fn a() { std::thread::sleep(x); }").is_empty());
}

#[test]
fn what_does_not_parse_is_found() {
    assert_eq!(found("fn a( {").len(), 1);
}
