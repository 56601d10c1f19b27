//! What a relay gives for a mailbox: page, one-time item, KEM item; changed on the way, or edited and then signed again by the device (and the
//! account) that they claim to be from.
//!
//! Asserted: what was published is accepted; nothing that was changed on the way is; of what is signed, only what keeps lifetimes, kinds and keys
//! is accepted, and says what was signed; with an accepted bundle a session begins.

use core::ops::Range;

use undertone_protocol::device::DeviceStatement;
use undertone_protocol::labels::{self, SignatureLabel};
use undertone_protocol::limits::{
    CLOCK_TOLERANCE_MS, MAX_ONE_TIME_PREKEY_LIFETIME_MS, MAX_PREKEY_BATCH, MAX_PREKEY_LIFETIME_MS,
};
use undertone_protocol::manifest::ManifestRef;
use undertone_protocol::prekeys::{PrekeyBundle, PrekeyKind, VerifiedBundle};
use undertone_protocol::primitives::codec::{Reader, Writer};
use undertone_protocol::primitives::hash::labelled;
use undertone_protocol::primitives::kem::mlkem1024::PUBLIC_KEY_LEN;
use undertone_protocol::primitives::signature::role;
use undertone_protocol::primitives::{aead, kdf};

use crate::edit::{chosen, edited, flip};
use crate::party::{ALICE, BOB, NOW, rng};

const X25519_LEN: usize = 32;
const SIGNATURE_LEN: usize = 64;
/// Of a page: format ‖ id ‖ SPK ‖ issued ‖ expires.
const PAGE_FRONT: usize = 1 + 4 + X25519_LEN + 8 + 8;

/// The first byte chooses: page, one-time item, KEM item, last resort; changed on the way, or edited and signed.
pub fn run(data: &[u8]) {
    let Some((choice, script)) = data.split_first() else {
        return;
    };
    let (page, one_time) = (&BOB.page, &BOB.one_time[1].item);
    let (kem, last_resort) = (&BOB.kem[1].item, &BOB.last_resort.item);
    match choice % 8 {
        0 => on_the_way(&edited(page, script), one_time, kem),
        1 => on_the_way(page, &edited(one_time, script), kem),
        2 => on_the_way(page, one_time, &edited(kem, script)),
        3 => on_the_way(page, one_time, &edited(last_resort, script)),
        4 => signed_page(script),
        5 => signed_item(script, one_time, PrekeyKind::OneTime),
        6 => signed_item(script, kem, PrekeyKind::KemOneTime),
        _ => signed_last_resort(script),
    }
}

fn verified(page: &[u8], one_time: &[u8], kem: &[u8]) -> Option<VerifiedBundle> {
    let bundle = PrekeyBundle {
        page,
        one_time: Some(one_time),
        kem,
    };
    bundle.verify(&BOB.manifest, &BOB.keys.id, NOW).ok()
}

fn on_the_way(page: &[u8], one_time: &[u8], kem: &[u8]) {
    let published = page == BOB.page
        && BOB.one_time.iter().any(|key| key.item == one_time)
        && (BOB.last_resort.item == kem || BOB.kem.iter().any(|key| key.item == kem));
    let accepted = verified(page, one_time, kem);
    assert_eq!(accepted.is_some(), published);
}

/// Everything of a page but its signatures is the input's.
fn signed_page(script: &[u8]) {
    let (account, mailbox) = (BOB.account, BOB.keys.public().mailbox);
    let mut front = vec![1];
    let mut writer = Writer::new(&mut front);
    writer
        .u32(BOB.signed.id.get())
        .bytes(BOB.signed.secret.public_key().as_bytes())
        .u64(NOW.0)
        .u64(NOW.0 + MAX_PREKEY_LIFETIME_MS);
    BOB.manifest.reference().write(&mut writer);
    let says = edited(&front, script);
    let (front, rest) = says.split_at(says.len().min(PAGE_FRONT));
    let mut plain = front.to_vec();
    let body = body(
        PrekeyKind::Signed,
        front.get(1..).unwrap_or_default(),
        4,
        16,
        X25519_LEN,
    );
    let signature = BOB.keys.signing.sign(labels::SIGNED_PREKEY, &body);
    plain.extend_from_slice(&signature.0);
    plain.extend_from_slice(rest);
    if let Ok(manifest) = ManifestRef::read(&mut Reader::new(rest)) {
        let statement = DeviceStatement::sign(&BOB.key, &BOB.keys.public(), &manifest, NOW);
        plain.extend_from_slice(&statement.to_bytes());
    }
    let nonce = [9; aead::NONCE_LEN];
    let mut page = [&nonce, &plain[..], &[0; aead::TAG_LEN]].concat();
    let key = kdf::hkdf(
        &[0; 32],
        &[account.as_bytes()],
        labels::PREKEY_PAGE_SEAL,
        &[mailbox.as_bytes()],
    );
    let sealed = &mut page[aead::NONCE_LEN..];
    aead::seal(&key, &nonce, mailbox.as_bytes(), sealed).unwrap();
    if let Some(bundle) = verified(&page, &BOB.one_time[1].item, &BOB.kem[1].item) {
        let (id, key) = bundle.signed_prekey;
        assert_eq!(id.to_bytes(), front[1..5]);
        assert_eq!(key.as_bytes(), &front[5..37]);
        lives(&front[37..], MAX_PREKEY_LIFETIME_MS);
        usable(&bundle);
    }
}

/// Everything of an item but the signature over the root that its path leads to is the input's.
fn signed_item(script: &[u8], item: &[u8], kind: PrekeyKind) {
    let (key_len, label) = match kind {
        PrekeyKind::OneTime => (X25519_LEN, labels::ONE_TIME_PREKEYS),
        PrekeyKind::KemOneTime => (PUBLIC_KEY_LEN, labels::KEM_PREKEYS),
        PrekeyKind::Signed | PrekeyKind::KemLastResort => panic!("no batch"),
    };
    let mut says = edited(&item[..item.len() - SIGNATURE_LEN], script);
    let place = 1 + 4 + key_len;
    let Some(path) = says.get(place + 2 + 2 + 16..) else {
        return;
    };
    let index = [says[place], says[place + 1]];
    let leaf = labelled(
        labels::PREKEY_LEAF,
        &[&[kind.to_byte()], &index, &says[1..place]],
    );
    let root = path
        .chunks_exact(32)
        .enumerate()
        .fold(leaf, |below, (height, sibling)| {
            let right = u16::from_be_bytes(index) >> height.min(15) & 1 == 1;
            let pair: [&[u8]; 2] = if right {
                [sibling, &below]
            } else {
                [&below, sibling]
            };
            labelled(labels::PREKEY_NODE, &pair)
        });
    let mut body = begin(kind);
    body.extend_from_slice(&says[place + 2..place + 20]);
    body.extend_from_slice(&root);
    sign(&mut says, label, &body);
    let (one_time, kem) = match kind {
        PrekeyKind::OneTime => (&says, &BOB.kem[1].item),
        PrekeyKind::KemOneTime | PrekeyKind::Signed | PrekeyKind::KemLastResort => {
            (&BOB.one_time[1].item, &says)
        }
    };
    if let Some(bundle) = verified(&BOB.page, one_time, kem) {
        let count = u16::from_be_bytes([says[place + 2], says[place + 3]]);
        assert!(usize::from(count) <= MAX_PREKEY_BATCH && u16::from_be_bytes(index) < count);
        assert_eq!(says[0], kind.to_byte());
        lives(&says[place + 4..], MAX_ONE_TIME_PREKEY_LIFETIME_MS);
        says_key(&bundle, &says, 1..place, kind);
    }
}

fn signed_last_resort(script: &[u8]) {
    let item = &BOB.last_resort.item;
    let mut says = edited(&item[..item.len() - SIGNATURE_LEN], script);
    let body = body(
        PrekeyKind::KemLastResort,
        says.get(1..).unwrap_or_default(),
        4,
        16,
        PUBLIC_KEY_LEN,
    );
    sign(&mut says, labels::LAST_RESORT_PREKEY, &body);
    if let Some(bundle) = verified(&BOB.page, &BOB.one_time[1].item, &says) {
        let key = 1..5 + PUBLIC_KEY_LEN;
        lives(&says[key.end..], MAX_PREKEY_LIFETIME_MS);
        says_key(&bundle, &says, key, PrekeyKind::KemLastResort);
    }
}

fn sign(says: &mut Vec<u8>, label: SignatureLabel<role::Device>, body: &[u8]) {
    says.extend_from_slice(&BOB.keys.signing.sign(label, body).0);
}

/// `account 32 ‖ device 16 ‖ kind 1`.
fn begin(kind: PrekeyKind) -> Vec<u8> {
    let device = BOB.keys.id;
    [
        BOB.account.as_bytes().as_slice(),
        device.as_bytes(),
        &[kind.to_byte()],
    ]
    .concat()
}

/// What is signed of `id ‖ key ‖ lifetime`: the same with the key last.
fn body(kind: PrekeyKind, says: &[u8], id: usize, lifetime: usize, key: usize) -> Vec<u8> {
    let mut body = begin(kind);
    let mut reader = Reader::new(says);
    let (Ok(id), Ok(key), Ok(lifetime)) =
        (reader.bytes(id), reader.bytes(key), reader.bytes(lifetime))
    else {
        return body;
    };
    body.extend_from_slice(id);
    body.extend_from_slice(lifetime);
    body.extend_from_slice(key);
    body
}

/// The bundle's key is the one at `id_and_key` of what was signed.
fn says_key(bundle: &VerifiedBundle, says: &[u8], id_and_key: Range<usize>, kind: PrekeyKind) {
    let (id, key) = match (kind, &bundle.one_time) {
        (PrekeyKind::OneTime, Some((id, key))) => (*id, key.as_bytes().as_slice()),
        _ => {
            assert_eq!(bundle.kem_kind, kind);
            (bundle.kem_id, bundle.kem.as_bytes().as_slice())
        }
    };
    assert_eq!([&id.to_bytes(), key].concat(), says[id_and_key]);
    usable(bundle);
}

/// `issued 8 ‖ expires 8` allow a use now.
fn lives(lifetime: &[u8], longest_ms: u64) {
    let mut reader = Reader::new(lifetime);
    let (issued, expires) = (reader.u64().unwrap(), reader.u64().unwrap());
    assert!(issued <= NOW.0 + CLOCK_TOLERANCE_MS && NOW.0 <= expires);
    assert!(issued < expires && expires - issued <= longest_ms);
}

fn usable(bundle: &VerifiedBundle) {
    let begun = ALICE.begin(&mut rng(60), bundle);
    assert!(begun.is_ok(), "no session with a verified bundle");
}

/// Everything as it was published, and with one byte changed in each part.
#[must_use]
pub fn seeds() -> Vec<Vec<u8>> {
    let mut seeds = Vec::new();
    for choice in 0..8 {
        seeds.push(chosen(choice, &[]));
        let parts: &[u16] = match choice {
            0 => &[0, 12, 100, 240],
            1 | 5 => &[0, 1, 5, 36, 37, 39, 42, 50, 60, 100],
            4 => &[0, 1, 5, 36, 42, 50, 55, 60, 90],
            _ => &[0, 1, 5, 900, 1_573, 1_575, 1_580, 1_585, 1_590, 1_600],
        };
        seeds.extend(parts.iter().map(|part| chosen(choice, &flip(*part, 1))));
    }
    seeds
}
