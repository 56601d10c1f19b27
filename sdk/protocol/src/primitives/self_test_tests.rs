use ml_kem::{Decapsulate, FromSeed, KeyExport, MlKem768, MlKem1024};

use super::*;

#[test]
fn s7_this_processor_passes() {
    assert_eq!(run(), Ok(()));
    assert_eq!(run(), Ok(()), "the second call");
    assert_eq!(RESULT.get(), Some(&Ok(())), "nothing was tested");
}

#[test]
fn s7_a_primitive_that_answers_wrongly_or_not_at_all_is_named() {
    for broken in Primitive::ALL {
        for wrong in [None, Some([0; HASH_LEN])] {
            let answers = |primitive| {
                if primitive == broken {
                    wrong
                } else {
                    answer(primitive)
                }
            };
            assert_eq!(judge(answers), Err(SelfTestError(broken)));
        }
    }
}

/// AES-GCM that gives the right plaintext whatever the tag is.
fn open_anything<'b>(
    key: &[u8; aead::KEY_LEN],
    nonce: &[u8; aead::NONCE_LEN],
    ad: &[u8],
    buffer: &'b mut [u8],
) -> Result<&'b mut [u8], aead::AeadError> {
    match aead::open(key, nonce, ad, &mut buffer.to_vec()) {
        Ok(_) => aead::open(key, nonce, ad, buffer),
        Err(_) => Ok(buffer),
    }
}

#[test]
fn s7_aes_gcm_that_takes_a_changed_tag_or_opens_something_else_has_no_answer() {
    assert_eq!(aes_gcm(open_anything), None);
    let something_else = aes_gcm(|key, nonce, ad, buffer| {
        let plain = aead::open(key, nonce, ad, buffer)?;
        plain[0] ^= 1;
        Ok(plain)
    });
    assert_eq!(something_else, None);
}

#[test]
fn s7_x25519_that_takes_a_bad_key_or_does_not_agree_has_no_answer() {
    let parse_anything = |_: &_| Ok(dh::SecretKey::from_bytes(&[1; dh::KEY_LEN]).public_key());
    assert_eq!(x25519(parse_anything, dh::SecretKey::agree), None);
    let with_itself = x25519(dh::PublicKey::parse, |key, _| key.agree(&key.public_key()));
    assert_eq!(with_itself, None);
}

#[test]
fn s7_ed25519_that_verifies_everything_or_nothing_has_no_answer() {
    assert_eq!(ed25519(|_, _, _| Ok(())), None);
    let nothing = ed25519(|_, _, _| Err(signature::SignatureError::NotVerified));
    assert_eq!(nothing, None);
}

/// The other known answers are published, or another implementation's.
#[test]
fn s7_known_answers_of_ml_kem_are_the_second_implementations() {
    macro_rules! check {
        ($primitive:ident, $module:ident, $oracle:ident) => {
            let (oracle, ek) = $oracle::from_seed(&counting::<64>().into());
            let ek = ek.to_bytes();
            let public = kem::$module::PublicKey::parse(ek[..].try_into().unwrap()).unwrap();
            let (ct, _) = public.encapsulate_with(&counting());
            let secret = oracle.decapsulate_slice(&ct.0[..]).unwrap();
            let mut changed = ct.clone();
            changed.0[0] ^= 1;
            let other = oracle.decapsulate_slice(&changed.0[..]).unwrap();
            assert_eq!(
                known(Primitive::$primitive),
                sha256(&[&ek, &ct.0[..], &secret, &other])
            );
        };
    }
    check!(MlKem768, mlkem768, MlKem768);
    check!(MlKem1024, mlkem1024, MlKem1024);
}

#[test]
fn the_error_says_what_must_be_done() {
    assert_eq!(
        SelfTestError(Primitive::MlKem768).to_string(),
        "this build computes ML-KEM-768 wrongly on this processor: it needs another build"
    );
}
