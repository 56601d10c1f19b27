use super::*;

#[test]
fn a_burst_then_a_steady_rate() {
    let mut budget = ScanBudget::default();
    for _ in 0..SCAN_BURST {
        assert_eq!(budget.check(1_000), Ok(()));
        budget.spend();
    }
    assert_eq!(budget.check(1_000), Err(SCAN_MS));
    assert_eq!(budget.check(1_000 + SCAN_MS - 1), Err(1));
    let mut scanned = 0;
    for now in 1_000..2_000 {
        if budget.check(now + SCAN_MS).is_ok() {
            budget.spend();
            scanned += 1;
        }
    }
    assert_eq!(scanned, SCAN_PER_SECOND);
}

#[test]
fn a_clock_that_goes_back_gives_nothing() {
    let mut budget = ScanBudget::default();
    assert_eq!(budget.check(10_000), Ok(()));
    for _ in 0..SCAN_BURST {
        budget.spend();
    }
    assert!(budget.check(5_000).is_err());
    assert!(budget.check(10_000).is_err());
}
