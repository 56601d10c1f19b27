use super::super::limits::DAY_MS;
use super::*;

fn at(day: u64, monotonic_ms: u64) -> Now {
    Now {
        wall: Timestamp(day * DAY_MS),
        monotonic_ms,
    }
}

#[test]
fn trusts_nothing_before_a_relay_agreed() {
    let clock = Clock::open(at(20_000, 0), Timestamp(0), Timestamp(0));
    assert_eq!(clock.trusted(at(20_000, 5)), None);
    assert_eq!(clock.aged_before(at(20_000, 5), 1), None);
}

#[test]
fn counts_monotonic_time_after_an_agreement() {
    let mut clock = Clock::open(at(20_000, 0), Timestamp(0), Timestamp(0));
    assert_eq!(
        clock.compare(at(20_000, 10), Timestamp(20_000 * DAY_MS + 5)),
        ClockChange::None
    );
    let later = Now {
        wall: Timestamp(20_000 * DAY_MS + 400),
        monotonic_ms: 110,
    };
    assert_eq!(clock.trusted(later), Some(Timestamp(20_000 * DAY_MS + 100)));
}

#[test]
fn a_jump_of_a_year_ends_trust_until_the_relay_agrees() {
    let mut clock = Clock::open(at(20_000, 0), Timestamp(0), Timestamp(0));
    clock.compare(at(20_000, 0), Timestamp(20_000 * DAY_MS));
    let jumped = at(20_365, 1_000);
    assert_eq!(clock.trusted(jumped), None);
    assert_eq!(
        clock.compare(jumped, Timestamp(20_000 * DAY_MS)),
        ClockChange::BecameWrong
    );
    assert_eq!(
        clock.compare(jumped, Timestamp(20_000 * DAY_MS)),
        ClockChange::None
    );
    assert_eq!(clock.trusted(jumped), None);
    assert_eq!(
        clock.compare(at(20_000, 2_000), Timestamp(20_000 * DAY_MS)),
        ClockChange::BecameRight
    );
}

#[test]
fn after_a_spell_everything_ages_anew() {
    let mut clock = Clock::open(at(19_635, 0), Timestamp(0), Timestamp(0));
    clock.compare(at(19_635, 0), Timestamp(20_000 * DAY_MS));
    clock.compare(at(20_000, 5_000), Timestamp(20_000 * DAY_MS));
    assert_eq!(clock.aged_before(at(20_000, 5_000), 30 * DAY_MS), None);
    let month = at(20_030, 5_000 + 30 * DAY_MS);
    assert_eq!(
        clock.aged_before(month, 30 * DAY_MS),
        Some(Timestamp(20_000 * DAY_MS))
    );
}

#[test]
fn a_clock_that_went_back_between_two_runs_is_a_spell_too() {
    let mut clock = Clock::open(at(19_635, 0), Timestamp(20_000 * DAY_MS), Timestamp(0));
    clock.compare(at(20_000, 0), Timestamp(20_000 * DAY_MS));
    assert_eq!(clock.ages_from(), Timestamp(20_000 * DAY_MS));
}

#[test]
fn a_clock_that_was_set_back_makes_nothing_good_again() {
    let now = Now {
        wall: Timestamp(DAY_MS * 100),
        monotonic_ms: 0,
    };
    let seen = Timestamp(DAY_MS * 100 + 5);
    let mut clock = Clock::open(now, seen, Timestamp(0));
    assert_eq!(clock.judging(now), Some(seen));
    clock.compare(now, Timestamp(DAY_MS * 90));
    assert_eq!(clock.judging(now), None);
    let back = Clock::open(now, Timestamp(DAY_MS * 102), Timestamp(0));
    assert_eq!(back.judging(now), None);
}
