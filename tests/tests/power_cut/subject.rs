//! The real relay and the real client engine on their real stores, in a process of their own, with the durability that a
//! test asks for. No program that is shipped can be told to sync nothing; this one is the test's own executable, which starts
//! itself with one of the two tests below. Started by anything else they have nothing to do.

use std::env;
use std::fs;
use std::future::pending;
use std::io::{self, Write};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{SystemTime, UNIX_EPOCH};

use undertone::engine::{Engine, Opened};
use undertone::store::{Durability, Store, StoreKey, StoreOptions};
use undertone_protocol::time::{Now, Timestamp};
use undertone_relay::{Config, Relay};

/// The folder of the files, the address to listen on, and whether to sync.
const FILES: &str = "POWER_CUT_FILES";
const LISTEN: &str = "POWER_CUT_LISTEN";
const SYNC: &str = "POWER_CUT_SYNC";

fn command(subject: &str, files: &Path, sync: bool) -> Command {
    let mut command = Command::new(env::current_exe().unwrap());
    command
        .args(["--nocapture", "--exact", subject])
        .env(FILES, files)
        .env(SYNC, sync.to_string());
    command
}

/// The command that starts a relay, which commits with `synchronous=FULL` or `OFF`.
pub(crate) fn relay(data: &Path, listen: SocketAddr, sync: bool) -> Command {
    let mut command = command("subject::be_a_relay", data, sync);
    command.env(LISTEN, listen.to_string());
    command
}

/// The command that opens a profile of the chat program and takes its `/say` lines, offline; it commits with
/// `synchronous=FULL` or `OFF`.
pub(crate) fn client(profile: &Path, sync: bool) -> Command {
    command("subject::be_a_client", profile, sync)
}

/// What a test asked for; `None` when no test did.
fn asked() -> Option<(PathBuf, bool)> {
    let sync = env::var(SYNC).ok()? == "true";
    Some((PathBuf::from(env::var_os(FILES)?), sync))
}

/// The harness has begun a line of its own.
fn say(line: &str) {
    let mut out = io::stdout().lock();
    writeln!(out, "\n{line}").unwrap();
    out.flush().unwrap();
}

#[test]
fn be_a_relay() {
    let Some((data, sync)) = asked() else { return };
    let config = Config {
        listen: env::var(LISTEN).unwrap().parse().unwrap(),
        admin: None,
        ..Config::new(data)
    };
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let relay = if sync {
            Relay::start(config).await
        } else {
            Relay::start_without_sync(config).await
        };
        let relay = relay.unwrap();
        say(&format!("listens on {}", relay.local_addr()));
        pending::<()>().await;
    });
}

fn now() -> Now {
    let wall = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    Now {
        wall: Timestamp(u64::try_from(wall.as_millis()).unwrap()),
        monotonic_ms: 0,
    }
}

fn open(profile: &Path, sync: bool) -> Engine {
    let digits = fs::read_to_string(profile.join("store.key")).unwrap();
    let key = std::array::from_fn(|at| {
        let digits = &digits[2 * at..2 * at + 2];
        u8::from_str_radix(digits, 16).unwrap()
    });
    let options = StoreOptions {
        durability: if sync {
            Durability::Full
        } else {
            Durability::None
        },
        ..StoreOptions::default()
    };
    let store = Store::open_with(&profile.join("store.db"), &StoreKey::new(&key), options);
    match Engine::open(store.unwrap(), now(), &mut rand::rng()).unwrap() {
        Opened::Account(engine) => *engine,
        Opened::Empty(_) => panic!("no account is in {}", profile.display()),
    }
}

#[test]
fn be_a_client() {
    let Some((profile, sync)) = asked() else {
        return;
    };
    let mut engine = open(&profile, sync);
    let contacts = engine.view().unwrap().contacts().unwrap();
    let [contact] = &contacts[..] else {
        panic!("one contact is expected")
    };
    let conversation = engine.view().unwrap().conversation_of(contact.id);
    let conversation = conversation.unwrap().unwrap().id;
    say("ready");
    for line in io::stdin().lines() {
        // The command, the conversation, the text.
        let line = line.unwrap();
        let text = line.splitn(3, ' ').last().unwrap();
        let mut rng = rand::rng();
        let mut step = engine.begin(now(), &mut rng).unwrap();
        step.send_text(conversation, text).unwrap();
        step.commit().unwrap();
        say(&format!("message\t\tout\t\t\t{text}"));
    }
}
