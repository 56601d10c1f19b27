//! `safety_number.json`.

use undertone_protocol::{account::AccountId, safety_number::SafetyNumber};

use crate::{
    account::root,
    support::{Case, check, hkdf},
};

fn case(name: &str, own: AccountId, theirs: AccountId) -> Case {
    let (own_key, their_key) = (*own.as_bytes(), *theirs.as_bytes());
    let ikm = [own_key.min(their_key), own_key.max(their_key)].concat();
    let okm: [u8; 60] = hkdf(&ikm, "safety-number", &[]);
    let digits: Vec<String> = okm
        .chunks(5)
        .map(|chunk| {
            chunk
                .iter()
                .fold(0_u64, |number, byte| number << 8 | u64::from(*byte))
        })
        .map(|number| format!("{:05}", number % 100_000))
        .collect();
    let number = SafetyNumber::new(own, theirs);
    assert_eq!(number.to_text(), digits.join(" "));
    Case::new(name)
        .hex("own_account_key", own_key)
        .hex("their_account_key", their_key)
        .hex("ikm", ikm)
        .hex("okm", okm)
        .text("digits", &digits.join(" "))
        .hex("own_qr_payload", number.qr_payload())
}

#[test]
fn safety_number_vectors() {
    let account = |byte| AccountId::of(&root([byte; 32]).account_key());
    check(
        "safety_number",
        &[
            case("A looks at B", account(1), account(2)),
            case("B looks at A", account(2), account(1)),
            case("A looks at C", account(1), account(3)),
        ],
    );
}
