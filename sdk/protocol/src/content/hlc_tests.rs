use super::*;
use proptest::prelude::*;

const DAY: u64 = DAY_MS;

#[test]
fn a_reply_sorts_after_what_it_answers_though_the_clock_is_behind() {
    let mut clock = HybridClock::default();
    let received = Hlc::at(Timestamp(10 * DAY));
    clock.observe(received, Timestamp(10 * DAY - 5_000));
    assert!(clock.tick(Timestamp(10 * DAY - 4_000)) > received);
}

#[test]
fn a_clock_far_ahead_is_not_followed() {
    let mut clock = HybridClock::default();
    clock.observe(Hlc::at(Timestamp(12 * DAY)), Timestamp(10 * DAY));
    assert_eq!(clock.tick(Timestamp(10 * DAY)).time(), Timestamp(10 * DAY));
    clock.observe(Hlc::at(Timestamp(11 * DAY)), Timestamp(10 * DAY));
    assert_eq!(clock.tick(Timestamp(10 * DAY)).time(), Timestamp(11 * DAY));
}

#[test]
fn clamping_depends_on_the_message_and_the_manifest_alone() {
    let issued = Timestamp(1_000 * DAY);
    let honest = Hlc::from_packed((1_300 * DAY) << 16 | 7);
    assert_eq!(honest.clamped(issued), honest);
    let future = Hlc::at(Timestamp(5_000 * DAY));
    assert_eq!(future.clamped(issued).time(), Timestamp(1_366 * DAY));
    assert_eq!(
        Hlc::from_packed(u64::MAX).clamped(Timestamp(u64::MAX)),
        Hlc::at(Timestamp(MAX_MS))
    );
}

#[test]
fn a_time_has_48_bits_of_milliseconds() {
    const LAST: u64 = 0xffff_ffff_ffff;
    for (time, packed) in [
        (1, 0x1_0000),
        (LAST, LAST << 16),
        (LAST + 1, LAST << 16),
        (u64::MAX, LAST << 16),
    ] {
        assert_eq!(Hlc::at(Timestamp(time)).as_packed(), packed);
    }
}

proptest! {
    #[test]
    fn a_clock_only_rises(times in proptest::collection::vec(any::<u64>(), 1..50), remote: u64) {
        let mut clock = HybridClock::default();
        let mut last = Hlc::default();
        for time in times {
            clock.observe(Hlc::from_packed(remote), Timestamp(time));
            let next = clock.tick(Timestamp(time));
            prop_assert!(next > last || last.as_packed() == u64::MAX);
            last = next;
        }
    }
}
