use super::*;
use crate::envelope::KIND_FIRST_MESSAGE;
use crate::prekeys::PrekeyKind;
use crate::primitives::dh::{SecretKey, role};
use crate::primitives::kem::mlkem1024;
use crate::session::testing::{Device, id};
use crate::test_support::rng;

/// E3: the transcript, and with it every key of the session, depends on each field of the handshake.
#[test]
fn e3_each_field_changes_the_transcript_and_the_session_key() {
    let mut rng = rng(1);
    let (bob, other) = (Device::new(&mut rng, true), Device::new(&mut rng, true));
    let ephemeral = SecretKey::<role::Ephemeral>::generate(&mut rng);
    let other_ephemeral = SecretKey::<role::Ephemeral>::generate(&mut rng);
    let (bundle, others) = (bob.bundle(), other.bundle());
    let (ciphertext, _) = bundle.kem.encapsulate(&mut rng);
    let (other_ciphertext, _) = bundle.kem.encapsulate(&mut rng);

    type Change<'a> = &'a dyn Fn(&mut RecipientKeys<'_>);
    let changes: [Change<'_>; 10] = [
        &|keys| keys.account = others.account,
        &|keys| keys.device = others.device.id,
        &|keys| keys.identity = others.device.identity_key,
        &|keys| keys.signed.0 = id(99),
        &|keys| keys.signed.1 = others.signed_prekey.1,
        &|keys| keys.one_time = None,
        &|keys| keys.one_time = Some((id(99), bundle.one_time.unwrap().1)),
        &|keys| keys.one_time = others.one_time,
        &|keys| keys.kem.0 = id(99),
        &|keys| keys.kem.1 = PrekeyKind::KemLastResort,
    ];
    let base = || RecipientKeys::of(&bundle);
    let hash = |keys: &RecipientKeys<'_>| {
        *IdentityTranscript::new(0, keys, &ephemeral.public_key(), &ciphertext).as_bytes()
    };
    let mut seen = vec![hash(&base())];
    for change in changes {
        let mut keys = base();
        change(&mut keys);
        seen.push(hash(&keys));
    }
    let swapped = RecipientKeys {
        kem: (bundle.kem_id, bundle.kem_kind, &others.kem),
        ..base()
    };
    seen.push(hash(&swapped));
    let keys = base();
    seen.push(*IdentityTranscript::new(1, &keys, &ephemeral.public_key(), &ciphertext).as_bytes());
    seen.push(
        *IdentityTranscript::new(0, &keys, &other_ephemeral.public_key(), &ciphertext).as_bytes(),
    );
    seen.push(
        *IdentityTranscript::new(0, &keys, &ephemeral.public_key(), &other_ciphertext).as_bytes(),
    );
    for (at, hash) in seen.iter().enumerate() {
        assert!(
            !seen[..at].contains(hash),
            "change {at} is not in the transcript"
        );
    }

    // TH covers TH0 and each byte of the identity block, and every session key covers TH.
    let identity = IdentityTranscript::new(0, &keys, &ephemeral.public_key(), &ciphertext);
    let mut block = [7; 288];
    let mut ids = vec![session_id(
        &bob,
        &ephemeral,
        &ciphertext,
        &TranscriptHash::new(&identity, &block),
    )];
    for at in [0, 31, 32, 47, 100, 200, 287] {
        block[at] ^= 1;
        ids.push(session_id(
            &bob,
            &ephemeral,
            &ciphertext,
            &TranscriptHash::new(&identity, &block),
        ));
        block[at] ^= 1;
    }
    for (at, id) in ids.iter().enumerate() {
        assert!(!ids[..at].contains(id));
    }
    assert_eq!(KIND_FIRST_MESSAGE, 0x12);
}

fn session_id(
    bob: &Device,
    ephemeral: &SecretKey<role::Ephemeral>,
    ciphertext: &mlkem1024::Ciphertext,
    transcript: &TranscriptHash,
) -> [u8; 16] {
    *secrets(bob, ephemeral, ciphertext, true)
        .session_secrets(&late(bob), transcript)
        .id
        .as_bytes()
}

fn late(bob: &Device) -> LateSecrets {
    let identity = SecretKey::<role::Identity>::from_bytes(&[3; 32]);
    LateSecrets {
        dh1: bob.signed.agree(&identity.public_key()).unwrap(),
        dh5: None,
    }
}

fn secrets(
    bob: &Device,
    ephemeral: &SecretKey<role::Ephemeral>,
    ciphertext: &mlkem1024::Ciphertext,
    one_time: bool,
) -> EarlySecrets {
    let public = ephemeral.public_key();
    EarlySecrets {
        dh2: bob.keys.identity.agree(&public).unwrap(),
        dh3: bob.signed.agree(&public).unwrap(),
        dh4: bob
            .one_time
            .as_ref()
            .filter(|_| one_time)
            .map(|key| key.agree(&public).unwrap()),
        ss: bob.kem.decapsulate(ciphertext).0,
    }
}

/// Each of the values enters the keys, DH4 and DH5 when there is a one-time prekey.
#[test]
fn each_agreed_value_changes_the_session_key() {
    let mut rng = rng(2);
    let bob = Device::new(&mut rng, true);
    let one_time = bob.one_time.as_ref().unwrap();
    let (ciphertext, _) = bob.kem.public_key().encapsulate(&mut rng);
    let (other_ciphertext, _) = bob.kem.public_key().encapsulate(&mut rng);
    let ephemeral = SecretKey::<role::Ephemeral>::from_bytes(&[2; 32]);
    let other_ephemeral = SecretKey::<role::Ephemeral>::from_bytes(&[4; 32]);
    let identity = SecretKey::<role::Identity>::from_bytes(&[3; 32]);
    let other_identity = SecretKey::<role::Identity>::from_bytes(&[5; 32]);

    let early = || secrets(&bob, &ephemeral, &ciphertext, true);
    let other = || secrets(&bob, &other_ephemeral, &other_ciphertext, true);
    let agreed = |identity: &SecretKey<role::Identity>| LateSecrets {
        dh1: bob.signed.agree(&identity.public_key()).unwrap(),
        dh5: Some(one_time.agree(&identity.public_key()).unwrap()),
    };
    let (late, other_late) = (|| agreed(&identity), || agreed(&other_identity));
    #[rustfmt::skip]
    let handshakes = [
        (early(), late()),
        (EarlySecrets { dh2: other().dh2, ..early() }, late()),
        (EarlySecrets { dh3: other().dh3, ..early() }, late()),
        (EarlySecrets { dh4: other().dh4, ..early() }, late()),
        (EarlySecrets { dh4: None, ..early() }, late()),
        (EarlySecrets { ss: other().ss, ..early() }, late()),
        (early(), LateSecrets { dh1: other_late().dh1, ..late() }),
        (early(), LateSecrets { dh5: other_late().dh5, ..late() }),
        (early(), LateSecrets { dh5: None, ..late() }),
        (EarlySecrets { dh4: None, ..early() }, LateSecrets { dh5: None, ..late() }),
    ];
    let transcript = TranscriptHash::from_bytes([1; 32]);
    let ids = handshakes.map(|(early, late)| early.session_secrets(&late, &transcript).id);
    for (at, id) in ids.iter().enumerate() {
        assert!(!ids[..at].contains(id), "value {at} is not in the keys");
    }
}
