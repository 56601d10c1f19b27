use bip39::Mnemonic;
use hex::decode;
use proptest::prelude::*;

use super::*;

fn root(bytes: &[u8]) -> Root {
    Root::from_secret(SecretBytes::copy_from(bytes.try_into().unwrap()))
}

/// The 256-bit cases of BIP-39's reference vectors (trezor/python-mnemonic).
#[test]
fn bip_39_vectors() {
    for (entropy, phrase) in [
        ("00".repeat(32), format!("{}art", "abandon ".repeat(23))),
        ("ff".repeat(32), format!("{}vote", "zoo ".repeat(23))),
        (
            "7f".repeat(32),
            "legal winner thank year wave sausage worth useful legal winner thank year wave sausage worth useful \
             legal winner thank year wave sausage worth title"
                .to_owned(),
        ),
        (
            "68a79eaca2324873eacc50cb9c6eca8cc68ea5d936f98787c60c7ebc74e6ce7c".to_owned(),
            "hamster diagram private dutch cause delay private meat slide toddler razor book happy fancy gospel \
             tennis maple dilemma loan word shrug inflict delay length"
                .to_owned(),
        ),
    ] {
        let entropy = decode(entropy).unwrap();
        assert_eq!(words(&root(&entropy)).join(" "), phrase);
        assert_eq!(parse(&phrase).unwrap().expose()[..], entropy[..]);
    }
}

#[test]
fn what_is_wrong_is_said() {
    let good = words(&root(&[9; 32])).join(" ");
    let replace = |position: usize, word: &'static str| {
        let mut list: Vec<_> = good.split(' ').collect();
        list[position] = word;
        parse(&list.join(" ")).err()
    };
    assert_eq!(
        parse("").err(),
        Some(RecoveryPhraseError::WordCount { found: 0 })
    );
    assert_eq!(
        parse(&format!("{good} art")).err(),
        Some(RecoveryPhraseError::WordCount { found: 25 })
    );
    assert_eq!(
        replace(4, "undertone"),
        Some(RecoveryPhraseError::UnknownWord { position: 5 })
    );
    assert_eq!(
        replace(23, "abandonment"),
        Some(RecoveryPhraseError::UnknownWord { position: 24 })
    );
    assert_eq!(replace(0, "zoo"), Some(RecoveryPhraseError::Checksum));
    let twelve = "abandon ".repeat(11) + "about";
    assert_eq!(
        parse(&twelve).err(),
        Some(RecoveryPhraseError::WordCount { found: 12 })
    );
}

#[test]
fn case_and_white_space_do_not_matter() {
    let phrase = words(&root(&[9; 32])).join("\n\t ").to_uppercase();
    assert_eq!(
        parse(&format!("  {phrase}\r\n")).unwrap().expose(),
        &[9; 32]
    );
}

#[test]
fn every_word_of_the_list_is_read_as_its_place() {
    let list = Language::English.word_list();
    let numbers = numbers();
    assert!(!numbers.contains(&0));
    for (at, word) in list.iter().enumerate() {
        assert_eq!(index_in(&numbers, word).map(usize::from), Some(at));
    }
}

proptest! {
    #[test]
    fn words_agree_with_the_library(bytes: [u8; 32]) {
        let library = Mnemonic::from_entropy_in(Language::English, &bytes).unwrap();
        let phrase = words(&root(&bytes));
        prop_assert!(library.words().eq(phrase));
        let parsed = parse(&phrase.join(" ")).unwrap();
        prop_assert_eq!(parsed.expose(), &bytes);
    }
}
