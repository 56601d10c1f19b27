//! A terminal chat on the Undertone SDK: invitations, message requests, conversations, delivery marks, search, safety numbers.
//!
//! ```console
//! cargo run --release --example chat -- --profile ./alice --relay ws://127.0.0.1:9750
//! ```
//! In a terminal it draws with ratatui ([`tui`]); when standard input is a pipe it speaks plain lines ([`lines`]). What is
//! said is the same ([`session`]). It may be killed at any moment: whatever it showed is in the store.

#![forbid(unsafe_code)]
#![allow(
    clippy::wildcard_enum_match_arm,
    reason = "most events and keys mean nothing to this program, and enums of a library grow"
)]
#![allow(
    clippy::print_stderr,
    reason = "a command-line program says on standard error how it started, or why it did not"
)]

mod changing;
mod command;
mod failure;
mod lines;
mod notices;
mod options;
mod people;
mod profile;
mod qr;
mod reading;
mod record;
mod session;
mod showing;
mod tui;
mod when;
mod whole;
mod wording;

use std::io::{IsTerminal, stdin, stdout};
use std::process::ExitCode;

use clap::Parser;
use undertone::{Client, ClientConfig, Operation};

use failure::{Failure, refused};
use options::Options;
use profile::Profile;
use session::Session;

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    match run(&Options::parse()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(Failure { actor, text }) => {
            eprintln!("chat: {text} (who must act: {})", wording::actor(actor));
            ExitCode::FAILURE
        }
    }
}

async fn run(options: &Options) -> Result<(), Failure> {
    let profile = Profile::open(&options.profile)?;
    let transport = options.transport().map_err(|error| refused(&error))?;
    let mut config = ClientConfig::new(profile.store, profile.key)
        .or_create(&options.relay, &options.name())
        .transport(transport)
        .offline();
    if let Some(next) = profile.next_key {
        config = config.or_key(next);
    }
    let client = Client::open(config).await?;
    if let Some(next) = profile.next_key {
        // It was being given another key when this program ended.
        client.rotate_store_key(next, Operation::new()).await?;
        profile::adopt_next_key(&options.profile)?;
    }
    if let Some(folder) = &options.import {
        let brought = client.import(folder, Operation::new()).await?;
        eprintln!(
            "chat: {} messages with {} people were imported",
            brought.messages, brought.contacts
        );
    }
    if options.is_another_relay(client.relay()) {
        return Err(refused(&format!(
            "this profile's mailbox is at {}; give that relay",
            client.relay().as_str()
        )));
    }
    // From here on nothing is missed.
    let events = client.events();
    client.set_online(true).await;
    let draw = stdin().is_terminal() && stdout().is_terminal() && !options.lines;
    let person = draw || stdout().is_terminal();
    let session = Session::new(client, options.profile.clone(), person);
    if draw {
        tui::run(session, events).await?
    } else {
        lines::run(session, events).await?
    }
    Ok(())
}
