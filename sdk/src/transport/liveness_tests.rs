use super::*;

const HEARTBEAT: Duration = Duration::from_secs(12);
const REPLY: Duration = Duration::from_secs(12);

fn seconds(n: u64) -> Duration {
    Duration::from_secs(n)
}

#[test]
fn an_idle_connection_beats_and_an_answer_clears_the_deadline() {
    let start = Instant::now();
    let mut liveness = Liveness::new(HEARTBEAT, REPLY, start);
    assert_eq!(liveness.due(start + seconds(11)), Due::Nothing);
    assert_eq!(liveness.due(start + seconds(12)), Due::Heartbeat);
    liveness.sent(start + seconds(12));
    liveness.received();
    assert_eq!(liveness.due(start + seconds(23)), Due::Nothing);
    assert_eq!(liveness.next(), start + seconds(24));
}

#[test]
fn the_first_unanswered_frame_counts_however_much_follows() {
    let start = Instant::now();
    let mut liveness = Liveness::new(HEARTBEAT, REPLY, start);
    for second in 0..12 {
        liveness.sent(start + seconds(second));
    }
    assert_eq!(liveness.due(start + seconds(11)), Due::Nothing);
    assert_eq!(liveness.due(start + seconds(12)), Due::Dead);
}

#[test]
fn a_dead_socket_is_found_within_thirty_seconds() {
    let start = Instant::now();
    let mut liveness = Liveness::new(
        super::super::limits::HEARTBEAT_MAX,
        super::super::limits::REPLY_TIMEOUT,
        start,
    );
    let beat = liveness.next();
    assert_eq!(liveness.due(beat), Due::Heartbeat);
    liveness.sent(beat);
    assert!(liveness.next() <= start + seconds(30));
    assert_eq!(liveness.due(start + seconds(30)), Due::Dead);
}

#[test]
fn after_a_change_of_network_the_answer_is_wanted_sooner() {
    let start = Instant::now();
    let mut liveness = Liveness::new(HEARTBEAT, REPLY, start);
    liveness.sent(start);
    liveness.hurry(seconds(4), start);
    assert_eq!(liveness.due(start + seconds(4)), Due::Dead);
    liveness.received();
    assert_eq!(liveness.due(start + seconds(4)), Due::Nothing);
}

#[test]
fn a_deadline_that_passed_while_this_process_slept_is_set_once_more() {
    let start = Instant::now();
    let mut liveness = Liveness::new(HEARTBEAT, REPLY, start);
    liveness.sent(start);
    let awake = start + seconds(100);
    assert_ne!(liveness.due(awake), Due::Dead);
    assert_eq!(liveness.due(awake + REPLY), Due::Dead, "once");

    liveness.received();
    liveness.sent(awake);
    assert_ne!(
        liveness.due(awake + seconds(100)),
        Due::Dead,
        "an answer came in between"
    );
    assert_eq!(
        liveness.due(awake + seconds(200)),
        Due::Dead,
        "however late it is seen"
    );
}
