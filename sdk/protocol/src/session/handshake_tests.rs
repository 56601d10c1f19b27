use super::super::testing::*;
use super::*;
use crate::content::Body;
use crate::device::DeviceKeys;
use crate::pq_ratchet::{CHUNK_LEN, Chunk, ChunkIndex, PqFields, Slot};
use crate::prekeys::PrekeyId;
use crate::test_support::{bad_points, rng};
use crate::time::DAY_MS;

fn error(result: Result<Responded, RespondError>) -> RespondError {
    result.err().expect("the first message must be rejected")
}

#[test]
fn both_sides_agree_with_and_without_a_one_time_prekey() {
    for one_time in [true, false] {
        let mut rng = rng(1);
        let (alice, bob) = (Device::new(&mut rng, true), Device::new(&mut rng, one_time));
        let begun = alice.initiate(&mut rng, &bob.bundle());
        assert_eq!(begun.first_message.len(), FIRST_MESSAGE_LEN);
        let ids = FirstMessage::parse(&begun.first_message)
            .unwrap()
            .prekey_ids();
        assert_eq!(
            (ids.signed, ids.one_time, ids.kem),
            (id(1), one_time.then(|| id(2)), id(3))
        );

        let answered = bob.respond(&begun.first_message).unwrap();
        assert_eq!(answered.session.id(), begun.session.id());
        assert_eq!(
            answered.session.transcript.as_bytes(),
            begun.session.transcript.as_bytes()
        );
        assert_eq!(answered.peer.account, alice.account());
        assert_eq!(answered.peer.device, alice.keys.public());
        assert_eq!(answered.peer.manifest, alice.manifest);
        assert_eq!(answered.peer.recipient_manifest, bob.manifest);
        assert_eq!(answered.introduction.name, "Alice");
        assert!(matches!(&answered.introduction.content.body, Body::Text(text) if text == "hello"));

        let mut pair = Pair {
            rng,
            a: begun.session,
            b: answered.session,
        };
        for (turn, from_a) in [false, true, true, false, false, true]
            .into_iter()
            .enumerate()
        {
            pair.send(from_a, format!("turn {turn}").as_bytes());
        }
    }
}

/// A first message whose initiator writes another header, or tags it with another number.
fn forged(seed: u8, tag: u32, change: impl FnOnce(&mut Header)) -> Result<Responded, RespondError> {
    let mut rng = rng(seed);
    let (alice, bob) = (Device::new(&mut rng, true), Device::new(&mut rng, true));
    let (initiator, says) = (alice.initiator(), introduction("hello"));
    let Ok(mut unsealed) = Session::agree(&mut rng, &initiator, &bob.bundle(), &says) else {
        panic!("they agree");
    };
    let session = &mut unsealed.session;
    let Sending::Open(chain) = &session.sending else {
        panic!("an initiator has a chain");
    };
    let mut header = Header {
        dh: session.ratchet.public_key(),
        previous_length: 0,
        n: 0,
        pq: session.pq.fields(&mut rng),
    };
    change(&mut header);
    let sealer = crate::envelope::Sealer {
        context: Context::First(&session.transcript, unsealed.front),
        keys: &chain.keys,
        tag: chain.keys.tag.maker().tag(tag),
        header,
        message_key: &chain.chain_key.fork().step(),
        salt: [7; 12],
    };
    let mut message = unsealed.first_message;
    sealer
        .seal(&unsealed.plaintext, BODY_LEN, &mut message)
        .unwrap();
    bob.respond(&message)
}

/// Whoever can begin a session, begins it with message 0 and its tag, each checked for itself.
#[test]
fn a_first_message_has_number_0_in_its_header_and_in_its_tag() {
    assert!(forged(20, 0, |_| {}).is_ok());
    let refused = RespondError::Message(OpenError::Header);
    assert_eq!(error(forged(21, 1, |_| {})), refused);
    assert_eq!(error(forged(22, 0, |header| header.n = 1)), refused);
    assert_eq!(
        error(forged(23, 0, |header| header.previous_length = 1)),
        refused
    );
}

/// R1 for the first message: it has no byte that may change.
#[test]
fn r1_every_byte_flip_of_a_first_message_is_rejected() {
    let mut rng = rng(2);
    let (alice, bob) = (Device::new(&mut rng, true), Device::new(&mut rng, true));
    let original = alice.initiate(&mut rng, &bob.bundle()).first_message;
    let mut changed = original.clone();
    for at in 0..original.len() {
        changed[at] ^= 1 << (at % 8);
        if let Ok(message) = FirstMessage::parse(&changed) {
            assert!(
                Session::respond(&bob.responder(), &message, NOW).is_err(),
                "byte {at} may be flipped"
            );
        }
        changed[at] = original[at];
    }
    assert!(bob.respond(&original).is_ok());
}

#[test]
fn a_first_message_of_another_length_is_none() {
    let mut rng = rng(3);
    let (alice, bob) = (Device::new(&mut rng, true), Device::new(&mut rng, true));
    let mut bytes = alice.initiate(&mut rng, &bob.bundle()).first_message;
    for len in 0..bytes.len() {
        assert!(FirstMessage::parse(&bytes[..len]).is_err());
    }
    bytes.push(0);
    assert!(FirstMessage::parse(&bytes).is_err());
}

/// E6: M registered B's keys as its own; A's message to M does not open at B.
#[test]
fn e6_a_message_for_another_account_with_the_same_keys_is_rejected() {
    let mut rng = rng(4);
    let (alice, bob, mallory) = (
        Device::new(&mut rng, true),
        Device::new(&mut rng, true),
        Device::new(&mut rng, true),
    );
    let mut bundle = bob.bundle();
    bundle.account = mallory.account();
    let message = alice.initiate(&mut rng, &bundle).first_message;
    assert_eq!(error(bob.respond(&message)), RespondError::IdentityBlock);

    let mut bundle = bob.bundle();
    bundle.device.id = mallory.keys.id;
    let message = alice.initiate(&mut rng, &bundle).first_message;
    assert_eq!(error(bob.respond(&message)), RespondError::IdentityBlock);
}

/// E8: a replay is recognisable, and without its one-time prekey it cannot even be tried.
#[test]
fn e8_a_replay_has_the_same_hash_and_needs_the_deleted_prekey() {
    let mut rng = rng(5);
    let (alice, mut bob) = (Device::new(&mut rng, true), Device::new(&mut rng, true));
    let message = alice.initiate(&mut rng, &bob.bundle()).first_message;
    let other = alice.initiate(&mut rng, &bob.bundle()).first_message;
    let hash = |bytes: &[u8]| FirstMessage::parse(bytes).unwrap().replay_hash();
    assert_eq!(hash(&message), hash(&message.clone()));
    assert_ne!(hash(&message), hash(&other));

    assert!(bob.respond(&message).is_ok());
    bob.one_time = None;
    assert_eq!(error(bob.respond(&message)), RespondError::OneTimePrekey);
}

/// The kind of KEM prekey is agreed on: a relay cannot pass a last-resort key off as a one-time key.
#[test]
fn e2_another_kind_of_kem_prekey_is_rejected() {
    let mut rng = rng(6);
    let (alice, bob) = (Device::new(&mut rng, true), Device::new(&mut rng, true));
    let mut bundle = bob.bundle();
    bundle.kem_kind = PrekeyKind::KemLastResort;
    let message = alice.initiate(&mut rng, &bundle).first_message;
    assert_eq!(error(bob.respond(&message)), RespondError::IdentityBlock);
}

/// The identity block authenticates nobody: an impostor who knows A's public keys and statement gets past it, and fails
/// at the message, because DH1 is not his to compute.
#[test]
fn e7_an_impostor_without_the_identity_key_is_rejected() {
    let mut rng = rng(7);
    // With a one-time prekey DH5 is not his to compute either.
    for one_time in [true, false] {
        let (alice, bob, mallory) = (
            Device::new(&mut rng, true),
            Device::new(&mut rng, one_time),
            Device::new(&mut rng, true),
        );
        let mut initiator = alice.initiator();
        initiator.identity_key = &mallory.keys.identity;
        let begun =
            Session::initiate(&mut rng, &initiator, &bob.bundle(), &introduction("hello")).unwrap();
        assert_eq!(
            error(bob.respond(&begun.first_message)),
            RespondError::Message(OpenError::Header)
        );
    }
}

#[test]
fn a_statement_must_be_the_accounts_and_current() {
    let mut rng = rng(8);
    let (alice, bob, mallory) = (
        Device::new(&mut rng, true),
        Device::new(&mut rng, true),
        Device::new(&mut rng, true),
    );
    let mut initiator = alice.initiator();
    initiator.account = mallory.account();
    let begun =
        Session::initiate(&mut rng, &initiator, &bob.bundle(), &introduction("hello")).unwrap();
    let rejected = RespondError::Statement(StatementError::NotVerified);
    assert_eq!(error(bob.respond(&begun.first_message)), rejected);

    let message = alice.initiate(&mut rng, &bob.bundle()).first_message;
    let message = FirstMessage::parse(&message).unwrap();
    let late = Session::respond(&bob.responder(), &message, NOW.plus(366 * DAY_MS));
    assert_eq!(
        error(late),
        RespondError::Statement(StatementError::Expired)
    );
}

#[test]
fn a_device_does_not_talk_to_itself() {
    let mut rng = rng(9);
    let bob = Device::new(&mut rng, true);
    let begun = Session::initiate(
        &mut rng,
        &bob.initiator(),
        &bob.bundle(),
        &introduction("hello"),
    );
    assert_eq!(begun.err(), Some(InitiateError::RepeatedKey));

    let mut twin = Device::new(&mut rng, true);
    twin.keys.id = bob.keys.id;
    let message = twin.initiate(&mut rng, &bob.bundle()).first_message;
    assert_eq!(error(bob.respond(&message)), RespondError::RepeatedKey);
}

/// E10: one key in two roles.
#[test]
fn e10_a_key_in_two_roles_is_rejected() {
    let mut rng = rng(10);
    let (alice, bob) = (Device::new(&mut rng, true), Device::new(&mut rng, true));
    let mut bundle = bob.bundle();
    bundle.signed_prekey.1 = PublicKey::parse(bob.keys.public().identity_key.as_bytes()).unwrap();
    let begun = Session::initiate(
        &mut rng,
        &alice.initiator(),
        &bundle,
        &introduction("hello"),
    );
    assert_eq!(begun.err(), Some(InitiateError::RepeatedKey));

    let mut bundle = bob.bundle();
    bundle.one_time = Some((
        id(2),
        PublicKey::parse(alice.keys.public().identity_key.as_bytes()).unwrap(),
    ));
    let begun = Session::initiate(
        &mut rng,
        &alice.initiator(),
        &bundle,
        &introduction("hello"),
    );
    assert_eq!(begun.err(), Some(InitiateError::RepeatedKey));
}

/// E1: EK. The other keys of the handshake are in the tests of manifests, prekeys and identity blocks.
#[test]
fn e1_low_order_and_non_canonical_ephemeral_keys_are_rejected() {
    let mut rng = rng(11);
    let (alice, bob) = (Device::new(&mut rng, true), Device::new(&mut rng, true));
    let message = alice.initiate(&mut rng, &bob.bundle()).first_message;
    assert!(FirstMessage::parse(&message).is_ok());
    for point in bad_points() {
        let mut changed = message.clone();
        changed[2..34].copy_from_slice(&point);
        assert!(FirstMessage::parse(&changed).is_err());
    }
}

/// Every field that a second implementer might misplace is where the specification says.
#[test]
fn prekey_ids_lie_in_the_clear_part() {
    let mut rng = rng(12);
    let (alice, bob) = (Device::new(&mut rng, true), Device::new(&mut rng, false));
    let message = alice.initiate(&mut rng, &bob.bundle()).first_message;
    assert_eq!(message[..2], [0x12, 0]);
    assert_eq!(
        message[34..46],
        [0, 0, 0, 1, 0xff, 0xff, 0xff, 0xff, 0, 0, 0, 3]
    );
    for at in [34, 42] {
        let mut changed = message.clone();
        changed[at..at + 4].copy_from_slice(&PrekeyId::ABSENT.to_be_bytes());
        assert!(FirstMessage::parse(&changed).is_err());
    }
}

#[test]
fn reserved_bytes_of_the_identity_block_are_zero() {
    let mut rng = rng(13);
    let (alice, bob) = (Device::new(&mut rng, true), Device::new(&mut rng, true));
    let mut block = IdentityBlock {
        account: alice.account(),
        device: alice.keys.public(),
        manifest: alice.manifest,
        recipient_manifest: bob.manifest,
        statement: alice.initiator().statement,
    }
    .to_bytes();
    assert!(IdentityBlock::parse(&block).is_ok());
    block[287] = 1;
    assert!(IdentityBlock::parse(&block).is_err());
    assert_eq!(block[..32], *alice.account().as_bytes());
    assert_eq!(block[32..48], *alice.keys.id.as_bytes());
}

#[test]
fn e10_device_keys_from_a_broken_generator_are_refused() {
    struct Constant;
    impl rand_core::TryRng for Constant {
        type Error = core::convert::Infallible;
        fn try_next_u32(&mut self) -> Result<u32, Self::Error> {
            Ok(7)
        }
        fn try_next_u64(&mut self) -> Result<u64, Self::Error> {
            Ok(7)
        }
        fn try_fill_bytes(&mut self, dst: &mut [u8]) -> Result<(), Self::Error> {
            dst.fill(7);
            Ok(())
        }
    }
    impl rand_core::TryCryptoRng for Constant {}
    assert!(DeviceKeys::generate(&mut Constant).is_err());
    // The ephemeral key of such a generator is the recipient's signed prekey of the same generator.
    let mut rng = rng(14);
    let (alice, mut bob) = (Device::new(&mut rng, true), Device::new(&mut rng, true));
    bob.signed = SignedPrekeySecret::generate(&mut Constant);
    let begun = Session::initiate(
        &mut Constant,
        &alice.initiator(),
        &bob.bundle(),
        &introduction("hello"),
    );
    assert_eq!(begun.err(), Some(InitiateError::RepeatedKey));
}

#[test]
fn a_first_message_is_number_0_and_sends_the_key_of_epoch_1() {
    let chunk = Chunk {
        index: ChunkIndex::new(3).unwrap(),
        bytes: [0; CHUNK_LEN],
    };
    let slots = [
        Slot::Key(chunk),
        Slot::Ciphertext(chunk),
        Slot::HaveCiphertext,
        Slot::Mix,
        Slot::Idle,
    ];
    for (n, previous_length, epoch) in [(0, 0, 1), (1, 0, 1), (0, 1, 1), (0, 0, 0), (0, 0, 2)] {
        for slot in slots {
            let header = Header {
                dh: PublicKey::parse(&[7; 32]).unwrap(),
                previous_length,
                n,
                pq: PqFields { epoch, slot },
            };
            let first = (n, previous_length, epoch) == (0, 0, 1) && matches!(slot, Slot::Key(_));
            assert_eq!(begins_session(&header), first);
        }
    }
}
