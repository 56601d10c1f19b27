//! A text from one client to another through a relay, all three on real sockets and real disks in one process.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::{Duration, Instant};

use undertone::{Client, ClientConfig, ClientEvent, Conversation, Event, Events};
use undertone_relay::{Config, Relay};

use crate::bench::BenchError;
use crate::bench::durability::{percentile, synced_writes_ms};
use crate::bench::row::{Goal, Row};

/// Texts that are not measured, while caches fill.
const WARM_UP: usize = 20;
/// Rounds, in each of which texts and the floor take turns.
const ROUNDS: usize = 5;
/// Texts of a round, one after the other.
const TEXTS: usize = 100;
/// Durable commits on the way of a text: the sender's outbox, the relay's queue, the recipient's history.
const COMMITS: usize = 3;
/// Longest wait for anything, before the run is given up.
const PATIENCE: Duration = Duration::from_secs(30);

/// From the call that sends to the event that shows the text in the recipient's history.
///
/// The floor is the same percentile of three synced writes in a row on the same disk. The goal leaves 10 ms for everything
/// else and never exceeds 100 ms.
pub(super) fn p99() -> Result<Row, BenchError> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?;
    let folder = tempfile::tempdir()?;
    let (texts, floors) = runtime.block_on(measure(folder.path()))?;
    let ours = percentile(&texts, 99).ok_or("no text arrived")?;
    let floor = percentile(&floors, 99).ok_or("no write was measured")?;
    let named = format!(
        "{COMMITS} synced writes in a row, p99 (p50 {:.2})",
        percentile(&floors, 50).unwrap_or(floor)
    );
    let goal = Goal::AtMost((10.0 + 1.5 * floor).min(100.0));
    Ok(Row::new(
        "e2e_p99_ms",
        "ms",
        ours,
        (floor, named),
        BTreeMap::new(),
        goal,
    ))
}

/// Milliseconds of each text, and of each run of the floor.
async fn measure(folder: &Path) -> Result<(Vec<f64>, Vec<f64>), BenchError> {
    let relay = Relay::start(Config {
        limit_rates: false,
        ..Config::loopback(folder.join("relay"))
    })
    .await?;
    let address = format!("ws://{}", relay.local_addr());
    let alice = open(&folder.join("alice"), &address, "Alice").await?;
    let bob = open(&folder.join("bob"), &address, "Bob").await?;
    let conversation = introduce(&alice, &bob).await?;

    let mut arrivals = bob.events();
    for _ in 0..WARM_UP {
        text(&conversation, &mut arrivals).await?;
    }
    let (mut texts, mut floors) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        for _ in 0..TEXTS {
            texts.push(text(&conversation, &mut arrivals).await?);
        }
        floors.extend(synced_writes_ms(folder, TEXTS, COMMITS)?);
    }
    alice.close().await;
    bob.close().await;
    relay.shutdown().await;
    Ok((texts, floors))
}

pub(super) async fn open(path: &Path, relay: &str, name: &str) -> Result<Client, BenchError> {
    Ok(Client::open(ClientConfig::new(path, [7; 32]).or_create(relay, name)).await?)
}

/// Alice writes to Bob's invitation, Bob accepts and answers; both ways are then open.
pub(super) async fn introduce(alice: &Client, bob: &Client) -> Result<Conversation, BenchError> {
    let (mut at_alice, mut at_bob) = (alice.events(), bob.events());
    let invite = bob.create_invite("bench").await?;
    let link = undertone::InviteLink::parse(&invite.link)?;
    let contact = alice.add_contact(link, Some("hello")).await?;
    let request = wait(&mut at_bob, |event| {
        let Event::RequestReceived { contact } = event else {
            return None;
        };
        Some(*contact)
    })
    .await?;
    bob.accept(request).await?;
    let answers = bob
        .conversation_with(request)
        .await?
        .ok_or("no conversation with Alice")?;
    let conversation = alice
        .conversation_with(contact)
        .await?
        .ok_or("no conversation with Bob")?;
    answers.send_text("hello").await?;
    while conversation.messages(None, 2).await?.len() < 2 {
        wait(&mut at_alice, |_| Some(())).await?;
    }
    Ok(conversation)
}

/// Milliseconds from sending a text until it is in the recipient's history.
async fn text(conversation: &Conversation, arrivals: &mut Events) -> Result<f64, BenchError> {
    let began = Instant::now();
    conversation.send_text(&"x".repeat(100)).await?;
    wait(arrivals, |event| {
        matches!(event, Event::MessageAdded { .. }).then_some(())
    })
    .await?;
    Ok(began.elapsed().as_secs_f64() * 1e3)
}

/// The first event that `wanted` makes something of.
pub(super) async fn wait<T>(
    events: &mut Events,
    wanted: impl Fn(&Event) -> Option<T>,
) -> Result<T, BenchError> {
    let found = async {
        while let Some(event) = events.next().await {
            if let ClientEvent::Changed(event) = &event
                && let Some(found) = wanted(event)
            {
                return Ok(found);
            }
        }
        Err("the client was closed".into())
    };
    tokio::time::timeout(PATIENCE, found)
        .await
        .map_err(|_| "an event did not come")?
}
