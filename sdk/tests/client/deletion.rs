//! The account is deleted: at the relay, and on the disk.

use undertone::{
    AccountDeletion, Client, ClientEvent, DeletionProgress, OpenError, StoreError, UnlockError,
};

use crate::support::{Person, World, key};

/// Whether there is no file of somebody's store.
fn is_gone(world: &World, name: &str) -> bool {
    let files = std::fs::read_dir(world.folder.path()).unwrap();
    files
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .all(|file| !file.starts_with(&format!("{name}.db")))
}

#[tokio::test]
async fn a_deleted_account_is_gone_from_the_relay_and_from_the_disk() {
    let mut world = World::new().await;
    let (mut alice, bob) = world.friends().await;
    alice.client.delete_account().await.unwrap();
    assert!(is_gone(&world, "alice"));
    assert_eq!(
        alice.client.deletion(),
        AccountDeletion::Deleted { erased: true }
    );
    alice
        .event(|event| {
            let gone = AccountDeletion::Deleted { erased: true };
            matches!(event, ClientEvent::Deletion(state) if *state == gone).then_some(())
        })
        .await;
    assert_eq!(alice.client.contacts().await, Err(StoreError::Deleted));
    let refused = alice.client.unlock(key("alice")).await.unwrap_err();
    assert!(matches!(refused, UnlockError::Deleted), "{refused}");
    // A second call has nothing to wait for.
    alice.client.delete_account().await.unwrap();

    // The relay has one mailbox left, bob's, and one record.
    bob.client.close().await;
    world.stop_relay().await;
    let counted = relay_rows(&world);
    assert_eq!(counted, (1, 1));
    // The same file is a new account's.
    world.start_relay().await;
    let again = world.person("alice").await;
    assert!(again.client.contacts().await.unwrap().is_empty());
}

/// Mailboxes and records that a relay that is stopped has.
fn relay_rows(world: &World) -> (u64, u64) {
    use undertone_relay::storage::sqlite::{SqliteOptions, SqliteStorage};
    use undertone_relay::storage::{Storage, Timestamp};
    let folder = world.folder.path().join("relay");
    let file = std::fs::read_dir(&folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .find(|path| path.extension().is_some_and(|ending| ending == "db"))
        .expect("a relay has a database");
    let mut storage = SqliteStorage::open_with(
        &file,
        SqliteOptions::default(),
        Timestamp(1_800_000_000_000),
        &mut rand::rng(),
    )
    .unwrap();
    let totals = storage.totals().unwrap();
    (totals.mailboxes, totals.records)
}

#[tokio::test]
async fn a_deletion_that_cannot_reach_the_relay_waits_and_goes_on_when_it_is_opened() {
    let mut world = World::new().await;
    let (mut alice, _bob) = world.friends().await;
    world.stop_relay().await;
    let client = alice.client.clone();
    let call = tokio::spawn(async move { client.delete_account().await });
    alice
        .event(|event| matches!(event, ClientEvent::Deletion(_)).then_some(()))
        .await;
    let waiting = AccountDeletion::Waiting(DeletionProgress {
        // It showed nothing of itself.
        profile: true,
        ..DeletionProgress::default()
    });
    assert_eq!(alice.client.deletion(), waiting);
    // Nothing else is possible.
    assert_eq!(alice.client.contacts().await, Err(StoreError::Deleted));
    assert!(alice.client.create_invite("x").await.is_err());
    alice.client.close().await;
    assert!(call.await.unwrap().is_err());
    assert!(!is_gone(&world, "alice"));

    let mut alice = Person::open(world.config("alice")).await;
    assert_eq!(alice.client.deletion(), waiting);
    world.start_relay().await;
    alice.client.network_changed().await;
    let done = AccountDeletion::Deleted { erased: true };
    while alice.client.deletion() != done {
        alice
            .event(|event| matches!(event, ClientEvent::Deletion(_)).then_some(()))
            .await;
    }
    assert!(is_gone(&world, "alice"));
}

#[tokio::test]
async fn an_account_can_be_deleted_here_without_its_relay() {
    let mut world = World::new().await;
    let (alice, _bob) = world.friends().await;
    world.stop_relay().await;
    // Whoever waits for the relay learns of it as well.
    let client = alice.client.clone();
    let call = tokio::spawn(async move { client.delete_account().await });
    alice.client.delete_account_here().await.unwrap();
    assert!(is_gone(&world, "alice"));
    assert_eq!(
        alice.client.deletion(),
        AccountDeletion::Deleted { erased: true }
    );
    let _ = call.await.unwrap();
    assert!(alice.client.delete_account_here().await.is_err());
}

#[tokio::test]
async fn a_store_whose_account_is_deleted_at_the_relay_is_erased_when_it_is_opened() {
    let world = World::new().await;
    let (alice, _bob) = world.friends().await;
    alice.client.close().await;
    {
        use undertone::store::{MetaKey, Store, StoreKey};
        // As a crash leaves it between the relay's answer and the erasing.
        let store = Store::open(&world.store("alice"), &StoreKey::new(&key("alice")));
        let mut store = store.unwrap();
        let tx = store.transaction().unwrap();
        tx.meta()
            .put(MetaKey("engine.deletion"), &[1, 1, 1])
            .unwrap();
        tx.commit().unwrap();
        store.close().unwrap();
    }
    let refused = Client::open(world.config("alice")).await.unwrap_err();
    assert!(matches!(refused, OpenError::Deleted), "{refused}");
    assert!(is_gone(&world, "alice"));
}
