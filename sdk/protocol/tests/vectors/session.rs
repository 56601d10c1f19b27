//! `session.json`: a handshake with and without a one-time prekey, and the conversation that follows it.
//!
//! The library is given a tape of random bytes; everything it then does is computed a second time here, from the
//! specification's formulas alone, and compared.

use std::{collections::VecDeque, convert::Infallible};

use rand_core::{Rng, TryCryptoRng, TryRng};
use undertone_protocol::{
    account::AccountId,
    device::DeviceStatement,
    envelope::Envelope,
    first_message::FirstMessage,
    prekeys::{OneTimePrekeySecret, SignedPrekeySecret},
    session::{Initiator, Position, Responder, Session, SkippedKey},
};

use crate::{
    handshake::{Party, handshake, introduction, introduction_bytes, public},
    manifest::NOW,
    ratchet::{Ratchet, Sealed},
    support::{Case, check, rng, sha256},
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
    let case = |key: &SkippedKey| {
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
