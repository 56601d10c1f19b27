//! Prefixes, places and the hourly blob quota.

use super::*;

fn sources(max: usize) -> Arc<Sources> {
    Sources::new([7; 32], max, 100)
}

#[test]
fn one_v6_network_is_one_source_and_mapped_v4_is_v4() {
    let s = sources(1);
    let hash = |text: &str| s.prefix(text.parse().unwrap()).0;
    assert_eq!(hash("2001:db8:1:2::1"), hash("2001:db8:1:2:ffff::9"));
    assert_ne!(hash("2001:db8:1:2::1"), hash("2001:db8:1:3::1"));
    assert_eq!(hash("::ffff:192.0.2.1"), hash("192.0.2.1"));
    assert_ne!(hash("192.0.2.2"), hash("192.0.2.1"));
}

#[test]
fn a_place_comes_back_when_its_connection_ends() {
    let s = sources(1);
    let prefix = s.prefix("192.0.2.1".parse().unwrap());
    let place = s.enter(prefix).unwrap();
    assert!(s.enter(prefix).is_none());
    drop(place);
    assert!(s.enter(prefix).is_some());
}

#[test]
fn blob_bytes_are_counted_by_the_hour() {
    let s = sources(1);
    let prefix = s.prefix("192.0.2.1".parse().unwrap());
    assert!(s.reserve_blob(prefix, 100, 0));
    assert!(!s.reserve_blob(prefix, 1, 3_599_999));
    assert!(s.reserve_blob(prefix, 1, 3_600_000));
    assert!(!s.reserve_blob(prefix, u64::MAX, 3_600_000));
}
