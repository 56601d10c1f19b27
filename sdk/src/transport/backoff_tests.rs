use proptest::prelude::*;
use rand::SeedableRng;
use rand_chacha::ChaCha20Rng;

use super::*;

proptest! {
    #[test]
    fn waits_double_with_jitter_and_stay_bounded(seed: u64) {
        let mut rng = ChaCha20Rng::seed_from_u64(seed);
        let mut backoff = Backoff::default();
        for failures in 0..40_u32 {
            let step = BACKOFF_FIRST.saturating_mul(2_u32.saturating_pow(failures)).min(BACKOFF_LAST);
            let wait = backoff.next(&mut rng);
            prop_assert!(wait >= step / 2 && wait <= step, "{failures}: {wait:?} of {step:?}");
        }
        backoff.reset();
        prop_assert!(backoff.next(&mut rng) <= BACKOFF_FIRST);
    }

    #[test]
    fn a_relay_can_delay_but_not_banish(seed: u64, asked_ms: u32, jitter_ms: u32) {
        let mut rng = ChaCha20Rng::seed_from_u64(seed);
        let (asked, jitter) = (Duration::from_millis(asked_ms.into()), Duration::from_millis(jitter_ms.into()));
        let wait = Backoff::default().asked(asked, jitter, &mut rng);
        prop_assert!(wait >= asked.min(RETRY_AFTER_MAX));
        prop_assert!(wait <= RETRY_AFTER_MAX);
    }
}

#[test]
fn a_displaced_login_waits_longest() {
    let mut rng = ChaCha20Rng::seed_from_u64(1);
    assert!(Backoff::default().longest(&mut rng) >= BACKOFF_LAST / 2);
}
