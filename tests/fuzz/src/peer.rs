//! A conversation with an authenticated peer whose post-quantum ratchet was tampered with: it sends chunks, epochs and flags that no honest
//! device sends, under keys that are right.
//!
//! Asserted: nothing panics; what opens says what was written; what does not open changes nothing that is stored; and what is stored can be read.

use crate::net::Net;

/// Four events, then four bytes of an edit, and so on.
pub fn run(data: &[u8]) {
    Net::new().run_tampered(data);
}

/// Dialogues in which the epoch, the state, the sets of chunks, or a chunk itself is changed.
#[must_use]
pub fn seeds() -> Vec<Vec<u8>> {
    let events = [0xef, 0xee, 0x02, 0x33];
    let program = |edit: [u8; 4], at: usize| {
        let mut program = Vec::new();
        for round in 0..6 {
            program.extend(events);
            program.extend(if round == at { edit } else { [1, 0, 0, 0] });
        }
        program
    };
    let mut seeds = Vec::new();
    for at in 0..5 {
        for place in [7, 8, 10, 12, 13] {
            seeds.push(program([0, place, 1, 0], at));
        }
        for place in [9, 40, 90] {
            seeds.push(program([1, 0, place, 1], at));
        }
    }
    seeds
}
