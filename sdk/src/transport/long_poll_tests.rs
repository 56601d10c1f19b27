use super::super::limits::REPLY_TIMEOUT;
use super::*;

#[test]
fn a_dead_relay_is_found_within_thirty_seconds() {
    assert!(receive_limit(REPLY_TIMEOUT) <= Duration::from_secs(30));
}
