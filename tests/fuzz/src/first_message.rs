//! First messages: raw, and two honest ones (with one-time prekeys, with the last resort) that were changed on the way.
//!
//! Asserted: what was sent is accepted with what it says and from whom; anything else is refused; and after a refusal the same prekeys still
//! accept what was sent.

use std::sync::LazyLock;

use undertone_protocol::content::Body;
use undertone_protocol::first_message::FirstMessage;

use crate::edit::{chosen, edited, flip};
use crate::party::{ALICE, BOB, rng};

static HONEST: LazyLock<[Vec<u8>; 2]> = LazyLock::new(|| {
    [true, false].map(|one_time| ALICE.initiate(&mut rng(10), &BOB, one_time).first_message)
});

/// The first byte chooses the message, or none.
pub fn run(data: &[u8]) {
    let Some((choice, script)) = data.split_first() else {
        return;
    };
    let bytes = match HONEST.get(usize::from(choice % 3)) {
        Some(honest) => edited(honest, script),
        None => script.to_vec(),
    };
    let honest = HONEST.iter().position(|honest| *honest == bytes);
    let Ok(message) = FirstMessage::parse(&bytes) else {
        assert_eq!(honest, None, "an honest message does not parse");
        return;
    };
    match (BOB.respond(&message), honest) {
        (None, None) => {}
        (Some(Err(_)), None) => HONEST.iter().for_each(|honest| accept(honest)),
        (Some(Ok(_)), None) => panic!("a message that nobody sent is accepted"),
        (_, Some(honest)) => accept(&HONEST[honest]),
    }
}

fn accept(honest: &[u8]) {
    let message = FirstMessage::parse(honest).unwrap();
    let Some(Ok(answered)) = BOB.respond(&message) else {
        panic!("an honest message is refused")
    };
    assert_eq!(answered.peer.account, ALICE.account);
    assert_eq!(answered.peer.device, ALICE.keys.public());
    let Body::Text(text) = answered.introduction.content.body else {
        panic!("another body")
    };
    assert_eq!(text, "hello");
}

/// Both messages as they are, and with one changed byte in each part.
#[must_use]
pub fn seeds() -> Vec<Vec<u8>> {
    let mut seeds = vec![chosen(0, &[]), chosen(1, &[]), chosen(2, &HONEST[1])];
    for part in [
        0, 1, 2, 34, 38, 42, 46, 1_614, 1_918, 1_934, 1_946, 2_125, 2_157, 4_095,
    ] {
        seeds.push(chosen(0, &flip(part, 1)));
        seeds.push(chosen(1, &flip(part, 0x80)));
    }
    seeds
}
