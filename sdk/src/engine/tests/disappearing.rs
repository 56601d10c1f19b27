//! Messages that disappear: at whom, when, and what is left of them.

use undertone_protocol::content::{Body as Says, MessageId, Post, Timer};
use undertone_protocol::time::DAY_MS;

use super::super::Event;
use super::world::World;
use crate::store::{ContactId, MessageKind, SearchFilter, SearchQuery};

const MINUTE: u64 = 60_000;

fn timer(seconds: u32) -> Option<Timer> {
    Timer::from_seconds(seconds)
}

impl World {
    fn set_timer(&mut self, device: usize, contact: ContactId, seconds: u32) {
        let conversation = self.conversation(device, contact);
        self.command(device, |step| step.set_timer(conversation, timer(seconds)))
            .unwrap();
    }

    fn timer(&mut self, device: usize, contact: ContactId) -> Option<u32> {
        let view = self.engine(device).view().unwrap();
        view.conversation_of(contact).unwrap().unwrap().timer
    }

    /// Copies of a message that are kept for sending it again.
    fn kept_copies(&mut self, device: usize, message: &MessageId) -> usize {
        let view = self.engine(device).view().unwrap();
        let kept = view.tx.retained().of_message(message).unwrap();
        kept.iter()
            .filter(|kept| kept.item.content.is_some())
            .count()
    }

    fn is_gone(&mut self, device: usize, message: &MessageId) -> bool {
        let row = self.row(device, message);
        let gone = row.message.kind == MessageKind::Removed;
        assert_eq!(gone, row.message.body.is_empty());
        gone
    }
}

#[test]
fn what_is_written_under_a_timer_disappears_after_it_was_read_and_at_its_writer() {
    let (mut world, [anna, ben], [of_anna, of_ben]) = World::acquainted(300);
    world.read_all(ben, of_ben);
    let before = world.say(anna, of_anna, "stays");
    world.run_for(1_000);
    world.set_timer(anna, of_anna, 60);
    world.run_for(1_000);
    assert_eq!(
        (world.timer(anna, of_anna), world.timer(ben, of_ben)),
        (Some(60), Some(60))
    );
    let message = world.say(anna, of_anna, "does not stay");
    world.run_for(59_000);
    assert!(!world.is_gone(anna, &message));
    world.run_for(2_000);
    assert!(
        world.is_gone(anna, &message),
        "a minute after it was written"
    );
    world.run_for(10 * MINUTE);
    assert!(!world.is_gone(ben, &message), "nobody read it yet");
    world.read_all(ben, of_ben);
    world.run_for(59_000);
    assert!(!world.is_gone(ben, &message));
    world.run_for(2_000);
    assert!(world.is_gone(ben, &message), "a minute after it was read");
    let told = |event: &Event| matches!(event, Event::MessageRemoved { message: of, .. } if *of == message);
    for device in [anna, ben] {
        assert!(world.devices[device].events.iter().any(told));
        assert!(!world.is_gone(device, &before));
        let view = world.engine(device).view().unwrap();
        let query = SearchQuery::parse("does not");
        assert!(
            view.search(&query, &SearchFilter::default(), None, 5)
                .unwrap()
                .hits
                .is_empty()
        );
        assert!(
            view.tx
                .retained()
                .of_message(&message)
                .unwrap()
                .iter()
                .all(|kept| kept.item.content.is_none())
        );
    }
    // The answer has the timer too, which Ben did not set.
    let answer = world.say(ben, of_ben, "nor does this");
    world.run_for(61_000);
    assert!(world.is_gone(ben, &answer));
}

#[test]
fn both_sides_show_who_set_the_timer_and_the_newest_one_counts() {
    let (mut world, [anna, ben], [of_anna, of_ben]) = World::acquainted(310);
    let rows = |world: &mut World, device: usize, contact: ContactId| -> Vec<(bool, Vec<u8>)> {
        let conversation = world.conversation(device, contact);
        let view = world.engine(device).view().unwrap();
        let mut rows = view.messages_before(conversation, None, 50).unwrap();
        rows.reverse();
        rows.retain(|row| row.message.kind == MessageKind::TimerSet);
        rows.into_iter()
            .map(|row| (row.message.sender.is_none(), row.message.extra.unwrap()))
            .collect()
    };
    world.read_all(ben, of_ben);
    world.set_timer(anna, of_anna, 3_600);
    world.run_for(1_000);
    world.set_timer(ben, of_ben, 5);
    world.run_for(1_000);
    world.set_timer(anna, of_anna, 0);
    world.run_for(1_000);
    let shown = [3_600_u32, 5, 0].map(|seconds| seconds.to_be_bytes().to_vec());
    for (device, contact, first) in [(anna, of_anna, true), (ben, of_ben, false)] {
        let whose = [first, !first, first];
        let expected: Vec<_> = whose.into_iter().zip(shown.clone()).collect();
        assert_eq!(rows(&mut world, device, contact), expected);
        assert_eq!(world.timer(device, contact), None);
    }
    let list = world
        .engine(ben)
        .view()
        .unwrap()
        .conversations(false, None, 1)
        .unwrap();
    assert_eq!(list[0].unread, 0, "nothing to read");
    let stays = world.say(anna, of_anna, "stays");
    world.run_for(DAY_MS);
    assert!(!world.is_gone(anna, &stays));
}

/// What was read before a restart waits for a time that is known to be right; a clock that is a year ahead deletes nothing.
#[test]
fn timers_go_on_after_a_restart_and_a_wrong_clock_ends_none() {
    let (mut world, [anna, ben], [of_anna, of_ben]) = World::acquainted(320);
    world.set_timer(anna, of_anna, 600);
    world.run_for(1_000);
    let message = world.say(anna, of_anna, "ten minutes");
    world.run_for(1_000);
    world.read_all(ben, of_ben);
    world.run_for(MINUTE);
    world.go_offline(ben);
    world.settle();
    world.devices[ben].clock_error = 365 * 86_400_000;
    world.restart(ben);
    world.run_for(60 * MINUTE);
    assert!(
        !world.is_gone(ben, &message),
        "no time was trusted since the restart"
    );
    world.go_online(ben);
    world.run_for(60 * MINUTE);
    assert!(!world.is_gone(ben, &message), "the clock is a year off");
    world.go_offline(ben);
    world.settle();
    world.devices[ben].clock_error = 0;
    world.restart(ben);
    world.go_online(ben);
    world.run_for(MINUTE);
    assert!(world.is_gone(ben, &message));
    // In one process no relay is needed.
    let again = world.say(anna, of_anna, "once more");
    world.run_for(1_000);
    world.read_all(ben, of_ben);
    world.go_offline(ben);
    world.settle();
    world.devices[ben].clock_error = -365 * 86_400_000;
    world.run_for(599_000);
    assert!(!world.is_gone(ben, &again));
    world.run_for(2_000);
    assert!(world.is_gone(ben, &again));
}

#[test]
fn what_disappeared_does_not_come_back() {
    let (mut world, [anna, ben], [of_anna, of_ben]) = World::acquainted(330);
    world.set_timer(anna, of_anna, 60);
    world.run_for(1_000);
    let message = world.say(anna, of_anna, "for a minute");
    world.run_for(1_000);
    world.read_all(ben, of_ben);
    // An edit does not put it off.
    world
        .command(anna, |step| {
            step.edit(&message, Post::text("still for a minute"))
        })
        .unwrap();
    world.run_for(61_000);
    assert!(world.is_gone(ben, &message) && world.is_gone(anna, &message));
    // Neither does what comes late.
    let conversation = world.conversation(anna, of_anna);
    world
        .command(anna, |step| {
            let edit = undertone_protocol::content::Edit {
                target: message,
                post: Post::text("back"),
            };
            let composed = step.compose_shown(conversation, Says::Edit(edit))?;
            step.queue(of_anna, &composed)
        })
        .unwrap();
    world.run_for(10_000);
    assert!(world.is_gone(ben, &message));
    let view = world.engine(ben).view().unwrap();
    assert!(view.revisions(&message).unwrap().is_empty());
}

/// What disappeared, or was deleted here, before it was sent is sent all the same; no copy of it is kept after that.
#[test]
fn what_disappeared_in_the_queue_is_sent_and_no_copy_kept() {
    let (mut world, [anna, ben], [of_anna, of_ben]) = World::acquainted(340);
    world.set_timer(anna, of_anna, 60);
    world.run_for(1_000);
    world.go_offline(anna);
    world.settle();
    let expired = world.say(anna, of_anna, "for a minute");
    let deleted = world.say(anna, of_anna, "not for me");
    world
        .command(anna, |step| step.delete_here(&deleted))
        .unwrap();
    world.run_for(120_000);
    assert!(world.is_gone(anna, &expired) && world.is_gone(anna, &deleted));
    world.go_online(anna);
    world.run_for(10_000);
    let texts = world.texts(ben, of_ben);
    assert_eq!(texts[texts.len() - 2..], ["for a minute", "not for me"]);
    for message in [expired, deleted] {
        assert_eq!(world.kept_copies(anna, &message), 0);
    }
    let kept = world.say(anna, of_anna, "the control");
    world.run_for(1_000);
    assert_eq!(world.kept_copies(anna, &kept), 1);
}

/// A timer that began by a wrong clock begins anew when a time is trusted, whichever way the clock was wrong.
#[test]
fn a_timer_that_began_by_a_wrong_clock_begins_anew() {
    for error in [365 * 86_400_000, -365 * 86_400_000] {
        let (mut world, [anna, ben], [of_anna, of_ben]) = World::acquainted(350);
        world.set_timer(anna, of_anna, 600);
        let message = world.say(anna, of_anna, "ten minutes");
        world.run_for(1_000);
        world.go_offline(ben);
        world.settle();
        world.devices[ben].clock_error = error;
        world.restart(ben);
        world.go_online(ben);
        world.run_for(10_000);
        world.read_all(ben, of_ben);
        world.go_offline(ben);
        world.settle();
        world.devices[ben].clock_error = 0;
        world.restart(ben);
        world.go_online(ben);
        world.run_for(500_000);
        assert!(!world.is_gone(ben, &message), "{error}");
        world.run_for(200_000);
        assert!(world.is_gone(ben, &message), "{error}");
    }
}
