//! A power cut, through a file layer that drops what was not followed by fdatasync: for the relay's store and for the
//! client's. The control, a disk that lies about syncs, must lose what was acknowledged, or the test proves nothing.
#![cfg(target_os = "linux")]
#![allow(
    clippy::unwrap_used,
    reason = "test support: a failed expectation is the test's failure"
)]

use std::path::PathBuf;

use rand::SeedableRng;
use rand_chacha::ChaCha12Rng;
use undertone_tests::powercut::{Loss, PowerCut};
use undertone_tests::process::{Chat, RelayProcess, befriend, free_address};

/// How many messages wait at the relay, or in a store, when the power goes.
const MESSAGES: usize = 25;

struct Place {
    _folder: tempfile::TempDir,
    data: PathBuf,
    alice: PathBuf,
    bob: PathBuf,
    layer: PowerCut,
}

/// Puts the layer under one of the three folders.
fn place(under: &str) -> Place {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    let layer = PowerCut::new(&path(under), folder.path()).unwrap();
    Place {
        data: path("relay"),
        alice: path("alice"),
        bob: path("bob"),
        layer,
        _folder: folder,
    }
}

/// Bob is away; alice's messages are acknowledged by the relay; its power goes. What does bob get?
fn relay_power_cut(honest_disk: bool, loss: Loss, seed: u64) -> usize {
    let place = place("relay");
    let address = free_address();
    let relay = || {
        let mut command = RelayProcess::command(&place.data, address);
        if honest_disk {
            place.layer.lay_under(&mut command);
        } else {
            place.layer.lay_under_without_sync(&mut command);
        }
        command
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
    running.kill();
    // Alice does not come back: what the relay acknowledged is the relay's to keep.
    alice.kill();
    place
        .layer
        .cut(loss, &mut ChaCha12Rng::seed_from_u64(seed))
        .unwrap();

    let Ok(_running) = std::panic::catch_unwind(|| RelayProcess::run(&mut relay())) else {
        return 0;
    };
    let mut bob = Chat::start(&place.bob, address, "bob");
    bob.expect("caught-up", |_| true);
    bob.history(&at_bob)
        .iter()
        .filter(|(_, text)| text.starts_with("message "))
        .count()
}

#[test]
fn a_relay_keeps_what_it_acknowledged() {
    assert_eq!(relay_power_cut(true, Loss::Everything, 1), MESSAGES);
    for seed in 2..4 {
        assert_eq!(relay_power_cut(true, Loss::Random, seed), MESSAGES);
    }
}

#[test]
fn control_a_relay_on_a_disk_that_lies_loses_it() {
    assert!(relay_power_cut(false, Loss::Everything, 1) < MESSAGES);
}

/// Alice writes while the relay is away; her machine's power goes. What is in her history, and what reaches bob?
fn client_power_cut(honest_disk: bool, loss: Loss, seed: u64) -> Option<(usize, usize)> {
    let place = place("alice");
    let address = free_address();
    let chat = || {
        let mut command = Chat::command(&place.alice, address, "alice");
        if honest_disk {
            place.layer.lay_under(&mut command);
        } else {
            place.layer.lay_under_without_sync(&mut command);
        }
        command
    };
    let relay = RelayProcess::start(&place.data, address);
    let mut alice = Chat::run(&mut chat());
    let mut bob = Chat::start(&place.bob, address, "bob");
    let (at_alice, at_bob) = befriend(&mut alice, &mut bob);
    bob.ask(&format!("/say {at_bob} before"));
    alice.expect("message", |line| line.field(5) == "before");
    relay.kill();
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
    let kept = |history: Vec<(String, String)>| {
        history
            .iter()
            .filter(|(_, text)| text.starts_with("message "))
            .count()
    };
    let of_alice = kept(alice.history(&at_alice));
    if of_alice == MESSAGES {
        bob.expect("message", |line| {
            line.field(5) == format!("message {}", MESSAGES - 1)
        });
    }
    Some((of_alice, kept(bob.history(&at_bob))))
}

#[test]
fn a_client_keeps_what_it_acknowledged() {
    assert_eq!(
        client_power_cut(true, Loss::Everything, 1),
        Some((MESSAGES, MESSAGES))
    );
    for seed in 2..4 {
        assert_eq!(
            client_power_cut(true, Loss::Random, seed),
            Some((MESSAGES, MESSAGES))
        );
    }
}

#[test]
fn control_a_client_on_a_disk_that_lies_loses_it() {
    assert_ne!(
        client_power_cut(false, Loss::Everything, 1),
        Some((MESSAGES, MESSAGES))
    );
}
