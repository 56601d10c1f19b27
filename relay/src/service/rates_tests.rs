use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;

use super::*;

const NOW: Timestamp = Timestamp(1_790_000_000_000);

#[test]
fn a_burst_passes_and_then_the_steady_flow() {
    let rate = Rate::new(5, 10);
    let mut cell = Cell::default();
    for _ in 0..5 {
        cell.take(rate, 1, NOW).unwrap();
    }
    let too_much = cell.take(rate, 1, NOW).unwrap_err();
    assert_eq!(too_much.retry_after_ms, 100);
    // What was refused costs nothing.
    cell.take(rate, 1, NOW.plus(100)).unwrap();
    cell.take(rate, 1, NOW.plus(100)).unwrap_err();
    for _ in 0..5 {
        cell.take(rate, 1, NOW.plus(10_000)).unwrap();
    }
}

#[test]
fn more_units_than_a_burst_pass_when_it_is_full() {
    let rate = Rate::new(5, 1);
    let mut cell = Cell::default();
    cell.take(rate, 50, NOW).unwrap();
    cell.take(rate, 1, NOW.plus(999)).unwrap_err();
    cell.take(rate, 1, NOW.plus(1_000)).unwrap();
}

#[test]
fn no_limit_is_no_limit() {
    let mut cell = Cell::default();
    for _ in 0..1_000 {
        cell.take(Rate::unlimited(), u32::MAX, NOW).unwrap();
    }
}

#[test]
fn shares_are_forgotten_after_their_window() {
    let mut rng = ChaCha8Rng::seed_from_u64(1);
    let mut rates = Rates::new(&ServiceConfig::default(), &mut rng);
    let mailbox = MailboxId::from_bytes([1; 16]);
    rates.count_share(mailbox, &[2; 16], 10, NOW);
    rates.purge(NOW.plus(SHARE_WINDOW_MS - 1));
    assert_eq!(rates.shares.len(), 1);
    rates.purge(NOW.plus(SHARE_WINDOW_MS));
    assert!(rates.shares.is_empty());
}
