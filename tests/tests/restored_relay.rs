//! A relay is restored from an hour-old backup. Clients know it by its new store epoch: they register again what it
//! forgot, and send again what it may have lost, so that everything acknowledged still arrives, once.
#![allow(
    clippy::unwrap_used,
    reason = "test support: a failed expectation is the test's failure"
)]

use std::path::Path;
use std::process::Command;

use undertone_tests::process::{Chat, RelayProcess, befriend, free_address, program};

fn relay_tool(arguments: &[(&str, &Path)], verb: &str) {
    let mut command = Command::new(program("undertone-relay"));
    command.arg(verb);
    for (flag, path) in arguments {
        command.arg(flag).arg(path);
    }
    let output = command.output().unwrap();
    assert!(
        output.status.success(),
        "{verb}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
}

#[test]
fn what_a_restored_relay_forgot_is_sent_again() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    let address = free_address();
    let relay = RelayProcess::start(&path("relay"), address);
    let mut alice = Chat::start(&path("alice"), address, "alice");
    let mut bob = Chat::start(&path("bob"), address, "bob");
    let (at_alice, at_bob) = befriend(&mut alice, &mut bob);
    bob.ask(&format!("/say {at_bob} before the backup"));
    alice.expect("message", |line| line.field(5) == "before the backup");

    relay_tool(
        &[("--data", &path("relay")), ("--to", &path("backup"))],
        "backup",
    );

    // The hour after the backup: some of it arrives, some waits for bob, who is away.
    alice.ask(&format!("/say {at_alice} arrived"));
    bob.expect("message", |line| line.field(5) == "arrived");
    bob.kill();
    let waiting = (0..10).map(|number| {
        let written = alice.ask(&format!("/say {at_alice} waiting {number}"));
        let message = written.iter().find(|line| line.kind() == "message");
        message.expect("it is taken").field(3).to_owned()
    });
    for id in waiting.collect::<Vec<_>>() {
        alice.expect("state", |line| {
            line.field(1) == id && line.field(2) == "sent"
        });
    }

    relay.kill();
    std::fs::rename(path("relay"), path("lost")).unwrap();
    relay_tool(
        &[("--from", &path("backup")), ("--data", &path("relay"))],
        "restore",
    );
    let _relay = RelayProcess::start(&path("relay"), address);

    let mut bob = Chat::start(&path("bob"), address, "bob");
    bob.expect("message", |line| line.field(5) == "waiting 9");
    let texts: Vec<String> = bob
        .history(&at_bob)
        .into_iter()
        .map(|(_, text)| text)
        .collect();
    let waiting: Vec<String> = (0..10).map(|number| format!("waiting {number}")).collect();
    let expected: Vec<String> = ["hello", "before the backup", "arrived"]
        .map(String::from)
        .into_iter()
        .chain(waiting)
        .collect();
    assert_eq!(texts, expected);

    // And both directions go on.
    bob.ask(&format!("/say {at_bob} afterwards"));
    alice.expect("message", |line| line.field(5) == "afterwards");
}
