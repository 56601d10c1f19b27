use super::*;

#[test]
fn a_percentile_is_a_sample() {
    let samples: Vec<_> = (1..=100).rev().map(f64::from).collect();
    assert_eq!(percentile(&samples, 99), Some(99.0));
    assert_eq!(percentile(&samples, 50), Some(50.0));
    assert_eq!(percentile(&samples, 100), Some(100.0));
    assert_eq!(percentile(&[7.0], 99), Some(7.0));
    assert_eq!(percentile(&[], 99), None);
}

#[test]
fn every_sample_is_measured() {
    let folder = tempfile::tempdir().unwrap();
    let samples = synced_writes_ms(folder.path(), 3, 2).unwrap();
    assert_eq!(samples.len(), 3);
    assert_eq!(
        folder.path().join("floor").metadata().unwrap().len(),
        3 * 2 * 4_096
    );
}
