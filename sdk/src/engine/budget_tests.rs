use super::*;

#[test]
fn a_burst_then_one_each_interval() {
    let mut budget = Budget::default();
    let taken = (0..20).filter(|_| budget.take(8, 1_000, 5_000)).count();
    assert_eq!(taken, 8);
    assert!(!budget.take(8, 1_000, 5_999));
    assert!(budget.take(8, 1_000, 6_000));
    assert!(!budget.take(8, 1_000, 6_000));
}

#[test]
fn rest_refills_no_more_than_the_burst() {
    let mut budget = Budget::default();
    assert!(budget.take(2, 100, 0));
    let taken = (0..20).filter(|_| budget.take(2, 100, 1_000_000)).count();
    assert_eq!(taken, 2);
}

#[test]
fn a_stored_bucket_is_as_full_as_one_in_memory() {
    let mut full_at = Timestamp(5_000);
    for taken in 1..=20 {
        let spent = spend(full_at, 8, 1_000, Timestamp(5_000));
        assert_eq!(spent.wait_ms.is_none(), taken <= 8);
        full_at = spent.full_at;
    }
    assert_eq!(spend(full_at, 8, 1_000, Timestamp(5_999)).wait_ms, Some(1));
    assert_eq!(spend(full_at, 8, 1_000, Timestamp(6_000)).wait_ms, None);
}

#[test]
fn a_bucket_from_a_clock_that_was_ahead_refills_from_now() {
    let now = Timestamp(5_000);
    let spent = spend(Timestamp(u64::MAX), 2, 100, now);
    assert_eq!(spent.wait_ms, Some(100));
    assert_eq!(spend(spent.full_at, 2, 100, now.plus(100)).wait_ms, None);
}
