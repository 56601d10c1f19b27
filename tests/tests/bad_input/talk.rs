//! Two people who know each other, and the proof that nothing of what they said is lost.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;
use undertone_tests::process::{Chat, RelayProcess, befriend, free_address};

/// Alice and Bob, the relay of both, and everything that either has said.
pub(crate) struct Talk {
    folder: TempDir,
    alice_profile: PathBuf,
    relay_data: PathBuf,
    /// Where the relay listens.
    pub(crate) listen: SocketAddr,
    /// Where the two connect: the relay, or what stands before it.
    reach: SocketAddr,
    relay: Option<RelayProcess>,
    alice: Option<Chat>,
    bob: Option<Chat>,
    at_alice: String,
    at_bob: String,
    by_alice: Vec<String>,
    by_bob: Vec<String>,
}

/// Where the parts of a talk are, when it matters.
#[derive(Default)]
pub(crate) struct Places<'a> {
    pub(crate) alice: Option<&'a Path>,
    pub(crate) relay: Option<&'a Path>,
    /// What stands before the relay: given the relay's address, where to connect instead.
    pub(crate) before_relay: Option<&'a dyn Fn(SocketAddr) -> SocketAddr>,
}

impl Talk {
    pub(crate) fn new() -> Self {
        Self::at(&Places::default())
    }

    pub(crate) fn at(places: &Places<'_>) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let place = |given: Option<&Path>, name| {
            given.map_or_else(|| folder.path().join(name), |path| path.join(name))
        };
        let (alice_profile, relay_data) =
            (place(places.alice, "alice"), place(places.relay, "relay"));
        let listen = free_address();
        let reach = places.before_relay.map_or(listen, |before| before(listen));
        let relay = RelayProcess::start(&relay_data, listen);
        let mut alice = Chat::start(&alice_profile, reach, "alice");
        let mut bob = Chat::start(&folder.path().join("bob"), reach, "bob");
        let (at_alice, at_bob) = befriend(&mut alice, &mut bob);
        let mut talk = Self {
            folder,
            alice_profile,
            relay_data,
            listen,
            reach,
            relay: Some(relay),
            alice: Some(alice),
            bob: Some(bob),
            at_alice,
            at_bob,
            by_alice: Vec::new(),
            by_bob: vec!["hello".to_owned()],
        };
        talk.goes_on();
        talk
    }

    pub(crate) fn alice(&mut self) -> &mut Chat {
        self.alice.as_mut().expect("alice is there")
    }

    pub(crate) fn bob(&mut self) -> &mut Chat {
        self.bob.as_mut().expect("bob is there")
    }

    /// The command that opens Alice's profile.
    pub(crate) fn alice_command(&self) -> Command {
        Chat::command(&self.alice_profile, self.reach, "alice")
    }

    pub(crate) fn alice_leaves(&mut self) {
        self.alice.take().expect("alice is there").leave();
    }

    pub(crate) fn alice_returns(&mut self) {
        self.alice = Some(Chat::run(&mut self.alice_command()));
    }

    pub(crate) fn relay_ends(&mut self) {
        self.relay.take().expect("the relay runs").kill();
    }

    pub(crate) fn relay_returns(&mut self) {
        self.relay = Some(RelayProcess::start(&self.relay_data, self.listen));
    }

    pub(crate) fn alice_store(&self) -> PathBuf {
        self.alice_profile.join("store.db")
    }

    pub(crate) fn alice_key(&self) -> PathBuf {
        self.alice_profile.join("store.key")
    }

    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Alice writes something; the program says that it is durable.
    pub(crate) fn alice_says(&mut self, text: &str) {
        let command = format!("/say {} {text}", self.at_alice);
        let lines = self.alice().ask(&command);
        assert!(
            lines.iter().any(|line| line.kind() == "message"),
            "{lines:?}"
        );
        self.by_alice.push(text.to_owned());
    }

    /// Alice tries to write something; the error that she gets, if it is refused.
    pub(crate) fn alice_tries(&mut self, text: &str) -> Option<(String, String)> {
        let command = format!("/say {} {text}", self.at_alice);
        let lines = self.alice().ask(&command);
        let error = lines.iter().find(|line| line.kind() == "error");
        if error.is_none() {
            self.by_alice.push(text.to_owned());
        }
        error.map(|line| (line.field(1).to_owned(), line.field(2).to_owned()))
    }

    pub(crate) fn bob_says(&mut self, text: &str) {
        let command = format!("/say {} {text}", self.at_bob);
        self.bob().ask(&command);
        self.by_bob.push(text.to_owned());
    }

    /// Each writes to the other and reads what the other wrote; and both have everything that was ever said, once and in
    /// order.
    pub(crate) fn goes_on(&mut self) {
        let text = format!("word {} from alice", self.by_alice.len());
        self.alice_says(&text);
        self.bob().expect("message", |line| {
            line.field(2) == "in" && line.field(5) == text
        });
        let text = format!("word {} from bob", self.by_bob.len());
        self.bob_says(&text);
        self.alice().expect("message", |line| {
            line.field(2) == "in" && line.field(5) == text
        });
        let (at_alice, at_bob) = (self.at_alice.clone(), self.at_bob.clone());
        let (of_alice, of_bob) = (self.alice().history(&at_alice), self.bob().history(&at_bob));
        let way = |history: &[(String, String)], wanted: &str| -> Vec<String> {
            let of_way = history.iter().filter(|(way, _)| way == wanted);
            of_way.map(|(_, text)| text.clone()).collect()
        };
        assert_eq!(way(&of_alice, "out"), self.by_alice);
        assert_eq!(way(&of_bob, "in"), self.by_alice);
        assert_eq!(way(&of_bob, "out"), self.by_bob);
        assert_eq!(way(&of_alice, "in"), self.by_bob);
    }
}

/// Runs a program to its end, which must be a failure with one line on standard error, and gives that line.
pub(crate) fn fails(command: &mut Command) -> String {
    let output = command.stdin(std::process::Stdio::null()).output().unwrap();
    let (out, error) = (
        String::from_utf8(output.stdout).unwrap(),
        String::from_utf8(output.stderr).unwrap(),
    );
    assert_eq!(output.status.code(), Some(1), "{out}{error}");
    assert_eq!(out, "");
    let mut lines = error.lines();
    let line = lines.next().unwrap_or_default().to_owned();
    assert_eq!(lines.next(), None, "more than one line: {error}");
    line
}
