//! X, replaced sessions, stalls.

use super::*;

/// B8: what the open chain announced goes on, whatever the state has become.
#[test]
fn a_stopped_side_finishes_its_chain_and_then_says_nothing() {
    for (code, stopped, slot) in [
        (P_EK, STOPPED_WITH_EK, Announcement::Key),
        (R_CT, STOPPED_WITH_CT, Announcement::Ciphertext),
        (P_CT, STOPPED, Announcement::Idle),
        (R_EK, STOPPED, Announcement::Idle),
    ] {
        let mut sides = Sides::stepped(20, code);
        let epoch = wire(sides.sender().epoch);
        let chunks = sides.send(3);
        sides.sender().state.stop();
        assert_eq!(sides.sender().state.code(), stopped);
        let bytes = stored(sides.sender());
        *sides.sender() = read(sides.sender(), &bytes).unwrap();
        let rest = sides.send(7);
        let all = || chunks.iter().chain(&rest);
        assert!(all().all(|fields| fields.announced().announcement == slot));
        assert!(all().all(|fields| fields.epoch == epoch));
        let mut indices: Vec<_> = all()
            .filter_map(|fields| fields.slot.chunk())
            .map(|chunk| chunk.index.get())
            .collect();
        indices.sort_unstable();
        assert!(indices.is_empty() || indices == [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);

        // Nothing is collected.
        let before = without_counters(sides.sender());
        for slot in everything() {
            hear(sides.sender(), slot);
        }
        assert_eq!(without_counters(sides.sender()), before);
        sides.step();
        assert!(sides.sender().material().is_empty());
        for fields in sides.send(2) {
            assert!(fields.slot == Slot::Idle && fields.epoch == epoch);
        }
        assert_eq!(sides.sender().failure(), Some(PqFailure::Stopped));
    }
}

#[test]
fn stopping_deletes_secrets_at_once() {
    for code in [P_EK, P_CT, R_CT] {
        let mut sides = Sides::stepped(21, code);
        let secret = secret(sides.sender());
        assert!(holds(sides.sender(), &secret));
        sides.sender().state.stop();
        assert!(!holds(sides.sender(), &secret));
    }
}

#[test]
fn a_replaced_session_keeps_what_the_peer_may_still_need() {
    for code in [P_NEW, P_EK, P_CT, P_HAVE, R_EK, R_CT, R_MIXED] {
        let mut sides = if code == P_NEW {
            Sides::received(22, code)
        } else {
            Sides::stepped(22, code)
        };
        let side = sides.sender();
        let kept = [P_HAVE, R_MIXED].contains(&code);
        let before = stored(side);
        side.retire();
        assert_eq!(stored(side) == before, kept, "state {code}");
        assert_eq!(side.failure().is_none(), kept);
    }
    // The peer mixed, or opened its next chain, without knowing of the new session: its messages open.
    for code in [P_HAVE, R_MIXED] {
        let mut sides = Sides::stepped(22, code);
        let chain = sides.send(1);
        sides.sender().retire();
        assert!(sides.deliver(&chain).is_ok());
        sides.step();
        let chain = sides.send(2);
        assert!(sides.deliver(&chain).is_ok());
    }
}

#[test]
fn a_hundred_messages_each_way_without_progress_are_a_stall() {
    let mut sides = Sides::stepped(23, P_HAVE);
    let side = sides.sender();
    let idle = PqFields {
        epoch: wire(side.epoch),
        slot: Slot::Idle,
    };
    for _ in 0..=STALLED_AFTER {
        side.received(&idle);
    }
    assert_eq!(side.failure(), None, "the peer was told nothing");
    for sent in 1..=STALLED_AFTER {
        assert_eq!(side.failure(), None, "after {sent}");
        let fields = side.fields(&mut crate::test_support::rng(0));
        side.sent(&fields);
    }
    assert_eq!(side.failure(), Some(PqFailure::Stalled));
    let bytes = stored(side);
    let restored = read(side, &bytes).unwrap();
    assert_eq!(restored.failure(), Some(PqFailure::Stalled));
}

#[test]
fn a_new_chunk_or_state_is_progress_and_a_known_chunk_is_none() {
    let mut sides = Sides::stepped(24, R_EK);
    let side = sides.sender();
    let stall = |side: &mut PqRatchet| {
        side.progress.sent = STALLED_AFTER;
        side.progress.received = STALLED_AFTER;
    };
    let fresh = (0..10)
        .map(chunk)
        .find(|chunk| matches!(&side.state, State::REk(state) if !state.key.held().contains(chunk.index)))
        .unwrap();
    stall(side);
    assert_eq!(side.failure(), Some(PqFailure::Stalled));
    hear(side, Slot::Key(fresh));
    assert_eq!(side.failure(), None);
    stall(side);
    hear(side, Slot::Key(fresh));
    assert_eq!(side.failure(), Some(PqFailure::Stalled));

    let mut sides = Sides::received(24, P_NEW);
    stall(sides.sender());
    sides.step();
    assert_eq!(sides.sender().failure(), None);
}

#[test]
fn a_long_silence_does_not_overflow_the_counters() {
    let mut sides = Sides::stepped(25, P_HAVE);
    let side = sides.sender();
    side.progress.sent = u16::MAX;
    side.progress.received = u16::MAX;
    hear(side, Slot::Idle);
    let fields = side.fields(&mut crate::test_support::rng(0));
    side.sent(&fields);
    assert_eq!(
        (side.progress.sent, side.progress.received),
        (u16::MAX, u16::MAX)
    );
}
