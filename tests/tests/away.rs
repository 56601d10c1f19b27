//! Somebody who was away for so long that what she published has expired. Whoever wants to write to her for the first time
//! is told that it waits for her, and loses nothing: when she is back, it arrives.
//!
//! The programs are the built ones, with a clock that is ahead (`clock/shim.c`).
#![cfg(target_os = "linux")]
#![allow(
    clippy::unwrap_used,
    reason = "test support: a failed expectation is the test's failure"
)]

use std::fs;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::Command;

use rusqlite::Connection;
use undertone_tests::preload;
use undertone_tests::process::{Chat, Line, RelayProcess, free_address};

/// The programs' folder, and the clock that they go by.
struct Place {
    folder: tempfile::TempDir,
    clock: PathBuf,
    relay: SocketAddr,
    /// Days that have passed.
    day: u32,
}

impl Place {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        Self {
            clock: preload::build("clock", folder.path()).unwrap(),
            relay: free_address(),
            folder,
            day: 0,
        }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn today(&self, mut command: Command) -> Command {
        command
            .env("LD_PRELOAD", &self.clock)
            .env("CLOCK_AHEAD_DAYS", self.day.to_string());
        command
    }

    fn relay(&self) -> RelayProcess {
        let command = RelayProcess::command(&self.path("relay"), self.relay);
        RelayProcess::run(&mut self.today(command))
    }

    fn chat(&self, name: &str) -> Chat {
        let command = Chat::command(&self.path(name), self.relay, name);
        Chat::run(&mut self.today(command))
    }
}

fn invite(of: &mut Chat) -> String {
    let lines = of.ask("/invite");
    let link = lines.iter().find(|line| line.kind() == "invite");
    link.unwrap().field(1).to_owned()
}

/// The number of the only conversation.
fn conversation(of: &mut Chat) -> String {
    let lines = of.ask("/list");
    let found = lines.iter().find(|line| line.kind() == "conversation");
    found.unwrap().field(1).to_owned()
}

fn texts(of: &mut Chat, conversation: &str) -> Vec<String> {
    let history = of.history(conversation);
    history.into_iter().map(|(_, text)| text).collect()
}

/// Alice, who is back, gets what was written, accepts, and answers.
fn goes_on(alice: &mut Chat, bob: &mut Chat, written: &[&str]) {
    let request = alice.expect("request", |_| true);
    let at_alice = request.field(1);
    alice.ask(&format!("/accept {at_alice}"));
    let last = written.last().unwrap();
    alice.expect("message", |line| line.field(5) == *last);
    alice.ask(&format!("/say {at_alice} welcome"));
    bob.expect("message", |line| line.field(5) == "welcome");
    let mut all: Vec<_> = written.iter().map(|text| (*text).to_owned()).collect();
    all.push("welcome".to_owned());
    let at_bob = conversation(bob);
    assert_eq!(texts(alice, at_alice), all);
    assert_eq!(texts(bob, &at_bob), all);
}

/// Bob adds alice, who is away, writes, and restarts; he is told what it waits for, and it does wait.
fn bob_writes(place: &Place, link: &str, reason: &str) -> Chat {
    let mut bob = place.chat("bob");
    bob.ask(&format!("/add {link} are you there?"));
    let waits = |line: &Line| {
        line.field(1).starts_with("sending to contact") && line.field(1).ends_with(reason)
    };
    bob.expect("alarm", waits);
    let at_bob = conversation(&mut bob);
    bob.ask(&format!("/say {at_bob} then read this later"));
    bob.kill();
    let mut bob = place.chat("bob");
    bob.expect("alarm", waits);
    let lines = bob.ask(&format!("/history {at_bob}"));
    let messages = lines.iter().filter(|line| line.kind() == "message");
    let states: Vec<_> = messages.map(|line| line.field(4)).collect();
    assert_eq!(states, ["pending", "pending"], "{lines:?}");
    bob
}

const WRITTEN: [&str; 2] = ["are you there?", "then read this later"];

#[test]
fn who_was_away_for_46_days_is_waited_for() {
    let mut place = Place::new();
    let relay = place.relay();
    let mut alice = place.chat("alice");
    alice.expect("reachable", |_| true);
    let link = invite(&mut alice);
    alice.leave();
    relay.stop();

    place.day = 46;
    let _relay = place.relay();
    let bob = bob_writes(&place, &link, "they must come online first");
    let mut alice = place.chat("alice");
    bob.kill();
    goes_on(&mut alice, &mut place.chat("bob"), &WRITTEN);
}

/// The prekeys that a relay shows, as its database has them.
fn prekeys_from(place: &Place, copy: &str) {
    let database = Connection::open(place.path("relay").join("relay.db")).unwrap();
    let script = format!(
        "ATTACH '{}' AS old;
         DELETE FROM prekey; INSERT INTO prekey SELECT * FROM old.prekey;
         DELETE FROM prekey_page; INSERT INTO prekey_page SELECT * FROM old.prekey_page;",
        place.path(copy).display()
    );
    database.execute_batch(&script).unwrap();
}

/// A relay that shows prekeys of long ago beside a device list of this week: nothing is encrypted to keys whose owner may
/// have lost them.
#[test]
fn prekeys_of_46_days_ago_are_not_used() {
    let mut place = Place::new();
    let relay = place.relay();
    let mut alice = place.chat("alice");
    alice.expect("reachable", |_| true);
    let link = invite(&mut alice);
    alice.leave();
    relay.stop();
    fs::copy(place.path("relay").join("relay.db"), place.path("copy")).unwrap();

    // She comes by; that somebody can write to her shows that what she published is new.
    place.day = 40;
    let relay = place.relay();
    let mut alice = place.chat("alice");
    let mut carol = place.chat("carol");
    carol.ask(&format!("/add {link} hello"));
    alice.expect("request", |_| true);
    alice.leave();
    carol.leave();
    relay.stop();

    prekeys_from(&place, "copy");
    place.day = 46;
    let relay = place.relay();
    let bob = bob_writes(&place, &link, "they were not online for 45 days");
    bob.leave();
    relay.stop();

    // The week is over, and she publishes new ones.
    place.day = 48;
    let _relay = place.relay();
    let (mut alice, mut bob) = (place.chat("alice"), place.chat("bob"));
    goes_on(&mut alice, &mut bob, &WRITTEN);
}
