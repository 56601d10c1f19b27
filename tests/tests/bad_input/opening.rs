//! A profile that cannot be opened: the program ends with one line, and the file stays as it was.

use std::fs;
use std::path::Path;
use std::process::Command;

use undertone_tests::process::{Chat, free_address};

use crate::talk::{Talk, fails};

/// Spoils the profile, sees the failure, checks that the store was not touched, repairs it, and goes on.
fn refused_until_repaired(spoil: impl FnOnce(&Path, &Path), right: impl FnOnce(&str) -> bool) {
    let mut talk = Talk::new();
    talk.alice_leaves();
    let (store, key) = (talk.alice_store(), talk.alice_key());
    let (good_store, good_key) = (fs::read(&store).unwrap(), fs::read(&key).unwrap());
    talk.bob_says("are you there?");

    spoil(&store, &key);
    let spoiled = fs::read(&store).unwrap();
    let line = fails(&mut talk.alice_command());
    assert!(right(&line), "{line}");
    assert!(fs::read(&store).unwrap() == spoiled, "nothing was changed");

    fs::write(&store, good_store).unwrap();
    fs::write(&key, good_key).unwrap();
    talk.alice_returns();
    talk.goes_on();
}

#[test]
fn a_wrong_store_key_is_for_the_user() {
    refused_until_repaired(
        |_, key| fs::write(key, "5a".repeat(32)).unwrap(),
        |line| {
            line == "chat: the key does not open this store: another key made it (who must act: user)"
        },
    );
}

fn is_damage(line: &str) -> bool {
    line == "chat: the store is damaged; nothing was deleted: restore it from a backup (who must act: user)"
}

#[test]
fn a_damaged_store_is_for_the_user() {
    refused_until_repaired(
        |store, _| {
            let mut bytes = fs::read(store).unwrap();
            for byte in bytes.iter_mut().skip(4_096).step_by(97) {
                *byte ^= 0xff;
            }
            fs::write(store, bytes).unwrap();
        },
        is_damage,
    );
}

#[test]
fn a_store_cut_short_is_for_the_user() {
    refused_until_repaired(
        |store, _| {
            let bytes = fs::read(store).unwrap();
            fs::write(store, &bytes[..bytes.len() / 2]).unwrap();
        },
        is_damage,
    );
}

#[test]
fn a_store_of_a_newer_version_is_for_the_user() {
    refused_until_repaired(
        |store, key| {
            // SQLCipher's raw key with its salt (the first 16 bytes of the file), as the SDK gives it.
            let mut raw = fs::read_to_string(key).unwrap().trim().to_owned();
            for byte in &fs::read(store).unwrap()[..16] {
                raw.push_str(&format!("{byte:02x}"));
            }
            let database = rusqlite::Connection::open(store).unwrap();
            database
                .execute_batch(&format!(
                    "PRAGMA key = \"x'{raw}'\"; PRAGMA user_version = 4000;"
                ))
                .unwrap();
        },
        |line| {
            line.starts_with(
                "chat: a newer version wrote this store (schema 4000; this one reads up to ",
            ) && line.ends_with("): update (who must act: user)")
        },
    );
}

#[test]
fn a_profile_that_is_open_elsewhere_is_for_the_user() {
    let mut talk = Talk::new();
    assert_eq!(
        fails(&mut talk.alice_command()),
        "chat: the store is open elsewhere: close that one first (who must act: user)"
    );
    talk.goes_on();
}

#[test]
fn a_lost_key_file_is_for_the_user_and_no_other_key_is_made() {
    let mut talk = Talk::new();
    talk.alice_leaves();
    let aside = talk.folder().join("aside");
    fs::rename(talk.alice_key(), &aside).unwrap();
    let line = fails(&mut talk.alice_command());
    assert!(
        line.contains("is missing, but there is a store. Restore it")
            && line.ends_with("(who must act: user)"),
        "{line}"
    );
    assert!(!talk.alice_key().exists());
    fs::rename(&aside, talk.alice_key()).unwrap();
    talk.alice_returns();
    talk.goes_on();
}

#[test]
fn a_relay_address_that_is_none_is_for_the_user_and_makes_no_account() {
    let folder = tempfile::tempdir().unwrap();
    for (address, wrong) in [
        (
            "ws://relay.example",
            "without TLS only a relay on this machine is allowed",
        ),
        (
            "ftp://relay.example",
            "a relay address starts with https://",
        ),
        (
            "wss://relay.example/path",
            "a relay address has nothing behind host and port",
        ),
        ("wss://:port", "not a host name or IP address"),
    ] {
        let mut command = Command::new(undertone_tests::process::program("chat"));
        command
            .args([
                "--lines",
                "--name",
                "alice",
                "--relay",
                address,
                "--profile",
            ])
            .arg(folder.path());
        assert_eq!(
            fails(&mut command),
            format!("chat: the relay's address is unusable: {wrong} (who must act: user)")
        );
    }
    // The same profile makes its account with a good one.
    Chat::start(folder.path(), free_address(), "alice").leave();
}
