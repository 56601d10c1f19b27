use ml_kem::{Decapsulate, FromSeed, KeyExport, MlKem768, MlKem1024};

use super::*;

#[test]
fn s7_this_processor_passes() {
    assert_eq!(run(), Ok(()));
    assert_eq!(run(), Ok(()), "the second call");
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
