//! Envelopes to a device that has a session: raw, and honest ones of every place (next in the chain, further ahead, skipped in the open and in a
//! closed chain, of the next chain, ephemeral, opened before) that were changed on the way. And sessions from a store that was changed.
//!
//! Asserted: what was sent opens to what it says, exactly once; anything else is refused, gives no content and leaves everything that is stored
//! as it was, byte for byte, as does a crash before the commit. A session that is read from changed bytes works without a panic, and what is written
//! of it reads back as the same.

use std::sync::LazyLock;

use rand_chacha::ChaCha8Rng;
use undertone_protocol::session::Session;

use crate::device::{Device, Received, Stored};
use crate::edit::{chosen, edited, flip};
use crate::party::{pair, rng};

/// A device in the middle of a conversation, and what is in flight to it.
struct Conversation {
    stored: Stored,
    /// Text and envelope.
    flying: Vec<(&'static [u8], Vec<u8>)>,
    /// The last one was opened before.
    opened: Vec<u8>,
}

static CONVERSATION: LazyLock<Conversation> = LazyLock::new(Conversation::new);

impl Conversation {
    fn new() -> Self {
        let rng = &mut rng(20);
        let [mut alice, mut bob] = pair(rng).map(Device::new);
        let open = |device: &mut Device, envelope: &[u8]| {
            let received = device.receive(envelope, false);
            assert!(matches!(received, Received::Opened(_)), "{received:?}");
        };
        let send = |device: &mut Device, rng: &mut ChaCha8Rng, text: &[u8]| {
            device.send(rng, text).unwrap().1
        };
        // Chain 0 of A: the first message, then a gap, one that arrives, one that does not.
        let gap = send(&mut alice, rng, b"closed, before");
        open(&mut bob, &send(&mut alice, rng, b"arrives"));
        let unread = send(&mut alice, rng, b"closed, behind");
        open(&mut alice, &send(&mut bob, rng, b"answer"));
        // Chain 1 of A: opened by its second message.
        let first = send(&mut alice, rng, b"open, before");
        let opened = send(&mut alice, rng, b"opens");
        open(&mut bob, &opened);
        let next = send(&mut alice, rng, b"open, next");
        let ahead = send(&mut alice, rng, &[b'x'; 700]);
        let typing = alice.send_ephemeral(rng, b"typing").unwrap();
        open(&mut alice, &send(&mut bob, rng, b"another"));
        // Counted until a message of A is opened.
        bob.send_ephemeral(rng, b"typing too").unwrap();
        // Chain 2 of A.
        let new = send(&mut alice, rng, b"new chain");
        let newer = send(&mut alice, rng, b"new chain, second");
        Self {
            stored: bob.stored(),
            flying: vec![
                (b"closed, before", gap),
                (b"closed, behind", unread),
                (b"open, before", first),
                (b"open, next", next),
                (&[b'x'; 700], ahead),
                (b"typing", typing),
                (b"new chain", new),
                (b"new chain, second", newer),
            ],
            opened,
        }
    }
}

/// The first byte chooses: an envelope in flight, the one that was opened, raw bytes, the stored session.
pub fn run(data: &[u8]) {
    let Some((choice, script)) = data.split_first() else {
        return;
    };
    let conversation = &*CONVERSATION;
    let flying = conversation.flying.len();
    match usize::from(*choice) % (flying + 4) {
        at if at < flying => receive(&edited(&conversation.flying[at].1, script)),
        at if at == flying => receive(&edited(&conversation.opened, script)),
        at if at == flying + 1 => receive(script),
        at if at == flying + 2 => {
            let (session, material) = (&conversation.stored.session, &conversation.stored.material);
            restore(&edited(session, script), material);
        }
        _ => {
            let (session, material) = (&conversation.stored.session, &conversation.stored.material);
            restore(session, &edited(material, script));
        }
    }
}

fn receive(bytes: &[u8]) {
    let conversation = &*CONVERSATION;
    let mut device = Device::restored(&conversation.stored);
    let before = device.stored();
    assert_eq!(
        before, conversation.stored,
        "a restart changes what is stored"
    );
    let crashed = device.receive(bytes, true);
    assert_eq!(device.stored(), before, "changed without a commit");
    let received = device.receive(bytes, false);
    assert_eq!(received, crashed);
    let sent = conversation
        .flying
        .iter()
        .find(|(_, envelope)| envelope == bytes);
    match (received, sent) {
        (Received::Opened(content) | Received::Ephemeral(content), Some((text, _))) => {
            assert_eq!(content, *text);
            assert_eq!(device.receive(bytes, false), Received::Duplicate);
        }
        (Received::Duplicate | Received::Unknown | Received::Rejected(_), None) => {
            assert_eq!(device.stored(), before, "changed by what did not open");
        }
        (received, _) => panic!("{received:?}, sent: {}", sent.is_some()),
    }
}

fn restore(session: &[u8], material: &[u8]) {
    let Ok(mut restored) = Session::from_bytes(session, material) else {
        return;
    };
    assert!(restored.take_changed_pq_material().is_none());
    // Numbers of ephemeral messages are rounded up, so that the first time the bytes may differ from those that were read.
    let written = restored.to_bytes();
    let again = Session::from_bytes(&written, material).unwrap();
    assert_eq!(again.to_bytes(), written);
    let mut device = Device::resumed(restored, material.to_vec());
    for (_, envelope) in &CONVERSATION.flying {
        let before = device.stored();
        if matches!(device.receive(envelope, false), Received::Rejected(_)) {
            assert_eq!(device.stored(), before, "changed by what did not open");
        }
        let _ = (device.session.remaining(), device.session.pq_failure());
        let _ = device.send(&mut rng(21), b"still there");
        let stored = device.stored();
        assert!(Session::from_bytes(&stored.session, &stored.material).is_ok());
    }
}

/// Everything as it is, and with one changed byte in each part.
#[must_use]
pub fn seeds() -> Vec<Vec<u8>> {
    let mut seeds = Vec::new();
    for choice in 0..12 {
        seeds.push(chosen(choice, &[]));
        let parts: &[u16] = match choice {
            0..=8 => &[0, 1, 17, 29, 208, 240, 511],
            9 => &[],
            10 => &[0, 17, 50, 82, 178, 183, 400, 600],
            _ => &[0, 1, 9, 100],
        };
        seeds.extend(parts.iter().map(|part| chosen(choice, &flip(*part, 1))));
    }
    seeds.push(chosen(9, &CONVERSATION.opened));
    seeds
}
