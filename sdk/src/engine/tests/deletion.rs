//! The account is deleted: durable once decided, mailbox and record gone at the relay, and nothing else asked of anybody.

use undertone_relay::storage::{Mailboxes, Records};
use undertone_wire::frame::Body;
use undertone_wire::{ErrorCode, Failure, Frame, MailboxId, RecordId};

use super::super::{DeletionProgress, Lane};
use super::world::{Crash, World};
use crate::store::MessageState;

const DAY_MS: u64 = 86_400_000;
const DONE: DeletionProgress = DeletionProgress {
    record: true,
    profile: true,
    mailbox: true,
};

impl World {
    /// Whether the relay has a device's record and its mailbox.
    fn at_relay(&mut self, device: usize) -> (bool, bool) {
        let me = &self.engine(device).core.me;
        let record = RecordId::from_bytes(*me.manifest_record.as_bytes());
        let mailbox = MailboxId::from_bytes(*me.mailbox.as_bytes());
        let record = self.storage.record(record).unwrap();
        let mailbox = self.storage.mailbox(mailbox).unwrap();
        (record.value.is_some(), mailbox.is_some())
    }

    fn delete(&mut self, device: usize) {
        self.command(device, |step| step.delete_account()).unwrap();
    }
}

fn is_deletion(body: &Body) -> bool {
    matches!(body, Body::DeleteRecord(_) | Body::DeleteMailbox(_))
}

#[test]
fn a_deleted_account_is_gone_from_its_relay() {
    let (mut world, [anna, ben], [of_anna, _]) = World::acquainted(800);
    assert_eq!(world.at_relay(ben), (true, true));
    world.devices[ben].sent.clear();
    world.delete(ben);
    world.settle();
    assert_eq!(world.engine(ben).deletion(), Some(DONE));
    assert_eq!(world.at_relay(ben), (false, false));
    let lanes: Vec<_> = world.devices[ben]
        .sent
        .iter()
        .filter(|(_, body)| is_deletion(body))
        .map(|(lane, _)| lane.clone())
        .collect();
    assert!(matches!(lanes.as_slice(), [Lane::Record(_), Lane::Own]));
    // Whoever writes is not told more than that it waits.
    world.say(anna, of_anna, "are you there?");
    world.run_for(DAY_MS);
    let history = world.history(anna, of_anna);
    assert_ne!(history.last().unwrap().1, MessageState::Delivered);
}

#[test]
fn a_deletion_waits_for_the_relay_and_survives_restarts() {
    let (mut world, [_, ben], _) = World::acquainted(801);
    world.go_offline(ben);
    world.settle();
    world.delete(ben);
    world.run_for(DAY_MS);
    let waiting = Some(DeletionProgress {
        profile: true,
        ..DeletionProgress::default()
    });
    assert_eq!(world.engine(ben).deletion(), waiting);
    world.restart(ben);
    assert_eq!(world.engine(ben).deletion(), waiting);
    assert_eq!(world.at_relay(ben), (true, true));
    world.go_online(ben);
    world.run_for(1_000);
    assert_eq!(world.engine(ben).deletion(), Some(DONE));
    assert_eq!(world.at_relay(ben), (false, false));
}

#[test]
fn an_account_that_is_deleted_here_asks_its_relay_for_nothing_any_more() {
    let (mut world, [_, ben], _) = World::acquainted(805);
    world
        .command(ben, |step| step.delete_account_here())
        .unwrap();
    world.devices[ben].sent.clear();
    world.restart(ben);
    world.run_for(DAY_MS);
    assert_eq!(world.engine(ben).deletion(), Some(DONE));
    assert!(world.devices[ben].sent.is_empty());
    assert_eq!(world.at_relay(ben), (true, true));
}

#[test]
fn a_crash_at_any_commit_of_a_deletion_is_gone_on_with() {
    for n in 0.. {
        let mut crashed = false;
        for crash in [Crash::BeforeCommit(n), Crash::AfterCommit(n)] {
            let (mut world, [_, ben], _) = World::acquainted(802);
            world.delete(ben);
            world.devices[ben].crash = Some(crash);
            world.run_for(60_000);
            crashed |= world.devices[ben].crashed;
            assert_eq!(world.engine(ben).deletion(), Some(DONE), "{crash:?}");
            assert_eq!(world.at_relay(ben), (false, false), "{crash:?}");
        }
        if !crashed {
            assert!(n > 1);
            return;
        }
    }
}

#[test]
fn while_it_is_deleted_an_account_asks_for_nothing_else_and_takes_nothing() {
    let (mut world, [anna, ben], [of_anna, of_ben]) = World::acquainted(803);
    world.go_offline(ben);
    world.settle();
    world.say(anna, of_anna, "for ben");
    world.run_for(1_000);
    world.say(ben, of_ben, "from ben");
    let before = world.history(ben, of_ben).len();
    world.delete(ben);
    world.devices[ben].sent.clear();
    // The relay refuses for a while.
    world.tamper = Some(Box::new(move |device, frame: &mut Frame| {
        if device == ben && matches!(frame.body, Some(Body::Done(_))) {
            frame.body = Some(Body::Failure(Failure {
                code: ErrorCode::Busy.into(),
                ..Failure::default()
            }));
        }
        true
    }));
    world.go_online(ben);
    world.run_for(DAY_MS);
    for (lane, body) in &world.devices[ben].sent {
        let allowed = is_deletion(body) || matches!(body, Body::Authenticate(_));
        assert!(allowed, "on {lane:?}");
    }
    assert_eq!(world.history(ben, of_ben).len(), before);
    assert!(!world.engine(ben).deletion().unwrap().is_done());
    let asked = world.devices[ben].sent.len();
    assert!(asked < 100, "{asked} times");
    world.tamper = None;
    world.run_for(DAY_MS);
    assert_eq!(world.engine(ben).deletion(), Some(DONE));
}

#[test]
fn a_record_that_another_device_renewed_is_deleted_all_the_same() {
    let (mut world, [_, ben], _) = World::acquainted(804);
    // This device believes in an older version.
    world
        .command(ben, |step| {
            step.tx
                .meta()
                .remove(super::super::meta::OWN_MANIFEST_RECORD)
        })
        .unwrap();
    world.delete(ben);
    world.run_for(60_000);
    assert_eq!(world.engine(ben).deletion(), Some(DONE));
    assert_eq!(world.at_relay(ben), (false, false));
}
