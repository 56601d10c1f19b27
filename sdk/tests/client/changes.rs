//! What people do with messages beyond writing them, as an app does it.

use undertone::{
    ClientEvent, Event, Message, MessageId, MessageState, Post, Reply, SystemRow, Timer,
};

use crate::support::{Person, World};

/// Waits until a person's copy of a message is as wanted.
async fn copy(person: &mut Person, id: MessageId, wanted: impl Fn(&Message) -> bool) -> Message {
    person
        .until(async |client| Ok(client.message(id).await?.filter(&wanted)))
        .await
}

#[tokio::test]
async fn replies_edits_reactions_and_deletions_are_the_same_on_both_sides() {
    let world = World::new().await;
    let (mut alice, mut bob) = world.friends().await;
    let question = alice
        .conversation()
        .await
        .send_text("sicks?")
        .await
        .unwrap();
    copy(&mut bob, question, |_| true).await;
    let post = Post::text("six?");
    alice.client.edit(question, post).await.unwrap();
    let edited = copy(&mut bob, question, |message| message.edited.is_some()).await;
    assert_eq!(edited.text(), Some("six?"));
    let before = bob.client.revisions(question).await.unwrap();
    assert_eq!(before[0].post.text, "sicks?");

    let reply = Reply {
        message: question,
        author: alice.client.account().await.unwrap(),
        quote: "six?".to_owned(),
    };
    let post = Post {
        reply: Some(reply),
        ..Post::text("gladly")
    };
    let answer = bob.conversation().await.send(post.clone()).await.unwrap();
    let arrived = copy(&mut alice, answer, |_| true).await;
    assert_eq!(arrived.post, Some(post));

    let emoji = vec!["🎉".to_owned()];
    alice.client.react(answer, emoji.clone()).await.unwrap();
    let reacted = copy(&mut bob, answer, |message| !message.reactions.is_empty()).await;
    assert_eq!(reacted.reactions[0].emoji, emoji);
    assert!(reacted.reactions[0].sender.is_some());

    alice.client.delete_for_everyone(question).await.unwrap();
    let deleted = copy(&mut bob, question, |message| message.deleted).await;
    assert_eq!((deleted.text(), deleted.edited), (None, None));
    bob.client.delete_here(question).await.unwrap();
    assert!(!bob.texts().await.iter().any(String::is_empty));
    let error = bob.client.edit(question, Post::text("x")).await;
    assert!(error.is_err(), "it is Alice's, and gone");
}

#[tokio::test]
async fn reading_is_told_and_what_disappears_says_when() {
    let world = World::new().await;
    let (mut alice, mut bob) = world.friends().await;
    let timer = Timer::from_seconds(3_600);
    let at_alice = alice.conversation().await;
    at_alice.set_timer(timer).await.unwrap();
    let message = at_alice.send_text("for an hour").await.unwrap();
    let unread = copy(&mut bob, message, |_| true).await;
    assert_eq!(unread.disappears, None);
    assert_eq!(unread.post.and_then(|post| post.disappears_after), timer);
    let at_bob = bob.conversation().await;
    let rows = at_bob.messages(None, 50).await.unwrap();
    let set = rows.iter().find_map(|row| row.system);
    assert_eq!(set, Some(SystemRow::TimerSet(timer)));
    let summary = at_bob.summary().await.unwrap().unwrap();
    assert_eq!(summary.timer, timer);
    let last = rows.last().unwrap().position;
    at_bob.mark_read(last).await.unwrap();
    let read = bob.client.message(message).await.unwrap().unwrap();
    assert!(read.disappears.is_some());
    copy(&mut alice, message, |message| {
        message.state == MessageState::Read
    })
    .await;
}

#[tokio::test]
async fn typing_is_shown_to_whoever_is_there() {
    let world = World::new().await;
    let (mut alice, mut bob) = world.friends().await;
    // Both have heard each other.
    alice.say("hello").await;
    bob.message("hello", |message| message.sender.is_some())
        .await;
    bob.say("hi").await;
    alice
        .message("hi", |message| message.sender.is_some())
        .await;
    alice.conversation().await.typing().await.unwrap();
    let shown = |wanted: bool| {
        move |event: &ClientEvent| match event {
            ClientEvent::Changed(Event::Typing { typing, .. }) if *typing == wanted => Some(()),
            _ => None,
        }
    };
    bob.event(shown(true)).await;
    bob.event(shown(false)).await;
}

#[tokio::test]
async fn a_conversation_is_pinned_archived_muted_and_has_a_draft() {
    let world = World::new().await;
    let (alice, _) = world.friends().await;
    let conversation = alice.conversation().await;
    let until = undertone::Timestamp(9_000_000_000_000);
    conversation.set_pinned(true).await.unwrap();
    conversation.set_muted(Some(until)).await.unwrap();
    conversation.set_draft("dear").await.unwrap();
    conversation.mark_unread().await.unwrap();
    conversation.set_archived(true).await.unwrap();
    assert!(
        alice
            .client
            .conversations(None, 10)
            .await
            .unwrap()
            .is_empty()
    );
    let archive = alice.client.archive(None, 10).await.unwrap();
    let entry = &archive[0];
    assert!(entry.pinned && entry.archived && entry.marked_unread);
    assert_eq!(
        (entry.muted_until, entry.draft.as_str()),
        (Some(until), "dear")
    );
    conversation.set_archived(false).await.unwrap();
    assert_eq!(alice.client.conversations(None, 10).await.unwrap().len(), 1);
}
