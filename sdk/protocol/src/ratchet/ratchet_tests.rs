use super::*;
use crate::pq_ratchet::Mix;
use crate::primitives::dh::SharedSecret;
use crate::primitives::kem::mlkem768;
use crate::test_support::rng;

fn agreed(seed: u8) -> SharedSecret {
    let ours = RatchetKey::from_bytes(&[seed; 32]);
    let theirs = RatchetKey::from_bytes(&[9; 32]);
    ours.agree(&theirs.public_key()).unwrap()
}

fn mix(seed: u8, hash: u8, epoch: u16) -> Mix {
    let mut rng = rng(seed);
    let key = mlkem768::SecretKey::generate(&mut rng).public_key();
    Mix::new(&key.encapsulate(&mut rng).1, [hash; 32], epoch)
}

#[test]
fn each_input_of_a_root_step_changes_all_that_comes_out() {
    let (root, other) = (RootKey::from_bytes([1; 32]), RootKey::from_bytes([2; 32]));
    let steps = [
        root.step(&agreed(1), None),
        other.step(&agreed(1), None),
        root.step(&agreed(2), None),
        root.step(&agreed(1), Some(&mix(1, 1, 1))),
        root.step(&agreed(1), Some(&mix(2, 1, 1))),
        root.step(&agreed(1), Some(&mix(1, 2, 1))),
        root.step(&agreed(1), Some(&mix(1, 1, 2))),
    ];
    let mut seen = Vec::new();
    for step in &steps {
        let seed = *step.next_seed.as_bytes();
        seen.extend([*step.root.as_bytes(), *step.chain.as_bytes(), seed]);
    }
    for (at, key) in seen.iter().enumerate() {
        assert!(
            !seen[..at].contains(key),
            "key {} of step {}",
            at % 3,
            at / 3
        );
    }
}
