//! The responder's rows of the state table.

use super::*;

#[test]
fn r_ek_encapsulates_in_the_step_after_the_last_chunk() {
    let mut sides = Sides::stepped(11, P_EK);
    let chain = sides.send(9);
    assert!(sides.deliver(&chain).is_ok());
    let ((), count) = operations(|| sides.step());
    assert_eq!((sides.sender().state.code(), count), (R_EK, 0));
    sides.a_sends = !sides.a_sends;
    let chain = sides.send(1);
    assert!(sides.deliver(&chain).is_ok());
    let key = sides.sender().material()[10..10 + 119].to_vec();
    let ((), count) = operations(|| sides.step());
    assert_eq!((sides.sender().state.code(), count), (R_CT, 1));
    assert!(!holds(sides.sender(), &key), "ek outlived its use");
}

#[test]
fn encapsulation_draws_fresh_coins_in_every_step() {
    let mut sides = Sides::received(12, R_EK);
    let complete =
        |side: &PqRatchet| matches!(&side.state, State::REk(state) if state.key.is_complete());
    for _ in 0..20 {
        if !complete(sides.sender()) {
            sides.turn(5);
            sides.turn(5);
        }
    }
    assert!(complete(sides.sender()));
    let restored = stored(sides.sender());
    let ciphertexts = [1, 2].map(|seed| {
        let side = read(sides.sender(), &restored).unwrap();
        let (next, _) = side.sending_root_step(&mut crate::test_support::rng(seed));
        next.material().to_vec()
    });
    assert_ne!(ciphertexts[0], ciphertexts[1]);
}

#[test]
fn e5_a_key_that_is_none_stops_the_ratchet() {
    // A coefficient not below the modulus, and a byte behind the key.
    for (index, at, value) in [(0, 0, 0xff), (9, 113, 1), (9, 118, 1)] {
        let mut sides = Sides::stepped(13, P_EK);
        let mut chain = sides.send(10);
        for fields in &mut chain {
            if let Slot::Key(chunk) = &mut fields.slot
                && chunk.index.get() == index
            {
                chunk.bytes[at] = value;
                chunk.bytes[at.min(117) + 1] |= value;
            }
        }
        assert!(sides.deliver(&chain).is_ok());
        assert_eq!(sides.sender().state.code(), R_EK);
        sides.step();
        assert_eq!(
            sides.sender().state.code(),
            STOPPED,
            "chunk {index}, byte {at}"
        );
        assert!(sides.sender().material().is_empty());
    }
}

#[test]
fn another_chunk_of_ek_under_a_held_index_stops_the_ratchet() {
    let mut sides = Sides::new(14);
    let side = &mut sides.b;
    hear(side, Slot::Key(chunk(2)));
    assert_eq!(side.state.code(), STOPPED);
    assert_eq!(side.failure(), Some(PqFailure::Stopped));
}

/// The mutation "mix on `HAVE_CT` outside `R_CT`".
#[test]
fn have_ct_before_there_is_a_ct_stops_the_ratchet() {
    let mut sides = Sides::stepped(15, R_EK);
    hear(sides.sender(), Slot::HaveCiphertext);
    assert_eq!(sides.sender().state.code(), STOPPED);
}

#[test]
fn r_ct_goes_on_until_have_ct_and_ignores_all_else() {
    let mut sides = Sides::stepped(16, R_CT);
    let side = sides.sender();
    let before = without_counters(side);
    for slot in [
        Slot::Idle,
        Slot::Key(chunk(1)),
        Slot::Ciphertext(chunk(1)),
        Slot::Mix,
    ] {
        hear(side, slot);
    }
    assert_eq!(without_counters(side), before);
    sides.step();
    assert_eq!(sides.sender().state.code(), R_CT);
    hear(sides.sender(), Slot::HaveCiphertext);
    assert_eq!(sides.sender().state.code(), R_CT, "only a step changes it");
    // It is remembered over a restart.
    let bytes = stored(sides.sender());
    *sides.sender() = read(sides.sender(), &bytes).unwrap();
    let ((), count) = operations(|| sides.step());
    assert_eq!((sides.sender().state.code(), count), (R_MIXED, 0));
}

/// B2: the acknowledgement counts in `R_CT` alone; the proposer repeats it on its old chain.
#[test]
fn b2_r_mixed_ignores_everything_and_mixes_once() {
    let mut sides = Sides::stepped(17, R_MIXED);
    let mixed = if sides.a_sends {
        sides.mixed_by_a.take()
    } else {
        sides.mixed_by_b.take()
    };
    assert!(mixed.is_some());
    let side = sides.sender();
    let before = without_counters(side);
    for slot in everything() {
        hear(side, slot);
    }
    assert_eq!(without_counters(side), before);
    let (next, mix) = side.sending_root_step(&mut crate::test_support::rng(0));
    assert_eq!(next.state.code(), R_MIXED);
    assert!(mix.is_none(), "mixed twice");
}

/// B4: the responder stays in its epoch until the proposer's next chain.
#[test]
fn b4_the_epoch_ends_for_the_responder_with_the_proposers_next_chain() {
    let mut sides = Sides::stepped(18, R_MIXED);
    let epoch = sides.sender().epoch;
    let chain = sides.send(4);
    assert!(chain.iter().all(|fields| fields.epoch == wire(epoch)));
    assert!(chain.iter().all(|fields| fields.slot == Slot::Mix));
    assert!(sides.deliver(&chain).is_ok());
    let (proposer, responder) = sides.next();
    assert_eq!((proposer.epoch, responder.epoch), (epoch + 1, epoch));
    sides.turn(1);
    let side = sides.sender();
    assert_eq!((side.state.code(), side.epoch), (P_NEW, epoch + 1));
    assert!(side.material().is_empty());
}

/// What is left of a MIX chain says nothing about the epoch that the proposer is in by then.
#[test]
fn content_of_the_epoch_before_is_ignored() {
    let mut sides = Sides::stepped(19, R_MIXED);
    let chain = sides.send(1);
    assert!(sides.deliver(&chain).is_ok());
    let side = sides.sender();
    assert_eq!(side.state.code(), R_EK);
    let before = without_counters(side);
    for slot in everything() {
        side.received(&PqFields {
            epoch: wire(side.epoch - 1),
            slot,
        });
    }
    assert_eq!(without_counters(side), before);
}
