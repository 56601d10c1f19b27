//! Times as a person reads them, in the time zone of the machine.

use jiff::Zoned;
use jiff::tz::TimeZone;
use undertone::Timestamp;

/// Days for which the day of the week says enough.
const WEEK: i32 = 6;

/// Now, here.
pub(crate) fn now() -> Zoned {
    Zoned::now()
}

/// Now, as the SDK counts time.
pub(crate) fn timestamp() -> Timestamp {
    let milliseconds = jiff::Timestamp::now().as_millisecond();
    Timestamp(u64::try_from(milliseconds).unwrap_or_default())
}

/// A point of time here; the beginning of time for one that no calendar has.
pub(crate) fn here(at: Timestamp) -> Zoned {
    zoned(at, TimeZone::system())
}

fn zoned(at: Timestamp, zone: TimeZone) -> Zoned {
    let milliseconds = i64::try_from(at.0).unwrap_or_default();
    jiff::Timestamp::from_millisecond(milliseconds)
        .unwrap_or_default()
        .to_zoned(zone)
}

/// The time of day.
pub(crate) fn time(at: &Zoned) -> String {
    at.strftime("%H:%M").to_string()
}

/// The day.
pub(crate) fn day(at: &Zoned) -> String {
    at.strftime("%A, %-d %B %Y").to_string()
}

/// As short as it can be said at `now`: the time today, the day of the week for a few days, else the date.
pub(crate) fn brief(at: &Zoned, now: &Zoned) -> String {
    let days = now
        .date()
        .since(at.date())
        .map_or(i32::MAX, |span| span.get_days());
    let format = match days {
        0 => "%H:%M",
        1..=WEEK => "%a",
        _ if now.year() == at.year() => "%-d %b",
        _ => "%Y-%m-%d",
    };
    at.strftime(format).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Friday, 20 November 2026, 14:05:00 UTC.
    const NOW: u64 = 1_795_183_500_000;
    const DAY: u64 = 86_400_000;

    fn at(ms: u64) -> Zoned {
        zoned(Timestamp(ms), TimeZone::UTC)
    }

    #[test]
    fn times_are_as_short_as_they_can_be() {
        let brief = |ms| brief(&at(ms), &at(NOW));
        assert_eq!(brief(NOW), "14:05");
        assert_eq!(brief(NOW - DAY), "Thu");
        assert_eq!(brief(NOW - 6 * DAY), "Sat");
        assert_eq!(brief(NOW - 7 * DAY), "13 Nov");
        assert_eq!(brief(NOW - 400 * DAY), "2025-10-16");
        assert_eq!(day(&at(NOW)), "Friday, 20 November 2026");
        assert_eq!(time(&at(NOW)), "14:05");
    }

    #[test]
    fn a_time_that_no_calendar_has_is_no_reason_to_end() {
        assert_eq!(day(&at(u64::MAX)), "Thursday, 1 January 1970");
    }
}
