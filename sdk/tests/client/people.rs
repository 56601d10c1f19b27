//! The own name, and how it stands with others.

use undertone::{ClientEvent, DelayReason, Event, InviteLink, NameError};

use crate::support::World;

#[tokio::test]
async fn the_own_name_can_be_changed_and_is_what_others_are_told() {
    let world = World::new().await;
    let (mut alice, mut bob) = (world.person("alice").await, world.person("bob").await);
    alice.reachable().await;
    bob.reachable().await;
    for bad in ["", "  ", "two\nlines", &"x".repeat(65)] {
        assert_eq!(bob.client.set_name(bad).await, Err(NameError::BadName));
    }
    assert_eq!(bob.client.name().await.unwrap(), "bob");
    bob.client.set_name("Robert").await.unwrap();
    bob.event(|event| matches!(event, ClientEvent::Changed(Event::NameChanged)).then_some(()))
        .await;
    let link = alice.client.create_invite("bob").await.unwrap().link;
    alice.reachable().await;
    bob.client
        .add_contact(InviteLink::parse(&link).unwrap(), Some("hello"))
        .await
        .unwrap();
    let request = alice
        .until(async |client| Ok(client.requests().await?.into_iter().next()))
        .await;
    assert_eq!(request.name, "Robert");
    bob.client.close().await;
    let bob = world.person("bob").await;
    assert_eq!(bob.client.name().await.unwrap(), "Robert");
}

#[tokio::test]
async fn that_sending_waits_is_there_to_read_until_it_goes_on() {
    let mut world = World::new().await;
    let (mut alice, _bob) = world.friends().await;
    let delay = async |client: &undertone::Client| Ok(client.contacts().await?.remove(0).delay);
    assert_eq!(
        delay(&alice.client).await,
        Ok::<_, undertone::StoreError>(None)
    );
    world.stop_relay().await;
    alice.say("are you there?").await;
    let reason = alice.until(delay).await;
    assert_eq!(reason, DelayReason::RelayUnreachable);

    world.start_relay().await;
    alice.client.network_changed().await;
    alice
        .event(|event| {
            matches!(event, ClientEvent::Changed(Event::SendingResumed { .. })).then_some(())
        })
        .await;
    assert_eq!(delay(&alice.client).await, Ok(None));
}
