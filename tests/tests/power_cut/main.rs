//! A power cut, through a file layer that drops what was not followed by fdatasync, and names whose folder was not synced:
//! for the relay's store and blobs and for the client's store. Two controls must lose what was acknowledged, or the tests prove
//! nothing: the same programs with SQLite's `synchronous=OFF` ([`subject`]), and a disk that lies about syncs.
#![cfg(target_os = "linux")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "test support: a failed expectation is the test's failure"
)]

mod blob;
mod subject;

use std::path::PathBuf;
use std::process::Command;

use rand::SeedableRng;
use rand_chacha::ChaCha12Rng;
use undertone_tests::powercut::{Loss, PowerCut};
use undertone_tests::process::{Chat, RelayProcess, befriend, free_address};

use blob::Blob;

/// How many messages wait at the relay, or in a store, when the power goes.
const MESSAGES: usize = 25;

/// Where everybody's files are, one folder each on the disk that the programs make them on.
struct Place {
    _folder: tempfile::TempDir,
    data: PathBuf,
    alice: PathBuf,
    bob: PathBuf,
    layer: PowerCut,
}

/// Puts the layer under the disk of one of the three.
fn place(under: &str) -> Place {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).join("files");
    let layer = PowerCut::new(&folder.path().join(under), folder.path()).unwrap();
    Place {
        data: path("relay"),
        alice: path("alice"),
        bob: path("bob"),
        layer,
        _folder: folder,
    }
}

/// How a program is run, and the disk that it is on.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Run {
    /// As it is built, on a disk that keeps what was synced.
    Honest,
    /// As it is built, on a disk that syncs nothing.
    LyingDisk,
    /// With the store's `synchronous=FULL` in a process of the tests, which is what the next one is compared with.
    Subject,
    /// With `synchronous=OFF`, and nothing else changed.
    WithoutSync,
}

impl Run {
    fn on(self, layer: &PowerCut, mut command: Command) -> Command {
        if self == Self::LyingDisk {
            layer.lay_under_without_sync(&mut command);
        } else {
            layer.lay_under(&mut command);
        }
        command
    }
}

/// What a relay kept of what it acknowledged.
#[derive(Debug, PartialEq, Eq)]
struct Kept {
    messages: usize,
    blob: bool,
}

const ALL: Kept = Kept {
    messages: MESSAGES,
    blob: true,
};

/// Bob is away; alice's messages are acknowledged by the relay; its power goes. What does bob get? And a blob?
fn relay_power_cut(run: Run, loss: Loss, seed: u64) -> Kept {
    let place = place("relay");
    let address = free_address();
    let relay = || {
        let command = match run {
            Run::Honest | Run::LyingDisk => RelayProcess::command(&place.data, address),
            Run::Subject => subject::relay(&place.data, address, true),
            Run::WithoutSync => subject::relay(&place.data, address, false),
        };
        run.on(&place.layer, command)
    };
    let running = RelayProcess::run(&mut relay());
    let mut alice = Chat::start(&place.alice, address, "alice");
    let mut bob = Chat::start(&place.bob, address, "bob");
    let (at_alice, at_bob) = befriend(&mut alice, &mut bob);
    bob.ask(&format!("/say {at_bob} before"));
    alice.expect("message", |line| line.field(5) == "before");
    bob.kill();
    for number in 0..MESSAGES {
        alice.tell(&format!("/say {at_alice} message {number}"));
    }
    for _ in 0..MESSAGES {
        alice.expect("state", |line| line.field(2) == "sent");
    }
    let blob = Blob::upload(address);
    running.kill();
    // Alice does not come back: what the relay acknowledged is the relay's to keep.
    alice.kill();
    place
        .layer
        .cut(loss, &mut ChaCha12Rng::seed_from_u64(seed))
        .unwrap();

    let Ok(_running) = std::panic::catch_unwind(|| RelayProcess::run(&mut relay())) else {
        return Kept {
            messages: 0,
            blob: false,
        };
    };
    let mut bob = Chat::start(&place.bob, address, "bob");
    bob.expect("caught-up", |_| true);
    Kept {
        messages: numbered(&bob.history(&at_bob)),
        blob: blob.is_whole(address),
    }
}

fn numbered(history: &[(String, String)]) -> usize {
    let texts = history.iter().map(|(_, text)| text);
    texts.filter(|text| text.starts_with("message ")).count()
}

#[test]
fn a_relay_keeps_what_it_acknowledged() {
    assert_eq!(relay_power_cut(Run::Honest, Loss::Everything, 1), ALL);
    for seed in 2..4 {
        assert_eq!(relay_power_cut(Run::Honest, Loss::Random, seed), ALL);
    }
}

#[test]
fn control_a_relay_with_synchronous_off_loses_it() {
    let cut = |run| relay_power_cut(run, Loss::Everything, 1);
    assert_eq!(cut(Run::Subject), ALL);
    assert!(cut(Run::WithoutSync).messages < MESSAGES);
}

#[test]
fn control_a_relay_on_a_disk_that_lies_loses_it() {
    let kept = relay_power_cut(Run::LyingDisk, Loss::Everything, 1);
    assert!(kept.messages < MESSAGES && !kept.blob, "{kept:?}");
}

/// Alice writes while the relay is away; her machine's power goes. What is in her history, and what reaches bob?
fn client_power_cut(run: Run, loss: Loss, seed: u64) -> Option<(usize, usize)> {
    let place = place("alice");
    let address = free_address();
    let chat = || run.on(&place.layer, Chat::command(&place.alice, address, "alice"));
    let relay = RelayProcess::start(&place.data, address);
    let mut alice = Chat::run(&mut chat());
    let mut bob = Chat::start(&place.bob, address, "bob");
    let (at_alice, at_bob) = befriend(&mut alice, &mut bob);
    bob.ask(&format!("/say {at_bob} before"));
    alice.expect("message", |line| line.field(5) == "before");
    relay.kill();
    let full = match run {
        Run::Honest | Run::LyingDisk => None,
        Run::Subject => Some(true),
        Run::WithoutSync => Some(false),
    };
    if let Some(full) = full {
        alice.kill();
        let command = subject::client(&place.alice, full);
        alice = Chat::run(&mut run.on(&place.layer, command));
    }
    for number in 0..MESSAGES {
        alice.tell(&format!("/say {at_alice} message {number}"));
        alice.expect("message", |line| {
            line.field(2) == "out" && line.field(5) == format!("message {number}")
        });
    }
    alice.kill();
    place
        .layer
        .cut(loss, &mut ChaCha12Rng::seed_from_u64(seed))
        .unwrap();

    let _relay = RelayProcess::start(&place.data, address);
    let mut alice = std::panic::catch_unwind(|| Chat::run(&mut chat())).ok()?;
    let of_alice = numbered(&alice.history(&at_alice));
    if of_alice == MESSAGES {
        bob.expect("message", |line| {
            line.field(5) == format!("message {}", MESSAGES - 1)
        });
    }
    Some((of_alice, numbered(&bob.history(&at_bob))))
}

#[test]
fn a_client_keeps_what_it_acknowledged() {
    let all = Some((MESSAGES, MESSAGES));
    assert_eq!(client_power_cut(Run::Honest, Loss::Everything, 1), all);
    for seed in 2..4 {
        assert_eq!(client_power_cut(Run::Honest, Loss::Random, seed), all);
    }
}

#[test]
fn control_a_client_with_synchronous_off_loses_it() {
    let all = Some((MESSAGES, MESSAGES));
    let cut = |run| client_power_cut(run, Loss::Everything, 1);
    assert_eq!(cut(Run::Subject), all);
    assert_ne!(cut(Run::WithoutSync), all);
}

#[test]
fn control_a_client_on_a_disk_that_lies_loses_it() {
    assert_ne!(
        client_power_cut(Run::LyingDisk, Loss::Everything, 1),
        Some((MESSAGES, MESSAGES))
    );
}

/// Alice's store is given another key; her power goes when that was told, or in the middle of it. What is in her history?
fn rekey_power_cut(run: Run, loss: Loss, seed: u64, is_told: bool) -> Option<usize> {
    let place = place("alice");
    let address = free_address();
    let chat = || run.on(&place.layer, Chat::command(&place.alice, address, "alice"));
    let _relay = RelayProcess::start(&place.data, address);
    let mut alice = Chat::run(&mut chat());
    let mut bob = Chat::start(&place.bob, address, "bob");
    let (at_alice, _) = befriend(&mut alice, &mut bob);
    for number in 0..MESSAGES {
        alice.tell(&format!("/say {at_alice} message {number}"));
        alice.expect("message", |line| {
            line.field(2) == "out" && line.field(5) == format!("message {number}")
        });
    }
    if is_told {
        alice.ask("/rekey");
    } else {
        alice.tell("/rekey");
    }
    alice.kill();
    place
        .layer
        .cut(loss, &mut ChaCha12Rng::seed_from_u64(seed))
        .unwrap();
    let mut alice = std::panic::catch_unwind(|| Chat::run(&mut chat())).ok()?;
    alice.ask("/check");
    Some(numbered(&alice.history(&at_alice)))
}

#[test]
fn a_client_that_is_given_another_key_keeps_everything() {
    for is_told in [true, false] {
        for (loss, seed) in [(Loss::Everything, 1), (Loss::Random, 2), (Loss::Random, 3)] {
            let kept = rekey_power_cut(Run::Honest, loss, seed, is_told);
            assert_eq!(kept, Some(MESSAGES), "{loss:?}, {seed}, {is_told}");
        }
    }
}

#[test]
fn control_a_client_that_is_given_another_key_on_a_disk_that_lies_loses_it() {
    assert_ne!(
        rekey_power_cut(Run::LyingDisk, Loss::Everything, 1, true),
        Some(MESSAGES)
    );
}
