//! Relays that are away, of another version, of another year, or hostile. Both people see why; what they write waits; when
//! the relay is honest again everything arrives.

use undertone_tests::process::{Chat, Line, RelayProcess, free_address};
use undertone_wire::Hello;

use crate::between::{Between, Change, Place};
use crate::talk::{Setting, Talk};

const GIB: u64 = 1 << 30;
const MIB: u64 = 1 << 20;

/// Milliseconds.
const YEAR: u64 = 365 * 24 * 60 * 60 * 1_000;

/// A talk over a relay that something stands before.
fn over_something_between() -> (Talk, Between) {
    let relay = free_address();
    let between = Between::new(relay);
    let talk = Talk::at(Setting {
        listen: Some(relay),
        reach: Some(between.address()),
        ..Setting::default()
    });
    (talk, between)
}

#[test]
fn a_relay_that_is_not_there_is_waited_for() {
    let folder = tempfile::tempdir().unwrap();
    let address = free_address();
    let mut alice = Chat::start(&folder.path().join("alice"), address, "alice");
    let offline = alice.expect("offline", |_| true);
    assert_eq!(
        (offline.field(1), offline.field(2)),
        ("the relay cannot be reached", "nobody")
    );
    let _relay = RelayProcess::start(&folder.path().join("relay"), address);
    // What the user does makes it be tried at once.
    alice.ask("/invite");
    alice.expect("reachable", |_| true);
}

#[test]
fn what_is_written_while_the_relay_is_away_arrives_when_it_is_back() {
    let mut talk = Talk::new();
    talk.relay_is_killed();
    talk.alice().expect("offline", |line| {
        line.field(1) == "the relay cannot be reached" && line.field(2) == "nobody"
    });
    talk.alice_says("written while the relay was away");
    talk.relay_returns();
    talk.goes_on();
}

/// Two versions that this client does not speak, with the greeting that says so, whose fields may be other ones than ours;
/// and who must act, how.
type Version = (fn(&mut Hello), &'static str, &'static str);
const VERSIONS: [Version; 2] = [
    (
        |hello| {
            hello.protocol_version = 7;
            hello.challenge = vec![7; 64].into();
        },
        "user",
        "the relay speaks protocol version 7, this client version 1: update this app",
    ),
    (
        |hello| {
            hello.protocol_version = 0;
            hello.limits = None;
        },
        "operator",
        "the relay speaks protocol version 0, this client version 1: its operator must update it",
    ),
];

#[test]
fn a_new_profile_at_a_relay_of_another_version_is_told_at_once_who_must_update() {
    for (greeting, actor, reason) in VERSIONS {
        let folder = tempfile::tempdir().unwrap();
        let relay = free_address();
        let _relay = RelayProcess::start(&folder.path().join("relay"), relay);
        let between = Between::new(relay);
        between.change(Change::Greeting(greeting));
        let mut alice = Chat::start(&folder.path().join("alice"), between.address(), "alice");
        let first = alice.expect("offline", |_| true);
        assert_eq!((first.field(1), first.field(2)), (reason, actor));
        between.change(Change::Nothing);
        // What the user does makes it be tried at once.
        alice.ask("/invite");
        alice.expect("reachable", |_| true);
    }
}

#[test]
fn a_relay_that_becomes_another_version_is_told_and_nothing_is_lost() {
    let (mut talk, between) = over_something_between();
    for (greeting, actor, reason) in VERSIONS {
        between.change(Change::Greeting(greeting));
        talk.alice_says("waits for an update");
        talk.bob_says("mine as well");
        let told = |line: &Line| line.field(1) == reason && line.field(2) == actor;
        talk.alice().expect("offline", told);
        talk.bob().expect("offline", told);
        between.change(Change::Nothing);
        // By itself it would look again after minutes only.
        talk.alice_says("updated");
        talk.bob_says("so am I");
        talk.goes_on();
    }
}

#[test]
fn s10_a_clock_a_year_off_is_told_and_messages_flow_meanwhile() {
    let (mut talk, between) = over_something_between();
    for change in [(|hello| hello.time_ms += YEAR) as fn(&mut Hello), |hello| {
        hello.time_ms -= YEAR
    }] {
        between.change(Change::Greeting(change));
        talk.alice().expect("alarm", |line| {
            line.field(1)
                == "this device's clock and the relay's differ by more than a day: set the clock"
        });
        talk.goes_on();
        between.change(Change::Nothing);
        talk.alice()
            .expect("alarm", |line| line.field(1) == "the clocks agree again");
        talk.goes_on();
    }
}

/// Most memory that a process has ever held, in bytes, from the kernel.
#[cfg(target_os = "linux")]
fn peak_memory(process: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).unwrap();
    let peak = status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:"))
        .unwrap();
    let kib: u64 = peak.trim().trim_end_matches(" kB").parse().unwrap();
    kib * 1024
}

/// S11: whatever comes behind the greeting, the client hangs up with a typed cause, having taken no more than its limits.
#[cfg(target_os = "linux")]
fn attack_costs_little(bytes: Vec<u8>, cause: &str) {
    let (mut talk, between) = over_something_between();
    between.change(Change::Attack(bytes));
    talk.alice_says("written under attack");
    talk.alice().expect("offline", |line| {
        line.field(1) == cause && line.field(2) == "operator"
    });
    between.change(Change::Nothing);
    talk.goes_on();
    // Sockets buffer on both sides of each connection; beyond that nothing was taken.
    assert!(between.taken() < 256 * MIB, "{}", between.taken());
    has_taken_little(&mut talk);
}

#[cfg(target_os = "linux")]
#[test]
fn s11_a_frame_of_a_gibibyte_costs_no_memory() {
    let mut header = vec![0x82, 127];
    header.extend(GIB.to_be_bytes());
    attack_costs_little(
        header,
        "the relay broke the protocol: a message above the limit",
    );
}

#[cfg(target_os = "linux")]
#[test]
fn s11_a_compressed_frame_is_refused_unread() {
    // FIN and RSV1, which marks permessage-deflate (RFC 7692, section 6): zeros of a mebibyte may inflate to a gibibyte.
    let mut header = vec![0xc2, 127];
    header.extend((256 * 1024_u64).to_be_bytes());
    attack_costs_little(
        header,
        "the relay broke the protocol: a broken WebSocket stream",
    );
}

/// From now on the relay dribbles. Alice writes when she was told that the connection is gone, so that it is tried at once.
#[cfg(target_os = "linux")]
fn dribbles(talk: &mut Talk, between: &Between, place: Place) {
    between.change(Change::Dribble(place));
    talk.alice()
        .expect("offline", |line| line.field(1) == "the connection broke");
    talk.alice_says("written to a relay that dribbles");
}

#[cfg(target_os = "linux")]
fn has_taken_little(talk: &mut Talk) {
    let peak = peak_memory(talk.alice().process());
    assert!(peak < 64 * MIB, "{peak}");
}

/// S11: a relay that sends one byte at a time holds nobody. Meanwhile the client is there for its user, and takes no more memory
/// than ever.
#[cfg(target_os = "linux")]
#[test]
fn s11_a_relay_that_dribbles_is_left_and_what_was_written_arrives_when_it_behaves() {
    let (mut talk, between) = over_something_between();
    for (place, cause) in [
        (Place::Message, "the relay stopped answering"),
        (Place::Head, "the relay took too long to answer the upgrade"),
    ] {
        dribbles(&mut talk, &between, place);
        talk.alice().expect("offline", |line| {
            line.field(1) == cause && line.field(2) == "nobody"
        });
        talk.alice_says("and written when that was known");
        talk.alice_has_what_she_wrote();
        between.change(Change::Nothing);
        talk.goes_on();
    }
    has_taken_little(&mut talk);
}

/// A greeting that does not end is taken for a network that lets no WebSocket through, and done without.
#[cfg(target_os = "linux")]
#[test]
fn s11_a_greeting_that_dribbles_is_done_without() {
    let (mut talk, between) = over_something_between();
    dribbles(&mut talk, &between, Place::Greeting);
    talk.bob().expect("offline", |_| true);
    talk.goes_on();
    between.change(Change::Nothing);
    talk.goes_on();
    has_taken_little(&mut talk);
}
