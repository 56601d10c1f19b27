//! kill -9 of the relay and of either chat program, under load, at any moment: nothing that was acknowledged is lost,
//! nothing shows twice, and the order of each sender stands.

use std::collections::BTreeSet;
use std::path::Path;

use rand::{Rng, RngExt, SeedableRng};
use rand_chacha::ChaCha12Rng;
use undertone_tests::process::{Chat, RelayProcess, befriend, free_address};

/// How often something is killed.
const KILLS: u32 = 20;
/// The longest burst between two kills, in messages.
const LONGEST_BURST: u32 = 12;

struct Person<'a> {
    name: &'static str,
    profile: &'a Path,
    chat: Chat,
    conversation: String,
    /// Texts that the program said are durable.
    acknowledged: Vec<String>,
    written: u32,
}

impl Person<'_> {
    /// Writes a burst without waiting, and reads how much of it was acknowledged.
    fn burst(&mut self, messages: u32, read: u32) {
        let conversation = self.conversation.clone();
        for _ in 0..messages {
            self.written += 1;
            self.chat.tell(&format!(
                "/say {conversation} {} {}",
                self.name, self.written
            ));
        }
        for _ in 0..read {
            let name = self.name;
            let line = self.chat.expect("message", |line| {
                line.field(2) == "out" && line.field(5).starts_with(name)
            });
            self.acknowledged.push(line.field(5).to_owned());
        }
    }

    fn restart(self, relay: std::net::SocketAddr) -> Self {
        self.chat.kill();
        Self {
            chat: Chat::start(self.profile, relay, self.name),
            ..self
        }
    }
}

/// Everything acknowledged is there once, in the order it was written.
fn assert_whole(side: &str, history: &[(String, String)], direction: &str, sender: &Person<'_>) {
    let texts: Vec<&String> = history
        .iter()
        .filter(|(way, text)| way == direction && text.starts_with(sender.name))
        .map(|(_, text)| text)
        .collect();
    let distinct: BTreeSet<&String> = texts.iter().copied().collect();
    assert_eq!(
        distinct.len(),
        texts.len(),
        "{side} shows something of {} twice: {texts:?}",
        sender.name
    );
    for text in &sender.acknowledged {
        assert!(
            distinct.contains(text),
            "{side} has lost {text:?} of {}",
            sender.name
        );
    }
    let number = |text: &str| {
        text.rsplit(' ')
            .next()
            .and_then(|number| number.parse::<u32>().ok())
    };
    let numbers: Vec<_> = texts.iter().map(|text| number(text)).collect();
    assert!(
        numbers.is_sorted(),
        "{side} shows {} out of order: {numbers:?}",
        sender.name
    );
}

#[test]
fn r7_twenty_kills_lose_nothing_and_show_nothing_twice() {
    let folder = tempfile::tempdir().unwrap();
    let (data, ours, theirs) = (
        folder.path().join("relay"),
        folder.path().join("alice"),
        folder.path().join("bob"),
    );
    let address = free_address();
    let mut rng = ChaCha12Rng::seed_from_u64(20);
    let mut relay = RelayProcess::start(&data, address);
    let mut alice = Chat::start(&ours, address, "alice");
    let mut bob = Chat::start(&theirs, address, "bob");
    let (at_alice, at_bob) = befriend(&mut alice, &mut bob);
    let person = |name, profile, chat, conversation| Person {
        name,
        profile,
        chat,
        conversation,
        acknowledged: Vec::new(),
        written: 0,
    };
    let mut alice = person("alice", ours.as_path(), alice, at_alice);
    let mut bob = person("bob", theirs.as_path(), bob, at_bob);

    for _ in 0..KILLS {
        for side in [&mut alice, &mut bob] {
            let messages = rng.random_range(1..=LONGEST_BURST);
            let read = rng.random_range(0..=messages);
            side.burst(messages, read);
        }
        match rng.next_u32() % 3 {
            0 => {
                relay.kill();
                relay = RelayProcess::start(&data, address);
            }
            1 => alice = alice.restart(address),
            _ => bob = bob.restart(address),
        }
    }

    // A last word in each direction, after which, order being strict, everything before it has arrived.
    for (side, text) in [(&mut alice, "alice 999999"), (&mut bob, "bob 999999")] {
        let conversation = side.conversation.clone();
        side.chat.tell(&format!("/say {conversation} {text}"));
        side.acknowledged.push(text.to_owned());
    }
    bob.chat.expect("message", |line| {
        line.field(2) == "in" && line.field(5) == "alice 999999"
    });
    alice.chat.expect("message", |line| {
        line.field(2) == "in" && line.field(5) == "bob 999999"
    });

    let (at_alice, at_bob) = (alice.conversation.clone(), bob.conversation.clone());
    let (seen_by_alice, seen_by_bob) = (alice.chat.history(&at_alice), bob.chat.history(&at_bob));
    assert_whole("alice", &seen_by_alice, "out", &alice);
    assert_whole("bob", &seen_by_bob, "in", &alice);
    assert_whole("bob", &seen_by_bob, "out", &bob);
    assert_whole("alice", &seen_by_alice, "in", &bob);
}
