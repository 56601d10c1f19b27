//! What people show of themselves, and messages that are shown once, as an app has them.

use undertone::{
    Audience, ChangeError, Event, MessageState, Once, Post, Presence, Profile, ProfileError,
};

use crate::pages;
use crate::support::{Person, World, bytes, key};

const SECRET: &str = "qxzvw the swordfish and nobody else";

/// How often some text is in somebody's decrypted files.
fn on_disk(world: &World, name: &str) -> usize {
    let file = world.store(name);
    let log = bytes(&file.with_extension("db-wal"));
    let file = pages::of_file(&key(name), &bytes(&file));
    let log = pages::of_log(&key(name), &log);
    pages::occurrences(&file, SECRET.as_bytes()) + pages::occurrences(&log, SECRET.as_bytes())
}

async fn presence(person: &mut Person, wanted: Option<Presence>) {
    let id = person.conversation().await.id();
    person
        .until(async |client| {
            let presence = client.conversation(id).presence().await?;
            Ok((presence == wanted).then_some(()))
        })
        .await;
}

/// When it is put and fetched, tests of the engine show in virtual time.
#[tokio::test]
async fn the_own_profile_is_kept_and_has_limits() {
    let world = World::new().await;
    let alice = world.person("alice").await;
    let mut profile = alice.client.profile().await.unwrap();
    assert_eq!(profile.name, "alice");
    profile.about = "engines".to_owned();
    profile.avatar = vec![7; undertone::limits::MAX_AVATAR];
    alice.client.set_profile(profile.clone()).await.unwrap();
    let larger = Profile {
        avatar: vec![7; undertone::limits::MAX_AVATAR + 1],
        ..profile.clone()
    };
    let refused = alice.client.set_profile(larger).await;
    assert_eq!(refused, Err(ProfileError::TooLong));
    alice.client.set_name("Ada").await.unwrap();
    alice.client.close().await;
    let alice = world.person("alice").await;
    profile.name = "Ada".to_owned();
    assert_eq!(alice.client.profile().await.unwrap(), profile);
    assert_eq!(alice.client.name().await.unwrap(), "Ada");
}

#[tokio::test]
async fn presence_is_seen_by_who_looks_and_may_know() {
    let world = World::new().await;
    let (mut alice, mut bob) = world.friends().await;
    // Each has heard the other.
    alice.say("one").await;
    bob.message("one", |_| true).await;
    bob.say("two").await;
    alice.message("two", |_| true).await;
    alice.conversation().await.opened().await.unwrap();
    presence(&mut alice, Some(Presence::Online)).await;
    bob.client.set_away(true).await.unwrap();
    presence(&mut alice, Some(Presence::Away)).await;
    let audience = Audience::Nobody;
    bob.client
        .set_last_seen_audience(audience.clone())
        .await
        .unwrap();
    assert_eq!(bob.client.last_seen_audience().await.unwrap(), audience);
    presence(&mut bob, None).await;
    alice.conversation().await.closed().await.unwrap();
    presence(&mut alice, Some(Presence::Recently)).await;
}

#[tokio::test]
async fn what_is_shown_once_is_gone_from_the_disk_when_it_was_given() {
    let world = World::new().await;
    let (mut alice, mut bob) = world.friends().await;
    let post = Post {
        view_once: true,
        ..Post::text(SECRET)
    };
    let conversation = alice.conversation().await;
    let message = conversation.send(post.clone()).await.unwrap();
    let arrived = bob
        .until(async |client| client.message(message).await)
        .await;
    assert_eq!((arrived.once, arrived.post), (Some(Once::Unseen), None));
    assert!(on_disk(&world, "bob") > 0, "the search finds it");
    assert_eq!(bob.client.view_once(message).await.unwrap(), post);
    assert_eq!(on_disk(&world, "bob"), 0);
    let seen = bob.client.message(message).await.unwrap().unwrap();
    assert_eq!(seen.once, Some(Once::Seen));
    let again = bob.client.view_once(message).await;
    assert_eq!(again, Err(ChangeError::NotPossible));
    let read = alice
        .until(async |client| {
            let message = client.message(message).await?;
            Ok(message.filter(|message| message.state == MessageState::Read))
        })
        .await;
    assert_eq!(read.once, Some(Once::Seen));
    // Nor has its sender a copy, once his log is emptied.
    let other = alice.conversation().await.send_text("other").await.unwrap();
    alice.client.delete_here(other).await.unwrap();
    assert_eq!(on_disk(&world, "alice"), 0);
    let changed = |event: &undertone::ClientEvent| {
        matches!(event, undertone::ClientEvent::Changed(Event::MessageEdited { message: of, .. }) if *of == message)
            .then_some(())
    };
    bob.event(changed).await;
}
