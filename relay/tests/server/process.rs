//! The built program as an operator runs it: its one line at start, its one line on failure, kill -9, copies.

use std::{
    io::{BufRead, BufReader},
    net::SocketAddr,
    path::Path,
    process::{Child, Command, Output, Stdio},
};

use ed25519_dalek::SigningKey;
use undertone_wire::frame::Body;

use super::{
    client::{Lane, Transport, mailbox_of, send, tokens},
    operator::{exercise, needles},
};

fn program() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_undertone-relay"));
    command.env_clear().stdin(Stdio::null());
    command
}

/// A relay in a process of its own, killed when dropped.
struct Process {
    child: Child,
    address: SocketAddr,
}

impl Process {
    fn start(data: &Path) -> Self {
        Self::start_logging(data, Stdio::null())
    }

    fn start_logging(data: &Path, log: Stdio) -> Self {
        let mut child = program()
            .args(["serve", "--listen", "127.0.0.1:0", "--admin", "off"])
            .args(["--log", "debug", "--data"])
            .arg(data)
            .stdout(Stdio::piped())
            .stderr(log)
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap())
            .read_line(&mut line)
            .unwrap();
        let address = line
            .split("http://")
            .nth(1)
            .unwrap()
            .split(',')
            .next()
            .unwrap();
        Self {
            address: address.parse().unwrap(),
            child,
        }
    }

    fn signal(&self, name: &str) {
        let pid = self.child.id().to_string();
        assert!(
            Command::new("kill")
                .args([name, &pid])
                .status()
                .unwrap()
                .success()
        );
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Runs to its end, which must be a failure of one line that says what to do.
fn fails(arguments: &[&str]) -> String {
    let Output { status, stderr, .. } = program().args(arguments).output().unwrap();
    let message = String::from_utf8(stderr).unwrap();
    assert!(!status.success(), "{arguments:?} succeeded");
    assert_eq!(status.code(), Some(1), "{message}");
    let lines: Vec<&str> = message
        .lines()
        .filter(|line| line.starts_with("undertone-relay: "))
        .collect();
    assert_eq!(lines.len(), 1, "{message}");
    lines[0].to_owned()
}

#[test]
fn every_way_to_fail_is_one_line() {
    let dir = tempfile::tempdir().unwrap();
    let path = |name: &str| dir.path().join(name).to_str().unwrap().to_owned();
    let data = path("data");

    assert!(fails(&["serve"]).contains("--data"));
    assert!(fails(&["serve", "--data", &data, "--listen", "0.0.0.0:0"]).contains("--host"));
    let tls = [
        "serve",
        "--data",
        &data,
        "--tls-cert",
        "/nonexistent",
        "--tls-key",
        "/nonexistent",
    ];
    assert!(fails(&tls).contains("/nonexistent"));
    assert!(
        fails(&["--config", "/nonexistent", "serve", "--data", &data]).contains("/nonexistent")
    );
    assert!(fails(&["backup", "--data", &data, "--to", &path("copy")]).contains("no relay's data"));

    let file = path("file");
    std::fs::write(&file, "not a directory").unwrap();
    assert!(
        fails(&["serve", "--data", &file, "--listen", "127.0.0.1:0"]).contains("cannot be used")
    );

    let corrupt = path("corrupt");
    std::fs::create_dir(&corrupt).unwrap();
    std::fs::write(format!("{corrupt}/relay.db"), vec![0x55; 65_536]).unwrap();
    let message = fails(&[
        "serve",
        "--data",
        &corrupt,
        "--listen",
        "127.0.0.1:0",
        "--admin",
        "off",
    ]);
    assert!(message.contains("relay.db"), "{message}");
    assert_eq!(
        std::fs::read(format!("{corrupt}/relay.db")).unwrap(),
        vec![0x55; 65_536]
    );
}

#[test]
fn a_store_of_a_newer_version_is_refused_untouched() {
    let dir = tempfile::tempdir().unwrap();
    drop(Process::start(dir.path()));
    let database = dir.path().join("relay.db");
    let db = rusqlite::Connection::open(&database).unwrap();
    db.pragma_update(None, "user_version", 4_000).unwrap();
    drop(db);
    let data = dir.path().to_str().unwrap();
    let message = fails(&[
        "serve",
        "--data",
        data,
        "--listen",
        "127.0.0.1:0",
        "--admin",
        "off",
    ]);
    assert!(
        message.contains("4000") && message.contains("Run the version that wrote it"),
        "{message}"
    );
}

#[test]
fn a_bad_flag_is_a_usage_error() {
    for arguments in [
        &["serve", "--listen", "here"][..],
        &["serve", "--nonsense"],
        &["dance"],
        &[],
    ] {
        let output = program().args(arguments).output().unwrap();
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
        assert!(!output.stderr.is_empty());
    }
}

#[test]
fn the_environment_configures_and_unknown_names_are_refused() {
    let dir = tempfile::tempdir().unwrap();
    let check = |name: &str, value: &str| {
        let mut command = program();
        command
            .args(["check-config"])
            .env("UNDERTONE_RELAY_DATA", dir.path())
            .env(name, value);
        command.output().unwrap()
    };
    let good = check("UNDERTONE_RELAY_LISTEN", "127.0.0.1:4711");
    assert!(good.status.success());
    assert!(
        String::from_utf8(good.stdout)
            .unwrap()
            .contains("127.0.0.1:4711")
    );
    let hosts = check("UNDERTONE_RELAY_HOSTS", "[\"relay.example\"]");
    assert!(
        hosts.status.success(),
        "{}",
        String::from_utf8_lossy(&hosts.stderr)
    );
    let unknown = check("UNDERTONE_RELAY_LISSTEN", "127.0.0.1:4711");
    assert_eq!(unknown.status.code(), Some(1));
    assert!(
        String::from_utf8(unknown.stderr)
            .unwrap()
            .contains("lissten")
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_acknowledged_survives_kill_9() {
    let dir = tempfile::tempdir().unwrap();
    let key = SigningKey::from_bytes(&[1; 32]);
    let mut first = Process::start(dir.path());
    let mut owner = Lane::open(first.address, Transport::WebSocket).await;
    owner.log_in(&key, 0).await;
    owner.ask(tokens([9; 16])).await;
    let mut sender = Lane::open(first.address, Transport::WebSocket).await;
    for id in 0..30 {
        assert!(matches!(
            sender
                .ask(send(mailbox_of(&key), id, [9; 16], &[id; 512]))
                .await,
            Body::Sent(_)
        ));
    }
    first.child.kill().unwrap();
    first.child.wait().unwrap();

    let second = Process::start(dir.path());
    let mut owner = Lane::open(second.address, Transport::WebSocket).await;
    owner.log_in(&key, 0).await;
    for id in 0..30 {
        let Some(Body::Deliver(delivered)) = owner.unasked().await else {
            panic!("lost {id}")
        };
        assert_eq!(delivered.envelope[0], id);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_signal_stops_it_with_success_and_a_reason_for_clients() {
    let dir = tempfile::tempdir().unwrap();
    for name in ["-TERM", "-INT"] {
        let mut process = Process::start(dir.path());
        let mut lane = Lane::open(process.address, Transport::WebSocket).await;
        process.signal(name);
        assert!(matches!(lane.unasked().await, Some(Body::Closing(_))));
        assert!(process.child.wait().unwrap().success());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_of_a_running_relay_is_restored_under_a_new_epoch() {
    let dir = tempfile::tempdir().unwrap();
    let path = |name: &str| dir.path().join(name).to_str().unwrap().to_owned();
    let key = SigningKey::from_bytes(&[1; 32]);
    let running = Process::start(Path::new(&path("data")));
    let mut owner = Lane::open(running.address, Transport::WebSocket).await;
    owner.log_in(&key, 0).await;
    owner.ask(tokens([9; 16])).await;
    owner
        .ask(send(mailbox_of(&key), 1, [9; 16], &[7; 512]))
        .await;

    let run = |arguments: &[&str]| program().args(arguments).output().unwrap();
    assert!(
        run(&["backup", "--data", &path("data"), "--to", &path("copy")])
            .status
            .success()
    );
    assert!(
        fails(&["backup", "--data", &path("data"), "--to", &path("copy")]).contains("not empty")
    );
    assert!(
        fails(&["restore", "--from", &path("copy"), "--data", &path("data")]).contains("not empty")
    );
    assert!(
        run(&["restore", "--from", &path("copy"), "--data", &path("new")])
            .status
            .success()
    );

    let restored = Process::start(Path::new(&path("new")));
    let mut lane = Lane::open(restored.address, Transport::WebSocket).await;
    assert_ne!(lane.hello.store_epoch, owner.hello.store_epoch);
    lane.log_in(&key, 0).await;
    assert!(
        matches!(lane.unasked().await, Some(Body::Deliver(delivered)) if delivered.envelope[0] == 7)
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn the_log_names_nobody_even_at_its_finest_level() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("log");
    let log = std::fs::File::create(&path).unwrap();
    let mut process = Process::start_logging(&dir.path().join("data"), log.into());
    let key = exercise(process.address).await;
    process.signal("-TERM");
    process.child.wait().unwrap();
    let text = std::fs::read_to_string(&path).unwrap();
    for expected in ["serving", "stopped", "a websocket was closed"] {
        assert!(text.contains(expected), "{expected} is not in {text}");
    }
    for needle in needles(mailbox_of(&key).as_bytes(), process.address.port()) {
        assert!(!text.contains(&needle), "{needle} in {text}");
    }
}

/// A relay that a shell starts under a limit of open files; its first lines on standard error.
fn with_open_files(limit: &str, data: &Path) -> (Process, std::sync::mpsc::Receiver<String>) {
    let script =
        format!("{limit} && exec \"$0\" serve --listen 127.0.0.1:0 --admin off --data \"$1\"");
    let mut child = Command::new("sh")
        .args(["-c", &script, env!("CARGO_BIN_EXE_undertone-relay")])
        .arg(data)
        .env_remove("RUST_LOG")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    let mut out = BufReader::new(child.stdout.take().unwrap());
    out.read_line(&mut line).unwrap();
    let address = line.split("http://").nth(1).unwrap();
    let address = address.split(',').next().unwrap().parse().unwrap();
    let log = BufReader::new(child.stderr.take().unwrap());
    let (tell, told) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        for line in log.lines().map_while(Result::ok) {
            let _ = tell.send(line);
        }
    });
    (Process { child, address }, told)
}

/// What the log says until the relay serves.
fn until_serving(log: &std::sync::mpsc::Receiver<String>) -> String {
    let mut said = String::new();
    while !said.contains("serving") {
        said.push_str(&log.recv().unwrap());
        said.push('\n');
    }
    said
}

#[test]
fn the_limit_of_open_files_is_raised_as_far_as_it_goes() {
    let dir = tempfile::tempdir().unwrap();
    let (relay, log) = with_open_files("ulimit -Sn 128", dir.path());
    let said = until_serving(&log);
    let limits = std::fs::read_to_string(format!("/proc/{}/limits", relay.child.id())).unwrap();
    let files = limits
        .lines()
        .find(|line| line.starts_with("Max open files"));
    let mut columns = files.unwrap().split_whitespace().skip(3);
    let (soft, hard): (u64, u64) = (
        columns.next().unwrap().parse().unwrap(),
        columns.next().unwrap().parse().unwrap_or(u64::MAX),
    );
    assert!(soft >= hard.min(100_000), "{soft} of {hard}");
    assert_eq!(said.contains("open files"), hard < 100_000, "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_limit_that_is_too_low_is_told_and_kept() {
    let dir = tempfile::tempdir().unwrap();
    let (relay, log) = with_open_files("ulimit -n 128", dir.path());
    let said = until_serving(&log);
    assert!(said.contains("LimitNOFILE"), "{said}");
    // More sockets than it may have files: those beyond its places wait outside, and what it has works.
    let mut lane = Lane::open(relay.address, Transport::WebSocket).await;
    let mut others = Vec::new();
    for _ in 0..100 {
        others.push(tokio::net::TcpStream::connect(relay.address).await.unwrap());
    }
    let key = SigningKey::from_bytes(&[1; 32]);
    let login = lane.log_in(&key, 0).await;
    assert!(matches!(login, Body::Authenticated(_)), "{login:?}");
    drop(others);
    Lane::open(relay.address, Transport::WebSocket).await;
    let rest: Vec<String> = log.try_iter().collect();
    assert!(!rest.iter().any(|line| line.contains("accept")), "{rest:?}");
}
