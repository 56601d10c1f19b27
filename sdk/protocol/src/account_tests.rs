use proptest::prelude::*;

use super::*;
use crate::test_support::rng;

fn root() -> Root {
    Root::from_secret(SecretBytes::copy_from(&[7; 32]))
}

#[test]
fn the_root_alone_gives_all_account_keys() {
    let (a, b) = (root(), root());
    assert_eq!(
        AccountId::of(&a.account_key()),
        AccountId::of(&b.account_key())
    );
    assert_eq!(
        a.manifest_write_key().public_key(),
        b.manifest_write_key().public_key()
    );
    assert_eq!(a.recovery_key().public_key(), b.recovery_key().public_key());
    assert_ne!(a.account_key().expose(), a.manifest_write_key().expose());
    assert_ne!(
        AccountId::of(&a.account_key()),
        AccountId::of(&Root::generate(&mut rng(1)).account_key())
    );
}

#[test]
fn an_id_has_a_text_in_either_case() {
    let id = AccountId::of(&root().account_key());
    let text = id.to_text();
    assert!(text.starts_with("ut1"));
    assert_eq!(AccountId::parse_text(&text), Ok(id));
    assert_eq!(AccountId::parse_text(&text.to_uppercase()), Ok(id));
    assert_eq!(format!("{id:?}"), "AccountId(..)");
}

#[test]
fn other_texts_are_refused_for_what_they_are() {
    let id = AccountId::of(&root().account_key());
    let text = |bytes: &[u8]| bech32m::encode(&[bytes]);
    let with_version = |version: u8, key: &[u8]| text(&[&[version], key].concat());
    let mixed_case = id.to_text().replace('u', "U");
    let bech32 = bech32::encode::<bech32::Bech32>(
        bech32::Hrp::parse("ut").unwrap(),
        &[&[1], &id.as_bytes()[..]].concat(),
    );
    let other_prefix = bech32::encode::<bech32::Bech32m>(
        bech32::Hrp::parse("bc").unwrap(),
        &[&[1], &id.as_bytes()[..]].concat(),
    );
    for (wrong, error) in [
        (String::new(), AccountIdError::Text(Bech32mError)),
        ("ut1".to_owned(), AccountIdError::Text(Bech32mError)),
        (mixed_case, AccountIdError::Text(Bech32mError)),
        (bech32.unwrap(), AccountIdError::Text(Bech32mError)),
        (other_prefix.unwrap(), AccountIdError::Text(Bech32mError)),
        (with_version(2, id.as_bytes()), AccountIdError::Version),
        (with_version(1, &id.as_bytes()[1..]), AccountIdError::Length),
        (text(&[]), AccountIdError::Length),
        (with_version(1, &[0; 32]), AccountIdError::Key),
    ] {
        assert_eq!(AccountId::parse_text(&wrong), Err(error), "{wrong}");
    }
}

/// 33 bytes are 264 bits, so the last character carries one padding bit.
#[test]
fn padding_bits_must_be_zero() {
    use bech32::{
        Bech32m, Fe32, Hrp,
        primitives::iter::{ByteIterExt, Fe32IterExt},
    };
    let id = AccountId::of(&root().account_key());
    let mut digits: Vec<Fe32> = [1]
        .into_iter()
        .chain(*id.as_bytes())
        .bytes_to_fes()
        .collect();
    let encode = |digits: &[Fe32]| -> String {
        let hrp = Hrp::parse("ut").unwrap();
        digits
            .iter()
            .copied()
            .with_checksum::<Bech32m>(&hrp)
            .chars()
            .collect()
    };
    assert_eq!(AccountId::parse_text(&encode(&digits)), Ok(id));
    let last = digits.pop().unwrap();
    digits.push(Fe32::try_from(last.to_u8() | 1).unwrap());
    assert_eq!(
        AccountId::parse_text(&encode(&digits)),
        Err(AccountIdError::Text(Bech32mError))
    );
}

proptest! {
    #[test]
    fn a_mistyped_character_is_noticed(position: prop::sample::Index, new in "[qpzry9x8gf2tvdw0s3jn54khce6mua7l]") {
        let text = AccountId::of(&root().account_key()).to_text();
        let index = position.index(text.len());
        prop_assume!(text[index..=index] != new);
        let mut wrong = text.clone();
        wrong.replace_range(index..=index, &new);
        prop_assert!(AccountId::parse_text(&wrong).is_err());
    }
}
