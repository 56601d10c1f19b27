//! The built programs as processes: the relay, and the chat program in its line mode, as an operator and two people
//! would run them.
//!
//! Invariant: nothing here waits for luck. Every wait is for a line that a program prints, and fails with all that was
//! printed when the line does not come.
//!
//! Only processes started here are ended, by their handle.
#![allow(
    clippy::expect_used,
    clippy::panic,
    reason = "test support: a failed expectation is the test's failure"
)]

use std::io::{self, BufRead, BufReader, Write};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::Mutex;
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::Duration;

use tokio::net::TcpSocket;

/// How long a line may take before the test fails: far more than any machine needs, and never slept through. A client that
/// lost its relay again and again waits up to five minutes before it tries again.
const PATIENCE: Duration = Duration::from_secs(900);

/// Sockets that are bound and do not listen: they keep the system from giving their ports to anybody else, and a relay of
/// these tests may listen there all the same.
static RESERVED: Mutex<Vec<TcpSocket>> = Mutex::new(Vec::new());

/// A built program of this workspace, from the profile that the tests were built with.
///
/// # Panics
/// When it was not built: `cargo test --workspace` builds it, `cargo test -p undertone-tests` alone does not.
#[must_use]
pub fn program(name: &str) -> PathBuf {
    let test = std::env::current_exe().expect("a test knows its own path");
    let built = test
        .ancestors()
        .nth(2)
        .expect("tests are in a folder of the target folder");
    let path = [built.join(name), built.join("examples").join(name)]
        .into_iter()
        .find(|path| path.exists());
    path.unwrap_or_else(|| {
        panic!("{name} is not built: run cargo build --workspace --bins --examples first")
    })
}

/// A loopback address at which nobody but this test's relays will listen, however often they are stopped.
///
/// # Panics
/// When the machine has no free port.
#[must_use]
pub fn free_address() -> SocketAddr {
    let socket = TcpSocket::new_v4().expect("a socket");
    socket.set_reuseaddr(true).expect("a fresh socket");
    let any = SocketAddr::from(([127, 0, 0, 1], 0));
    socket.bind(any).expect("a free port");
    let address = socket.local_addr().expect("a bound socket has an address");
    // Elsewhere a bound socket would keep the relay away as well.
    if cfg!(target_os = "linux") {
        RESERVED.lock().expect("nobody panicked").push(socket);
    }
    address
}

/// One line of output, split at its tabs, with the escapes of text undone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    fields: Vec<String>,
}

impl Line {
    fn parse(line: &str) -> Self {
        Self {
            fields: line.split('\t').map(unescape).collect(),
        }
    }

    /// What kind of line it is.
    #[must_use]
    pub fn kind(&self) -> &str {
        self.field(0)
    }

    /// All fields, the kind first.
    pub fn fields(&self) -> impl Iterator<Item = &str> {
        self.fields.iter().map(String::as_str)
    }

    /// A field, counted from the kind; empty when the line has fewer.
    #[must_use]
    pub fn field(&self, index: usize) -> &str {
        self.fields.get(index).map_or("", String::as_str)
    }
}

fn unescape(field: &str) -> String {
    let mut text = String::new();
    let mut characters = field.chars();
    while let Some(character) = characters.next() {
        match (
            character,
            if character == '\\' {
                characters.next()
            } else {
                None
            },
        ) {
            (_, Some('n')) => text.push('\n'),
            (_, Some('t')) => text.push('\t'),
            (_, Some(other)) => text.push(other),
            (character, None) => text.push(character),
        }
    }
    text
}

/// A running program whose output is read line by line.
struct Running {
    child: Child,
    stdin: Option<ChildStdin>,
    lines: Receiver<String>,
    transcript: Vec<String>,
    /// Lines of the transcript that [`expect`](Self::expect) has passed over.
    passed: usize,
}

impl Running {
    fn start(command: &mut Command) -> io::Result<Self> {
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()?;
        let (sender, lines) = channel();
        let streams: [Option<Box<dyn io::Read + Send>>; 2] = [
            child.stdout.take().map(|out| Box::new(out) as _),
            child.stderr.take().map(|err| Box::new(err) as _),
        ];
        for stream in streams.into_iter().flatten() {
            let sender = sender.clone();
            std::thread::spawn(move || {
                for line in BufReader::new(stream).lines().map_while(Result::ok) {
                    if sender.send(line).is_err() {
                        return;
                    }
                }
            });
        }
        Ok(Self {
            stdin: child.stdin.take(),
            child,
            lines,
            transcript: Vec::new(),
            passed: 0,
        })
    }

    /// The next line; `None` when the program has ended.
    fn next(&mut self, awaited: &str) -> Option<String> {
        match self.lines.recv_timeout(PATIENCE) {
            Ok(line) => {
                self.transcript.push(line.clone());
                Some(line)
            }
            Err(RecvTimeoutError::Disconnected) => None,
            Err(RecvTimeoutError::Timeout) => {
                panic!("no {awaited} within {PATIENCE:?}:\n{}", self.tail())
            }
        }
    }

    fn tail(&self) -> String {
        let from = self.transcript.len().saturating_sub(60);
        self.transcript[from..].join("\n")
    }

    /// Waits for a line that satisfies a condition; it and the lines before it are passed over. What came within an answer
    /// counts: an event does not care whether somebody is asking.
    fn expect(&mut self, awaited: &str, condition: impl Fn(&str) -> bool) -> String {
        loop {
            while let Some(line) = self.transcript.get(self.passed) {
                self.passed += 1;
                if condition(line) {
                    return line.clone();
                }
            }
            assert!(
                self.next(awaited).is_some(),
                "the program ended without {awaited}:\n{}",
                self.tail()
            );
        }
    }

    /// Waits until it ends by itself.
    fn end(mut self) {
        // The end of its input is the end of a program that reads it.
        drop(self.stdin.take());
        while self.next("end of the program").is_some() {}
        let status = self.child.wait().expect("a started program ends");
        assert!(status.success(), "{status}:\n{}", self.tail());
    }

    /// SIGKILL: the program gets no chance to tidy up.
    fn kill(mut self) {
        self.child.kill().expect("the program was running");
        self.child.wait().expect("a killed program ends");
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// `undertone-relay serve`.
pub struct RelayProcess(Running);

impl RelayProcess {
    /// The command that starts a relay.
    #[must_use]
    pub fn command(data: &Path, listen: SocketAddr) -> Command {
        let mut command = Command::new(program("undertone-relay"));
        command
            .arg("serve")
            .arg("--data")
            .arg(data)
            .arg("--listen")
            .arg(listen.to_string())
            .args(["--admin", "127.0.0.1:0"]);
        command
    }

    /// Starts a relay and waits until it listens.
    ///
    /// # Panics
    /// When it does not start.
    #[must_use]
    pub fn start(data: &Path, listen: SocketAddr) -> Self {
        Self::run(&mut Self::command(data, listen))
    }

    /// Runs a prepared command and waits until it listens.
    ///
    /// # Panics
    /// When it does not start.
    #[must_use]
    pub fn run(command: &mut Command) -> Self {
        let mut running = Running::start(command).expect("the relay starts");
        running.expect("word from the relay that it listens", |line| {
            line.contains("listens on")
        });
        Self(running)
    }

    /// Waits for a line of its log that contains `text`.
    ///
    /// # Panics
    /// When it does not come.
    pub fn expect(&mut self, text: &str) {
        self.0.expect(text, |line| line.contains(text));
    }

    /// Ends it as an operator does, and waits for that.
    ///
    /// # Panics
    /// When it does not end with success.
    pub fn stop(self) {
        let mut kill = Command::new("kill");
        let signalled = kill
            .args(["-TERM", &self.0.child.id().to_string()])
            .status();
        assert!(
            signalled.is_ok_and(|status| status.success()),
            "the relay runs"
        );
        self.0.end();
    }

    /// Ends it at once.
    pub fn kill(self) {
        self.0.kill();
    }
}

/// The chat program in line mode.
pub struct Chat(Running);

impl Chat {
    /// The command that starts a chat.
    #[must_use]
    pub fn command(profile: &Path, relay: SocketAddr, name: &str) -> Command {
        let mut command = Command::new(program("chat"));
        command
            .arg("--lines")
            .arg("--profile")
            .arg(profile)
            .arg("--relay")
            .arg(format!("ws://{relay}"));
        command.args(["--name", name]);
        command
    }

    /// Starts a chat and waits until its profile is open.
    ///
    /// # Panics
    /// When it does not start.
    #[must_use]
    pub fn start(profile: &Path, relay: SocketAddr, name: &str) -> Self {
        Self::run(&mut Self::command(profile, relay, name))
    }

    /// Runs a prepared command and waits until its profile is open.
    ///
    /// # Panics
    /// When it does not start.
    #[must_use]
    pub fn run(command: &mut Command) -> Self {
        let mut chat = Self(Running::start(command).expect("the chat program starts"));
        chat.expect("ready", |_| true);
        chat
    }

    /// Runs a prepared command on a profile whose account is being deleted.
    ///
    /// # Panics
    /// When it does not start.
    #[must_use]
    pub fn run_deleting(command: &mut Command) -> Self {
        let mut chat = Self(Running::start(command).expect("the chat program starts"));
        chat.expect("alarm", |line| line.field(1).contains("being deleted"));
        chat
    }

    /// Types a line.
    ///
    /// # Panics
    /// When the program has ended.
    pub fn tell(&mut self, line: &str) {
        let stdin = self.0.stdin.as_mut().expect("standard input is piped");
        writeln!(stdin, "{line}")
            .unwrap_or_else(|error| panic!("the chat program ended ({error})"));
    }

    /// Waits for a line of a kind that satisfies a condition; it and the lines before it are passed over. Lines that came
    /// within an answer count.
    ///
    /// # Panics
    /// When it does not come.
    pub fn expect(&mut self, kind: &str, condition: impl Fn(&Line) -> bool) -> Line {
        let is_it = |line: &Line| line.kind() == kind && condition(line);
        Line::parse(&self.0.expect(kind, |line| is_it(&Line::parse(line))))
    }

    /// Types a command and gives the lines up to its end.
    ///
    /// # Panics
    /// When the end does not come.
    pub fn ask(&mut self, line: &str) -> Vec<Line> {
        self.tell(line);
        let command = line.split(' ').next().unwrap_or_default().to_owned();
        let mut lines = Vec::new();
        loop {
            let Some(next) = self.0.next("end of an answer") else {
                panic!("the chat program ended:\n{}", self.0.tail())
            };
            let next = Line::parse(&next);
            if next.kind() == "end"
                && next.field(1).trim_start_matches('/') == command.trim_start_matches('/')
            {
                return lines;
            }
            lines.push(next);
        }
    }

    /// The texts of a conversation in the order shown, each with `in` or `out`.
    ///
    /// # Panics
    /// When the program does not answer.
    pub fn history(&mut self, conversation: &str) -> Vec<(String, String)> {
        let lines = self.ask(&format!("/history {conversation}"));
        let messages = lines
            .iter()
            .filter(|line| line.kind() == "message" && line.field(1) == conversation);
        messages
            .map(|line| (line.field(2).to_owned(), line.field(5).to_owned()))
            .collect()
    }

    /// Its process, as the system numbers it.
    #[must_use]
    pub fn process(&self) -> u32 {
        self.0.child.id()
    }

    /// Lets it end by itself and waits for that.
    ///
    /// # Panics
    /// When it does not end with success.
    pub fn leave(self) {
        self.0.end();
    }

    /// Ends it at once.
    pub fn kill(self) {
        self.0.kill();
    }
}

/// Two people who know each other, on one relay: invited, asked, accepted. Gives each side's number of the
/// conversation.
///
/// # Panics
/// When a step does not happen.
pub fn befriend(alice: &mut Chat, bob: &mut Chat) -> (String, String) {
    let invite = alice.ask("/invite");
    let link = invite
        .iter()
        .find(|line| line.kind() == "invite")
        .expect("a link")
        .field(1)
        .to_owned();
    bob.ask(&format!("/add {link} hello"));
    let request = alice.expect("request", |_| true);
    alice.ask(&format!("/accept {}", request.field(1)));
    let conversation = |chat: &mut Chat| {
        let list = chat.ask("/list");
        list.iter()
            .find(|line| line.kind() == "conversation")
            .expect("a conversation")
            .field(1)
            .to_owned()
    };
    (conversation(alice), conversation(bob))
}
