use super::*;
use crate::{
    account::ManifestWriteKey,
    device::{DeviceStatement, StatementError},
    manifest::{ManifestDraft, VerifiedManifest},
    prekeys::{
        LastResortPrekey, PrekeyOwner, SignedPrekey,
        fixture::{NOW, Published, account, clone_keys, publish},
        one_time::{generate_one_time, generate_one_time_kem},
    },
    primitives::codec::{DecodeError, Reader},
    test_support::{FixedRng, assert_every_flip_rejected, rng},
    time::DAY_MS,
};

#[test]
fn a_bundle_gives_the_keys_whose_private_halves_the_device_has() {
    let account = account(1, 2);
    let device = &account.devices[1];
    let bundle = device
        .bundle()
        .verify(&account.manifest, &device.keys.id, NOW)
        .unwrap();
    assert_eq!(
        (bundle.account, bundle.manifest),
        (account.id, account.manifest.reference())
    );
    assert_eq!(bundle.device, device.keys.public());
    assert_eq!(
        bundle.signed_prekey,
        (device.spk.id, device.spk.secret.public_key())
    );
    assert_eq!(
        bundle.one_time,
        Some((device.opks[1].id, device.opks[1].secret.public_key()))
    );
    assert_eq!(
        (bundle.kem_id, bundle.kem_kind),
        (device.kpks[1].id, PrekeyKind::KemOneTime)
    );
    assert_eq!(bundle.kem, device.kpks[1].secret.public_key());
    assert!(!bundle.newer_manifest);

    let scarce = PrekeyBundle {
        one_time: None,
        kem: &device.last_resort.item,
        ..device.bundle()
    };
    let bundle = scarce
        .verify(&account.manifest, &device.keys.id, NOW)
        .unwrap();
    assert_eq!(bundle.one_time, None);
    assert_eq!(
        (bundle.kem_id, bundle.kem_kind),
        (device.last_resort.id, PrekeyKind::KemLastResort)
    );
    assert_eq!(bundle.kem, device.last_resort.secret.public_key());
}

/// Attack row E12: there is no session without a KEM.
#[test]
fn e12_bundle_without_kem_is_rejected() {
    let account = account(1, 1);
    let device = &account.devices[0];
    let stripped = PrekeyBundle {
        kem: &[],
        ..device.bundle()
    };
    assert_eq!(
        stripped.verify(&account.manifest, &device.keys.id, NOW),
        Err(BundleError::NoKem)
    );
}

/// Attack row E11 (a): nothing of one device or account counts for another.
#[test]
fn e11_prekeys_of_another_device_are_rejected() {
    let (a, b) = (account(1, 2), account(2, 1));
    let (one, two, foreign) = (&a.devices[0], &a.devices[1], &b.devices[0]);
    let verify = |bundle: PrekeyBundle<'_>| bundle.verify(&a.manifest, &one.keys.id, NOW);
    assert!(verify(one.bundle()).is_ok());
    for other in [two, foreign] {
        assert_eq!(
            verify(PrekeyBundle {
                page: &other.page,
                ..one.bundle()
            }),
            Err(BundleError::Page(PageError::NotAuthentic))
        );
        assert_eq!(
            verify(PrekeyBundle {
                one_time: Some(&other.opks[0].item),
                ..one.bundle()
            }),
            Err(BundleError::OneTime(ItemError::Signature))
        );
        for kem in [&other.kpks[0].item, &other.last_resort.item] {
            assert_eq!(
                verify(PrekeyBundle {
                    kem,
                    ..one.bundle()
                }),
                Err(BundleError::Kem(ItemError::Signature))
            );
        }
    }
}

/// E11: what a device signed names the device and the account, so that a signing key that is in two places does not lend one's
/// prekeys to the other.
#[test]
fn e11_prekeys_name_their_device_and_account() {
    let (alice, other) = (account(1, 1), account(9, 1));
    let device = &alice.devices[0];
    let (id, key) = (device.keys.id, device.keys.signing.public_key());
    let named = |account, device_id| {
        let owner = PrekeyOwner {
            account,
            device: device_id,
            signing_key: &device.keys.signing,
        };
        let mut rng = rng(7);
        let opks = generate_one_time(&owner, 2, NOW, &mut rng).unwrap();
        let kpks = generate_one_time_kem(&owner, 2, NOW, &mut rng).unwrap();
        let last = LastResortPrekey::generate(&owner, NOW, &mut rng);
        [
            verify_one_time(&opks[1].item, &alice.id, &id, &key, NOW).map(|_| ()),
            verify_one_time_kem(&kpks[1].item, &alice.id, &id, &key, NOW).map(|_| ()),
            last_resort::verify(&last.item, &alice.id, &id, &key, NOW).map(|_| ()),
        ]
    };
    assert_eq!(named(alice.id, id), [Ok(()); 3]);
    let rejected = [Err(ItemError::Signature); 3];
    assert_eq!(named(alice.id, other.devices[0].keys.id), rejected);
    assert_eq!(named(other.id, id), rejected);
}

/// Even a relay that knows the account, and so can seal pages, cannot move a signed prekey or statement.
#[test]
fn e11_pages_sealed_by_the_relay_are_rejected() {
    let a = account(1, 2);
    let (one, two) = (&a.devices[0], &a.devices[1]);
    let mailbox = one.keys.public().mailbox;
    let reference = a.manifest.reference();
    let statement = |device: &Published| *a.manifest.statement(&device.keys.id).unwrap();
    let seal = |spk: &SignedPrekey, statement: &DeviceStatement| {
        spk.seal_page(&a.id, &mailbox, &reference, statement, &mut rng(9))
            .unwrap()
    };
    let open = |page: &[u8]| {
        PrekeyPage::open(page, &a.id, a.manifest.device(&one.keys.id).unwrap(), NOW).err()
    };
    assert_eq!(open(&seal(&one.spk, &statement(one))), None);
    assert_eq!(
        open(&seal(&two.spk, &statement(one))),
        Some(PageError::SignedPrekey(ItemError::Signature))
    );
    assert_eq!(
        open(&seal(&one.spk, &statement(two))),
        Some(PageError::Statement(StatementError::NotVerified))
    );
}

/// Attack rows E2 and E11: everything signed, in every slot but its own.
#[test]
fn e2_items_of_another_kind_are_rejected() {
    let account = account(1, 1);
    let device = &account.devices[0];
    let (id, key) = (&device.keys.id, &device.keys.public().signing_key);
    let statement = account.manifest.statement(id).unwrap().to_bytes();
    let items: [&[u8]; 6] = [
        &device.page,
        &device.opks[0].item,
        &device.kpks[0].item,
        &device.last_resort.item,
        account.manifest.signed_bytes(),
        &statement,
    ];
    let listed = account.manifest.device(id).unwrap();
    let is_statement = |item: &[u8]| {
        let mut reader = Reader::new(item);
        let statement = DeviceStatement::read(&mut reader);
        let manifest = account.manifest.reference();
        reader.finish().is_ok()
            && statement.is_ok_and(|statement| {
                statement
                    .verify(&account.id, &listed.identity, &manifest, NOW)
                    .is_ok()
            })
    };
    for (made, item) in items.into_iter().enumerate() {
        let accepted = [
            PrekeyPage::open(item, &account.id, listed, NOW).is_ok(),
            verify_one_time(item, &account.id, id, key, NOW).is_ok(),
            verify_one_time_kem(item, &account.id, id, key, NOW).is_ok(),
            last_resort::verify(item, &account.id, id, key, NOW).is_ok(),
            VerifiedManifest::parse(item, &account.id).is_ok(),
            is_statement(item),
        ];
        for (read, accepted) in accepted.into_iter().enumerate() {
            assert_eq!(accepted, made == read, "item {made} read as {read}");
        }
    }
    // Also when its kind byte is changed to fit the slot.
    let mut disguised = device.kpks[0].item.clone();
    disguised[0] = PrekeyKind::KemLastResort.to_byte();
    let bundle = PrekeyBundle {
        kem: &disguised,
        ..device.bundle()
    };
    assert!(matches!(
        bundle.verify(&account.manifest, id, NOW),
        Err(BundleError::Kem(
            ItemError::Malformed(_) | ItemError::Signature
        ))
    ));
}

/// Attack row E11 (b), with the times at which each part ends.
#[test]
fn e11_expired_prekeys_are_rejected() {
    let account = account(1, 1);
    let device = &account.devices[0];
    let id = &device.keys.id;
    let at = |days| NOW.plus(days * DAY_MS);
    // The manifest is signed again all the time, or it would expire first.
    let later = |now| {
        ManifestDraft::successor(&account.manifest)
            .unwrap()
            .sign(&account.key, now)
            .unwrap()
    };
    let verify = |bundle: PrekeyBundle<'_>, now| bundle.verify(&later(now), id, now).err();
    let scarce = PrekeyBundle {
        one_time: None,
        kem: &device.last_resort.item,
        ..device.bundle()
    };
    assert_eq!(verify(device.bundle(), at(45)), None);
    assert_eq!(verify(scarce, at(45)), None);
    let expired = Some(BundleError::Page(PageError::SignedPrekey(
        ItemError::Expired,
    )));
    assert_eq!(verify(device.bundle(), at(45).plus(1)), expired);

    let fresh = publish(
        account.id,
        &account.manifest,
        clone_keys(device),
        at(80),
        &mut rng(7),
    );
    let page = &fresh.page[..];
    assert_eq!(
        verify(PrekeyBundle { page, ..scarce }, at(80)),
        Some(BundleError::Kem(ItemError::Expired))
    );
    assert_eq!(
        verify(
            PrekeyBundle {
                page,
                ..device.bundle()
            },
            at(90)
        ),
        None
    );
    assert_eq!(
        verify(
            PrekeyBundle {
                page,
                ..device.bundle()
            },
            at(90).plus(1)
        ),
        Some(BundleError::OneTime(ItemError::Expired))
    );
    assert_eq!(
        verify(
            PrekeyBundle {
                page,
                one_time: None,
                ..device.bundle()
            },
            at(90).plus(1)
        ),
        Some(BundleError::Kem(ItemError::Expired))
    );
    assert_eq!(
        verify(fresh.bundle(), at(79).minus(1)),
        Some(BundleError::Page(PageError::SignedPrekey(
            ItemError::NotYetValid
        )))
    );
}

/// Attack row E11 (c).
#[test]
fn e11_prekeys_of_a_revoked_device_are_rejected() {
    let account = account(1, 2);
    let device = &account.devices[1];
    let mut draft = ManifestDraft::successor(&account.manifest).unwrap();
    draft.revoke(
        device.keys.id,
        ManifestWriteKey::generate(&mut rng(3)).public_key(),
    );
    let manifest = draft.sign(&account.key, NOW).unwrap();
    assert_eq!(
        device.bundle().verify(&manifest, &device.keys.id, NOW),
        Err(BundleError::UnknownDevice)
    );
}

/// Attack row D3: an expired list vouches for no new session.
#[test]
fn d3_expired_manifest_makes_no_new_session() {
    let account = account(1, 1);
    let device = &account.devices[0];
    let verify = |now| {
        device
            .bundle()
            .verify(&account.manifest, &device.keys.id, now)
    };
    assert!(verify(NOW.plus(30 * DAY_MS)).is_ok());
    assert_eq!(
        verify(NOW.plus(30 * DAY_MS + 1)),
        Err(BundleError::ManifestExpired)
    );
}

#[test]
fn the_page_tells_of_newer_and_forked_manifests() {
    let account = account(1, 1);
    let device = &account.devices[0];
    let id = &device.keys.id;
    let next = |added: u8| {
        let mut draft = ManifestDraft::successor(&account.manifest).unwrap();
        draft.device_mut(id).unwrap().added = Timestamp(u64::from(added));
        draft.sign(&account.key, NOW).unwrap()
    };
    let (newer, fork) = (next(1), next(2));
    let published = publish(account.id, &newer, clone_keys(device), NOW, &mut rng(7));
    assert!(
        published
            .bundle()
            .verify(&account.manifest, id, NOW)
            .unwrap()
            .newer_manifest
    );
    assert!(
        !published
            .bundle()
            .verify(&newer, id, NOW)
            .unwrap()
            .newer_manifest
    );
    assert_eq!(
        published.bundle().verify(&fork, id, NOW),
        Err(BundleError::Fork)
    );
    assert!(
        device.bundle().verify(&newer, id, NOW).is_ok(),
        "an older page still counts"
    );
}

/// Attack row E10: one key in two roles.
#[test]
fn e10_key_in_two_roles_is_rejected() {
    let account = account(1, 1);
    let device = &account.devices[0];
    let owner = device.owner(account.id);
    // The same random stream gives the signed and the one-time prekey one key.
    let spk = SignedPrekey::generate(&owner, NOW, &mut FixedRng::new(&[9; 32]));
    let opk = generate_one_time(&owner, 1, NOW, &mut FixedRng::new(&[9; 32])).unwrap();
    let statement = account.manifest.statement(&device.keys.id).unwrap();
    let mailbox = device.keys.public().mailbox;
    let page = spk
        .seal_page(
            &account.id,
            &mailbox,
            &account.manifest.reference(),
            statement,
            &mut rng(1),
        )
        .unwrap();
    let bundle = PrekeyBundle {
        page: &page,
        one_time: Some(&opk[0].item),
        ..device.bundle()
    };
    assert_eq!(
        bundle.verify(&account.manifest, &device.keys.id, NOW),
        Err(BundleError::KeyReuse)
    );
}

/// Attack row C9: what is signed has one encoding.
#[test]
fn c9_any_flipped_byte_of_a_prekey_is_rejected() {
    let account = account(1, 1);
    let device = &account.devices[0];
    let (id, key) = (&device.keys.id, &device.keys.public().signing_key);
    let listed = account.manifest.device(id).unwrap();
    assert_every_flip_rejected(&device.page, |page| {
        PrekeyPage::open(page, &account.id, listed, NOW).is_ok()
    });
    assert_every_flip_rejected(&device.opks[2].item, |item| {
        verify_one_time(item, &account.id, id, key, NOW).is_ok()
    });
    assert_every_flip_rejected(&device.kpks[1].item, |item| {
        verify_one_time_kem(item, &account.id, id, key, NOW).is_ok()
    });
    assert_every_flip_rejected(&device.last_resort.item, |item| {
        last_resort::verify(item, &account.id, id, key, NOW).is_ok()
    });
}

#[test]
fn an_item_with_the_absent_id_is_malformed() {
    let account = account(1, 1);
    let device = &account.devices[0];
    let mut item = device.opks[0].item.clone();
    item[1..5].fill(0xff);
    assert_eq!(
        verify_one_time(
            &item,
            &account.id,
            &device.keys.id,
            &device.keys.public().signing_key,
            NOW
        ),
        Err(ItemError::Malformed(DecodeError::InvalidValue))
    );
}

#[test]
fn an_item_out_of_its_batch_is_malformed() {
    let account = account(1, 1);
    let device = &account.devices[0];
    let good = &device.opks[0].item;
    let key = device.keys.public().signing_key;
    let malformed = |index: u16, count: u16| {
        let mut item = good.clone();
        item[37..39].copy_from_slice(&index.to_be_bytes());
        item[39..41].copy_from_slice(&count.to_be_bytes());
        match verify_one_time(&item, &account.id, &device.keys.id, &key, NOW) {
            Err(ItemError::Malformed(error)) => Some(error),
            Err(_) | Ok(_) => None,
        }
    };
    let count = u16::from_be_bytes([good[39], good[40]]);
    assert_eq!(malformed(0, count), None);
    assert_eq!(malformed(count, count), Some(DecodeError::InvalidValue));
    assert_eq!(malformed(0, 0), Some(DecodeError::InvalidValue));
    assert_eq!(malformed(0, 257), Some(DecodeError::InvalidValue));
    // A path is as long as the count says.
    assert_eq!(malformed(0, 1), Some(DecodeError::TrailingBytes));
    assert_eq!(malformed(0, 256), Some(DecodeError::Truncated));
}
