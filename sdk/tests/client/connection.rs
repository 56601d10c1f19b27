//! The state of the connection as an app sees it.

use undertone::{
    Client, ClientConfig, ClientEvent, ConnectError, Connection, DisconnectCause, StepError,
    StoreError,
};

use crate::support::{Person, World, key};

#[tokio::test]
async fn a_relay_that_cannot_be_reached_is_a_clear_state() {
    let mut world = World::new().await;
    world.stop_relay().await;
    let mut alice = world.person("alice").await;
    let state = alice
        .connection(|state| matches!(state, Connection::Down { .. }))
        .await;
    let Connection::Down { cause, retry_in } = state else {
        unreachable!()
    };
    assert_eq!(cause, DisconnectCause::Connect(ConnectError::Unreachable));
    assert!(retry_in.is_some());

    // It comes back by itself, and a hint makes it quicker.
    world.start_relay().await;
    alice.client.network_changed().await;
    alice.connection(|state| state == Connection::Online).await;
    let client = alice.client.clone();
    // What is asked says what is told, as soon as all of it was told.
    while client.connection() != Connection::Online {
        alice.connection(|_| true).await;
    }
}

#[tokio::test]
async fn going_offline_and_online_again_is_told() {
    let world = World::new().await;
    let mut alice = world.person("alice").await;
    alice.connection(|state| state == Connection::Online).await;
    alice.client.set_online(false).await;
    alice.connection(|state| state == Connection::Offline).await;
    alice.client.set_online(true).await;
    alice.connection(|state| state == Connection::Online).await;
}

#[tokio::test]
async fn the_end_of_a_client_ends_its_events() {
    let world = World::new().await;
    let mut alice = world.person("alice").await;
    let other = alice.client.clone();
    alice.client.close().await;
    while alice.events.next().await.is_some() {}
    assert!(other.events().next().await.is_none());
    assert!(other.contacts().await.is_err());
}

#[tokio::test]
async fn a_listener_that_is_too_slow_is_told_so_and_holds_nobody_up() {
    let world = World::new().await;
    let alice = Person::open_offline(world.config("alice")).await;
    let mut slow = alice.client.events();
    let bob = Person::open_offline(world.config("bob")).await;
    let link = bob.client.create_invite("alice").await.unwrap().link;
    let link = undertone::InviteLink::parse(&link).unwrap();
    let contact = alice.client.add_contact(link, None).await.unwrap();
    let conversation = alice
        .client
        .conversation_with(contact)
        .await
        .unwrap()
        .unwrap();
    let limit = undertone::limits::EVENTS;
    let mut sent = 0;
    // Each text is at least one event.
    while sent <= limit {
        let batch = (0..200).map(|n| {
            let conversation = conversation.clone();
            async move { conversation.send_text(&n.to_string()).await }
        });
        sent += futures_util::future::join_all(batch).await.len();
    }
    assert!(matches!(slow.next().await, Some(ClientEvent::Missed { events }) if events > 0));
}

#[tokio::test]
async fn calls_on_a_closed_client_say_that_it_is_closed() {
    let world = World::new().await;
    let alice = world.person("alice").await;
    let other = alice.client.clone();
    alice.client.close().await;
    assert_eq!(other.contacts().await, Err(StoreError::Closed));
    let refused = other.create_invite("x").await.unwrap_err();
    assert_eq!(refused, StepError::Store(StoreError::Closed).into());
}

#[tokio::test]
async fn the_last_handle_closes_the_store() {
    let world = World::new().await;
    let mut alice = world.person("alice").await;
    drop(alice.client);
    while alice.events.next().await.is_some() {}
    // The thread may still be closing the file; the lock is free when it has.
    loop {
        match Client::open(ClientConfig::new(world.store("alice"), key("alice")).offline()).await {
            Ok(client) => break client.close().await,
            Err(undertone::OpenError::Store(undertone::OpenStoreError::InUse)) => {
                tokio::task::yield_now().await
            }
            Err(error) => panic!("{error}"),
        }
    }
}
