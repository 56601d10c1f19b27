use super::*;

#[test]
fn one_side_of_an_or_is_enough() {
    assert_eq!(
        permissive("MIT OR Apache-2.0 OR LGPL-2.1-or-later"),
        Ok(true)
    );
    assert_eq!(permissive("GPL-3.0-only OR AGPL-3.0-only"), Ok(false));
}

#[test]
fn both_sides_of_an_and_are_needed() {
    assert_eq!(
        permissive("ISC AND (Apache-2.0 OR ISC) AND BSD-3-Clause"),
        Ok(true)
    );
    assert_eq!(permissive("MIT AND GPL-2.0-only"), Ok(false));
    assert_eq!(
        permissive("(MIT OR GPL-2.0-only) AND (AGPL-3.0-only OR GPL-3.0-or-later)"),
        Ok(false)
    );
}

#[test]
fn copyleft_is_refused_in_every_spelling() {
    for expression in [
        "AGPL-3.0-only",
        "AGPL-3.0-or-later",
        "GPL-2.0-only",
        "LGPL-3.0-or-later",
        "MPL-2.0",
        "SSPL-1.0",
    ] {
        assert_eq!(permissive(expression), Ok(false), "{expression}");
    }
}

#[test]
fn exceptions_and_old_slashes_are_understood() {
    assert_eq!(permissive("Apache-2.0 WITH LLVM-exception"), Ok(true));
    assert_eq!(permissive("MIT/Apache-2.0"), Ok(true));
    assert_eq!(permissive("Apache-2.0 / MIT"), Ok(true));
}

#[test]
fn what_is_no_expression_is_an_error() {
    assert!(permissive("see the file").is_err());
    assert!(permissive("").is_err());
}

#[test]
fn a_package_without_a_licence_is_found() {
    let package: Package =
        serde_json::from_str(r#"{"id": "a", "name": "a", "version": "1.0.0", "license": null, "dependencies": [], "targets": []}"#).unwrap();
    assert_eq!(
        finding(&package).as_deref(),
        Some("a 1.0.0 names no licence expression")
    );
}

#[test]
fn every_allowed_name_is_a_known_licence() {
    for name in ALLOWED {
        let id = spdx::license_id(name).unwrap();
        assert!(!id.is_copyleft() && !id.is_gnu(), "{name}");
    }
}
