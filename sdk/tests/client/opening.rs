//! Opening: every way in which it fails is typed, says who must act, and leaves the file as it was.

use undertone_protocol::account::AccountId;
use undertone_protocol::recovery_phrase;

use undertone::{Client, ClientConfig, OpenError, OpenStoreError, RelayAddressError};

use crate::support::{World, bytes, key};

#[tokio::test]
async fn a_wrong_key_is_refused_and_changes_nothing() {
    let world = World::new().await;
    Client::open(world.config("alice"))
        .await
        .unwrap()
        .close()
        .await;
    let before = bytes(&world.store("alice"));
    let error = Client::open(ClientConfig::new(world.store("alice"), key("mallory")))
        .await
        .unwrap_err();
    assert!(
        matches!(error, OpenError::Store(OpenStoreError::WrongKey)),
        "{error}"
    );
    assert_eq!(bytes(&world.store("alice")), before);
    Client::open(world.config("alice"))
        .await
        .unwrap()
        .close()
        .await;
}

#[tokio::test]
async fn a_store_that_is_no_store_is_refused_and_kept() {
    let world = World::new().await;
    std::fs::write(world.store("alice"), vec![7; 100_000]).unwrap();
    let error = Client::open(world.config("alice")).await.unwrap_err();
    assert!(matches!(error, OpenError::Store(_)), "{error}");
    assert_eq!(bytes(&world.store("alice")), vec![7; 100_000]);
}

#[tokio::test]
async fn a_store_is_open_once() {
    let world = World::new().await;
    let first = Client::open(world.config("alice")).await.unwrap();
    let error = Client::open(world.config("alice")).await.unwrap_err();
    assert!(
        matches!(error, OpenError::Store(OpenStoreError::InUse)),
        "{error}"
    );
    first.close().await;
    Client::open(world.config("alice"))
        .await
        .unwrap()
        .close()
        .await;
}

#[tokio::test]
async fn an_empty_store_needs_an_account_to_make() {
    let world = World::new().await;
    let error = Client::open(ClientConfig::new(world.store("alice"), key("alice")))
        .await
        .unwrap_err();
    assert!(matches!(error, OpenError::NoAccount), "{error}");
}

#[tokio::test]
async fn a_relay_address_that_is_none_is_refused() {
    let world = World::new().await;
    for (text, wanted) in [
        ("ws://relay.example", RelayAddressError::Insecure),
        ("ftp://relay.example", RelayAddressError::Scheme),
        ("wss://relay.example/path", RelayAddressError::Suffix),
    ] {
        let config = ClientConfig::new(world.store("alice"), key("alice")).or_create(text, "Alice");
        let error = Client::open(config).await.unwrap_err();
        assert!(
            matches!(error, OpenError::RelayAddress(found) if found == wanted),
            "{text}: {error}"
        );
    }
}

#[tokio::test]
async fn the_phrase_is_that_of_the_account() {
    let world = World::new().await;
    let alice = Client::open(world.config("alice")).await.unwrap();
    let phrase = alice.recovery_phrase().await.unwrap();
    assert_eq!(phrase.split(' ').count(), 24);
    let root = recovery_phrase::parse(&phrase).unwrap();
    let account = AccountId::of(&root.account_key());
    assert_eq!(account, alice.account().await.unwrap());
}
