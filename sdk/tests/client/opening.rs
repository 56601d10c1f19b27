//! Opening: every way in which it fails is typed, says who must act, and leaves the file as it was.

use undertone_protocol::account::AccountId;
use undertone_protocol::recovery_phrase;

use undertone::store::{MetaKey, Store, StoreKey};
use undertone::{
    Client, ClientConfig, OpenError, OpenStoreError, Operation, Progress, RelayAddressError,
    SearchFilter,
};

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

/// Set for a process in which nothing has used SQLite yet.
const FRESH: &str = "UNDERTONE_TEST_FRESH_PROCESS";

/// In a process of their own several threads open the first stores at the same time.
#[test]
fn the_first_stores_of_a_process_may_open_at_once() {
    if std::env::var_os(FRESH).is_some() {
        return open_at_once();
    }
    for _ in 0..20 {
        let mut fresh = std::process::Command::new(std::env::current_exe().unwrap());
        fresh.env(FRESH, "1").args([
            "--exact",
            "opening::the_first_stores_of_a_process_may_open_at_once",
        ]);
        let output = fresh.output().unwrap();
        let said = String::from_utf8_lossy(&output.stdout);
        assert!(
            output.status.success() && said.contains("1 passed"),
            "{said}"
        );
    }
}

fn open_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let begin = std::sync::Barrier::new(8);
    std::thread::scope(|scope| {
        for number in 0..8 {
            let (folder, begin) = (&folder, &begin);
            scope.spawn(move || {
                begin.wait();
                let path = folder.path().join(format!("{number}.db"));
                Store::open(&path, &StoreKey::new(&key("alice"))).unwrap();
            });
        }
    });
}

#[tokio::test]
async fn opening_that_builds_the_index_again_is_watched_and_can_be_cancelled() {
    let world = World::new().await;
    let (alice, _bob) = world.friends().await;
    alice.client.close().await;
    {
        let store = Store::open(&world.store("alice"), &StoreKey::new(&key("alice")));
        let mut store = store.unwrap();
        let tx = store.transaction().unwrap();
        tx.meta().put(MetaKey("store.tokenizer"), b"old").unwrap();
        tx.commit().unwrap();
        store.close().unwrap();
    }
    let cancelled = Operation::new();
    cancelled.cancel();
    let refused = Client::open(world.config("alice").operation(cancelled)).await;
    assert!(
        matches!(refused, Err(OpenError::Store(OpenStoreError::Cancelled))),
        "{refused:?}"
    );
    let operation = Operation::new();
    let alice = Client::open(world.config("alice").operation(operation.clone())).await;
    let alice = alice.unwrap();
    assert_eq!(operation.progress(), Progress { done: 1, total: 1 });
    let found = alice
        .search("hello", SearchFilter::default(), None, 1)
        .await;
    assert_eq!(found.unwrap().hits.len(), 1);
}
