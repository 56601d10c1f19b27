use proptest::prelude::*;
use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng;

use super::*;

proptest! {
    #[test]
    fn a_wait_is_within_its_span(from in 0u64..1 << 40, more in 0u64..1 << 40, seed: u64) {
        let wait = between(from, from + more, &mut ChaCha20Rng::seed_from_u64(seed));
        prop_assert!((from..=from + more).contains(&wait));
    }

    #[test]
    fn retries_grow_and_stay_below_the_longest_wait(failures: u32, seed: u64) {
        let wait = retry(failures, &mut ChaCha20Rng::seed_from_u64(seed));
        prop_assert!(wait >= RETRY_FIRST_MS / 2);
        prop_assert!(wait <= RETRY_LONGEST_MS);
        if failures < 10 {
            prop_assert!(wait <= RETRY_FIRST_MS << failures);
        }
    }
}
