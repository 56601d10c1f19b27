//! Prefixes, places, and what a source may reserve.

use super::*;

const HOUR: u64 = 3_600_000;
const KIB: u64 = 1024;

fn with(limits: SourceLimits) -> Arc<Sources> {
    Sources::new([7; 32], limits)
}

fn limits() -> SourceLimits {
    SourceLimits {
        connections: 1,
        transfers: 1,
        blob_bytes_per_hour: 100 * limits::BLOB_LEAST_BYTES,
        new_blobs: Rate::unlimited(),
        requests: Rate::unlimited(),
    }
}

fn prefix(sources: &Sources, text: &str) -> SourcePrefix {
    sources.prefix(text.parse().unwrap())
}

#[test]
fn one_v6_network_is_one_source_and_mapped_v4_is_v4() {
    let s = with(limits());
    let hash = |text: &str| prefix(&s, text).0;
    assert_eq!(hash("2001:db8:1:2::1"), hash("2001:db8:1:2:ffff::9"));
    assert_ne!(hash("2001:db8:1:2::1"), hash("2001:db8:1:3::1"));
    assert_eq!(hash("::ffff:192.0.2.1"), hash("192.0.2.1"));
    assert_ne!(hash("192.0.2.2"), hash("192.0.2.1"));
}

#[test]
fn a_network_of_48_bits_is_in_the_first_half() {
    let s = with(limits());
    let hash = |text: &str| prefix(&s, text).0;
    assert_eq!(hash("2001:db8:1:2::1")[..8], hash("2001:db8:1:3::1")[..8]);
    assert_ne!(hash("2001:db8:1:2::1")[..8], hash("2001:db8:2:2::1")[..8]);
    let v4 = hash("192.0.2.1");
    assert_eq!(v4[..8], v4[8..], "an IPv4 address has no larger network");
}

#[test]
fn a_place_comes_back_when_its_connection_ends() {
    let s = with(limits());
    let prefix = prefix(&s, "192.0.2.1");
    let place = s.enter(prefix).unwrap();
    assert!(s.enter(prefix).is_none());
    // Transfers have places of their own.
    let transfer = s.begin_transfer(prefix).unwrap();
    assert!(s.begin_transfer(prefix).is_none());
    drop((place, transfer));
    assert!(s.enter(prefix).is_some());
    assert!(s.begin_transfer(prefix).is_some());
}

#[test]
fn a_network_holds_a_few_times_what_a_source_does() {
    let s = with(limits());
    let nth = |n: u32| prefix(&s, &format!("2001:db8:1:{n:x}::1"));
    let mut places: Vec<Place> = (0..NETWORK_SHARE)
        .map(|n| s.enter(nth(n)).unwrap())
        .collect();
    assert!(s.enter(nth(NETWORK_SHARE)).is_none());
    assert!(s.enter(prefix(&s, "2001:db8:2::1")).is_some());
    places.pop();
    assert!(s.enter(nth(NETWORK_SHARE)).is_some());
}

#[test]
fn blob_bytes_are_counted_by_the_hour() {
    let s = with(limits());
    let prefix = prefix(&s, "192.0.2.1");
    let all = 100 * limits::BLOB_LEAST_BYTES;
    assert!(s.reserve_blob(prefix, all, Timestamp(0)));
    assert!(!s.reserve_blob(prefix, 1, Timestamp(HOUR - 1)));
    assert!(s.reserve_blob(prefix, 1, Timestamp(HOUR)));
    assert!(!s.reserve_blob(prefix, u64::MAX, Timestamp(HOUR)));
}

#[test]
fn a_small_blob_is_charged_as_a_larger_one() {
    let s = with(limits());
    let prefix = prefix(&s, "192.0.2.1");
    let reserved = (0..1_000).filter(|_| s.reserve_blob(prefix, 1, Timestamp(0)));
    assert_eq!(reserved.count(), 100);
    assert_eq!(limits::BLOB_LEAST_BYTES, 64 * KIB);
}

#[test]
fn blobs_are_counted_by_source_and_by_network() {
    let s = with(SourceLimits {
        blob_bytes_per_hour: u64::MAX,
        new_blobs: Rate::per_hour(3, 3),
        ..limits()
    });
    let reserve = |text: &str| {
        let prefix = prefix(&s, text);
        (0..100)
            .filter(|_| s.reserve_blob(prefix, 1, Timestamp(HOUR)))
            .count()
    };
    assert_eq!(reserve("192.0.2.1"), 3);
    assert_eq!(reserve("192.0.2.2"), 3);
    let network: usize = (0..20)
        .map(|n| reserve(&format!("2001:db8:1:{n:x}::1")))
        .sum();
    assert_eq!(network, 3 * usize::try_from(NETWORK_SHARE).unwrap());
}

#[test]
fn requests_have_a_rate() {
    let s = with(SourceLimits {
        requests: Rate::new(2, 1),
        ..limits()
    });
    let prefix = prefix(&s, "192.0.2.1");
    let now = Timestamp(HOUR);
    assert!(s.request(prefix, now) && s.request(prefix, now));
    assert!(!s.request(prefix, now));
    assert!(s.request(prefix, now.plus(1_000)));
}

#[test]
fn a_full_table_forgets_those_that_hold_nothing() {
    let s = with(limits());
    let held = prefix(&s, "192.0.2.1");
    let place = s.enter(held).unwrap();
    for n in 0..u32::try_from(2 * limits::SOURCES).unwrap() {
        s.request(
            prefix(&s, &std::net::Ipv4Addr::from_bits(n).to_string()),
            Timestamp(0),
        );
        assert!(s.table.lock().rows.len() <= limits::SOURCES);
    }
    assert!(s.enter(held).is_none());
    drop(place);
}
