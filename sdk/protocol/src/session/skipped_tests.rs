use proptest::prelude::*;

use super::*;

fn sid(id: u16) -> SessionId {
    let mut bytes = [0; 16];
    bytes[..2].copy_from_slice(&id.to_be_bytes());
    SessionId::from_bytes(bytes)
}

#[test]
fn a_session_gives_what_exceeds_its_limit() {
    assert_eq!(session_eviction(0), 0);
    assert_eq!(session_eviction(2_000), 0);
    assert_eq!(session_eviction(3_997), 1_997);
}

#[test]
fn a_flood_by_some_sessions_spares_the_others() {
    let mut held: Vec<_> = (0..11).map(|id| (sid(id), 2_000)).collect();
    held.push((sid(100), 40));
    let evictions = device_eviction(&held);
    assert_eq!(evictions.len(), 11);
    assert!(
        evictions
            .iter()
            .all(|eviction| eviction.session != sid(100))
    );
}

proptest! {
    #[test]
    fn the_device_keeps_its_limit_and_no_session_keeps_less_than_a_larger_one(
        counts in proptest::collection::vec(0..2_000_usize, 0..40),
    ) {
        let held: Vec<_> = (0..).zip(&counts).map(|(id, count)| (sid(id), *count)).collect();
        let evictions = device_eviction(&held);
        let given = |id| evictions.iter().find(|eviction| eviction.session == id).map_or(0, |eviction| eviction.count);
        let left: Vec<_> = held.iter().map(|(id, count)| count - given(*id)).collect();
        prop_assert!(evictions.iter().all(|eviction| eviction.count > 0));
        let total: usize = left.iter().sum();
        prop_assert!(total <= MAX_SKIPPED_PER_DEVICE);
        let level = left.iter().max().copied().unwrap_or(0);
        for (before, after) in counts.iter().zip(&left) {
            prop_assert!(after == before || *after == level);
        }
        // No more than needed: one more key for each session that gives would exceed the limit.
        prop_assert!(evictions.is_empty() || total + evictions.len() > MAX_SKIPPED_PER_DEVICE);
    }
}
