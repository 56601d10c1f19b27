//! The handshake a second time: two devices of fixed keys, and everything that PQXDH derives from them.

use undertone_protocol::{
    account::{AccountId, Root},
    content::{Body, Content, ContentHeader, Hlc, Introduction, MessageId, PreviousHash},
    delivery::DeliverySecret,
    device::DeviceKeys,
    manifest::{ManifestHash, ManifestRef, ManifestVersion},
    prekeys::{PrekeyId, PrekeyKind, VerifiedBundle},
    primitives::{dh::PublicKey, kem::mlkem1024, secret::SecretBytes},
    profile::ProfileKey,
    relay_address::RelayAddress,
};
use x25519_dalek::StaticSecret;

use crate::{
    account::root,
    manifest::{NOW, device_keys},
    support::{Case, hkdf, label, seal, sha256},
};

pub(crate) struct Party {
    pub(crate) root: Root,
    pub(crate) keys: DeviceKeys,
    pub(crate) manifest: ManifestRef,
    pub(crate) signed: [u8; 32],
    pub(crate) one_time: Option<[u8; 32]>,
    kem: [u8; 64],
}

impl Party {
    pub(crate) fn new(n: u8, one_time: bool) -> Self {
        Self {
            root: root([n; 32]),
            keys: device_keys(n),
            manifest: ManifestRef {
                version: ManifestVersion {
                    epoch: 0,
                    counter: u32::from(n),
                },
                hash: ManifestHash([n.wrapping_add(0x30); 32]),
            },
            signed: [n.wrapping_add(0x40); 32],
            one_time: one_time.then_some([n.wrapping_add(0x50); 32]),
            kem: [n.wrapping_add(0x60); 64],
        }
    }

    pub(crate) fn account(&self) -> [u8; 32] {
        *AccountId::of(&self.root.account_key()).as_bytes()
    }

    pub(crate) fn kem_key(&self) -> mlkem1024::SecretKey {
        mlkem1024::SecretKey::from_seed(SecretBytes::copy_from(&self.kem))
    }

    pub(crate) fn kind(&self) -> PrekeyKind {
        if self.one_time.is_some() {
            PrekeyKind::KemOneTime
        } else {
            PrekeyKind::KemLastResort
        }
    }

    pub(crate) fn bundle(&self) -> VerifiedBundle {
        let id = |id| PrekeyId::new(id).unwrap();
        VerifiedBundle {
            account: AccountId::of(&self.root.account_key()),
            manifest: self.manifest,
            device: self.keys.public(),
            signed_prekey: (
                id(0x0101_0101),
                PublicKey::parse(&public(&self.signed)).unwrap(),
            ),
            one_time: self
                .one_time
                .map(|key| (id(0x0202_0202), PublicKey::parse(&public(&key)).unwrap())),
            kem_id: id(0x0303_0303),
            kem_kind: self.kind(),
            kem: self.kem_key().public_key(),
            newer_manifest: false,
        }
    }
}

pub(crate) fn public(secret: &[u8; 32]) -> [u8; 32] {
    x25519_dalek::PublicKey::from(&StaticSecret::from(*secret)).to_bytes()
}

pub(crate) fn dh(secret: &[u8; 32], public: &[u8; 32]) -> [u8; 32] {
    StaticSecret::from(*secret)
        .diffie_hellman(&x25519_dalek::PublicKey::from(*public))
        .to_bytes()
}

/// SHA-256 over fields with 32-bit lengths.
fn transcript(fields: &[&[u8]]) -> [u8; 32] {
    let prefixed = fields.iter().map(|field| {
        let len = u32::try_from(field.len()).unwrap().to_be_bytes();
        [&len[..], field].concat()
    });
    sha256(&[&prefixed.collect::<Vec<_>>().concat()])
}

pub(crate) fn introduction() -> Introduction {
    let header = ContentHeader {
        flags: 0,
        message_id: MessageId::from_bytes([0x71; 16]),
        stream_seq: 1,
        previous: PreviousHash::default(),
        hlc: Hlc::at(NOW),
        manifest_version: 1,
        manifest_hash: [0x31; 16],
    };
    Introduction {
        manifest_write_key: root([1; 32]).manifest_write_key().public_key(),
        delivery_secret: DeliverySecret::from_bytes(&[0x72; 32]),
        profile_key: ProfileKey::from_bytes(&[0x73; 32]),
        relay_address: RelayAddress::parse("https://relay.example").unwrap(),
        name: "Alice".to_owned(),
        content: Content {
            header,
            body: Body::Text("Hello, Bob.".to_owned()),
        },
    }
}

/// The introduction, field by field.
pub(crate) fn introduction_bytes(ratchet_key: &[u8]) -> Vec<u8> {
    let content = [
        &[1, 1, 0, 0][..],
        &[0x71; 16],
        &1_u64.to_be_bytes(),
        &[0; 16],
        &(NOW.0 << 16).to_be_bytes(),
        &1_u64.to_be_bytes(),
        &[0x31; 16],
        b"Hello, Bob.",
    ]
    .concat();
    let write_key = root([1; 32]).manifest_write_key().public_key();
    let (relay, name) = (b"https://relay.example", b"Alice");
    let text = |text: &[u8]| [&[u8::try_from(text.len()).unwrap()], text].concat();
    [
        ratchet_key,
        write_key.as_bytes(),
        &[0x72; 32],
        &[0x73; 32],
        &text(relay),
        &text(name),
        &content,
    ]
    .concat()
}

/// What the handshake gives both sides, computed here.
pub(crate) struct Handshake {
    pub(crate) case: Case,
    pub(crate) front: Vec<u8>,
    pub(crate) th: [u8; 32],
    pub(crate) rk0: [u8; 32],
    pub(crate) hsa: [u8; 32],
    pub(crate) nhsb: [u8; 32],
    pub(crate) sid: [u8; 16],
}

fn inputs(a: &Party, b: &Party, ek: &[u8; 32], coins: &[u8; 32], statement: &[u8; 72]) -> Case {
    let (ours, theirs) = (a.keys.public(), b.keys.public());
    let case = Case::new(if b.one_time.is_some() {
        "with a one-time prekey"
    } else {
        "last resort"
    })
    .hex("account_a", a.account())
    .hex("device_a", ours.id.as_bytes())
    .hex("ik_a_private", a.keys.identity.expose())
    .hex("ik_a", ours.identity_key.as_bytes())
    .hex("dsk_a", ours.signing_key.as_bytes())
    .hex("mailbox_a", ours.mailbox.as_bytes())
    .number("manifest_version_a", a.manifest.version.to_u64())
    .hex("manifest_hash_a", a.manifest.hash.0)
    .hex("statement_a", statement)
    .hex("account_b", b.account())
    .hex("device_b", theirs.id.as_bytes())
    .hex("ik_b_private", b.keys.identity.expose())
    .hex("ik_b", theirs.identity_key.as_bytes())
    .number("manifest_version_b", b.manifest.version.to_u64())
    .hex("manifest_hash_b", b.manifest.hash.0)
    .number("spk_id", 0x0101_0101)
    .hex("spk_private", b.signed)
    .hex("spk", public(&b.signed));
    let case = match b.one_time {
        Some(key) => case
            .number("opk_id", 0x0202_0202)
            .hex("opk_private", key)
            .hex("opk", public(&key)),
        None => case.number("opk_id", 0xffff_ffff),
    };
    case.number("kpk_id", 0x0303_0303)
        .number("kpk_kind", u64::from(b.kind().to_byte()))
        .hex("kpk_seed", b.kem)
        .hex("kpk", b.kem_key().public_key().as_bytes())
        .hex("ek_private", ek)
        .hex("ek", public(ek))
        .hex("kem_randomness", coins)
}

pub(crate) fn handshake(
    a: &Party,
    b: &Party,
    ek: &[u8; 32],
    coins: &[u8; 32],
    statement: &[u8; 72],
) -> Handshake {
    let case = inputs(a, b, ek, coins, statement);
    let (ours, theirs) = (a.keys.public(), b.keys.public());
    let (ik_a, ik_b) = (a.keys.identity.expose(), theirs.identity_key.as_bytes());
    let (spk, opk) = (public(&b.signed), b.one_time.map(|key| public(&key)));
    let kpk = *b.kem_key().public_key().as_bytes();
    let (ct, ss) = libcrux_ml_kem::mlkem1024::encapsulate(&(&kpk).into(), *coins);
    let ct: &[u8] = ct.as_ref();

    let dh1 = dh(ik_a, &spk);
    let dh2 = dh(ek, ik_b);
    let dh3 = dh(ek, &spk);
    let dh4 = opk.map(|opk| dh(ek, &opk));
    let dh5 = opk.map(|opk| dh(ik_a, &opk));
    let or_nothing = |dh: &Option<[u8; 32]>| dh.map_or(Vec::new(), |dh| dh.to_vec());

    let (spk_id, kpk_id) = ([1; 4], [3; 4]);
    let opk_id = if opk.is_some() { [2; 4] } else { [0xff; 4] };
    let th0 = transcript(&[
        &label("pqxdh-id"),
        &[1],
        &[0x12],
        &[0],
        &b.account(),
        theirs.id.as_bytes(),
        ik_b,
        &[&spk_id[..], &spk].concat(),
        &opk.map_or(Vec::new(), |opk| [&opk_id[..], &opk].concat()),
        &[&kpk_id[..], &[b.kind().to_byte()], &kpk].concat(),
        &public(ek),
        ct,
    ]);
    let domain = [0xff; 32];
    let k0: [u8; 32] = hkdf(
        &[&domain[..], &dh2, &dh3, &or_nothing(&dh4), &ss].concat(),
        "pqxdh-id",
        &th0,
    );
    let block = [
        &a.account()[..],
        ours.id.as_bytes(),
        ours.identity_key.as_bytes(),
        ours.signing_key.as_bytes(),
        ours.mailbox.as_bytes(),
        &a.manifest.version.to_u64().to_be_bytes(),
        &a.manifest.hash.0,
        &b.manifest.version.to_u64().to_be_bytes(),
        &b.manifest.hash.0,
        statement,
        &[0; 8],
    ]
    .concat();
    let sealed_block = seal(&k0, &[0; 12], &th0, &block);
    let th = transcript(&[&label("pqxdh-sk"), &th0, &sha256(&[&block])]);
    let ikm = [
        &domain[..],
        &dh1,
        &dh2,
        &dh3,
        &or_nothing(&dh4),
        &or_nothing(&dh5),
        &ss,
    ]
    .concat();
    let okm: [u8; 112] = hkdf(&ikm, "pqxdh-sk", &th);
    let part = |start: usize| -> [u8; 32] { okm[start..start + 32].try_into().unwrap() };
    let (rk0, hsa, nhsb) = (part(0), part(32), part(64));
    let sid: [u8; 16] = okm[96..].try_into().unwrap();
    let front = [
        &[0x12, 0][..],
        &public(ek),
        &spk_id,
        &opk_id,
        &kpk_id,
        ct,
        &sealed_block,
    ]
    .concat();

    let case = case
        .hex("ct", ct)
        .hex("ss", ss)
        .hex("dh1", dh1)
        .hex("dh2", dh2)
        .hex("dh3", dh3)
        .hex("dh4", or_nothing(&dh4))
        .hex("dh5", or_nothing(&dh5))
        .hex("th0", th0)
        .hex("k0", k0)
        .hex("identity_block", &block)
        .hex("sealed_identity_block", &sealed_block)
        .hex("th", th)
        .hex("rk0", rk0)
        .hex("hsa", hsa)
        .hex("nhsb", nhsb)
        .hex("sid", sid)
        .hex("replay_hash", sha256(&[&public(ek), ct]));
    Handshake {
        case,
        front,
        th,
        rk0,
        hsa,
        nhsb,
        sid,
    }
}
