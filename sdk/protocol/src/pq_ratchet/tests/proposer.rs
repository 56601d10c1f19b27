//! The proposer's rows of the state table.

use super::*;

#[test]
fn p_new_makes_a_key_in_its_step() {
    let mut sides = Sides::received(2, P_NEW);
    let ((), count) = operations(|| sides.step());
    let side = sides.sender();
    assert_eq!((side.state.code(), count), (P_EK, 1));
    let State::PEk(state) = &side.state else {
        panic!("not in P_EK")
    };
    assert_eq!(
        state.key.expose()[..PUBLIC_KEY_LEN],
        *state.secret.public_key().as_bytes()
    );
    assert!(state.ciphertext.is_empty());
    assert_eq!(state.key.unsent().bits(), 0);
}

#[test]
fn p_ek_goes_on_until_a_chunk_of_ct_is_held() {
    let mut sides = Sides::stepped(3, P_EK);
    let seed = secret(sides.sender());
    sides.step();
    assert_eq!(
        sides.sender().state.code(),
        P_EK,
        "nothing was acknowledged"
    );
    hear(sides.sender(), Slot::Ciphertext(chunk(4)));
    assert_eq!(sides.sender().state.code(), P_EK, "only a step changes it");
    sides.step();
    assert_eq!(sides.sender().state.code(), P_CT);
    assert!(holds(sides.sender(), &seed));
    assert!(matches!(
        sides.next().0.state.slot(&mut crate::test_support::rng(0)),
        Slot::Idle
    ));
}

#[test]
fn p_ek_and_p_ct_decapsulate_in_the_step_after_the_last_chunk() {
    for straight in [true, false] {
        // All ten chunks come in one chain, or five and five.
        let mut sides = Sides::stepped(4, R_CT);
        let count = if straight { 10 } else { 5 };
        let chain = sides.send(count);
        assert!(sides.deliver(&chain).is_ok());
        assert_eq!(sides.sender().state.code(), P_EK);
        let seed = secret(sides.sender());
        if !straight {
            sides.turn(1);
            sides.turn(5);
            assert_eq!(sides.sender().state.code(), P_CT);
        }
        let ((), count) = operations(|| sides.step());
        let side = sides.sender();
        assert_eq!((side.state.code(), count), (P_HAVE, 1));
        assert!(!holds(side, &seed), "the seed outlived its use");
        assert_eq!(side.material().len(), 10 + 64);
    }
}

/// C6, and the mutation "no H check".
#[test]
fn a_ciphertext_that_does_not_match_its_hash_stops_the_ratchet() {
    // A byte of ct, of H, and of the zeros behind it.
    for (index, at) in [
        (0, 0),
        (8, 118),
        (9, 16),
        (9, 17),
        (9, 48),
        (9, 49),
        (9, 118),
    ] {
        let mut sides = Sides::stepped(5, R_CT);
        let mut chain = sides.send(10);
        for fields in &mut chain {
            if let Slot::Ciphertext(chunk) = &mut fields.slot
                && chunk.index.get() == index
            {
                chunk.bytes[at] ^= 1;
            }
        }
        assert!(sides.deliver(&chain).is_ok());
        assert_eq!(sides.sender().state.code(), P_EK);
        sides.step();
        assert_eq!(
            sides.sender().state.code(),
            STOPPED,
            "chunk {index}, byte {at}"
        );
        assert_eq!(sides.sender().failure(), Some(PqFailure::Stopped));
    }
}

#[test]
fn another_chunk_of_ct_under_a_held_index_stops_the_ratchet() {
    for code in [P_EK, P_CT] {
        let mut sides = Sides::stepped(6, code);
        let side = sides.sender();
        for index in 0..10 {
            hear(side, Slot::Ciphertext(chunk(index)));
            if side.failure().is_some() {
                break;
            }
        }
        let mut other = chunk(9);
        other.bytes[3] ^= 1;
        hear(side, Slot::Ciphertext(other));
        let stopped = if code == P_EK {
            STOPPED_WITH_EK
        } else {
            STOPPED
        };
        assert_eq!(side.state.code(), stopped);
    }
}

#[test]
fn p_have_ignores_chunks_and_acknowledgements() {
    let mut sides = Sides::stepped(7, P_HAVE);
    let side = sides.sender();
    let before = without_counters(side);
    for slot in everything() {
        hear(side, slot);
    }
    assert_eq!(without_counters(side), before);
}

#[test]
fn p_have_ends_its_epoch_with_a_chain_that_mixes_and_with_no_other() {
    let mut sides = Sides::stepped(28, P_HAVE);
    let side = sides.sender();
    let epoch = side.epoch;
    for (slot, after) in [
        (Slot::Idle, (P_HAVE, epoch)),
        (Slot::Ciphertext(chunk(0)), (P_HAVE, epoch)),
        (Slot::Mix, (R_EK, epoch + 1)),
    ] {
        side.chain_opened(&PqFields {
            epoch: wire(epoch),
            slot,
        });
        assert_eq!((side.state.code(), side.epoch), after);
    }
}
