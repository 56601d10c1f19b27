//! Two people who write to each other over networks that are not kind.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32};
use std::time::Duration;

use undertone::{BindingPolicy, ClientConfig, InviteLink, MessageState, Timeouts, TransportConfig};

use crate::certificate::Certificate;
use crate::servers::{Block, proxy};
use crate::support::{Person, World, key};

/// Alice invites Bob, both write, both learn that it arrived.
async fn converse(alice: ClientConfig, bob: ClientConfig) {
    let (mut alice, mut bob) = (Person::open(alice).await, Person::open(bob).await);
    alice.reachable().await;
    bob.reachable().await;
    let invite = alice.client.create_invite("bob").await.unwrap();
    alice.reachable().await;
    let link = InviteLink::parse(&invite.link).unwrap();
    bob.client.add_contact(link, Some("hello")).await.unwrap();
    let request = alice
        .until(async |client| Ok(client.requests().await?.into_iter().next()))
        .await;
    alice.client.accept(request.id).await.unwrap();
    alice.say("hello yourself").await;
    bob.message("hello yourself", |message| message.sender.is_some())
        .await;
    bob.message("hello", |message| message.state == MessageState::Delivered)
        .await;
    bob.say("good").await;
    alice
        .message("good", |message| message.sender.is_some())
        .await;
    alice
        .message("hello yourself", |message| {
            message.state == MessageState::Delivered
        })
        .await;
}

fn config(world: &World, name: &str, relay: &str, transport: TransportConfig) -> ClientConfig {
    ClientConfig::new(world.store(name), key(name))
        .or_create(relay, name)
        .transport(transport)
        .offline()
}

#[tokio::test]
async fn where_upgrades_are_blocked_everything_works_over_long_poll() {
    for block in [Block::Forbid, Block::Swallow] {
        let world = World::new().await;
        let blocked = Arc::new(AtomicBool::new(true));
        let proxy = proxy(world.address(), block, blocked, Arc::<AtomicU32>::default()).await;
        // What is swallowed costs this once; the answers that come over plain HTTP have as long.
        let handshake = Duration::from_secs(2);
        let timeouts = Timeouts {
            handshake,
            ..Timeouts::default()
        };
        let transport = TransportConfig {
            timeouts,
            ..TransportConfig::default()
        };
        let person = |name| config(&world, name, &proxy.url(), transport.clone());
        converse(person("alice"), person("bob")).await;
    }
}

#[tokio::test]
async fn over_tls_logins_are_bound_to_the_channel() {
    let certificate = Certificate::of("localhost", false);
    let world = World::with(|config| certificate.configure(config)).await;
    let transport = TransportConfig {
        extra_roots: vec![certificate.root.clone()],
        channel_binding: BindingPolicy::Exporter,
        ..TransportConfig::default()
    };
    let relay = format!("wss://localhost:{}", world.address().port());
    let person = |name| config(&world, name, &relay, transport.clone());
    converse(person("alice"), person("bob")).await;
}

#[tokio::test]
async fn people_on_different_relays_write_to_each_other() {
    let (here, there) = (World::new().await, World::new().await);
    converse(here.config("alice"), there.config("bob")).await;
}
