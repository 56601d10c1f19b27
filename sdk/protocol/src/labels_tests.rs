use super::*;

#[test]
fn d12_labels_are_unique_and_prefix_free() {
    for (i, a) in ALL.iter().enumerate() {
        assert!(a.len() <= MAX_LABEL_LEN && a.is_ascii());
        for (j, b) in ALL.iter().enumerate() {
            assert!(i == j || !b.starts_with(a), "{a} is a prefix of {b}");
        }
    }
}

#[test]
fn the_message_label_fits_one_block_per_output() {
    assert!(DR_MSG.as_bytes().len() <= MAX_MESSAGE_INFO_LEN);
}
