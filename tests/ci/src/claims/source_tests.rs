use super::*;

fn found(text: &str) -> (Vec<String>, Vec<String>) {
    let tests = tests(text).unwrap();
    (
        tests.run.into_iter().collect(),
        tests.ignored.into_iter().collect(),
    )
}

fn run(text: &str) -> Vec<String> {
    let (run, ignored) = found(text);
    assert_eq!(ignored, Vec::<String>::new());
    run
}

#[test]
fn functions_with_a_test_attribute_are_tests() {
    assert_eq!(
        run(
            "/// Says so.\n#[test]\nfn a() {}\n#[tokio::test(start_paused = true)]\nasync fn b() {}"
        ),
        ["a", "b"]
    );
    assert_eq!(
        run("#[test]\n#[should_panic(expected = \"x\")]\nfn a() {}"),
        ["a"]
    );
    assert_eq!(run("mod inner { #[cfg(unix)]\n#[test]\nfn a() {} }"), ["a"]);
}

#[test]
fn other_functions_are_no_tests() {
    assert!(run("fn a() { b(); }\n#[cfg(test)]\nfn b() {}\n// #[test]\nfn c() {}\nconst D: &str = \"#[test] fn d() {}\";").is_empty());
    // The attribute is that of the item in between.
    assert!(run("#[test]\nconst A: u8 = 0;\nfn a() {}").is_empty());
}

#[test]
fn ignored_tests_are_told_apart() {
    let ignored = |text: &str| found(text) == (Vec::new(), vec!["a".to_owned()]);
    assert!(ignored("#[test]\n#[ignore]\nfn a() {}"));
    assert!(ignored("#[ignore = \"slow\"]\n#[test]\nfn a() {}"));
    assert!(ignored(
        "#[test]\n#[cfg_attr(debug_assertions, ignore)]\nfn a() {}"
    ));
    assert!(ignored("proptest! { #[test]\n#[ignore]\nfn a(x: u8) {} }"));
}

#[test]
fn tests_inside_macros_are_found() {
    assert_eq!(
        run(
            "proptest! {\n #![proptest_config(c())]\n/// Doc.\n#[test]\nfn a(x in 0..3_u8) {} fn b() {} }"
        ),
        ["a"]
    );
    assert_eq!(
        run("macro_rules! set { ($m:ident) => { mod $m { #[test]\nfn a() {} } } }"),
        ["a"]
    );
}

#[test]
fn what_a_suite_is_made_of_are_tests() {
    let suite =
        "macro_rules! suite { ($($c:ident,)*) => { $(#[test]\nfn $c() { super::$c(); })* } }\n";
    assert_eq!(run(&format!("{suite}suite! {{ a, b, }}")), ["a", "b"]);
    assert_eq!(run(suite), Vec::<String>::new());
    let no_suite = "macro_rules! suite { ($($c:ident,)*) => { $(fn $c() {})* } }\nsuite! { a, }";
    assert!(run(no_suite).is_empty());
}

#[test]
fn what_does_not_parse_is_told() {
    assert!(tests("fn a( {").is_err());
}
