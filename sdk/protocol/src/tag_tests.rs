use super::*;
use proptest::prelude::*;

proptest! {
    #[test]
    fn inversion_gives_the_number_back(key: [u8; 32], n: u32) {
        let key = TagKey::from_bytes(key);
        prop_assert_eq!(key.reader().number(key.maker().tag(n)), Some(n));
    }

    #[test]
    fn a_tag_of_another_chain_has_no_number(key: [u8; 32], tag: [u8; 16]) {
        prop_assert_eq!(TagKey::from_bytes(key).reader().number(Tag::from_bytes(tag)), None);
    }

    #[test]
    fn halves_are_the_bytes_in_order(bytes: [u8; 16]) {
        let (first, rest) = Tag::from_bytes(bytes).halves();
        prop_assert_eq!([first.to_be_bytes(), rest.to_be_bytes()].concat(), bytes);
    }
}
