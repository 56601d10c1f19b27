//! `account.json`: everything that comes from the root.

use bip39::{Language, Mnemonic};
use undertone_protocol::{
    account::{AccountId, Root},
    manifest::RecordId,
    primitives::secret::SecretBytes,
    recovery_phrase,
};

use crate::support::{Case, check, hkdf, label, sha256};

pub(crate) fn root(bytes: [u8; 32]) -> Root {
    Root::from_secret(SecretBytes::copy_from(&bytes))
}

fn case(name: &str, bytes: [u8; 32]) -> Case {
    let root = root(bytes);
    let account_seed: [u8; 32] = hkdf(&bytes, "root-account-key", &[]);
    let write_seed: [u8; 32] = hkdf(&bytes, "root-manifest-write-key", &[]);
    let recovery_seed: [u8; 64] = hkdf(&bytes, "root-recovery-kem", &[]);
    assert_eq!(root.account_key().expose(), &account_seed);
    assert_eq!(root.manifest_write_key().expose(), &write_seed);
    assert_eq!(root.recovery_key().expose(), &recovery_seed);

    let account = AccountId::of(&root.account_key());
    let write_key = root.manifest_write_key().public_key();
    let record_hash = sha256(&[&label("record-id"), write_key.as_bytes()]);
    let record = RecordId::of(&write_key);
    assert_eq!(record.as_bytes()[..], record_hash[..16]);
    let phrase = Mnemonic::from_entropy_in(Language::English, &bytes)
        .unwrap()
        .to_string();
    assert_eq!(recovery_phrase::words(&root).join(" "), phrase);

    Case::new(name)
        .hex("root", bytes)
        .text("recovery_phrase", &phrase)
        .hex("account_key_seed", account_seed)
        .hex("account_public_key", account.as_bytes())
        .text("account_id", &account.to_text())
        .hex("manifest_write_key_seed", write_seed)
        .hex("manifest_write_public_key", write_key.as_bytes())
        .hex("record_id_hash", record_hash)
        .hex("record_id", record.as_bytes())
        .hex("recovery_key_seed", recovery_seed)
        .hex(
            "recovery_public_key",
            root.recovery_key().public_key().as_bytes(),
        )
}

/// Texts that are no account ids, each for another reason.
fn rejected() -> Vec<Case> {
    let good = AccountId::of(&root([1; 32]).account_key()).to_text();
    let encode = |hrp: &str, bytes: &[u8]| {
        bech32::encode::<bech32::Bech32m>(bech32::Hrp::parse(hrp).unwrap(), bytes).unwrap()
    };
    let low_order = [&[1_u8][..], &[0; 32]].concat();
    [
        ("mixed case", good.replacen('u', "U", 1)),
        (
            "wrong checksum",
            good[..good.len() - 1].to_owned() + if good.ends_with('q') { "p" } else { "q" },
        ),
        ("other prefix", encode("un", &[&[1], &[9; 32][..]].concat())),
        (
            "other version",
            encode("ut", &[&[2], &[9; 32][..]].concat()),
        ),
        (
            "31 bytes of key",
            encode("ut", &[&[1], &[9; 31][..]].concat()),
        ),
        ("key of low order", encode("ut", &low_order)),
    ]
    .into_iter()
    .map(|(why, text)| {
        assert!(AccountId::parse_text(&text).is_err(), "{why}");
        Case::new(why).text("text", &text)
    })
    .collect()
}

#[test]
fn account_vectors() {
    let counting: [u8; 32] = core::array::from_fn(|n| u8::try_from(n).unwrap());
    check(
        "account",
        &[
            case("zeros", [0; 32]),
            case("counting", counting),
            case("ones", [0xff; 32]),
            Case::new("rejected account ids").cases("texts", rejected()),
        ],
    );
}
