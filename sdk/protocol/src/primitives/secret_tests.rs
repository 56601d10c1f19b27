use core::fmt::Debug;

use zeroize::ZeroizeOnDrop;

use super::*;
use crate::{
    account::{AccountKey, ManifestWriteKey, Root},
    delivery::{Bearer, DeliverySecret},
    device::{DeviceSigningKey, IdentityKey, MailboxKey},
    invite::{InviteSeed, InviteToken},
    prekeys::{OneTimePrekeySecret, SignedPrekeySecret},
    primitives::{dh, kem},
    profile::ProfileKey,
    test_support::{assert_not_impl, rng},
};

const fn assert_wiped<T: ZeroizeOnDrop>() {}

/// Attack row S4: a feature of a dependency that is switched off must not silently stop the wiping.
#[test]
fn s4_every_secret_is_wiped_on_drop() {
    const {
        assert_wiped::<SecretBytes<32>>();
        assert_wiped::<Root>();
        assert_wiped::<AccountKey>();
        assert_wiped::<ManifestWriteKey>();
        assert_wiped::<IdentityKey>();
        assert_wiped::<DeviceSigningKey>();
        assert_wiped::<MailboxKey>();
        assert_wiped::<SignedPrekeySecret>();
        assert_wiped::<OneTimePrekeySecret>();
        assert_wiped::<DeliverySecret>();
        assert_wiped::<Bearer>();
        assert_wiped::<InviteSeed>();
        assert_wiped::<InviteToken>();
        assert_wiped::<ProfileKey>();
        assert_wiped::<dh::SharedSecret>();
        assert_wiped::<kem::SharedSecret>();
        assert_wiped::<kem::mlkem768::SecretKey>();
        assert_wiped::<kem::mlkem1024::SecretKey>();
        assert_wiped::<x25519_dalek::StaticSecret>();
        assert_wiped::<x25519_dalek::SharedSecret>();
        assert_wiped::<ed25519_dalek::SigningKey>();
        assert_wiped::<aes::Aes256Dec>();
        assert_wiped::<aes::Aes256Enc>();
        assert_wiped::<aes_gcm::Aes256Gcm>();
        // An HMAC key is two of these; the crate does not declare that for the whole.
        assert_wiped::<sha2::Sha256>();
    }
}

#[test]
fn s5_no_secret_can_be_copied_or_printed() {
    macro_rules! check {
        ($($type:ty),* $(,)?) => {
            $(assert_not_impl!($type: Clone); assert_not_impl!($type: Debug); assert_not_impl!($type: PartialEq);)*
        };
    }
    check!(
        SecretBytes<32>,
        Root,
        AccountKey,
        IdentityKey,
        SignedPrekeySecret,
        DeliverySecret,
        Bearer,
        InviteSeed,
        InviteToken,
        ProfileKey,
        dh::SharedSecret,
        kem::SharedSecret,
        kem::mlkem768::SecretKey,
        kem::mlkem1024::SecretKey,
        crate::invite::InviteLink,
        crate::device::DeviceKeys,
    );
}

#[test]
fn equality_compares_all_bytes() {
    let secret = SecretBytes::<32>::random(&mut rng(1));
    assert!(secret.ct_eq(&SecretBytes::copy_from(secret.expose())));
    for index in 0..32 {
        let mut other = SecretBytes::copy_from(secret.expose());
        other.expose_mut()[index] ^= 1;
        assert!(!secret.ct_eq(&other));
    }
}
