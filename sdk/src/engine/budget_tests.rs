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
