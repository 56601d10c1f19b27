//! What the user deletes is gone from the disk: from the file and from its write-ahead log.

use undertone::InviteLink;

use crate::pages;
use crate::support::{World, bytes, key};

/// How often some text is in somebody's decrypted files.
fn on_disk(world: &World, name: &str, text: &str) -> usize {
    let file = world.store(name);
    let log = bytes(&file.with_extension("db-wal"));
    let file = pages::of_file(&key(name), &bytes(&file));
    let log = pages::of_log(&key(name), &log);
    pages::occurrences(&file, text.as_bytes()) + pages::occurrences(&log, text.as_bytes())
}

#[tokio::test]
async fn a_declined_request_leaves_no_trace() {
    const TEXT: &str = "qxzvw the swordfish and nobody else";
    let world = World::new().await;
    let (mut alice, mut bob) = (world.person("alice").await, world.person("bob").await);
    alice.reachable().await;
    bob.reachable().await;
    let link = alice.client.create_invite("bob").await.unwrap().link;
    alice.reachable().await;
    let link = InviteLink::parse(&link).unwrap();
    bob.client.add_contact(link, Some(TEXT)).await.unwrap();
    let request = alice
        .until(async |client| Ok(client.requests().await?.into_iter().next()))
        .await;
    assert!(on_disk(&world, "alice", TEXT) > 0, "the search finds it");
    alice.client.decline(request.id).await.unwrap();
    assert_eq!(on_disk(&world, "alice", TEXT), 0);
    assert_eq!(on_disk(&world, "alice", "swordfish"), 0);
}
