//! The labels that separate the hashes and signatures of the wire. Invariant: unique and prefix-free (tested).

/// Signature of `Authenticate`.
pub const AUTHENTICATE: &str = "undertone/v1/relay-authenticate";
/// Signature of `PutRecord`.
pub const PUT_RECORD: &str = "undertone/v1/record-put";
/// Signature of `DeleteRecord`.
pub const DELETE_RECORD: &str = "undertone/v1/record-delete";
/// Hash from a record's write key to its id.
pub const RECORD_ID: &str = "undertone/v1/record-id";
/// Hash of a bearer, as the relay keeps it.
pub const BEARER_HASH: &str = "undertone/v1/bearer-hash";
/// Work for a message to a stranger.
pub const KNOCK_WORK: &str = "undertone/v1/knock-work";
/// Work for a stranger's prekeys.
pub const POP_WORK: &str = "undertone/v1/pop-work";

/// Every label above.
pub const ALL: [&str; 7] = [
    AUTHENTICATE,
    PUT_RECORD,
    DELETE_RECORD,
    RECORD_ID,
    BEARER_HASH,
    KNOCK_WORK,
    POP_WORK,
];

#[cfg(test)]
mod tests {
    use super::ALL;

    #[test]
    fn labels_are_prefix_free_and_fit_a_length_byte() {
        for (i, a) in ALL.iter().enumerate() {
            assert!(a.starts_with("undertone/v1/") && a.len() < 256);
            for (j, b) in ALL.iter().enumerate() {
                assert!(i == j || !a.starts_with(b), "{a} starts with {b}");
            }
        }
    }
}
