//! A store that cannot be written: calls say so, and nothing is lost.

use undertone::{ClientEvent, SendError, StepError, StoreError};

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
