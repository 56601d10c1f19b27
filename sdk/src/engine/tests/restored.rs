//! A relay is restored from a backup: what it took since then is sent again.

use undertone_protocol::time::DAY_MS;
use undertone_relay::storage::memory::MemoryStorage;
use undertone_wire::frame::Body;

use super::super::{Event, Lane};
use super::world::{Crash, World, relay};
use crate::store::{ContactId, ContactState, MessageState};

/// The ids of the envelopes that a device sent since `from`.
fn envelopes(world: &World, device: usize, from: usize) -> Vec<Vec<u8>> {
    world.devices[device].sent[from..]
        .iter()
        .filter_map(|(_, body)| {
            if let Body::Send(send) = body {
                Some(send.message_id.to_vec())
            } else {
                None
            }
        })
        .collect()
}

fn sent(world: &World, device: usize) -> usize {
    world.devices[device].sent.len()
}

/// Two contacts, a backup of their relay, and five messages that were taken after it and not fetched, with the ids of
/// their envelopes.
fn five_lost(
    seed: u64,
) -> (
    World,
    [usize; 2],
    [ContactId; 2],
    MemoryStorage,
    Vec<Vec<u8>>,
) {
    let (mut world, [anna, ben], [of_anna, of_ben]) = World::acquainted(seed);
    let backup = world.storage.clone();
    world.say(anna, of_anna, "arrived");
    world.run_for(5_000);
    assert_eq!(world.history(anna, of_anna)[1].1, MessageState::Delivered);
    world.go_offline(ben);
    world.settle();
    let before = sent(&world, anna);
    for n in 0..5 {
        world.say(anna, of_anna, &format!("lost {n}"));
    }
    world.settle();
    let lost = envelopes(&world, anna, before);
    assert_eq!(lost.len(), 5);
    (world, [anna, ben], [of_anna, of_ben], backup, lost)
}

fn expected(newer: &[&str]) -> Vec<String> {
    let lost = (0..5).map(|n| format!("lost {n}"));
    ["hello", "arrived"]
        .map(String::from)
        .into_iter()
        .chain(lost)
        .chain(newer.iter().map(|text| (*text).to_owned()))
        .collect()
}

#[test]
fn what_was_lost_is_sent_again_as_it_was_before_anything_newer() {
    let (mut world, [anna, ben], [of_anna, of_ben], backup, lost) = five_lost(700);
    world.restore(backup);
    // Only the connection that is used for sending is opened anew.
    world.close(anna, Lane::Anonymous(relay()));
    world.settle();
    let before = sent(&world, anna);
    world.say(anna, of_anna, "newer");
    world.settle();
    let again = envelopes(&world, anna, before);
    assert_eq!(again.len(), 6);
    assert_eq!(again[..5], lost, "the same ids in the same order");

    let shown = world.devices[ben].events.len();
    world.go_online(ben);
    world.run_for(5_000);
    assert_eq!(world.texts(ben, of_ben), expected(&["newer"]));
    let added = world.devices[ben].events[shown..]
        .iter()
        .filter(|event| matches!(event, Event::MessageAdded { .. }));
    assert_eq!(added.count(), 6, "each once");
    let conversation = world.conversation(ben, of_ben);
    let gaps = world.engine(ben).view().unwrap().gaps(conversation);
    assert!(gaps.unwrap().is_empty());
    let undelivered = world
        .history(anna, of_anna)
        .iter()
        .any(|(_, state)| *state != MessageState::Delivered);
    assert!(!undelivered);
}

#[test]
fn the_own_mailboxs_greeting_is_enough_when_nothing_newer_is_sent() {
    let (mut world, [anna, ben], [_, of_ben], backup, _) = five_lost(701);
    world.restore(backup);
    world.cut(anna);
    world.settle();
    world.go_online(ben);
    world.run_for(5_000);
    assert_eq!(world.texts(ben, of_ben), expected(&[]));
}

#[test]
fn a_crash_while_the_new_epoch_is_handled_changes_nothing() {
    for (seed, crash) in [
        Crash::BeforeCommit(0),
        Crash::AfterCommit(0),
        Crash::BeforeCommit(1),
        Crash::AfterCommit(1),
    ]
    .into_iter()
    .enumerate()
    {
        let seed = 710 + u64::try_from(seed).unwrap();
        let (mut world, [anna, ben], [_, of_ben], backup, _) = five_lost(seed);
        world.restore(backup);
        world.devices[anna].crash = Some(crash);
        world.cut(anna);
        world.settle();
        assert!(world.devices[anna].crashed);
        world.go_online(ben);
        world.run_for(120_000);
        assert_eq!(world.texts(ben, of_ben), expected(&[]), "{crash:?}");
    }
}

#[test]
fn a_repetition_shows_nowhere_when_nothing_was_lost() {
    let (mut world, [anna, ben], [of_anna, of_ben], _, lost) = five_lost(702);
    let complete = world.storage.clone();
    world.restore(complete);
    let before = sent(&world, anna);
    world.cut(anna);
    world.settle();
    assert_eq!(envelopes(&world, anna, before), lost);
    let shown = world.devices[ben].events.len();
    world.go_online(ben);
    world.run_for(20 * 60_000);
    assert_eq!(world.texts(ben, of_ben), expected(&[]));
    let added = world.devices[ben].events[shown..]
        .iter()
        .filter(|event| matches!(event, Event::MessageAdded { .. }));
    assert_eq!(added.count(), 5);
    assert_eq!(world.history(anna, of_anna).len(), 7);
}

#[test]
fn what_was_delivered_or_is_two_days_old_is_not_sent_again() {
    let (mut world, [anna, ben], [of_anna, of_ben], _, _) = five_lost(703);
    world.go_online(ben);
    world.run_for(5_000);
    world.say(ben, of_ben, "all here");
    world.run_for(5_000);
    world.say(anna, of_anna, "good");
    world.run_for(60_000);
    let complete = world.storage.clone();
    world.restore(complete);
    let before = sent(&world, anna);
    world.cut(anna);
    world.settle();
    assert!(
        envelopes(&world, anna, before).is_empty(),
        "all of it was delivered, what goes with it too"
    );

    let (mut world, [anna, _], _, backup, _) = five_lost(704);
    world.run_for(2 * DAY_MS + 3_700_000);
    world.restore(backup);
    let before = sent(&world, anna);
    world.cut(anna);
    world.settle();
    assert!(envelopes(&world, anna, before).is_empty());
}

#[test]
fn an_acceptance_that_was_lost_is_sent_again() {
    let mut world = World::new(705);
    let (anna, ben) = (world.account("Anna"), world.account("Ben"));
    world.go_online(anna);
    world.go_online(ben);
    world.settle();
    let link = world.invite(ben);
    world.add(anna, &link, "hello");
    world.settle();
    world.go_offline(anna);
    let of_ben = world.contact_in(ben, ContactState::Requested).unwrap();
    let backup = world.storage.clone();
    world.command(ben, |step| step.accept(of_ben)).unwrap();
    world.run_for(5_000);
    world.restore(backup);
    world.cut(ben);
    world.settle();
    world.go_online(anna);
    world.run_for(60_000);
    assert!(world.contact_in(anna, ContactState::Accepted).is_some());
}

/// A first message of either kind: one that carries the text, and one whose text follows it.
#[test]
fn a_first_message_that_was_lost_is_sent_again() {
    for (seed, text) in [(706, "short".to_owned()), (707, "x".repeat(4_000))] {
        let mut world = World::new(seed);
        let (anna, ben) = (world.account("Anna"), world.account("Ben"));
        world.go_online(anna);
        world.go_online(ben);
        world.settle();
        let link = world.invite(ben);
        world.go_offline(ben);
        world.settle();
        let backup = world.storage.clone();
        let of_anna = world.add(anna, &link, &text);
        world.settle();
        assert_eq!(world.history(anna, of_anna)[0].1, MessageState::Sent);
        world.restore(backup);
        world.cut(anna);
        world.settle();
        world.go_online(ben);
        world.run_for(60_000);
        let request = world.contact_in(ben, ContactState::Requested).unwrap();
        assert_eq!(world.texts(ben, request), [text]);
    }
}

#[test]
fn first_messages_that_wait_at_a_restored_relay_still_open() {
    let mut world = World::new(708);
    let (anna, ben) = (world.account("Anna"), world.account("Ben"));
    world.go_online(anna);
    world.go_online(ben);
    world.settle();
    let link = world.invite(ben);
    world.go_offline(ben);
    world.settle();
    world.add(anna, &link, "waiting");
    world.settle();
    world.go_offline(anna);
    world.settle();
    let complete = world.storage.clone();
    world.restore(complete);
    world.go_online(ben);
    world.run_for(60_000);
    let request = world.contact_in(ben, ContactState::Requested).unwrap();
    assert_eq!(world.texts(ben, request), ["waiting"]);
}

#[test]
fn an_own_relay_that_shows_a_new_epoch_at_each_login_does_not_fill_the_store() {
    let mut world = World::new(709);
    let ben = world.account("Ben");
    for round in 0..40 {
        let complete = world.storage.clone();
        world.restore(complete);
        world
            .storage
            .replace_epoch(undertone_wire::StoreEpoch::from_bytes([round; 16]));
        world.go_online(ben);
        world.run_for(1_000);
        world.go_offline(ben);
        world.settle();
    }
    let kept = world
        .command(ben, |step| step.tx.prekeys().one_time_kept())
        .unwrap();
    assert!(kept < 4_150, "{kept}");
    assert!(kept >= 4_000, "{kept}: the bound is what stopped it");
}
