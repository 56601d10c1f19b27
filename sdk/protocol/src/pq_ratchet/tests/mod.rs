//! Every row of the state table (SPEC.md, 23.3 to 23.7), and what is no row; here those of both sides.

mod proposer;
mod responder;
mod stopped;

use super::chunks::{CHUNK_LEN, Chunk, ChunkIndex};
use super::encoding::{
    P_CT, P_EK, P_HAVE, P_NEW, R_CT, R_EK, R_MIXED, STOPPED, STOPPED_WITH_CT, STOPPED_WITH_EK,
};
use super::progress::STALLED_AFTER;
use super::state::{PCt, PEk, PHave, RCt};
use super::testing::{Sides, read, stored};
use super::*;
use crate::primitives::kem::instrument::operations;

fn chunk(index: u8) -> Chunk {
    Chunk {
        index: ChunkIndex::new(index).unwrap(),
        bytes: [0x55; CHUNK_LEN],
    }
}

/// What a peer's message with this slot does, in the current epoch.
fn hear(side: &mut PqRatchet, slot: Slot) {
    let epoch = wire(side.epoch);
    side.received(&PqFields { epoch, slot });
}

/// One message that says each thing a peer can say.
fn everything() -> [Slot; 5] {
    [
        Slot::Idle,
        Slot::Key(chunk(0)),
        Slot::Ciphertext(chunk(0)),
        Slot::HaveCiphertext,
        Slot::Mix,
    ]
}

/// The stored form without the counters.
fn without_counters(side: &PqRatchet) -> (Vec<u8>, Vec<u8>) {
    let (mut bytes, material) = stored(side);
    bytes.truncate(bytes.len() - 4);
    (bytes, material)
}

/// Whether the stored form has these bytes anywhere.
fn holds(side: &PqRatchet, bytes: &[u8]) -> bool {
    side.material()
        .windows(bytes.len())
        .any(|part| part == bytes)
}

/// The seed, or the secret to mix, that the state holds.
fn secret(side: &PqRatchet) -> Vec<u8> {
    if let State::PEk(PEk { secret, .. }) | State::PCt(PCt { secret, .. }) = &side.state {
        secret.expose().to_vec()
    } else if let State::PHave(PHave { mix }) | State::RCt(RCt { mix, .. }) = &side.state {
        mix.secret().to_vec()
    } else {
        panic!("the state holds no secret")
    }
}

#[test]
fn the_initiator_begins_in_p_ek_and_the_responder_holds_the_whole_key() {
    let mut sides = Sides::new(1);
    assert_eq!((sides.a.epoch, sides.a.state.code()), (1, P_EK));
    assert_eq!((sides.b.epoch, sides.b.state.code()), (1, R_EK));
    let State::REk(state) = &sides.b.state else {
        panic!("B is not in R_EK")
    };
    assert!(state.key.is_complete());
    assert!(matches!(sides.a.fields(&mut sides.rng).slot, Slot::Key(_)));
}

#[test]
fn both_sides_mix_the_same_once_and_delete_it() {
    let mut sides = Sides::received(8, R_CT);
    let epoch = sides.a.epoch;
    let secret = secret(sides.sender());
    let seen =
        |sides: &mut Sides| matches!(&sides.sender().state, State::RCt(state) if state.seen_ct);
    for _ in 0..20 {
        if !seen(&mut sides) {
            sides.turn(5);
            sides.turn(5);
        }
    }
    assert!(holds(sides.sender(), &secret));
    sides.step();
    assert_eq!(sides.sender().state.code(), R_MIXED);
    assert_eq!(sides.sender().epoch, epoch);
    assert!(sides.sender().material().is_empty());

    let chain = sides.send(3);
    let proposer = sides.next().1;
    assert_eq!(proposer.state.code(), P_HAVE);
    assert!(holds(proposer, &secret));
    assert!(sides.deliver(&chain).is_ok());
    let side = sides.sender();
    assert_eq!((side.state.code(), side.epoch), (R_EK, epoch + 1));
    assert!(!holds(side, &secret), "the secret outlived its use");
    let (ours, theirs) = (sides.mixed_by_a.unwrap(), sides.mixed_by_b.unwrap());
    assert_eq!(ours.secret(), theirs.secret());
    assert_eq!(ours.hash(), theirs.hash());
    assert_eq!((ours.epoch(), theirs.epoch()), (wire(epoch), wire(epoch)));
}

/// And every other state refuses it: the mutation "mix outside P_HAVE".
#[test]
fn mix_is_admitted_in_p_have_alone() {
    for code in [P_NEW, P_EK, P_CT, P_HAVE, R_EK, R_CT, R_MIXED] {
        let mut sides = if code == P_NEW {
            Sides::received(9, code)
        } else {
            Sides::stepped(9, code)
        };
        let side = sides.sender();
        let before = stored(side);
        for epoch in [side.epoch, side.epoch + 1, side.epoch - 1] {
            let fields = PqFields {
                epoch: wire(epoch),
                slot: Slot::Mix,
            };
            let admitted = code == P_HAVE && epoch == side.epoch;
            assert_eq!(side.next_chain(&fields).is_ok(), admitted, "state {code}");
        }
        assert_eq!(stored(side), before, "a header alone changes nothing");
    }
    let mut sides = Sides::stepped(9, R_EK);
    let side = sides.sender();
    side.state.stop();
    let fields = PqFields {
        epoch: wire(side.epoch),
        slot: Slot::Mix,
    };
    assert!(side.next_chain(&fields).is_err());
}

#[test]
fn the_next_chain_is_of_this_epoch_and_says_what_its_sender_may() {
    for code in [P_NEW, P_EK, P_CT, P_HAVE, R_EK, R_CT, R_MIXED] {
        let mut sides = if code == P_NEW {
            Sides::received(10, code)
        } else {
            Sides::stepped(10, code)
        };
        let side = sides.sender();
        // R_MIXED of e waits for the proposer's chain of e + 1, in which it proposes itself.
        let expected = side.epoch + u64::from(code == R_MIXED);
        let peer_proposes = code == R_EK || code == R_CT;
        for epoch in side.epoch - 1..=side.epoch + 2 {
            for slot in everything() {
                let fields = PqFields {
                    epoch: wire(epoch),
                    slot,
                };
                let may = match slot {
                    Slot::Idle => true,
                    Slot::Key(_) | Slot::HaveCiphertext => peer_proposes,
                    Slot::Ciphertext(_) => !peer_proposes,
                    Slot::Mix => code == P_HAVE,
                };
                let admitted = side.next_chain(&fields).is_ok();
                assert_eq!(admitted, may && epoch == expected, "state {code}");
            }
        }
    }
}

#[test]
fn the_highest_epoch_of_a_thread_is_told_once() {
    let mut sides = Sides::new(27);
    instrument::take_highest();
    while sides.a.epoch < 4 {
        sides.turn(3);
    }
    assert_eq!(instrument::take_highest(), 4);
    assert_eq!(instrument::take_highest(), 0);
}

/// No state is cloned or printed, and no receiving path does the KEM's work.
#[test]
fn receiving_costs_no_kem_operation() {
    let mut sides = Sides::new(26);
    for _ in 0..80 {
        let ((), in_step) = operations(|| sides.step());
        assert!(in_step <= 1, "{in_step} operations in one step");
        let (chain, in_send) = operations(|| sides.send(3));
        let (delivered, in_receipt) = operations(|| sides.deliver(&chain));
        assert!(delivered.is_ok());
        assert_eq!((in_send, in_receipt), (0, 0));
    }
    assert!(sides.a.epoch > 4);
    crate::test_support::assert_not_impl!(PqRatchet: Clone);
    crate::test_support::assert_not_impl!(PqRatchet: core::fmt::Debug);
    crate::test_support::assert_not_impl!(State: Clone);
    crate::test_support::assert_not_impl!(State: core::fmt::Debug);
    crate::test_support::assert_not_impl!(Mix: Clone);
    crate::test_support::assert_not_impl!(Mix: core::fmt::Debug);
}
