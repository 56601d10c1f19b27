//! Disks that are full, on either side: each program says whose disk it is, keeps what it has, and goes on when there is
//! room again, without being started anew.

use undertone_tests::process::{Chat, RelayProcess, free_address};

use crate::disk::Disk;
use crate::talk::{Setting, Talk, fails};

/// MiB of a disk that is to be full.
const SIZE: u32 = 16;

fn alice_on(disk: Disk) -> Talk {
    Talk::at(Setting {
        alice_disk: Some(disk),
        ..Setting::default()
    })
}

fn relay_on(disk: Disk) -> Talk {
    Talk::at(Setting {
        relay_disk: Some(disk),
        ..Setting::default()
    })
}

/// Alice writes until she is refused; the log may have room for a few more. Gives the error.
fn fills_up(talk: &mut Talk) -> (String, String) {
    talk.alice_disk().fill();
    let long = "x".repeat(8_000);
    loop {
        if let Some(refused) = talk.alice_tries(&long) {
            return refused;
        }
    }
}

fn for_the_user() -> (String, String) {
    (
        "user".to_owned(),
        "the disk is full: free some space".to_owned(),
    )
}

#[test]
fn a_full_disk_of_the_client_refuses_and_recovers() {
    let Some(disk) = Disk::of_mib(SIZE) else {
        return;
    };
    let mut talk = alice_on(disk);
    assert_eq!(fills_up(&mut talk), for_the_user());
    talk.alice_has_what_she_wrote();
    // What comes meanwhile is not acknowledged, so it waits at the relay.
    talk.bob_says("said while your disk was full");
    talk.alice_disk().free();
    talk.alice().expect("alarm", |line| {
        line.field(1) == "the store can be written again"
    });
    talk.goes_on();
    talk.alice_leaves();
    talk.alice_returns();
    talk.goes_on();

    assert_eq!(fills_up(&mut talk), for_the_user());
    talk.alice_is_killed();
    talk.bob_says("said after you were killed");
    talk.alice_disk().free();
    talk.alice_returns();
    talk.goes_on();
}

#[test]
fn on_a_full_disk_a_profile_opens_and_none_is_made() {
    let Some(disk) = Disk::of_mib(SIZE) else {
        return;
    };
    let mut talk = alice_on(disk);
    talk.alice_leaves();
    talk.alice_disk().fill();
    talk.alice_returns();
    talk.alice_has_what_she_wrote();
    assert_eq!(talk.alice_tries("no room"), Some(for_the_user()));
    talk.alice_leaves();

    let mut carol = talk.chat_command("carol", Some(talk.alice_disk()));
    let line = fails(&mut carol);
    assert!(
        line.ends_with(
            "store.key cannot be used: No space left on device (os error 28) (who must act: user)"
        ),
        "{line}"
    );
    talk.alice_disk().free();
    talk.alice_returns();
    talk.goes_on();
    Chat::run(&mut carol).leave();
}

#[test]
fn on_a_full_disk_nothing_is_exported_by_halves() {
    let Some(disk) = Disk::of_mib(SIZE) else {
        return;
    };
    let export = format!("/export {}", disk.path().join("export").display());
    let mut talk = alice_on(disk);
    talk.alice_says("to be exported");
    talk.alice_disk().fill();
    for _ in 0..2 {
        let answer = talk.alice().ask(&export);
        let error = answer.iter().find(|line| line.kind() == "error").unwrap();
        assert_eq!(error.field(1), "user");
        assert!(error.field(2).contains("No space left"), "{error:?}");
    }
    talk.alice_disk().free();
    let answer = talk.alice().ask(&export);
    assert!(
        answer.iter().any(|line| line.kind() == "text"),
        "{answer:?}"
    );
    talk.goes_on();
}

#[test]
fn where_no_file_can_be_made_a_profile_says_that_the_disk_is_full() {
    let Some(disk) = Disk::of_mib(SIZE) else {
        return;
    };
    let mut talk = alice_on(disk);
    talk.alice_leaves();
    talk.bob_says("are you there?");
    talk.alice_disk().fill_with_files();
    assert_eq!(
        fails(&mut talk.alice_command()),
        "chat: the disk is full: free some space (who must act: user)"
    );
    talk.alice_disk().free();
    talk.alice_returns();
    talk.goes_on();
}

#[test]
fn a_full_disk_of_the_relay_is_told_to_the_sender_and_recovers() {
    let Some(disk) = Disk::of_mib(SIZE) else {
        return;
    };
    let mut talk = relay_on(disk);
    talk.relay_disk().fill();
    talk.alice_says("said while the relay's disk was full");
    talk.alice().expect("alarm", |line| {
        line.field(1).starts_with("sending to contact")
            && line
                .field(1)
                .ends_with("waits: the relay's disk is full; its operator must act")
    });
    talk.relay()
        .expect("only acks and deletes are taken: Free some space on the disk.");
    talk.relay_disk().free();
    talk.relay().expect("there is room for the store again");
    talk.goes_on();
}

/// A relay whose disk was filled while it was stopped says so, and starts when there is room.
fn does_not_start_until_there_is_room(fill: impl FnOnce(&Disk)) {
    let Some(disk) = Disk::of_mib(SIZE) else {
        return;
    };
    let mut talk = relay_on(disk);
    talk.relay_stops();
    fill(talk.relay_disk());
    talk.alice_says("said while the relay was away");
    let line = fails(&mut talk.relay_command());
    assert!(
        line.starts_with("undertone-relay: ")
            && line.ends_with("relay.db: the store is full. Free some space on the disk."),
        "{line}"
    );
    talk.relay_disk().free();
    talk.relay_returns();
    talk.goes_on();
}

#[test]
fn a_relay_does_not_start_on_a_full_disk() {
    does_not_start_until_there_is_room(Disk::fill);
}

#[test]
fn a_relay_does_not_start_where_no_file_can_be_made() {
    does_not_start_until_there_is_room(Disk::fill_with_files);
}

#[test]
fn a_new_relay_is_not_made_on_a_full_disk() {
    for fill in [Disk::fill, Disk::fill_with_files] {
        let Some(disk) = Disk::of_mib(SIZE) else {
            return;
        };
        fill(&disk);
        let mut command = disk.enter(&RelayProcess::command(
            &disk.path().join("relay"),
            free_address(),
        ));
        let line = fails(&mut command);
        assert!(
            line.starts_with("undertone-relay: ") && line.ends_with("Free some space on the disk."),
            "{line}"
        );
        disk.free();
        RelayProcess::run(&mut command).stop();
    }
}

#[test]
fn a_relay_that_had_a_full_disk_serves_what_it_has_and_goes_on_when_there_is_room() {
    let Some(disk) = Disk::of_mib(SIZE) else {
        return;
    };
    let mut talk = relay_on(disk);
    talk.alice_leaves();
    talk.bob_sends("taken before the disk was full");
    talk.relay_disk().fill();
    talk.bob_says("said while the relay's disk was full");
    talk.relay_is_killed();
    talk.relay_returns();
    talk.alice_returns();
    talk.alice().expect("message", |line| {
        line.field(5) == "taken before the disk was full"
    });
    talk.relay_is_killed();
    talk.relay_disk().free();
    talk.relay_returns();
    talk.goes_on();
}
