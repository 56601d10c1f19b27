//! A store that cannot be written: calls say so, and nothing is lost.

use std::os::unix::fs::FileExt;

use undertone::{Client, ClientEvent, Operation, SendError, StepError, StoreError};

use crate::support::{Person, World};

#[tokio::test]
async fn a_full_store_refuses_with_a_typed_error_and_loses_nothing() {
    let world = World::new().await;
    let (alice, bob) = world.friends().await;
    alice.client.close().await;
    let limit = std::fs::metadata(world.store("alice")).unwrap().len() + 128 * 1024;
    let mut alice = Person::open(world.config("alice").store_limit(limit)).await;

    // Fill it.
    let conversation = alice.conversation().await;
    let long = "x".repeat(4_000);
    let error = loop {
        if let Err(error) = conversation.send_text(&long).await {
            break error;
        }
    };
    assert!(
        matches!(error, SendError::Step(StepError::Store(StoreError::Full))),
        "{error}"
    );
    alice
        .event(|event| matches!(event, ClientEvent::StoreFailed(_)).then_some(()))
        .await;
    let history = alice.texts().await;
    assert!(history.iter().any(|text| text == "hello"));

    // What comes meanwhile waits at the relay.
    bob.say("while your disk was full").await;
    alice.client.close().await;
    let mut alice = world.person("alice").await;
    alice
        .message("while your disk was full", |message| {
            message.sender.is_some()
        })
        .await;
    assert_eq!(
        alice
            .texts()
            .await
            .iter()
            .filter(|text| **text == long)
            .count(),
        history.iter().filter(|text| **text == long).count()
    );
}

/// Size of a page of the store, in bytes.
const PAGE: u64 = 4_096;

#[tokio::test]
async fn damage_that_nothing_has_met_yet_is_found_by_checking() {
    let world = World::new().await;
    let (alice, _bob) = world.friends().await;
    assert_eq!(alice.client.check_store(Operation::new()).await, Ok(()));
    alice.client.close().await;
    let path = world.store("alice");
    let pages = std::fs::metadata(&path).unwrap().len() / PAGE;
    let mut opened = 0;
    for page in (0..pages).rev().step_by(8) {
        let file = std::fs::File::options().write(true).read(true).open(&path);
        let (file, at) = (file.unwrap(), page * PAGE + 1_000);
        let mut sound = [0];
        file.read_exact_at(&mut sound, at).unwrap();
        file.write_all_at(&[sound[0] ^ 1], at).unwrap();
        // Some pages are read by opening already.
        if let Ok(client) = Client::open(world.config("alice")).await {
            let found = client.check_store(Operation::new()).await;
            assert_eq!(found, Err(StoreError::Corrupt), "page {page}");
            client.close().await;
            opened += 1;
        }
        file.write_all_at(&sound, at).unwrap();
    }
    assert!(opened > 0);
    let alice = Client::open(world.config("alice")).await.unwrap();
    assert_eq!(alice.check_store(Operation::new()).await, Ok(()));
    alice.close().await;
}
