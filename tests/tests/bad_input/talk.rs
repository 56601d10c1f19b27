//! Two people who know each other, and the proof that nothing of what they said is lost.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;
use undertone_tests::process::{Chat, RelayProcess, befriend, free_address};

use crate::disk::Disk;

/// Alice and Bob, the relay of both, and everything that either has said.
pub(crate) struct Talk {
    relay: Option<RelayProcess>,
    alice: Option<Chat>,
    bob: Option<Chat>,
    at_alice: String,
    at_bob: String,
    by_alice: Vec<String>,
    by_bob: Vec<String>,
    setting: Setting,
    folder: TempDir,
}

/// What matters of the programs and of where they are. What is not given is a folder on the disk that everything is on.
#[derive(Default)]
pub(crate) struct Setting {
    /// Where Alice's profile is.
    pub(crate) alice_disk: Option<Disk>,
    /// Where the relay's data are.
    pub(crate) relay_disk: Option<Disk>,
    /// Environment of the relay.
    pub(crate) relay_settings: Vec<(&'static str, &'static str)>,
    /// Where the relay listens.
    pub(crate) listen: Option<SocketAddr>,
    /// Where the two connect, when something stands before the relay.
    pub(crate) reach: Option<SocketAddr>,
}

impl Talk {
    pub(crate) fn new() -> Self {
        Self::at(Setting::default())
    }

    pub(crate) fn at(mut setting: Setting) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let listen = *setting.listen.get_or_insert_with(free_address);
        setting.reach.get_or_insert(listen);
        let mut talk = Self {
            relay: None,
            alice: None,
            bob: None,
            at_alice: String::new(),
            at_bob: String::new(),
            by_alice: Vec::new(),
            by_bob: vec!["hello".to_owned()],
            setting,
            folder,
        };
        talk.relay_returns();
        talk.alice_returns();
        talk.bob_returns();
        (talk.at_alice, talk.at_bob) = befriend(
            talk.alice.as_mut().expect("just started"),
            talk.bob.as_mut().expect("just started"),
        );
        talk.goes_on();
        talk
    }

    pub(crate) fn alice(&mut self) -> &mut Chat {
        self.alice.as_mut().expect("alice is there")
    }

    pub(crate) fn bob(&mut self) -> &mut Chat {
        self.bob.as_mut().expect("bob is there")
    }

    pub(crate) fn relay(&mut self) -> &mut RelayProcess {
        self.relay.as_mut().expect("the relay runs")
    }

    /// The disk of Alice's profile.
    pub(crate) fn alice_disk(&self) -> &Disk {
        self.setting.alice_disk.as_ref().expect("a disk of her own")
    }

    /// The disk of the relay's data.
    pub(crate) fn relay_disk(&self) -> &Disk {
        self.setting.relay_disk.as_ref().expect("a disk of its own")
    }

    /// The command that opens Alice's profile.
    pub(crate) fn alice_command(&self) -> Command {
        self.chat_command("alice", self.setting.alice_disk.as_ref())
    }

    /// The command that opens anybody's profile, perhaps on a disk of its own.
    pub(crate) fn chat_command(&self, name: &str, disk: Option<&Disk>) -> Command {
        let reach = self.setting.reach.expect("set from the start");
        on(disk, self.folder(), |folder| {
            Chat::command(&folder.join(name), reach, name)
        })
    }

    /// The command that starts the relay.
    pub(crate) fn relay_command(&self) -> Command {
        let listen = self.setting.listen.expect("set from the start");
        on(self.setting.relay_disk.as_ref(), self.folder(), |folder| {
            let mut command = RelayProcess::command(&folder.join("relay"), listen);
            command.envs(self.setting.relay_settings.iter().copied());
            command
        })
    }

    pub(crate) fn alice_leaves(&mut self) {
        self.alice.take().expect("alice is there").leave();
    }

    pub(crate) fn alice_is_killed(&mut self) {
        self.alice.take().expect("alice is there").kill();
    }

    pub(crate) fn alice_returns(&mut self) {
        self.alice = Some(Chat::run(&mut self.alice_command()));
    }

    pub(crate) fn bob_is_killed(&mut self) {
        self.bob.take().expect("bob is there").kill();
    }

    pub(crate) fn bob_returns(&mut self) {
        self.bob = Some(Chat::run(&mut self.chat_command("bob", None)));
    }

    pub(crate) fn relay_is_killed(&mut self) {
        self.relay.take().expect("the relay runs").kill();
    }

    pub(crate) fn relay_stops(&mut self) {
        self.relay.take().expect("the relay runs").stop();
    }

    pub(crate) fn relay_returns(&mut self) {
        self.relay = Some(RelayProcess::run(&mut self.relay_command()));
    }

    pub(crate) fn alice_store(&self) -> PathBuf {
        self.folder().join("alice/store.db")
    }

    pub(crate) fn alice_key(&self) -> PathBuf {
        self.folder().join("alice/store.key")
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
        if lines.iter().any(|line| line.kind() == "message") {
            self.by_alice.push(text.to_owned());
            return None;
        }
        let error = lines.iter().find(|line| line.kind() == "error");
        let error = error.unwrap_or_else(|| panic!("neither taken nor refused: {lines:?}"));
        Some((error.field(1).to_owned(), error.field(2).to_owned()))
    }

    /// What Alice has of what she wrote, which is all that was acknowledged.
    pub(crate) fn alice_has_what_she_wrote(&mut self) {
        let conversation = self.at_alice.clone();
        let history = self.alice().history(&conversation);
        assert_eq!(way(&history, "out"), self.by_alice);
    }

    /// How far each message that Bob wrote has come, in their order.
    pub(crate) fn states_at_bob(&mut self) -> Vec<String> {
        let command = format!("/history {}", self.at_bob);
        let lines = self.bob().ask(&command);
        let own = lines.iter().filter(|line| line.field(2) == "out");
        own.map(|line| line.field(4).to_owned()).collect()
    }

    pub(crate) fn bob_says(&mut self, text: &str) {
        self.bob_writes(text);
    }

    /// Bob writes something, and the relay takes it.
    pub(crate) fn bob_sends(&mut self, text: &str) {
        let id = self.bob_writes(text);
        self.bob().expect("state", |line| {
            line.field(1) == id && line.field(2) == "sent"
        });
    }

    /// Gives the message's id.
    fn bob_writes(&mut self, text: &str) -> String {
        let command = format!("/say {} {text}", self.at_bob);
        let lines = self.bob().ask(&command);
        let message = lines.iter().find(|line| line.kind() == "message");
        let message = message.unwrap_or_else(|| panic!("not taken: {lines:?}"));
        self.by_bob.push(text.to_owned());
        message.field(3).to_owned()
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
        assert_eq!(way(&of_alice, "out"), self.by_alice);
        assert_eq!(way(&of_bob, "in"), self.by_alice);
        assert_eq!(way(&of_bob, "out"), self.by_bob);
        assert_eq!(way(&of_alice, "in"), self.by_bob);
    }
}

/// The texts of one way, in their order.
fn way(history: &[(String, String)], wanted: &str) -> Vec<String> {
    let of_way = history.iter().filter(|(way, _)| way == wanted);
    of_way.map(|(_, text)| text.clone()).collect()
}

/// A command that is made for a folder: on a disk of its own, or else in `folder`.
fn on(disk: Option<&Disk>, folder: &Path, command: impl FnOnce(&Path) -> Command) -> Command {
    match disk {
        Some(disk) => disk.enter(&command(disk.path())),
        None => command(folder),
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
