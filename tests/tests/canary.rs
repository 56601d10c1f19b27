//! What is typed is nowhere on a disk in the clear: not in a profile, not in a temporary file, not at the relay; also when
//! every program is killed in the middle of its work.
#![allow(
    clippy::unwrap_used,
    reason = "test support: a failed expectation is the test's failure"
)]

use std::fs;
use std::path::Path;
use std::process::Command;

use undertone_tests::process::{Chat, RelayProcess, befriend, free_address};

/// 24 bytes that nothing else contains.
const CANARY: &str = "qzxwvkjqpqzkxwvjzqxkwpvj";

/// The canary as a file may hold it: as it is, in UTF-16, in hexadecimal digits, reversed.
fn forms() -> Vec<Vec<u8>> {
    let hex: String = CANARY.bytes().map(|byte| format!("{byte:02x}")).collect();
    vec![
        CANARY.into(),
        CANARY.encode_utf16().flat_map(u16::to_le_bytes).collect(),
        CANARY.encode_utf16().flat_map(u16::to_be_bytes).collect(),
        hex.to_uppercase().into(),
        hex.into(),
        CANARY.bytes().rev().collect(),
    ]
}

/// The files below a folder that hold a form of the canary, and how many there are.
fn search(folder: &Path, found: &mut Vec<String>) -> usize {
    let mut files = 0;
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files += search(&path, found);
        } else if path.is_file() {
            let bytes = fs::read(&path).unwrap();
            let holds = |form: &Vec<u8>| bytes.windows(form.len()).any(|part| part == form);
            if forms().iter().any(holds) {
                found.push(path.display().to_string());
            }
            files += 1;
        }
    }
    files
}

/// Starts a program with a folder for temporary files of its own.
fn in_folder(command: &mut Command, temporary: &Path) {
    fs::create_dir_all(temporary).unwrap();
    command
        .env("TMPDIR", temporary)
        .env("SQLITE_TMPDIR", temporary);
}

/// S2.
#[test]
fn s2_a_canary_is_on_no_disk_after_a_kill() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    let address = free_address();
    let mut command = RelayProcess::command(&path("relay"), address);
    in_folder(&mut command, &path("tmp-relay"));
    let relay = RelayProcess::run(&mut command);
    let chat = |name: &str| {
        let mut command = Chat::command(&path(name), address, name);
        in_folder(&mut command, &path(&format!("tmp-{name}")));
        Chat::run(&mut command)
    };
    let (mut alice, mut bob) = (chat("alice"), chat("bob"));
    let (at_alice, at_bob) = befriend(&mut alice, &mut bob);
    // Everything that takes or gives a text.
    alice.ask(&format!("/say {at_alice} {CANARY} for bob"));
    bob.expect("message", |line| line.field(5).contains(CANARY));
    bob.ask(&format!("/say {at_bob} answer {CANARY}"));
    alice.expect("message", |line| {
        line.field(5) == format!("answer {CANARY}")
    });
    alice.ask(&format!("/rename {at_alice} {CANARY}"));
    alice.ask(&format!("/name {CANARY}"));
    alice.ask(&format!("/invite {CANARY}"));
    for search in [CANARY, &CANARY[..10], &format!("\"{CANARY} for\"")] {
        let found = bob.ask(&format!("/search {search}"));
        assert!(
            found
                .iter()
                .any(|line| line.fields().any(|field| field.contains(CANARY))),
            "{search}: {found:?}"
        );
    }
    bob.ask(&format!("/history {at_bob}"));
    // Much more of it, so that the log is written back and the index merged, and no end.
    for n in 0..200 {
        alice.tell(&format!("/say {at_alice} {n} {CANARY}"));
    }
    bob.expect("message", |line| line.field(5) == format!("150 {CANARY}"));
    alice.kill();
    bob.kill();
    relay.kill();

    let mut found = Vec::new();
    let files = search(folder.path(), &mut found);
    assert!(files >= 6, "{files} files were looked through");
    assert_eq!(found, Vec::<String>::new());

    // Controls: the search finds what is there, and what was typed is in the profile.
    fs::write(path("control"), format!("..{CANARY}..")).unwrap();
    assert_eq!(
        (search(folder.path(), &mut found), found.len()),
        (files + 1, 1)
    );
    let mut bob = Chat::start(&path("bob"), address, "bob");
    let history = bob.history(&at_bob);
    assert!(
        history
            .iter()
            .any(|(_, text)| text == &format!("{CANARY} for bob"))
    );
}
