use super::*;
use crate::{account::Root, primitives::secret::SecretBytes};

fn account(seed: u8) -> AccountId {
    AccountId::of(&Root::from_secret(SecretBytes::copy_from(&[seed; 32])).account_key())
}

#[test]
fn both_sides_see_the_same_number() {
    let (a, b) = (account(1), account(2));
    let text = SafetyNumber::new(a, b).to_text();
    assert_eq!(text, SafetyNumber::new(b, a).to_text());
    assert_ne!(text, SafetyNumber::new(a, account(3)).to_text());
    assert_eq!(text.len(), DIGITS + GROUPS - 1);
    assert!(
        text.split(' ')
            .all(|group| group.len() == GROUP_DIGITS && group.parse::<u32>().is_ok())
    );
}

#[test]
fn groups_are_remainders_of_forty_bit_numbers() {
    let (a, b) = (account(1), account(2));
    let mut keys = [*a.as_bytes(), *b.as_bytes()];
    keys.sort_unstable();
    let hkdf = hkdf::Hkdf::<sha2::Sha256>::new(Some(&[0; 32]), keys.as_flattened());
    let mut bytes = [0; 60];
    hkdf.expand(b"undertone/v1/safety-number", &mut bytes)
        .unwrap();
    for (group, chunk) in SafetyNumber::new(a, b)
        .groups()
        .iter()
        .zip(bytes.chunks_exact(5))
    {
        let number = chunk
            .iter()
            .fold(0_u64, |n, byte| n << 8 | u64::from(*byte));
        assert_eq!(u64::from(*group), number % 100_000);
    }
}

#[test]
fn a_scan_confirms_only_the_right_conversation() {
    let (a, b, m) = (account(1), account(2), account(3));
    let (at_a, at_b) = (SafetyNumber::new(a, b), SafetyNumber::new(b, a));
    assert_eq!(at_a.check_qr(&at_b.qr_payload()), Ok(()));
    assert_eq!(at_b.check_qr(&at_a.qr_payload()), Ok(()));
    // One's own code, and a conversation with somebody between.
    assert_eq!(at_a.check_qr(&at_a.qr_payload()), Err(QrError::Mismatch));
    assert_eq!(
        at_a.check_qr(&SafetyNumber::new(b, m).qr_payload()),
        Err(QrError::Mismatch)
    );
    assert_eq!(
        at_a.check_qr(&SafetyNumber::new(m, a).qr_payload()),
        Err(QrError::Mismatch)
    );
    let mut newer = at_b.qr_payload();
    newer[0] = 2;
    assert_eq!(at_a.check_qr(&newer), Err(QrError::Version));
    assert_eq!(
        at_a.check_qr(b"https://example.com"),
        Err(QrError::NotASafetyNumber)
    );
    assert_eq!(at_a.check_qr(&[]), Err(QrError::NotASafetyNumber));
}
