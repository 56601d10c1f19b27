use hex::encode;

use super::*;
use crate::labels;

/// FIPS 180-4 examples.
#[test]
fn sha256_vectors() {
    assert_eq!(
        encode(sha256(&[b"a", b"b", b"c"])),
        "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    );
    assert_eq!(
        encode(sha256(&[])),
        "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    );
}

#[test]
fn a_labelled_hash_begins_with_the_label() {
    assert_eq!(
        labelled(labels::RECORD_ID, &[b"x"]),
        sha256(&[b"undertone/v1/record-id", b"x"])
    );
}
