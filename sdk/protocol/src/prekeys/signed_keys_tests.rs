//! Keys that the device itself signed and that are none: the signature is right, so that the key's own check must find them.

use crate::{
    device::MailboxId,
    labels::{self, SignatureLabel},
    limits::{MAX_ONE_TIME_PREKEY_LIFETIME_MS, MAX_PREKEY_LIFETIME_MS},
    prekeys::{
        BundleError, ItemError, PageError, PrekeyBundle, PrekeyId, PrekeyKind,
        fixture::{Account, NOW, Published, account},
        item::{Lifetime, begin_body},
        merkle,
    },
    primitives::{
        aead,
        codec::{DecodeError, Writer},
        kdf,
        signature::role,
    },
    test_support::{bad_points, encapsulation_key_out_of_range},
};

const ID: u32 = 7;

/// The page of a device whose signed prekey is `key` (SPEC.md, section 7.2).
fn page(account: &Account, device: &Published, key: &[u8; 32]) -> Vec<u8> {
    let lifetime = Lifetime::starting(NOW, MAX_PREKEY_LIFETIME_MS);
    let mut body = begin_body(&account.id, &device.keys.id, PrekeyKind::Signed);
    let mut writer = Writer::new(&mut body);
    writer.u32(ID);
    lifetime.write(&mut writer);
    writer.bytes(key);
    let signature = device.keys.signing.sign(labels::SIGNED_PREKEY, &body);

    let nonce = [5; aead::NONCE_LEN];
    let mut plain = Vec::new();
    let mut writer = Writer::new(&mut plain);
    writer.u8(1).u32(ID).bytes(key);
    lifetime.write(&mut writer);
    writer.bytes(&signature.0);
    account.manifest.reference().write(&mut writer);
    let statement = account.manifest.statement(&device.keys.id).unwrap();
    writer
        .bytes(&statement.to_bytes())
        .bytes(&[0; aead::TAG_LEN]);
    let mailbox: MailboxId = device.keys.public().mailbox;
    let seal_key = kdf::hkdf::<32>(
        &[0; 32],
        &[account.id.as_bytes()],
        labels::PREKEY_PAGE_SEAL,
        &[mailbox.as_bytes()],
    );
    aead::seal(&seal_key, &nonce, mailbox.as_bytes(), &mut plain).unwrap();
    [&nonce[..], &plain].concat()
}

/// The one item of a batch (section 7.3).
fn one_time(
    account: &Account,
    device: &Published,
    (kind, label): (PrekeyKind, SignatureLabel<role::Device>),
    key: &[u8],
) -> Vec<u8> {
    let lifetime = Lifetime::starting(NOW, MAX_ONE_TIME_PREKEY_LIFETIME_MS);
    let root = merkle::leaf(kind, 0, PrekeyId::new(ID).unwrap(), key);
    let mut body = begin_body(&account.id, &device.keys.id, kind);
    let mut writer = Writer::new(&mut body);
    writer.u16(1);
    lifetime.write(&mut writer);
    writer.bytes(&root);
    let signature = device.keys.signing.sign(label, &body);
    let mut item = Vec::new();
    let mut writer = Writer::new(&mut item);
    writer.u8(kind.to_byte()).u32(ID).bytes(key).u16(0).u16(1);
    lifetime.write(&mut writer);
    writer.bytes(&signature.0);
    item
}

/// A last-resort item (section 7.4).
fn last_resort(account: &Account, device: &Published, key: &[u8]) -> Vec<u8> {
    let lifetime = Lifetime::starting(NOW, MAX_PREKEY_LIFETIME_MS);
    let mut body = begin_body(&account.id, &device.keys.id, PrekeyKind::KemLastResort);
    let mut writer = Writer::new(&mut body);
    writer.u32(ID);
    lifetime.write(&mut writer);
    writer.bytes(key);
    let signature = device.keys.signing.sign(labels::LAST_RESORT_PREKEY, &body);
    let mut item = Vec::new();
    let mut writer = Writer::new(&mut item);
    writer
        .u8(PrekeyKind::KemLastResort.to_byte())
        .u32(ID)
        .bytes(key);
    lifetime.write(&mut writer);
    writer.bytes(&signature.0);
    item
}

fn verify(account: &Account, device: &Published, bundle: PrekeyBundle<'_>) -> Option<BundleError> {
    bundle.verify(&account.manifest, &device.keys.id, NOW).err()
}

const NO_KEY: ItemError = ItemError::Malformed(DecodeError::InvalidKey);

/// E1: SPK and OPK.
#[test]
fn e1_signed_low_order_and_non_canonical_prekeys_are_rejected() {
    let account = account(1, 1);
    let device = &account.devices[0];
    let opk = (PrekeyKind::OneTime, labels::ONE_TIME_PREKEYS);
    let with_page = |key: &[u8; 32]| {
        let page = page(&account, device, key);
        verify(
            &account,
            device,
            PrekeyBundle {
                page: &page,
                ..device.bundle()
            },
        )
    };
    let with_one_time = |key: &[u8; 32]| {
        let item = one_time(&account, device, opk, key);
        verify(
            &account,
            device,
            PrekeyBundle {
                one_time: Some(&item),
                ..device.bundle()
            },
        )
    };
    // Control: any other key is accepted in the same place.
    assert_eq!((with_page(&[7; 32]), with_one_time(&[7; 32])), (None, None));
    for point in bad_points() {
        assert_eq!(
            with_page(&point),
            Some(BundleError::Page(PageError::SignedPrekey(NO_KEY)))
        );
        assert_eq!(with_one_time(&point), Some(BundleError::OneTime(NO_KEY)));
    }
}

/// E5: an ML-KEM prekey with a coefficient that is not below q never gets as far as an encapsulation.
#[test]
fn e5_signed_encapsulation_keys_out_of_range_are_rejected() {
    let account = account(1, 1);
    let device = &account.devices[0];
    let kpk = (PrekeyKind::KemOneTime, labels::KEM_PREKEYS);
    let with = |kem: Vec<u8>| {
        verify(
            &account,
            device,
            PrekeyBundle {
                kem: &kem,
                ..device.bundle()
            },
        )
    };
    let honest = *device.kpks[0].secret.public_key().as_bytes();
    let changed = encapsulation_key_out_of_range(&honest);
    for (key, expected) in [(honest, None), (changed, Some(BundleError::Kem(NO_KEY)))] {
        assert_eq!(with(one_time(&account, device, kpk, &key)), expected);
        assert_eq!(with(last_resort(&account, device, &key)), expected);
    }
}
