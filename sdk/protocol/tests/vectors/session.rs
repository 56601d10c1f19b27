//! `session.json`: a handshake with and without a one-time prekey, and the conversation that follows it.
//!
//! The library is given a tape of random bytes; everything it then does is computed a second time here, from the
//! specification's formulas alone, and compared.

use std::{collections::VecDeque, convert::Infallible};

use rand_core::{Rng, TryCryptoRng, TryRng};
use undertone_protocol::{
    account::{AccountId, Root},
    content::{Body, Content, ContentHeader, Hlc, Introduction, MessageId, PreviousHash},
    delivery::DeliverySecret,
    device::{DeviceKeys, DeviceStatement},
    envelope::Envelope,
    first_message::FirstMessage,
    manifest::{ManifestHash, ManifestRef, ManifestVersion},
    prekeys::{OneTimePrekeySecret, PrekeyId, PrekeyKind, SignedPrekeySecret, VerifiedBundle},
    primitives::{dh::PublicKey, kem::mlkem1024, secret::SecretBytes},
    profile::ProfileKey,
    relay_address::RelayAddress,
    session::{Initiator, Position, Responder, Session},
};
use x25519_dalek::StaticSecret;

use crate::{
    account::root,
    manifest::{NOW, device_keys},
    ratchet::{Ratchet, Sealed},
    support::{Case, check, hkdf, label, rng, seal, sha256},
};

/// Random bytes that are drawn again by the second computation.
struct Tape {
    source: rand_chacha::ChaCha20Rng,
    drawn: VecDeque<Vec<u8>>,
}

impl Tape {
    fn new(seed: u8) -> Self {
        Self {
            source: rng(seed),
            drawn: VecDeque::new(),
        }
    }

    /// The bytes of the oldest draw not taken yet.
    fn take<const N: usize>(&mut self) -> [u8; N] {
        self.drawn
            .pop_front()
            .expect("the library drew less")
            .try_into()
            .expect("the library drew another length")
    }
}

impl TryRng for Tape {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        Ok(self.source.next_u32())
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        Ok(self.source.next_u64())
    }

    fn try_fill_bytes(&mut self, dst: &mut [u8]) -> Result<(), Infallible> {
        self.source.fill_bytes(dst);
        self.drawn.push_back(dst.to_vec());
        Ok(())
    }
}

impl TryCryptoRng for Tape {}

struct Party {
    root: Root,
    keys: DeviceKeys,
    manifest: ManifestRef,
    signed: [u8; 32],
    one_time: Option<[u8; 32]>,
    kem: [u8; 64],
}

impl Party {
    fn new(n: u8, one_time: bool) -> Self {
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

    fn account(&self) -> [u8; 32] {
        *AccountId::of(&self.root.account_key()).as_bytes()
    }

    fn kem_key(&self) -> mlkem1024::SecretKey {
        mlkem1024::SecretKey::from_seed(SecretBytes::copy_from(&self.kem))
    }

    fn kind(&self) -> PrekeyKind {
        if self.one_time.is_some() {
            PrekeyKind::KemOneTime
        } else {
            PrekeyKind::KemLastResort
        }
    }

    fn bundle(&self) -> VerifiedBundle {
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

fn introduction() -> Introduction {
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

/// `1 ‖ …`: the introduction, field by field.
fn introduction_bytes() -> Vec<u8> {
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
        &[0; 1_184][..],
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
struct Handshake {
    case: Case,
    front: Vec<u8>,
    th: [u8; 32],
    rk0: [u8; 32],
    hsa: [u8; 32],
    nhsb: [u8; 32],
    sid: [u8; 16],
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

fn handshake(
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

/// The handshake and its first message by the library, checked against the second computation.
fn begin(a: &Party, b: &Party, tape: &mut Tape) -> (Session, Session, Ratchet, Ratchet, Case) {
    let device = a.keys.public();
    let statement = DeviceStatement::sign(&a.root.account_key(), &device, &a.manifest, NOW);
    let initiator = Initiator {
        account: AccountId::of(&a.root.account_key()),
        device,
        identity_key: &a.keys.identity,
        manifest: a.manifest,
        statement,
    };
    let begun = Session::initiate(tape, &initiator, &b.bundle(), &introduction()).unwrap();
    let (ek, coins) = (tape.take(), tape.take());
    let (ratchet_secret, salt) = (tape.take(), tape.take());
    let handshake = handshake(a, b, &ek, &coins, &statement.to_bytes());

    // A's side: the first root step is taken with SPK_B; B's side is at RK0 with SPK_B as its ratchet key.
    let mut ours = Ratchet::new(handshake.th, handshake.rk0, handshake.hsa, [0; 32]);
    let root_step = ours.sending_step(ratchet_secret, &public(&b.signed));
    let front_hash = sha256(&[&handshake.front]);
    let plaintext = introduction_bytes();
    let padded = [
        &plaintext[..],
        &[0x80],
        &vec![0; 1_923 - plaintext.len() - 1],
    ]
    .concat();
    let sealed = ours.seal(0x12, &front_hash, salt, &plaintext, &padded);
    let first_message = [&handshake.front[..], &sealed.bytes].concat();
    assert_eq!(begun.first_message, first_message);
    assert_eq!(begun.session.id().as_bytes(), &handshake.sid);

    let (signed, one_time) = (
        SignedPrekeySecret::from_bytes(&b.signed),
        b.one_time.map(|key| OneTimePrekeySecret::from_bytes(&key)),
    );
    let responder = Responder {
        account: AccountId::of(&b.root.account_key()),
        device: b.keys.public(),
        identity_key: &b.keys.identity,
        signed_prekey: &signed,
        one_time_prekey: one_time.as_ref(),
        kem_prekey: &b.kem_key(),
        kem_prekey_kind: b.kind(),
    };
    let answered = Session::respond(
        &responder,
        &FirstMessage::parse(&first_message).unwrap(),
        NOW,
    )
    .unwrap();
    let mut theirs = Ratchet::new(handshake.th, handshake.rk0, handshake.nhsb, b.signed);
    theirs.receiving_step(&ours.public());
    let case = handshake
        .case
        .hex("front_hash", front_hash)
        .cases("root_step", vec![root_step])
        .cases("sealed", vec![sealed.case])
        .hex("first_message", &first_message);
    (begun.session, answered.session, ours, theirs, case)
}

/// One message by the library, checked against the second computation.
fn send(
    from: &mut Session,
    model: &mut Ratchet,
    peer: &[u8; 32],
    tape: &mut Tape,
    text: &[u8],
) -> (Sealed, Case) {
    let owed = from.owes_step();
    let mut envelope = Vec::new();
    let number = from.encrypt(tape, text, &mut envelope).unwrap();
    let step = owed.then(|| model.sending_step(tape.take(), peer));
    let bucket = (text.len() + 257).next_power_of_two().max(512);
    let padded = [text, &[0x80], &vec![0; bucket - 256 - text.len() - 1]].concat();
    let mut sealed = model.seal(0x11, &[], tape.take(), text, &padded);
    sealed.bytes.insert(0, 0x11);
    assert_eq!(envelope, sealed.bytes);
    let case = Case::default()
        .number("chain", u64::from(number.chain))
        .number("n", u64::from(number.n));
    let case = match step {
        Some(step) => case.cases("root_step", vec![step]),
        None => case,
    };
    let case = case
        .cases("sealed", vec![std::mem::take(&mut sealed.case)])
        .hex("envelope", &envelope);
    (sealed, case)
}

/// Opens a message in the library; gives the keys of what it skipped.
fn open(to: &mut Session, position: Position, sealed: &Sealed) -> Vec<Case> {
    let mut content = Vec::new();
    let envelope = Envelope::parse(&sealed.bytes).unwrap();
    let opened = to.open(position, envelope, &mut content).unwrap();
    assert_eq!(content, sealed.text);
    let skipped = opened.commit();
    let case = |key: &undertone_protocol::session::SkippedKey| {
        Case::default()
            .number("chain", u64::from(key.number().chain))
            .number("n", u64::from(key.number().n))
            .hex("tag", key.tag().as_bytes())
            .hex("mk", key.expose())
    };
    skipped.iter().map(case).collect()
}

/// A conversation with a lost message, one that is late, and three changes of chain.
fn conversation(
    mut case: Case,
    tape: &mut Tape,
    b: (Session, Ratchet),
    a: (Session, Ratchet),
) -> Case {
    let ((mut alice, mut ours), (mut bob, mut theirs)) = (a, b);
    let mut messages = Vec::new();
    // A follows up while B has not answered: number 1 of chain 0.
    let (sealed, message) = send(&mut alice, &mut ours, &[0; 32], tape, b"Are you there?");
    open(&mut bob, Position::Current { n: 1 }, &sealed);
    messages.push(message.text("from", "a"));
    // B answers with three messages; the second arrives first, and the first never.
    let mut answers = Vec::new();
    for text in [&b"lost"[..], b"Yes.", &[b'x'; 300]] {
        let (sealed, message) = send(&mut bob, &mut theirs, &ours.public(), tape, text);
        answers.push(sealed);
        messages.push(message.text("from", "b"));
    }
    ours.receiving_step(&theirs.public());
    let skipped = open(&mut alice, Position::Next { n: 1 }, &answers[1]);
    case = case.cases("skipped_by_a_at_b_0_1", skipped);
    // A answers in its second chain, B in its second, which says that its first had three messages.
    let (sealed, message) = send(&mut alice, &mut ours, &theirs.public(), tape, b"Good.");
    theirs.receiving_step(&ours.public());
    open(&mut bob, Position::Next { n: 0 }, &sealed);
    messages.push(message.text("from", "a"));
    let (sealed, message) = send(&mut bob, &mut theirs, &ours.public(), tape, b"");
    ours.receiving_step(&theirs.public());
    let skipped = open(&mut alice, Position::Next { n: 0 }, &sealed);
    messages.push(message.text("from", "b"));
    case.cases("skipped_by_a_at_b_1_0", skipped)
        .cases("messages", messages)
}

#[test]
fn session_vectors() {
    let cases = [true, false].map(|one_time| {
        let mut tape = Tape::new(if one_time { 1 } else { 2 });
        let (a, b) = (Party::new(1, true), Party::new(2, one_time));
        let (alice, bob, ours, theirs, case) = begin(&a, &b, &mut tape);
        conversation(case, &mut tape, (bob, theirs), (alice, ours))
    });
    check("session", &cases);
}
