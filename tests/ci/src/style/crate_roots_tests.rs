use super::*;

#[test]
fn the_attribute_is_found_alone_and_among_others() {
    assert!(forbids_unsafe(
        "//! Docs.\n#![forbid(unsafe_code)]\nfn main() {}"
    ));
    assert!(forbids_unsafe("#![forbid(missing_docs, unsafe_code)]"));
}

#[test]
fn weaker_or_commented_attributes_do_not_count() {
    assert!(!forbids_unsafe("#![deny(unsafe_code)]"));
    assert!(!forbids_unsafe("// #![forbid(unsafe_code)]"));
    assert!(!forbids_unsafe("#![forbid(unsafe_code_elsewhere)]"));
    assert!(!forbids_unsafe("fn main() {}"));
}
