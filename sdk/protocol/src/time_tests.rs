use super::*;

#[test]
fn units_are_counted_in_milliseconds() {
    assert_eq!(SECOND_MS, 1_000);
    assert_eq!(QUARTER_HOUR_MS, 900_000);
    assert_eq!(HOUR_MS, 3_600_000);
    assert_eq!(DAY_MS, 86_400_000);
}
