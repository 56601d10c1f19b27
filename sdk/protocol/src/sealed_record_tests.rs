use super::*;
use crate::account::ManifestWriteKey;
use crate::test_support::rng;

#[test]
fn content_takes_the_smallest_bucket_that_holds_it() {
    let key = [7; aead::KEY_LEN];
    let record = RecordId::of(&ManifestWriteKey::generate(&mut rng(1)).public_key());
    let sealed = |len: usize| seal(&key, &record, &vec![3; len], &mut rng(2));
    // Beside it a bucket has nonce, length and tag.
    let rooms = MANIFEST_BUCKETS.map(|bucket| bucket - 12 - 4 - 16);
    for (room, bucket) in rooms.into_iter().zip(MANIFEST_BUCKETS) {
        let value = sealed(room).unwrap();
        assert_eq!(value.len(), bucket);
        assert_eq!(open(&key, &record, &value), Ok(vec![3; room]));
    }
    for (room, bucket) in rooms.into_iter().zip(&MANIFEST_BUCKETS[1..]) {
        assert_eq!(sealed(room + 1).unwrap().len(), *bucket);
    }
    assert_eq!(sealed(rooms[3] + 1), None);
}
