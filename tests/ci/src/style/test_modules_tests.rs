use super::*;

fn found(files: &[(&str, &str)]) -> BTreeSet<String> {
    let files: Vec<_> = files
        .iter()
        .map(|(path, text)| ((*path).to_owned(), (*text).to_owned()))
        .collect();
    find(&files)
}

#[test]
fn a_module_for_tests_is_found_beside_and_below_its_parent() {
    let beside = found(&[("a/src/lib.rs", "#[cfg(test)]\nmod fixture;\nmod product;")]);
    assert!(beside.contains("a/src/fixture.rs"));
    assert!(!beside.contains("a/src/product.rs"));
    let below = found(&[("a/src/b.rs", "#[cfg(test)] mod fixture;")]);
    assert!(below.contains("a/src/b/fixture.rs"));
}

#[test]
fn the_path_attribute_counts() {
    let files = found(&[(
        "a/src/b.rs",
        "#[cfg(test)]\n#[path = \"c_tests.rs\"]\nmod tests;",
    )]);
    assert!(files.contains("a/src/c_tests.rs"));
}

#[test]
fn modules_of_test_modules_are_test_modules() {
    let files = found(&[
        ("a/src/lib.rs", "#[cfg(test)] mod world;"),
        ("a/src/world/mod.rs", "mod clock;"),
    ]);
    assert!(files.contains("a/src/world/clock.rs"));
}

#[test]
fn a_module_without_tests_is_no_test_module() {
    assert!(found(&[("a/src/lib.rs", "#[cfg(not(test))] mod product;")]).is_empty());
}
