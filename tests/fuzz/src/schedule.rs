//! A conversation of two devices over a network that delays, reorders, repeats, drops, changes and reflects, while their processes crash before
//! commits, restart, and their disks go back inside a sending chain.
//!
//! Asserted: each message opens to its text and at most once, and at once when it arrives for the first time; what does not open changes nothing
//! that is stored; a restart finds what was stored; there is one proposer of the post-quantum ratchet, the sides are at most one epoch apart, and
//! no chunk contradicts another. After a disk went back, a message may be a duplicate or unknown, never refused.

use crate::net::Net;

/// Each byte is an event.
pub fn run(data: &[u8]) {
    Net::new().run(data);
}

/// Programs that reach each event, some epochs, and a full chain.
#[must_use]
pub fn seeds() -> Vec<Vec<u8>> {
    let dialogue = |rounds: usize| [0xef].repeat(rounds);
    vec![
        dialogue(6),
        [0x00, 0x31, 0x01, 0x30].repeat(12),
        // Bursts, of which some are dropped, late, and come twice.
        [0x0e, 0x63, 0x81, 0x75, 0x3f, 0x0f, 0x66, 0x80, 0x74, 0x3e].repeat(6),
        // Changed and reflected copies, crashes and restarts.
        [
            0x06, 0x93, 0xf2, 0xa1, 0xa0, 0x37, 0xb0, 0xb1, 0x07, 0x92, 0xf3, 0x36,
        ]
        .repeat(5),
        // Typing.
        [0x02, 0xd0, 0x33, 0xd1, 0xd0, 0x31, 0x03, 0xd0, 0x30, 0x31].repeat(5),
        // Changed copies while ephemeral messages are counted.
        [0xd0, 0x07, 0x90, 0x92, 0x36, 0xd1, 0x06, 0x91, 0x37].repeat(4),
        // The newest message opens a chain before the rest of the closed one arrives.
        [0x06, 0x61, 0x01, 0x30, 0x06, 0x6f, 0x3f].repeat(6),
        // Disks that go back.
        [
            dialogue(3),
            [0x04, 0x3d, 0xc4, 0x06, 0x3f, 0x05, 0x3c, 0xc5, 0x07, 0x3e].repeat(4),
            dialogue(2),
        ]
        .concat(),
        // A chain without an answer, to its end.
        [[0x2e].repeat(8), vec![0x3f, 0x01, 0x30]].concat(),
    ]
}
