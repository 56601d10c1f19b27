use super::*;
use crate::{invite::InviteSeed, test_support::rng};

#[test]
fn each_mailbox_has_a_bearer_of_its_own() {
    let secret = DeliverySecret::generate(&mut rng(1));
    let (a, b) = (
        MailboxId::from_bytes([1; 16]),
        MailboxId::from_bytes([2; 16]),
    );
    assert_ne!(secret.bearer(&a).expose(), secret.bearer(&b).expose());
    let restored = DeliverySecret::from_bytes(secret.expose());
    assert_eq!(secret.bearer(&a).expose(), restored.bearer(&a).expose());
    let other = DeliverySecret::generate(&mut rng(2));
    assert_ne!(secret.bearer(&a).expose(), other.bearer(&a).expose());
}

#[test]
fn a_bearer_is_the_specified_expansion() {
    let secret = DeliverySecret::from_bytes(&[5; 32]);
    let mailbox = MailboxId::from_bytes([6; 16]);
    let hkdf = hkdf::Hkdf::<sha2::Sha256>::from_prk(&[5; 32]).unwrap();
    let mut expected = [0; 16];
    hkdf.expand(
        &[&b"undertone/v1/delivery-bearer"[..], &[6; 16]].concat(),
        &mut expected,
    )
    .unwrap();
    assert_eq!(secret.bearer(&mailbox).expose(), &expected);
}

/// A 16-byte token padded with zeros is the PRK, as SPEC.md says.
#[test]
fn an_invite_bearer_is_the_specified_expansion() {
    let token = InviteSeed::from_bytes(&[8; 32]).token(3);
    let prk = [&token.expose()[..], &[0; 16]].concat();
    let hkdf = hkdf::Hkdf::<sha2::Sha256>::from_prk(&prk).unwrap();
    let mut expected = [0; 16];
    hkdf.expand(
        &[&b"undertone/v1/invite-bearer"[..], &[6; 16]].concat(),
        &mut expected,
    )
    .unwrap();
    assert_eq!(
        token.bearer(&MailboxId::from_bytes([6; 16])).expose(),
        &expected
    );
    assert_ne!(
        token.expose(),
        InviteSeed::from_bytes(&[8; 32]).token(4).expose()
    );
}
