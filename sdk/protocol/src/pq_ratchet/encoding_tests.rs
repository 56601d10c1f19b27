use super::super::testing::{Sides, read, stored};
use super::*;

/// Each state, with its number and the length of its material.
fn every_state() -> Vec<(u8, usize, PqRatchet)> {
    let mut states = Vec::new();
    let stepped = [
        (P_EK, 64 + 2 * 1_190),
        (P_CT, 64 + 1_190),
        (P_HAVE, 64),
        (R_EK, 1_190),
        (R_CT, 1_190 + 64),
        (R_MIXED, 0),
    ];
    for (code, len) in stepped {
        let mut sides = Sides::stepped(1, code);
        sides.send(3);
        states.push((code, len, sides.sender().fork()));
    }
    states.push((P_NEW, 0, Sides::received(1, P_NEW).sender().fork()));
    for (code, from, len) in [
        (STOPPED, R_EK, 0),
        (STOPPED_WITH_EK, P_EK, 1_190),
        (STOPPED_WITH_CT, R_CT, 1_190),
    ] {
        let mut sides = Sides::stepped(2, from);
        sides.send(4);
        sides.sender().state.stop();
        states.push((code, len, sides.sender().fork()));
    }
    states
}

impl PqRatchet {
    fn fork(&self) -> Self {
        Self {
            state: self.state.fork(),
            ..*self
        }
    }
}

#[test]
fn every_state_is_read_back() {
    for (code, len, side) in every_state() {
        let parts = stored(&side);
        assert_eq!((parts.0.len(), parts.0[8]), (STORED_LEN, code));
        let header = if len == 0 { 0 } else { 1 + 8 + 1 };
        assert_eq!(parts.1.len(), header + len, "state {code}");
        // The longest has its room at once: bytes that grow leave a copy of the secrets behind.
        assert_eq!(side.material().capacity(), 10 + 64 + 2 * 1_190);
        let read = read(&side, &parts).unwrap();
        assert_eq!(stored(&read), parts, "state {code}");
    }
}

#[test]
fn other_lengths_are_rejected() {
    for (code, _, side) in every_state() {
        let (bytes, material) = stored(&side);
        for len in 0..bytes.len() {
            let short = (bytes[..len].to_vec(), material.clone());
            assert!(read(&side, &short).is_none(), "state {code}, {len} bytes");
        }
        for len in 0..material.len() {
            let short = (bytes.clone(), material[..len].to_vec());
            assert!(read(&side, &short).is_none(), "state {code}, {len} bytes");
        }
        for part in 0..2 {
            let mut parts = (bytes.clone(), material.clone());
            if part == 0 {
                parts.0.push(0);
            } else {
                parts.1.push(0);
            }
            assert!(read(&side, &parts).is_none(), "state {code}");
        }
    }
}

/// The two parts are of one state of one epoch, and what the first says of the second is so.
#[test]
fn parts_that_do_not_belong_together_are_rejected() {
    let states = every_state();
    for (code, _, side) in &states {
        let (bytes, material) = stored(side);
        for (other_code, _, other) in &states {
            let (_, other) = stored(other);
            let same = other == material;
            let mixed = (bytes.clone(), other);
            assert_eq!(
                read(side, &mixed).is_some(),
                same,
                "{code} with {other_code}"
            );
        }
        // Another epoch; another version; another state.
        for at in 0..10 {
            let mut material = material.clone();
            if let Some(byte) = material.get_mut(at) {
                *byte ^= 2;
                assert!(read(side, &(bytes.clone(), material)).is_none());
            }
        }
        // An epoch in which the other side proposes; a chunk number above nine; a flag that is none; a set that the
        // state does not have.
        for (at, bit) in [(7, 1), (9, 0x80), (11, 0x80), (13, 2)] {
            let mut bytes = bytes.clone();
            bytes[at] ^= bit;
            let idle_stopped = *code == STOPPED && at == 7;
            assert_eq!(
                read(side, &(bytes, material.clone())).is_some(),
                idle_stopped,
                "state {code}, byte {at}"
            );
        }
    }
}

#[test]
fn material_is_given_when_it_changed() {
    let mut sides = Sides::new(3);
    assert!(sides.a.take_changed_material().is_some());
    assert!(sides.b.take_changed_material().is_some());
    let mut written = [0; 2];
    let mut messages = [0; 2];
    for _ in 0..40 {
        sides.step();
        let chain = sides.send(5);
        assert!(sides.deliver(&chain).is_ok());
        for (at, side) in [&mut sides.a, &mut sides.b].into_iter().enumerate() {
            let now = side.material();
            messages[at] += 5;
            if let Some(changed) = side.take_changed_material() {
                assert_eq!(*changed, *now);
                written[at] += 1;
            }
            assert!(side.take_changed_material().is_none());
        }
    }
    // A burst of five is one write at most, and idle ones are none.
    assert!(written.iter().all(|count| (5..30).contains(count)));

    // Sending a chunk, and hearing one that is held, change no material.
    let mut sides = Sides::stepped(4, P_EK);
    sides.sender().take_changed_material();
    let before = sides.sender().material();
    sides.send(7);
    assert!(sides.sender().take_changed_material().is_none());
    assert_eq!(*sides.sender().material(), *before);
}

/// What follows from a session's storage: reading it back is no change.
#[test]
fn what_was_read_is_not_written_again() {
    for (_, _, side) in every_state() {
        let mut read = read(&side, &stored(&side)).unwrap();
        assert!(read.take_changed_material().is_none());
    }
}
