use super::*;
use proptest::prelude::*;

#[test]
fn buckets_begin_where_the_specification_says() {
    for (content, envelope) in [
        (0, 512),
        (255, 512),
        (256, 1_024),
        (767, 1_024),
        (768, 2_048),
        (65_279, 65_536),
    ] {
        assert_eq!(
            padded_len(content).map(|padded| padded + ENVELOPE_OVERHEAD),
            Some(envelope),
            "{content} bytes"
        );
    }
    assert_eq!(padded_len(MAX_CONTENT), Some(65_280));
    assert_eq!(padded_len(MAX_CONTENT + 1), None);
    assert_eq!(padded_len(usize::MAX), None);
}

/// C10: every length of content has the length of one of eight envelopes, the smallest that it fits.
#[test]
fn c10_every_length_of_content_has_the_length_of_a_bucket() {
    const BUCKETS: [usize; 8] = [512, 1_024, 2_048, 4_096, 8_192, 16_384, 32_768, 65_536];
    for len in 0..=MAX_CONTENT {
        let smallest = BUCKETS
            .into_iter()
            .find(|bucket| bucket - ENVELOPE_OVERHEAD > len);
        assert_eq!(
            padded_len(len).map(|padded| padded + ENVELOPE_OVERHEAD),
            smallest
        );
    }
    assert!((0..100_000).filter(|len| is_bucket(*len)).eq(BUCKETS));
}

#[test]
fn unpadded_bytes_are_rejected() {
    for bytes in [&[][..], &[0; 256], &[1, 2, 3], &[0x80, 1], &[0x80, 1, 0]] {
        assert_eq!(unpadded_len(bytes), None);
    }
    assert_eq!(unpadded_len(&[0x80]), Some(0));
    assert_eq!(unpadded_len(&[0x80, 0x80, 0]), Some(1));
}

proptest! {
    #[test]
    fn padding_is_removed_exactly(content in proptest::collection::vec(any::<u8>(), 0..2_000)) {
        let len = padded_len(content.len()).unwrap();
        prop_assert!(is_bucket(len + ENVELOPE_OVERHEAD));
        let mut padded = vec![9; 3];
        pad(&content, len, &mut padded);
        prop_assert_eq!(padded.len(), len + 3);
        prop_assert_eq!(unpadded_len(&padded[3..]), Some(content.len()));
        prop_assert_eq!(&padded[3..3 + content.len()], &content[..]);
    }
}
