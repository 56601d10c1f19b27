use super::*;

fn found() -> Vec<String> {
    vec!["divides, in f".to_owned()]
}

#[test]
fn what_is_found_is_named() {
    assert_eq!(verdict("x25519", found()), ["x25519: divides, in f"]);
    assert!(verdict("x25519", Vec::new()).is_empty());
}

#[test]
fn a_control_that_is_not_found_fails() {
    assert!(verdict("control_table", found()).is_empty());
    assert_eq!(
        verdict("control_table", Vec::new()),
        ["control_table is not in constant time, and that was not seen"]
    );
}
