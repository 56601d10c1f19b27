//! The main job of Undertone, told as a story: two people, one blind relay, real sockets and real disks.
//!
//! ```console
//! cargo run --release --example quickstart
//! ```
//! It exits with 0 only if every step held. [`person`] is what an app does with the SDK; [`seen`] reads the relay's store.

#![forbid(unsafe_code)]
#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a story is told on standard output"
)]

mod person;
mod seen;

use std::path::Path;
use std::process::ExitCode;

use tokio::time::Instant;
use undertone::MessageState;
use undertone_relay::{Config, Relay};

use person::{Person, Problem, ensure};

#[tokio::main]
async fn main() -> ExitCode {
    let begun = Instant::now();
    match story().await {
        Ok(()) => {
            println!(
                "\nEvery step held. {:.1} seconds.",
                begun.elapsed().as_secs_f64()
            );
            ExitCode::SUCCESS
        }
        Err(problem) => {
            eprintln!("\nThe story broke off: {problem}");
            ExitCode::FAILURE
        }
    }
}

async fn story() -> Result<(), Problem> {
    let folder = tempfile::tempdir()?;
    let data = folder.path().join("relay");
    let relay = Relay::start(Config {
        admin: None,
        ..Config::loopback(&data)
    })
    .await?;
    let address = format!("ws://{}", relay.local_addr());
    chapter("A relay starts");
    tell(&format!(
        "It listens on {address} and keeps what it must in {}.",
        data.display()
    ));

    let (alice, bob) = first_contact(folder.path(), &address).await?;
    let (alice, bob) = conversation(alice, bob).await?;
    searching(&alice, &bob).await?;
    let (alice, bob) = restart(alice, bob).await?;
    asleep(alice, bob).await?;

    chapter("What the relay saw");
    relay.shutdown().await;
    seen::list(&data)?;
    seen::contains_none_of(
        &data,
        &["harbour", "lighthouse", "oranges", "Marlowe", "Whitfield"],
    )?;
    tell("None of the words that were written is in it, and none of the names.");
    Ok(())
}

/// Alice invites, and goes. Bob writes to somebody who is not there.
async fn first_contact(folder: &Path, relay: &str) -> Result<(Person, Person), Problem> {
    chapter("Two people make accounts");
    let mut alice = Person::open("Alice Marlowe", folder, relay).await?;
    let mut bob = Person::open("Bob Whitfield", folder, relay).await?;
    alice.is_reachable().await?;
    bob.is_reachable().await?;
    tell(&format!("Alice is {}", alice.account().await?));
    tell(&format!("Bob is   {}", bob.account().await?));
    tell(
        "An account is a key that its owner made. The relay was told of two mailboxes, and not whose they are.",
    );

    chapter("Alice makes an invite link, and closes her laptop");
    let link = alice.invite("for Bob").await?;
    tell(&link);
    tell("What is behind the # never reaches a server.");
    alice.is_reachable().await?;
    let alice = alice.fall_asleep().await;

    chapter("Bob writes to Alice, who is offline");
    bob.add(&link, "Hi Alice, it's Bob. Meet me at the harbour at six?")
        .await?;
    bob.own_message("harbour", MessageState::Sent).await?;
    tell("Sent ✓  The relay keeps 4,096 bytes of noise in Alice's mailbox.");
    Ok((alice.wake_up().await?, bob))
}

/// Alice comes back, accepts and answers; both learn that what they wrote arrived.
async fn conversation(mut alice: Person, mut bob: Person) -> Result<(Person, Person), Problem> {
    chapter("Alice opens her laptop");
    let request = alice.request().await?;
    tell(&format!(
        "A message request from {}: “{}”",
        request.name, request.text
    ));
    alice.accept(&request).await?;
    alice
        .say("Six is fine. Look for me under the lighthouse.")
        .await?;
    tell("She accepts, and answers.");

    bob.received("lighthouse").await?;
    tell("Bob reads: “Six is fine. Look for me under the lighthouse.”");
    bob.own_message("harbour", MessageState::Delivered).await?;
    tell("Bob's message: Delivered ✓✓");
    alice
        .own_message("lighthouse", MessageState::Delivered)
        .await?;
    tell("Alice's message: Delivered ✓✓");
    ensure(
        alice.safety_number().await? == bob.safety_number().await?,
        "both see the same safety number",
    )?;
    tell(&format!(
        "Their safety number, the same on both sides: {}",
        alice.safety_number().await?
    ));
    Ok((alice, bob))
}

async fn searching(alice: &Person, bob: &Person) -> Result<(), Problem> {
    chapter("Both search their own history");
    for (person, words) in [(alice, "HARBOUR six"), (bob, "\"under the lighthouse\"")] {
        let found = person.search(words).await?;
        tell(&format!("{} looks for {words}: {found}", person.name));
    }
    Ok(())
}

/// Everything comes back from two encrypted files.
async fn restart(alice: Person, bob: Person) -> Result<(Person, Person), Problem> {
    chapter("Both restart, and carry on");
    let (alice, bob) = (alice.fall_asleep().await, bob.fall_asleep().await);
    let wrong = alice.try_another_key().await;
    tell(&format!(
        "With the wrong key Alice's store says: “{}”",
        wrong.ok_or(Problem::Step("a wrong key is refused"))?
    ));
    let (mut alice, mut bob) = (alice.wake_up().await?, bob.wake_up().await?);
    ensure(
        alice.history().await? == 2 && bob.history().await? == 2,
        "the history survives a restart",
    )?;
    bob.say("I'm on my way.").await?;
    alice.received("on my way").await?;
    alice.say("So am I.").await?;
    bob.received("So am I").await?;
    tell("Bob: “I'm on my way.”  Alice: “So am I.”");
    Ok((alice, bob))
}

/// A last message waits at the relay, so that there is something to see there.
async fn asleep(alice: Person, mut bob: Person) -> Result<(), Problem> {
    let _alice = alice.fall_asleep().await;
    bob.say("I brought you some oranges.").await?;
    bob.own_message("oranges", MessageState::Sent).await?;
    bob.fall_asleep().await;
    Ok(())
}

fn chapter(title: &str) {
    println!("\n{title}\n{}", "─".repeat(title.chars().count()));
}

fn tell(text: &str) {
    println!("  {text}");
}
