//! Reading the history: pages, places, search, what was not read.

use undertone::{AppPayload, ContentKind, Conversation, Message, Post, SearchFilter, SearchOrder};

use crate::support::{Person, World};

/// Somebody offline who wrote `count` texts to one other.
async fn written(world: &World, count: usize) -> (Person, Conversation) {
    let alice = Person::open_offline(world.config("alice")).await;
    let bob = Person::open_offline(world.config("bob")).await;
    let link = bob.client.create_invite("alice").await.unwrap().link;
    let link = undertone::InviteLink::parse(&link).unwrap();
    let contact = alice.client.add_contact(link, None).await.unwrap();
    let conversation = alice.client.conversation_with(contact).await.unwrap();
    let conversation = conversation.unwrap();
    for n in 0..count {
        conversation
            .send_text(&format!("swordfish {n}"))
            .await
            .unwrap();
    }
    (alice, conversation)
}

fn texts(messages: Vec<Message>) -> Vec<String> {
    messages
        .into_iter()
        .filter_map(|message| message.post)
        .map(|post| post.text)
        .collect()
}

fn expected(range: impl IntoIterator<Item = usize>) -> Vec<String> {
    range
        .into_iter()
        .map(|n| format!("swordfish {n}"))
        .collect()
}

#[tokio::test]
async fn a_search_goes_on_page_by_page() {
    let world = World::new().await;
    let (alice, _) = written(&world, 25).await;
    let (mut found, mut after) = (Vec::new(), None);
    loop {
        let filter = SearchFilter::default();
        let page = alice
            .client
            .search("swordfish", filter, after, 10)
            .await
            .unwrap();
        assert!(page.hits.len() <= 10);
        found.extend(
            page.hits
                .into_iter()
                .filter_map(|hit| hit.message.post)
                .map(|post| post.text),
        );
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    assert_eq!(found, expected((0..25).rev()), "newest first, each once");
}

#[tokio::test]
async fn links_media_and_files_are_listed_and_searched() {
    let world = World::new().await;
    let (alice, conversation) = written(&world, 2).await;
    let payload = |text: &str, mime_type: &str| Post {
        payload: Some(AppPayload {
            mime_type: mime_type.to_owned(),
            bytes: vec![1, 2, 3],
        }),
        ..Post::text(text)
    };
    for post in [
        Post::text("the swordfish is at https://example.org/fish"),
        payload("", "image/png"),
        payload("recipe", "application/pdf"),
    ] {
        conversation.send(post).await.unwrap();
    }
    let found = async |text: &str, kind| {
        let filter = SearchFilter {
            conversation: Some(conversation.id()),
            kind: Some(kind),
            ..SearchFilter::default()
        };
        let page = alice.client.search(text, filter, None, 10).await.unwrap();
        texts(page.hits.into_iter().map(|hit| hit.message).collect())
    };
    let link = "the swordfish is at https://example.org/fish";
    assert_eq!(found("", ContentKind::Link).await, [link]);
    assert_eq!(found("swordfish", ContentKind::Link).await, [link]);
    assert_eq!(found("", ContentKind::Media).await, [""]);
    assert_eq!(found("", ContentKind::File).await, ["recipe"]);
    assert_eq!(found("swordfish", ContentKind::File).await.len(), 0);

    let best = SearchFilter {
        order: SearchOrder::Relevance,
        ..SearchFilter::default()
    };
    let page = alice.client.search("swordfish", best, None, 10).await;
    let hits = page.unwrap().hits.into_iter();
    let found = texts(hits.map(|hit| hit.message).collect());
    assert_eq!(
        found,
        ["swordfish 1", "swordfish 0", link],
        "the shorter ones are better"
    );
}

#[tokio::test]
async fn a_conversation_is_read_in_both_directions_and_around_a_message() {
    let world = World::new().await;
    let (alice, conversation) = written(&world, 20).await;
    let newest = conversation.messages(None, 5).await.unwrap();
    let first = newest[0].position;
    let older = conversation.messages(Some(first), 5).await.unwrap();
    let back = conversation
        .messages_after(older[4].position, 3)
        .await
        .unwrap();
    assert_eq!(texts(newest), expected(15..20));
    assert_eq!(texts(back), expected(15..18));

    let around = conversation.messages_around(older[2].id, 2).await.unwrap();
    assert_eq!(texts(around), expected(10..15));
    assert_eq!(texts(older), expected(10..15));
    let oldest = conversation.messages(None, 20).await.unwrap().remove(0);
    let around = conversation.messages_around(oldest.id, 2).await.unwrap();
    assert_eq!(texts(around), expected(0..3));
    let elsewhere = alice
        .client
        .conversation(undertone::ConversationId::new(77));
    assert!(
        elsewhere
            .messages_around(oldest.id, 2)
            .await
            .unwrap()
            .is_empty()
    );
}

#[tokio::test]
async fn what_was_not_read_is_counted_until_it_is() {
    let world = World::new().await;
    let (mut alice, bob) = world.friends().await;
    let conversation = alice.conversation().await;
    let last = conversation.messages(None, 1).await.unwrap().remove(0);
    conversation.mark_read(last.position).await.unwrap();
    assert_eq!(alice.client.unread().await, Ok(0));
    for text in ["one", "two", "three"] {
        bob.say(text).await;
    }
    alice
        .until(async |client| Ok((client.unread().await? == 3).then_some(())))
        .await;
    let newest = conversation.messages(None, 1).await.unwrap().remove(0);
    conversation.mark_read(newest.position).await.unwrap();
    assert_eq!(alice.client.unread().await, Ok(0));
}
