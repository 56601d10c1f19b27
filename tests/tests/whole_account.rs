//! What is done with a whole account, with the built programs, as a person would: written out and read in again, given another
//! key, deleted.
#![allow(
    clippy::unwrap_used,
    reason = "test support: a failed expectation is the test's failure"
)]

use std::fs;
use std::path::Path;
use std::process::Stdio;

use undertone_tests::process::{Chat, Line, RelayProcess, befriend, free_address};

/// How often the program is killed while its store is given another key.
const KILLS: usize = 12;

fn told(answer: &[Line], text: &str) -> bool {
    let remarks = answer.iter().filter(|line| line.kind() == "text");
    remarks.into_iter().any(|line| line.field(1).contains(text))
}

fn names(folder: &Path) -> Vec<String> {
    let files = fs::read_dir(folder).unwrap();
    files
        .map(|file| file.unwrap().file_name().into_string().unwrap())
        .collect()
}

#[test]
fn what_one_program_exports_another_one_imports_and_finds() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    let address = free_address();
    let _relay = RelayProcess::start(&path("relay"), address);
    let mut alice = Chat::start(&path("alice"), address, "alice");
    let mut bob = Chat::start(&path("bob"), address, "bob");
    let (at_alice, at_bob) = befriend(&mut alice, &mut bob);
    alice.ask(&format!("/say {at_alice} we meet at the lighthouse"));
    bob.expect("message", |line| line.field(5).ends_with("lighthouse"));
    bob.ask(&format!("/say {at_bob} 東京都 it is"));
    alice.expect("message", |line| line.field(5).starts_with("東京都"));
    let export = path("export");
    let answer = alice.ask(&format!("/export {}", export.display()));
    assert!(told(&answer, "3 messages with 1 people"), "{answer:?}");
    let before = alice.history(&at_alice);
    alice.leave();

    let mut command = Chat::command(&path("carol"), address, "carol");
    command.arg("--import").arg(&export);
    let mut carol = Chat::run(&mut command);
    let found = carol.ask("/search 京都");
    assert!(found.iter().any(|line| line.kind() == "hit"), "{found:?}");
    let list = carol.ask("/list");
    let conversation = list
        .iter()
        .find(|line| line.kind() == "conversation")
        .unwrap()
        .field(1)
        .to_owned();
    assert_eq!(carol.history(&conversation), before);
    carol.leave();
    // Into a profile that knows somebody nothing is imported.
    let refused = command.stdin(Stdio::null()).output().unwrap();
    assert!(!refused.status.success());
    let why = String::from_utf8(refused.stderr).unwrap();
    assert!(
        why.contains("there are contacts or conversations already"),
        "{why}"
    );
}

#[test]
fn a_store_that_is_given_another_key_survives_kills() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    let address = free_address();
    let _relay = RelayProcess::start(&path("relay"), address);
    let mut alice = Chat::start(&path("alice"), address, "alice");
    let mut bob = Chat::start(&path("bob"), address, "bob");
    let (at_alice, _) = befriend(&mut alice, &mut bob);
    let key = || fs::read_to_string(path("alice").join("store.key")).unwrap();
    let mut last = key();
    for number in 0..KILLS {
        alice.ask(&format!("/say {at_alice} message {number}"));
        // Sometimes when it is done, else somewhere in the middle.
        if number % 4 == 0 {
            alice.ask("/rekey");
            assert_ne!(key(), last);
        } else {
            alice.tell("/rekey");
        }
        alice.kill();
        alice = Chat::start(&path("alice"), address, "alice");
        last = key();
        let history = alice.history(&at_alice);
        let texts = history
            .iter()
            .filter(|(_, text)| text.starts_with("message "));
        assert_eq!(texts.count(), number + 1);
        let files = names(&path("alice"));
        assert!(!files.iter().any(|name| name.contains("next")), "{files:?}");
        assert!(
            !files.iter().any(|name| name.contains("rekey")),
            "{files:?}"
        );
    }
    assert!(told(&alice.ask("/check"), "sound"));
}

#[test]
fn a_deleted_account_leaves_nothing_in_its_profile() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    let address = free_address();
    let relay = RelayProcess::start(&path("relay"), address);
    let mut alice = Chat::start(&path("alice"), address, "alice");
    let mut bob = Chat::start(&path("bob"), address, "bob");
    befriend(&mut alice, &mut bob);
    assert!(told(&alice.ask("/delete-account"), "no way back"));
    alice.tell("/delete-account yes");
    alice.expect("alarm", |line| line.field(1).contains("is deleted"));
    alice.leave();
    assert_eq!(names(&path("alice")), Vec::<String>::new());

    // Without its relay it waits, over a kill as well, until somebody does not want to wait any more.
    relay.kill();
    bob.tell("/delete-account yes");
    bob.expect("alarm", |line| {
        line.field(1).contains("waits for your relay")
    });
    bob.kill();
    let mut command = Chat::command(&path("bob"), address, "bob");
    let mut bob = Chat::run_deleting(&mut command);
    bob.tell("/delete-account here");
    bob.expect("alarm", |line| line.field(1).contains("is deleted"));
    bob.leave();
    assert_eq!(names(&path("bob")), Vec::<String>::new());
}
