//! Locking: a locked client has no key, and no store open.

use undertone::{
    Client, ClientConfig, Connection, OpenError, OpenStoreError, StoreError, UnlockError,
};

use crate::memory::{MaskedKey, burn_stack};
use crate::support::{Person, World, key};

#[tokio::test]
async fn a_locked_client_does_nothing_until_it_is_unlocked() {
    let world = World::new().await;
    let mut alice = world.person("alice").await;
    alice.reachable().await;
    let account = alice.client.account().await.unwrap();
    alice.client.lock().await.unwrap();
    alice.connection(|state| state == Connection::Offline).await;
    assert_eq!(alice.client.contacts().await, Err(StoreError::Locked));
    assert!(alice.client.create_invite("x").await.is_err());
    alice.client.unlock(key("alice")).await.unwrap();
    alice.connection(|state| state == Connection::Online).await;
    assert_eq!(alice.client.account().await.unwrap(), account);
}

#[tokio::test]
async fn a_client_that_is_not_locked_stays_open_whatever_key_it_is_given() {
    let world = World::new().await;
    let alice = world.person("alice").await;
    let account = alice.client.account().await.unwrap();
    alice.client.unlock(key("alice")).await.unwrap();
    assert_eq!(alice.client.account().await.unwrap(), account);
    let refused = alice.client.unlock(key("mallory")).await.unwrap_err();
    assert!(is_wrong_key(&refused), "{refused}");
    assert_eq!(alice.client.account().await.unwrap(), account);
}

#[tokio::test]
async fn after_a_failed_unlock_the_client_is_locked_and_can_be_unlocked() {
    let world = World::new().await;
    let mut alice = world.person("alice").await;
    alice.reachable().await;
    alice.client.lock().await.unwrap();
    for _ in 0..2 {
        let refused = alice.client.unlock(key("mallory")).await.unwrap_err();
        assert!(is_wrong_key(&refused), "{refused}");
        assert_eq!(alice.client.contacts().await, Err(StoreError::Locked));
    }

    // Another process took the store meanwhile.
    let other = Client::open(ClientConfig::new(world.store("alice"), key("alice")).offline())
        .await
        .unwrap();
    let refused = alice.client.unlock(key("alice")).await.unwrap_err();
    assert!(
        matches!(refused, UnlockError::Store(OpenStoreError::InUse)),
        "{refused}"
    );
    other.close().await;

    // The file is gone for a while: no other is made in its place.
    let (file, aside) = (world.store("alice"), world.store("aside"));
    std::fs::rename(&file, &aside).unwrap();
    let refused = alice.client.unlock(key("alice")).await.unwrap_err();
    assert!(
        matches!(refused, UnlockError::Store(OpenStoreError::Io(_))),
        "{refused}"
    );
    assert!(!file.exists());
    std::fs::rename(&aside, &file).unwrap();

    alice.client.unlock(key("alice")).await.unwrap();
    alice.connection(|state| state == Connection::Online).await;
}

#[tokio::test]
async fn a_locked_client_has_closed_its_store() {
    let world = World::new().await;
    let (alice, _bob) = world.friends().await;
    let config = || ClientConfig::new(world.store("alice"), key("alice")).offline();
    let refused = Client::open(config()).await.unwrap_err();
    assert!(
        matches!(refused, OpenError::Store(OpenStoreError::InUse)),
        "{refused}"
    );
    alice.client.lock().await.unwrap();
    let other = Client::open(config()).await.unwrap();
    assert_eq!(other.contacts().await.unwrap().len(), 1);
    other.close().await;
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn s3_locking_leaves_the_key_nowhere_in_memory() {
    let world = World::new().await;
    let key = MaskedKey::from_masked(std::array::from_fn(|_| rand::random()));
    let relay = world.relay();
    let config = key.using(|key| ClientConfig::new(world.store("alice"), key));
    assert!(key.in_memory().0 >= 1, "the search finds what is there");
    let mut alice = Person::open(config.or_create(&relay, "alice").offline()).await;
    alice.reachable().await;
    for _ in 0..2 {
        alice.client.lock().await.unwrap();
        burn_stack();
        assert_eq!(key.in_memory(), (0, 0));
        key.using(|key| alice.client.unlock(key)).await.unwrap();
        alice.connection(|state| state == Connection::Online).await;
    }
}

fn is_wrong_key(error: &UnlockError) -> bool {
    matches!(error, UnlockError::Store(OpenStoreError::WrongKey))
}
