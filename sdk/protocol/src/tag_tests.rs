use super::*;
use proptest::prelude::*;

proptest! {
    #[test]
    fn inversion_gives_the_number_back(key: [u8; 32], n: u32) {
        let key = TagKey::from_bytes(key);
        prop_assert_eq!(key.reader().number(key.maker().tag(n)), Some(n));
    }

    #[test]
    fn tags_at_once_are_those_one_by_one(key: [u8; 32], first: u32) {
        let maker = TagKey::from_bytes(key).maker();
        let one_by_one: Vec<_> = (0..).take(TAGS_AT_ONCE).map(|i| maker.tag(first.wrapping_add(i))).collect();
        prop_assert_eq!(maker.tags(first).to_vec(), one_by_one);
    }

    #[test]
    fn ephemeral_tags_are_of_the_same_key_and_of_other_numbers(key: [u8; 32], number: u32) {
        let key = TagKey::from_bytes(key);
        let tag = key.maker().ephemeral_tag(number);
        prop_assert_eq!(key.reader().read(tag), Some(Numbered::Ephemeral(number)));
        prop_assert_eq!(key.reader().number(tag), None);
        prop_assert_eq!(key.reader().read(key.maker().tag(number)), Some(Numbered::Message(number)));
        let block = BlockDecryptor::new(key.as_bytes()).decrypt(*tag.as_bytes());
        prop_assert_eq!(&block[..12], b"\0\0\0\0\0\0\0\0EPH1");
        prop_assert_eq!(&block[12..], number.to_be_bytes());
    }

    #[test]
    fn other_blocks_say_nothing(key: [u8; 32], at in 0..12_usize, byte in 1..=u8::MAX, number: u32) {
        for kind in [[0; 4], *b"EPH1"] {
            let mut block = [0; TAG_LEN];
            block[8..12].copy_from_slice(&kind);
            block[12..].copy_from_slice(&number.to_be_bytes());
            block[at] ^= byte;
            let tag = Tag::from_bytes(BlockEncryptor::new(&key).encrypt(block));
            prop_assert_eq!(TagKey::from_bytes(key).reader().read(tag), None);
        }
    }

    #[test]
    fn a_tag_of_another_chain_has_no_number(key: [u8; 32], tag: [u8; 16]) {
        prop_assert_eq!(TagKey::from_bytes(key).reader().read(Tag::from_bytes(tag)), None);
    }

    #[test]
    fn halves_are_the_bytes_in_order(bytes: [u8; 16]) {
        let (first, rest) = Tag::from_bytes(bytes).halves();
        prop_assert_eq!([first.to_be_bytes(), rest.to_be_bytes()].concat(), bytes);
    }
}
