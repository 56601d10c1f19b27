//! What a session tells its owner about itself.

use super::testing::{pair, position, state};
use crate::envelope::Envelope;

#[test]
fn a_session_knows_whether_it_is_answered_and_whom_it_owes_a_step() {
    let mut pair = pair(40);
    // The responder has opened the first message, the initiator nothing.
    assert!(!pair.a.has_received() && pair.b.has_received());
    assert_eq!((pair.a.unanswered(), pair.b.unanswered()), (0, 1));
    pair.send(true, b"one");
    pair.send(true, b"two");
    assert_eq!((pair.a.unanswered(), pair.b.unanswered()), (0, 3));
    pair.send(false, b"answer");
    assert!(pair.a.has_received());
    assert_eq!((pair.a.unanswered(), pair.b.unanswered()), (1, 0));
}

/// A session that was replaced keeps no secret of a post-quantum step that it will not finish.
#[test]
fn a_retired_session_has_fewer_secrets_and_still_receives() {
    let mut pair = pair(41);
    pair.send(true, b"one");
    let mut late = Vec::new();
    pair.a.encrypt(&mut pair.rng, b"late", &mut late).unwrap();
    let before = state(&pair.b).len();
    pair.b.retire();
    assert!(state(&pair.b).len() < before);
    assert!(pair.b.pq_failure().is_some());
    let envelope = Envelope::parse(&late).unwrap();
    let position = position(&pair.b, envelope.tag()).unwrap();
    let mut content = Vec::new();
    drop(
        pair.b
            .open(position, envelope, &mut content)
            .unwrap()
            .commit(),
    );
    assert_eq!(content, b"late");
}
