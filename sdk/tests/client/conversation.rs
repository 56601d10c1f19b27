//! Two people write to each other.

use undertone::{InviteLink, MessageState, SearchFilter};

use crate::support::World;

#[tokio::test]
async fn messages_arrive_in_order_once_and_are_confirmed() {
    let world = World::new().await;
    let (mut alice, mut bob) = world.friends().await;
    for n in 0..20 {
        alice.say(&format!("from alice {n}")).await;
        bob.say(&format!("from bob {n}")).await;
    }
    bob.message("from alice 19", |message| message.sender.is_some())
        .await;
    alice
        .message("from bob 19", |message| message.sender.is_some())
        .await;
    for (person, other) in [(&alice, "bob"), (&bob, "alice")] {
        let texts = person.texts().await;
        let theirs: Vec<_> = texts
            .iter()
            .filter(|text| text.starts_with(&format!("from {other}")))
            .collect();
        let expected: Vec<_> = (0..20).map(|n| format!("from {other} {n}")).collect();
        assert_eq!(theirs, expected.iter().collect::<Vec<_>>());
    }
    alice
        .message("from alice 19", |message| {
            message.state == MessageState::Delivered
        })
        .await;
    bob.message("from bob 19", |message| {
        message.state == MessageState::Delivered
    })
    .await;
}

#[tokio::test]
async fn what_is_written_offline_is_sent_later() {
    let world = World::new().await;
    let (alice, mut bob) = world.friends().await;
    alice.client.set_online(false).await;
    alice.say("written in a tunnel").await;
    alice.client.set_online(true).await;
    bob.message("written in a tunnel", |message| message.sender.is_some())
        .await;
}

#[tokio::test]
async fn everything_is_there_after_a_restart_and_goes_on() {
    let world = World::new().await;
    let (alice, mut bob) = world.friends().await;
    alice.say("before").await;
    bob.message("before", |message| message.sender.is_some())
        .await;
    let before = alice.texts().await;
    alice.client.close().await;
    bob.say("while you were away").await;
    let mut alice = world.person("alice").await;
    // What was written meanwhile may be there already: it comes on its own.
    assert!(alice.texts().await.starts_with(&before));
    alice
        .message("while you were away", |message| message.sender.is_some())
        .await;
    alice.say("after").await;
    bob.message("after", |message| message.sender.is_some())
        .await;
}

#[tokio::test]
async fn both_see_the_same_safety_number_and_find_what_was_written() {
    let world = World::new().await;
    let (alice, mut bob) = world.friends().await;
    alice.say("the lighthouse at six").await;
    bob.message("the lighthouse at six", |message| message.sender.is_some())
        .await;
    let mut numbers = Vec::new();
    for person in [&alice, &bob] {
        let contact = person.client.contacts().await.unwrap().remove(0);
        numbers.push(
            person
                .client
                .safety_number(contact.id)
                .await
                .unwrap()
                .unwrap()
                .to_text(),
        );
        let hits = person
            .client
            .search("LIGHTHOUSE", SearchFilter::default(), None, 10)
            .await
            .unwrap()
            .hits;
        let hit = &hits[0];
        assert_eq!(hits.len(), 1);
        assert_eq!(&hit.snippet[hit.highlights[0].clone()], "lighthouse");
        // A word that is begun finds while it is typed only.
        for (typed, found) in [(false, 0), (true, 1)] {
            let (client, filter) = (&person.client, SearchFilter::default());
            let hits = if typed {
                client.search_as_typed("light", filter, None, 10).await
            } else {
                client.search("light", filter, None, 10).await
            };
            assert_eq!(hits.unwrap().hits.len(), found);
        }
    }
    assert_eq!(numbers[0], numbers[1]);
}

#[tokio::test]
async fn the_relay_restarts_and_nothing_is_lost_or_doubled() {
    let mut world = World::new().await;
    let (mut alice, mut bob) = world.friends().await;
    for round in 0..3 {
        world.stop_relay().await;
        alice.say(&format!("round {round}")).await;
        world.start_relay().await;
        alice.client.network_changed().await;
        bob.client.network_changed().await;
        bob.message(&format!("round {round}"), |message| {
            message.sender.is_some()
        })
        .await;
    }
    alice
        .message("round 2", |message| {
            message.state == MessageState::Delivered
        })
        .await;
    let texts = bob.texts().await;
    assert_eq!(
        texts
            .iter()
            .filter(|text| text.starts_with("round"))
            .count(),
        3,
        "{texts:?}"
    );
}

#[tokio::test]
async fn a_declined_request_is_gone_and_says_nothing() {
    let world = World::new().await;
    let (mut alice, mut bob) = (world.person("alice").await, world.person("bob").await);
    alice.reachable().await;
    bob.reachable().await;
    let link = alice.client.create_invite("bob").await.unwrap().link;
    alice.reachable().await;
    bob.client
        .add_contact(InviteLink::parse(&link).unwrap(), Some("hello"))
        .await
        .unwrap();
    let request = alice
        .until(async |client| Ok(client.requests().await?.into_iter().next()))
        .await;
    assert_eq!(request.name, "bob");
    alice.client.decline(request.id).await.unwrap();
    assert!(alice.client.requests().await.unwrap().is_empty());
    bob.message("hello", |message| message.state == MessageState::Sent)
        .await;
}
