//! First messages by somebody who does not have the identity key that he claims: what he can and cannot make, depending on
//! what was stolen from the recipient (key-compromise impersonation).

use rand_chacha::ChaCha20Rng;

use super::super::testing::*;
use super::*;
use crate::identity_block::IDENTITY_BLOCK_LEN;
use crate::primitives::dh::SharedSecret;
use crate::test_support::{bad_points, rng};

/// What an initiator needs his identity key for; whoever has the recipient's prekeys computes it with those.
struct Late {
    dh1: SharedSecret,
    dh5: Option<SharedSecret>,
}

/// A first message to `bundle` that says what `block` says. Everything but the parameters is public.
fn first_message(
    rng: &mut ChaCha20Rng,
    bundle: &VerifiedBundle,
    block: &[u8; IDENTITY_BLOCK_LEN],
    late: Late,
) -> Vec<u8> {
    let recipient = &RecipientKeys::of(bundle);
    let ephemeral = SecretKey::<role::Ephemeral>::generate(rng);
    let (ciphertext, ss) = bundle.kem.encapsulate(rng);
    let (_, signed) = recipient.signed;
    let one_time = recipient.one_time.as_ref();
    let early = EarlySecrets {
        dh2: ephemeral.agree(&recipient.identity).unwrap(),
        dh3: ephemeral.agree(&signed).unwrap(),
        dh4: one_time.map(|(_, key)| ephemeral.agree(key).unwrap()),
        ss,
    };
    let public = ephemeral.public_key();
    let identity = IdentityTranscript::new(FLAGS, recipient, &public, &ciphertext);
    let sealed = early
        .identity_block_key(&identity)
        .seal(&identity, block)
        .unwrap();
    let transcript = TranscriptHash::new(&identity, block);
    let late = LateSecrets {
        dh1: late.dh1,
        dh5: late.dh5,
    };
    let secrets = early.session_secrets(&late, &transcript);
    let mut message = Vec::new();
    let front =
        first_message::write_front(&public, recipient.ids(), &ciphertext, &sealed, &mut message);
    let (pq, ratchet_key) = PqRatchet::initiator(rng);
    let plaintext = introduction("it is me")
        .encode(ratchet_key.as_bytes())
        .unwrap();
    let peer = (signed.as_first_ratchet_key(), pq);
    let mut session = Session::first(rng, secrets, transcript, peer).unwrap();
    session
        .seal_next(rng, Some(front), &plaintext, BODY_LEN, &mut message)
        .unwrap();
    message
}

/// What A's first message says of A; anybody who ever got one from A has the statement in it.
fn block_of(alice: &Device, bob: &Device) -> [u8; IDENTITY_BLOCK_LEN] {
    IdentityBlock {
        account: alice.account(),
        device: alice.keys.public(),
        manifest: alice.manifest,
        recipient_manifest: bob.manifest,
        statement: alice.initiator().statement,
    }
    .to_bytes()
}

/// What M took from B.
#[derive(Debug, Clone, Copy, Default)]
struct Stolen {
    signed: bool,
    one_time: bool,
}

/// M poses as A to B with what was stolen from B, guessing the rest.
fn impersonate(
    rng: &mut ChaCha20Rng,
    (alice, bob): (&Device, &Device),
    bundle: &VerifiedBundle,
    stolen: Stolen,
) -> Vec<u8> {
    let of_alice = alice.keys.public().identity_key;
    let guessed = Device::new(rng, true);
    let signed = if stolen.signed {
        &bob.signed
    } else {
        &guessed.signed
    };
    let one_time = if stolen.one_time {
        &bob.one_time
    } else {
        &guessed.one_time
    };
    let late = Late {
        dh1: signed.agree(&of_alice).unwrap(),
        dh5: bundle
            .one_time
            .and(one_time.as_ref())
            .map(|key| key.agree(&of_alice).unwrap()),
    };
    first_message(rng, bundle, &block_of(alice, bob), late)
}

/// E7: with which of B's private keys somebody can pose to B as A. B's identity key and KEM keys give nothing: an initiator
/// needs their public halves only. The signed prekey alone does, as in X3DH, for as long as B accepts it and to a message
/// that uses no one-time prekey; with one, DH5 needs that one's private half too, which B deletes with its first message.
#[test]
fn e7_what_an_impostor_can_do_with_stolen_keys() {
    let rejected = Some(RespondError::Message(OpenError::Header));
    let table = [
        // (signed prekey stolen, one-time prekey stolen, the message uses a one-time prekey, what B says)
        (false, false, false, rejected),
        (false, false, true, rejected),
        (false, true, true, rejected),
        (true, false, true, rejected),
        (true, false, false, None),
        (true, true, true, None),
    ];
    let mut rng = rng(1);
    for (signed, one_time, uses_one_time, expected) in table {
        let alice = Device::new(&mut rng, true);
        let mut bob = Device::new(&mut rng, uses_one_time);
        let stolen = Stolen { signed, one_time };
        let bundle = bob.bundle();
        let forged = impersonate(&mut rng, (&alice, &bob), &bundle, stolen);
        let answer = bob.respond(&forged).map(|responded| responded.peer.account);
        assert_eq!(answer.err(), expected, "{stolen:?}, used: {uses_one_time}");

        // A's own message is taken, and uses up the one-time prekey: nothing that names it is accepted any more.
        let honest = alice.initiate(&mut rng, &bundle).first_message;
        assert!(bob.respond(&honest).is_ok());
        if uses_one_time {
            bob.one_time = None;
            let forged = bob.respond(&forged).err();
            assert_eq!(forged, Some(RespondError::OneTimePrekey));
        }
    }
}

/// E7: once B replaced its signed prekey, the stolen one gives nothing.
#[test]
fn e7_a_replaced_signed_prekey_gives_an_impostor_nothing() {
    let mut rng = rng(2);
    let (alice, mut bob) = (Device::new(&mut rng, true), Device::new(&mut rng, false));
    let stolen = Stolen {
        signed: true,
        one_time: false,
    };
    let old = bob.bundle();
    let forged = impersonate(&mut rng, (&alice, &bob), &old, stolen);
    bob.signed = SignedPrekeySecret::generate(&mut rng);
    assert_eq!(
        bob.respond(&forged).err(),
        Some(RespondError::IdentityBlock)
    );
    let honest = alice.initiate(&mut rng, &bob.bundle()).first_message;
    assert!(bob.respond(&honest).is_ok());
}

/// E1: IK of the initiator, in a message that is right in everything else. Without the check, a stranger whose key agrees on
/// zeros with everybody would be whoever he says.
#[test]
fn e1_low_order_and_non_canonical_identity_keys_of_initiators_are_rejected() {
    let mut rng = rng(3);
    let (alice, bob) = (Device::new(&mut rng, true), Device::new(&mut rng, true));
    let identity = &alice.keys.identity;
    let (bundle, block) = (bob.bundle(), block_of(&alice, &bob));
    let send = |rng: &mut ChaCha20Rng, block| {
        let late = Late {
            dh1: identity.agree(&bundle.signed_prekey.1).unwrap(),
            dh5: bundle
                .one_time
                .map(|(_, key)| identity.agree(&key).unwrap()),
        };
        bob.respond(&first_message(rng, &bundle, &block, late))
            .err()
    };
    assert_eq!(send(&mut rng, block), None);
    for point in bad_points() {
        let mut changed = block;
        changed[48..80].copy_from_slice(&point);
        assert_eq!(send(&mut rng, changed), Some(RespondError::IdentityBlock));
    }
}
