//! Another key for the store, while the client goes on.

use undertone::{
    Client, ClientConfig, OpenError, OpenStoreError, Operation, RotateKeyError, StoreError,
    UnlockError,
};

use crate::support::{World, key};

#[tokio::test]
async fn a_client_goes_on_under_its_new_key() {
    let world = World::new().await;
    let (alice, mut bob) = world.friends().await;
    let operation = Operation::new();
    alice
        .client
        .rotate_store_key(key("new"), operation.clone())
        .await
        .unwrap();
    let progress = operation.progress();
    assert!(progress.total > 0 && progress.done == progress.total);
    alice.say("under another key").await;
    bob.message("under another key", |_| true).await;
    alice.client.lock().await.unwrap();
    let refused = alice.client.unlock(key("alice")).await.unwrap_err();
    assert!(
        matches!(refused, UnlockError::Store(OpenStoreError::WrongKey)),
        "{refused}"
    );
    alice.client.unlock(key("new")).await.unwrap();
    assert_eq!(alice.texts().await, ["hello", "under another key"]);
    assert_eq!(alice.client.check_store(Operation::new()).await, Ok(()));
    // Again, as an app does that was killed before it noted the end.
    alice
        .client
        .rotate_store_key(key("new"), Operation::new())
        .await
        .unwrap();
    alice.client.close().await;
    let refused = Client::open(world.config("alice")).await.unwrap_err();
    assert!(
        matches!(refused, OpenError::Store(OpenStoreError::WrongKey)),
        "{refused}"
    );
}

#[tokio::test]
async fn an_app_with_two_keys_opens_the_store_with_either() {
    let world = World::new().await;
    let alice = world.person("alice").await;
    let account = alice.client.account().await.unwrap();
    let both = || {
        ClientConfig::new(world.store("alice"), key("new"))
            .or_key(key("alice"))
            .offline()
    };
    // Killed before the rotation, ...
    alice.client.close().await;
    let client = Client::open(both()).await.unwrap();
    assert_eq!(client.account().await.unwrap(), account);
    // ... and after it.
    client
        .rotate_store_key(key("new"), Operation::new())
        .await
        .unwrap();
    client.close().await;
    let client = Client::open(both()).await.unwrap();
    assert_eq!(client.account().await.unwrap(), account);
    client.close().await;
}

#[tokio::test]
async fn a_cancelled_rotation_leaves_the_client_with_its_old_key() {
    let world = World::new().await;
    let (alice, _bob) = world.friends().await;
    let operation = Operation::new();
    operation.cancel();
    let cancelled = alice.client.rotate_store_key(key("new"), operation).await;
    assert!(
        matches!(cancelled, Err(RotateKeyError::Cancelled)),
        "{cancelled:?}"
    );
    alice.say("as before").await;
    alice.client.lock().await.unwrap();
    let locked = alice
        .client
        .rotate_store_key(key("new"), Operation::new())
        .await;
    assert!(
        matches!(locked, Err(RotateKeyError::Store(StoreError::Locked))),
        "{locked:?}"
    );
    alice.client.unlock(key("alice")).await.unwrap();
    assert_eq!(alice.texts().await, ["hello", "as before"]);
}
