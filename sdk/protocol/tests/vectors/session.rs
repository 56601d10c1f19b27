//! `session.json`: a handshake with and without a one-time prekey, and the conversation that follows it.
//! `pq_ratchet.json`: a conversation in which two epochs of the post-quantum ratchet complete, while messages are lost,
//! late, and delivered twice.
//!
//! The library is given a tape of random bytes; everything it then does is computed a second time here, from the
//! specification's formulas alone, and compared.

use undertone_protocol::{
    account::AccountId,
    device::DeviceStatement,
    envelope::Envelope,
    first_message::FirstMessage,
    prekeys::{OneTimePrekeySecret, SignedPrekeySecret},
    session::{Initiator, Position, Responder, Session, SkippedKey},
    tag_index::{Lookup, TagIndex},
};

use crate::{
    handshake::{Party, handshake, introduction, introduction_bytes, public},
    manifest::NOW,
    pq::Pq,
    ratchet::{Ratchet, Sealed},
    support::{Case, check, rng, sha256},
    tape::Tape,
};

/// One side: the library's session, and the second computation's.
struct Side {
    session: Session,
    model: Ratchet,
    index: TagIndex,
    skipped: Vec<SkippedKey>,
}

/// The handshake and its first message by the library, checked against the second computation.
fn begin(a: &Party, b: &Party, tape: &mut Tape) -> (Side, Side, Case) {
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
    let handshake = handshake(a, b, &ek, &coins, &statement.to_bytes());

    // A's side: the first root step is taken with SPK_B; B's side is at RK0 with SPK_B as its ratchet key.
    let (th, rk0) = (handshake.th, handshake.rk0);
    let mut ours = Ratchet::new(th, rk0, handshake.hsa, [0; 32], Pq::initiator());
    let root_step = ours.sending_step(tape, &public(&b.signed));
    let front_hash = sha256(&[&handshake.front]);
    let plaintext = introduction_bytes(ours.pq.key());
    let padded = [
        &plaintext[..],
        &[0x80],
        &vec![0; 1_923 - plaintext.len() - 1],
    ]
    .concat();
    let sealed = ours.seal(0x12, &front_hash, tape, &plaintext, &padded);
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
    let responder = Pq::responder(ours.pq.key());
    let mut theirs = Ratchet::new(th, rk0, handshake.nhsb, b.signed, responder);
    theirs.receiving_step(&sealed);
    theirs.pq.content(&sealed.pq);
    let case = handshake
        .case
        .hex("front_hash", front_hash)
        .cases("root_step", vec![root_step])
        .cases("sealed", vec![sealed.case])
        .hex("first_message", &first_message);
    (
        Side::new(begun.session, ours),
        Side::new(answered.session, theirs),
        case,
    )
}

impl Side {
    fn new(session: Session, model: Ratchet) -> Self {
        let mut index = TagIndex::new(&mut rng(0));
        index.track(&session);
        Self {
            session,
            model,
            index,
            skipped: Vec::new(),
        }
    }

    /// One message by the library, checked against the second computation.
    fn send(&mut self, peer: &[u8; 32], tape: &mut Tape, text: &[u8]) -> (Sealed, Case) {
        let owed = self.session.owes_step();
        let mut envelope = Vec::new();
        let number = self.session.encrypt(tape, text, &mut envelope).unwrap();
        let step = owed.then(|| self.model.sending_step(tape, peer));
        let bucket = (text.len() + 257).next_power_of_two().max(512);
        let padded = [text, &[0x80], &vec![0; bucket - 256 - text.len() - 1]].concat();
        let mut sealed = self.model.seal(0x11, &[], tape, text, &padded);
        assert!(tape.is_used_up());
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

    /// An ephemeral message by the library, checked against the second computation, and opened.
    fn typing(&mut self, to: &mut Self, number: u32, tape: &mut Tape) -> Case {
        let mut envelope = Vec::new();
        let encrypted = self.session.encrypt_ephemeral(tape, b"", &mut envelope);
        encrypted.unwrap();
        let (sealed, case) = self.model.ephemeral(number, tape, b"");
        assert_eq!(envelope, [&[0x11], &sealed[..]].concat());
        let parsed = Envelope::parse(&envelope).unwrap();
        let found = Lookup::Ephemeral {
            session: to.session.id(),
            number,
        };
        assert_eq!(to.index.lookup(parsed.tag(), 0), found);
        let mut content = Vec::new();
        let opened = to.session.open_ephemeral(number, parsed, &mut content);
        opened.unwrap().commit();
        let owed = self.session.owes_step();
        case.hex("envelope", &envelope)
            .flag("a_root_step_is_owed", owed)
    }

    /// Opens a message in the library and in the second computation; gives the keys of what it skipped.
    fn open(&mut self, sealed: &Sealed) -> (&'static str, Vec<Case>) {
        let mut content = Vec::new();
        let envelope = Envelope::parse(&sealed.bytes).unwrap();
        let tag = envelope.tag();
        let before = self.skipped.len();
        let outcome = match self.index.lookup(tag, 0) {
            Lookup::Live { position, .. } => {
                let opened = self.session.open(position, envelope, &mut content);
                let skipped = opened.unwrap().commit();
                self.index.follow(&self.session, tag, &skipped);
                self.skipped.extend(skipped);
                match position {
                    Position::Next { .. } => {
                        self.model.receiving_step(sealed);
                        "opens the next chain"
                    }
                    Position::Current { .. } => "of the current chain",
                }
            }
            Lookup::Skipped { number, .. } => {
                let at = self.skipped.iter().position(|key| key.number() == number);
                let key = self.skipped.remove(at.unwrap());
                let opened = self.session.open_skipped(&key, envelope, &mut content);
                let of_current = opened.unwrap().commit();
                self.index.consume_skipped(tag);
                assert_eq!(content, sealed.text);
                if !of_current {
                    return ("skipped, of a closed chain", Vec::new());
                }
                self.model.pq.content(&sealed.pq);
                return ("skipped, of the current chain", Vec::new());
            }
            Lookup::Duplicate => return ("duplicate", Vec::new()),
            other @ (Lookup::Unknown | Lookup::Later { .. } | Lookup::Ephemeral { .. }) => {
                assert_eq!(other, Lookup::Duplicate, "an honest message is known");
                return ("", Vec::new());
            }
        };
        assert_eq!(content, sealed.text);
        self.model.pq.content(&sealed.pq);
        let case = |key: &SkippedKey| {
            Case::default()
                .number("chain", u64::from(key.number().chain))
                .number("n", u64::from(key.number().n))
                .hex("tag", key.tag().as_bytes())
                .hex("mk", key.expose())
        };
        (outcome, self.skipped[before..].iter().map(case).collect())
    }
}

/// A conversation with a lost message, one that is late, three changes of chain, and ephemeral messages at the end.
fn conversation(mut case: Case, tape: &mut Tape, mut alice: Side, mut bob: Side) -> Case {
    let mut messages = Vec::new();
    // A follows up while B has not answered: number 1 of chain 0.
    let (sealed, message) = alice.send(&[0; 32], tape, b"Are you there?");
    bob.open(&sealed);
    messages.push(message.text("from", "a"));
    // B answers with three messages; the second arrives first, and the first never.
    let mut answers = Vec::new();
    for text in [&b"lost"[..], b"Yes.", &[b'x'; 300]] {
        let (sealed, message) = bob.send(&alice.model.public(), tape, text);
        answers.push(sealed);
        messages.push(message.text("from", "b"));
    }
    let (_, skipped) = alice.open(&answers[1]);
    case = case.cases("skipped_by_a_at_b_0_1", skipped);
    // A answers in its second chain, B in its second, which says that its first had three messages.
    let (sealed, message) = alice.send(&bob.model.public(), tape, b"Good.");
    bob.open(&sealed);
    messages.push(message.text("from", "a"));
    let (sealed, message) = bob.send(&alice.model.public(), tape, b"");
    let (_, skipped) = alice.open(&sealed);
    messages.push(message.text("from", "b"));
    // A, whose next root step is owed, types beside its second chain, B beside the one that is open.
    let typing = vec![
        alice.typing(&mut bob, 0, tape).text("from", "a"),
        alice.typing(&mut bob, 1, tape).text("from", "a"),
        bob.typing(&mut alice, 0, tape).text("from", "b"),
    ];
    case.cases("skipped_by_a_at_b_1_0", skipped)
        .cases("messages", messages)
        .cases("ephemeral", typing)
}

#[test]
fn session_vectors() {
    let cases = [true, false].map(|one_time| {
        let mut tape = Tape::new(if one_time { 1 } else { 2 });
        let (a, b) = (Party::new(1, true), Party::new(2, one_time));
        let (alice, bob, case) = begin(&a, &b, &mut tape);
        conversation(case, &mut tape, alice, bob)
    });
    check("session", &cases);
}

/// Bursts of five in turn, of which the fourth is lost, the third is held back for one or three bursts, the second comes
/// behind the fifth, and the first comes twice.
#[test]
fn pq_ratchet_vectors() {
    let mut tape = Tape::new(3);
    let (a, b) = (Party::new(1, true), Party::new(2, true));
    let (mut alice, mut bob, case) = begin(&a, &b, &mut tape);
    let mut events = Vec::new();
    let mut held_back: Vec<(u32, (usize, Sealed))> = Vec::new();
    for burst in 0_u32.. {
        let from_a = burst % 2 == 1;
        let (from, to, names) = if from_a {
            (&mut alice, &mut bob, ["a", "b"])
        } else {
            (&mut bob, &mut alice, ["b", "a"])
        };
        let mut arriving = Vec::new();
        for _ in 0..5 {
            let text = format!("message {}", events.len());
            let (sealed, event) = from.send(&to.model.public(), &mut tape, text.as_bytes());
            arriving.push((events.len(), sealed));
            let sent = Case::new("send").text("from", names[0]);
            events.push(sent.cases("message", vec![event]));
        }
        let mut deliver = |to: &mut Side, name, (at, sealed): &(usize, Sealed)| {
            let (outcome, skipped) = to.open(sealed);
            let delivery = Case::new("deliver")
                .text("to", name)
                .number("event", u64::try_from(*at).unwrap())
                .text("outcome", outcome);
            events.push(delivery.cases("skipped", skipped));
        };
        for at in [0, 4, 1, 0] {
            deliver(to, names[1], &arriving[at]);
        }
        for (_, late) in held_back.extract_if(.., |(due, _)| *due == burst) {
            deliver(from, names[0], &late);
        }
        let due = burst + if burst % 4 < 2 { 1 } else { 3 };
        held_back.push((due, arriving.swap_remove(2)));
        let completed = |side: &Side| side.model.pq.completed();
        if completed(&alice).min(completed(&bob)) == 2 {
            break;
        }
    }
    check("pq_ratchet", &[case.cases("events", events)]);
}
