//! `prekeys.json`: a sealed page, batches of one-time prekeys with their trees, and a last-resort prekey.

use undertone_protocol::{
    account::{AccountId, ManifestWriteKey},
    limits::{MAX_ONE_TIME_PREKEY_LIFETIME_MS, MAX_PREKEY_LIFETIME_MS},
    manifest::{ManifestDraft, VerifiedManifest},
    prekeys::{
        LastResortPrekey, PrekeyBundle, PrekeyOwner, SignedPrekey,
        one_time::{generate_one_time, generate_one_time_kem},
    },
    primitives::secret::SecretBytes,
};

use crate::{
    account::root,
    manifest::{NOW, device_keys, listed},
    support::{Case, check, framed, hkdf, label, rng, seal, sha256, sign},
};

struct Setup {
    account: AccountId,
    manifest: VerifiedManifest,
    seed: [u8; 32],
}

impl Setup {
    fn new() -> Self {
        let root = root([4; 32]);
        let record_key =
            ManifestWriteKey::from_seed(&SecretBytes::copy_from(&[0xb1; 32])).public_key();
        let draft =
            ManifestDraft::first(&root, listed(1, "https://relay.example"), record_key, None);
        Self {
            account: AccountId::of(&root.account_key()),
            manifest: draft.sign(&root.account_key(), NOW).unwrap(),
            seed: *device_keys(1).signing.expose(),
        }
    }

    /// `account ‖ device ‖ kind ‖ rest`.
    fn body(&self, kind: u8, rest: &[&[u8]]) -> Vec<u8> {
        [
            &self.account.as_bytes()[..],
            &[0x10; 16],
            &[kind],
            &rest.concat(),
        ]
        .concat()
    }
}

/// `issued ‖ expires`.
fn lifetime(length_ms: u64) -> Vec<u8> {
    [NOW.0.to_be_bytes(), NOW.plus(length_ms).0.to_be_bytes()].concat()
}

fn page_case(setup: &Setup, spk: &SignedPrekey, page: &[u8]) -> Case {
    let mailbox = device_keys(1).public().mailbox;
    let lifetime = lifetime(MAX_PREKEY_LIFETIME_MS);
    let (id, key) = (spk.id.to_bytes(), *spk.secret.public_key().as_bytes());
    let body = setup.body(1, &[&id, &lifetime, &key]);
    let signature = sign(&setup.seed, "spk", &body);
    let reference = setup.manifest.reference();
    let statement = setup
        .manifest
        .statement(&device_keys(1).id)
        .unwrap()
        .to_bytes();
    let plain = [
        &[1][..],
        &id,
        &key,
        &lifetime,
        &signature,
        &reference.version.to_u64().to_be_bytes(),
        &reference.hash.0,
        &statement,
    ]
    .concat();
    let seal_key: [u8; 32] = hkdf(
        setup.account.as_bytes(),
        "prekey-page-seal",
        mailbox.as_bytes(),
    );
    let nonce: [u8; 12] = page[..12].try_into().unwrap();
    assert_eq!(
        page[12..],
        seal(&seal_key, &nonce, mailbox.as_bytes(), &plain)[..]
    );
    Case::new("signed prekey and page")
        .number("issued_ms", NOW.0)
        .hex("id", id)
        .hex("secret", spk.secret.expose())
        .hex("key", key)
        .hex("signed_message", framed("spk", &body))
        .hex("signature", signature)
        .hex("mailbox_id", mailbox.as_bytes())
        .hex("page", plain)
        .hex("seal_key", seal_key)
        .hex("seal_nonce", nonce)
        .hex("sealed_page", page)
}

/// One item as it was generated: id, private half, public half, what the relay keeps.
type Item<'a> = ([u8; 4], &'a [u8], Vec<u8>, &'a [u8]);

/// A batch of `items`, its tree computed from the document.
fn batch_case(
    setup: &Setup,
    name: &str,
    kind: u8,
    signature_label: &str,
    items: &[Item<'_>],
) -> Case {
    let count = u16::try_from(items.len()).unwrap();
    let mut level: Vec<[u8; 32]> = (0..count)
        .zip(items)
        .map(|(index, (id, _, key, _))| {
            sha256(&[
                &label("prekey-leaf"),
                &[kind],
                &index.to_be_bytes(),
                id,
                key,
            ])
        })
        .collect();
    let leaves = level.clone();
    let mut paths = vec![Vec::new(); items.len()];
    level.resize(level.len().next_power_of_two(), [0; 32]);
    let mut height = 0;
    while level.len() > 1 {
        for (index, path) in paths.iter_mut().enumerate() {
            path.extend(level[(index >> height) ^ 1]);
        }
        level = level
            .chunks(2)
            .map(|pair| sha256(&[&label("prekey-node"), &pair[0], &pair[1]]))
            .collect();
        height += 1;
    }
    let lifetime = lifetime(MAX_ONE_TIME_PREKEY_LIFETIME_MS);
    let body = setup.body(kind, &[&count.to_be_bytes(), &lifetime, &level[0]]);
    let signature = sign(&setup.seed, signature_label, &body);
    let cases = (0..count)
        .zip(items)
        .map(|(index, (id, secret, key, item))| {
            let path = &paths[usize::from(index)];
            let place = [
                &index.to_be_bytes()[..],
                &count.to_be_bytes(),
                &lifetime,
                path,
                &signature,
            ]
            .concat();
            let expected = [&[kind], &id[..], key, &place].concat();
            assert_eq!(*item, expected);
            Case::default()
                .hex("id", id)
                .hex("secret", secret)
                .hex("key", key)
                .hex("leaf", leaves[usize::from(index)])
                .hex("path", path)
                .hex("item", item)
        });
    let items = cases.collect();
    Case::new(name)
        .number("issued_ms", NOW.0)
        .hex("root", level[0])
        .hex("signed_message", framed(signature_label, &body))
        .hex("signature", signature)
        .cases("items", items)
}

fn last_resort_case(setup: &Setup, prekey: &LastResortPrekey) -> Case {
    let (id, key) = (prekey.id.to_bytes(), prekey.secret.public_key());
    let lifetime = lifetime(MAX_PREKEY_LIFETIME_MS);
    let body = setup.body(4, &[&id, &lifetime, key.as_bytes()]);
    let signature = sign(&setup.seed, "kpk-last", &body);
    let expected = [&[4][..], &id, key.as_bytes(), &lifetime, &signature].concat();
    assert_eq!(prekey.item, expected);
    Case::new("last-resort prekey")
        .number("issued_ms", NOW.0)
        .hex("id", id)
        .hex("secret", prekey.secret.expose())
        .hex("key", key.as_bytes())
        .hex("signed_message", framed("kpk-last", &body))
        .hex("signature", signature)
        .hex("item", &prekey.item)
}

#[test]
fn prekeys_vectors() {
    let (setup, keys, mut rng) = (Setup::new(), device_keys(1), rng(7));
    let owner = PrekeyOwner {
        account: setup.account,
        device: keys.id,
        signing_key: &keys.signing,
    };
    let spk = SignedPrekey::generate(&owner, NOW, &mut rng);
    let statement = setup.manifest.statement(&keys.id).unwrap();
    let mailbox = keys.public().mailbox;
    let page = spk
        .seal_page(
            &setup.account,
            &mailbox,
            &setup.manifest.reference(),
            statement,
            &mut rng,
        )
        .unwrap();
    let opks = generate_one_time(&owner, 5, NOW, &mut rng).unwrap();
    let kpks = generate_one_time_kem(&owner, 2, NOW, &mut rng).unwrap();
    let last_resort = LastResortPrekey::generate(&owner, NOW, &mut rng);

    let bundle = PrekeyBundle {
        page: &page,
        one_time: Some(&opks[4].item),
        kem: &kpks[1].item,
    };
    let verified = bundle.verify(&setup.manifest, &keys.id, NOW).unwrap();
    assert_eq!(verified.kem, kpks[1].secret.public_key());

    let opk_items: Vec<Item<'_>> = opks
        .iter()
        .map(|opk| {
            (
                opk.id.to_bytes(),
                &opk.secret.expose()[..],
                opk.secret.public_key().as_bytes().to_vec(),
                &opk.item[..],
            )
        })
        .collect();
    let kpk_items: Vec<Item<'_>> = kpks
        .iter()
        .map(|kpk| {
            (
                kpk.id.to_bytes(),
                &kpk.secret.expose()[..],
                kpk.secret.public_key().as_bytes().to_vec(),
                &kpk.item[..],
            )
        })
        .collect();
    let inputs = Case::new("inputs")
        .hex("account_public_key", setup.account.as_bytes())
        .hex("device_id", keys.id.as_bytes())
        .hex("device_signing_key_seed", setup.seed)
        .hex("device_signing_key", keys.signing.public_key().as_bytes())
        .hex("signed_manifest", setup.manifest.signed_bytes())
        .hex("device_statement", statement.to_bytes());
    check(
        "prekeys",
        &[
            inputs,
            page_case(&setup, &spk, &page),
            batch_case(
                &setup,
                "one-time X25519 prekeys",
                2,
                "opk-batch",
                &opk_items,
            ),
            batch_case(
                &setup,
                "one-time ML-KEM-1024 prekeys",
                3,
                "kpk-once",
                &kpk_items,
            ),
            last_resort_case(&setup, &last_resort),
        ],
    );
}
