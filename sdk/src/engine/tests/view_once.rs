//! Messages that are shown once: when, how often, and what is left of them.

use undertone_protocol::content::{Body as Says, Edit, MessageId, Post, Timer};
use undertone_protocol::time::DAY_MS;

use super::super::limits::VIEW_ONCE_KEEP_S;
use super::world::World;
use crate::error::{ChangeError, StepError};
use crate::store::{ContactId, MessageKind, MessageState, SearchFilter, SearchQuery};

const SECRET: &str = "qxzvw the swordfish";

fn once() -> Post {
    Post {
        view_once: true,
        ..Post::text(SECRET)
    }
}

impl World {
    fn say_once(&mut self, device: usize, contact: ContactId, post: Post) -> MessageId {
        let conversation = self.conversation(device, contact);
        self.command(device, |step| step.send_post(conversation, post))
            .unwrap()
    }

    fn view_once(&mut self, device: usize, message: &MessageId) -> Result<Post, ChangeError> {
        self.command(device, |step| step.view_once(message))
    }

    fn kind(&mut self, device: usize, message: &MessageId) -> MessageKind {
        self.row(device, message).message.kind
    }

    /// Whether the words of it are anywhere in what a device shows.
    fn is_shown(&mut self, device: usize, contact: ContactId) -> bool {
        let conversation = self.conversation(device, contact);
        let view = self.engine(device).view().unwrap();
        let query = SearchQuery::parse("swordfish");
        let found = view.search(&query, &SearchFilter::default(), None, 5);
        let rows = view.messages_before(conversation, None, 50).unwrap();
        let listed = view.conversation(conversation).unwrap().unwrap();
        !found.unwrap().hits.is_empty()
            || rows.iter().any(|row| row.message.body.contains("sword"))
            || listed.last.unwrap().preview.contains("sword")
    }
}

#[test]
fn what_is_shown_once_is_given_once_and_its_sender_learns_it() {
    let (mut world, [anna, ben], [of_anna, of_ben]) = World::acquainted(1_100);
    world.read_all(ben, of_ben);
    let message = world.say_once(anna, of_anna, once());
    world.run_for(1_000);
    for (device, contact) in [(anna, of_anna), (ben, of_ben)] {
        assert!(!world.is_shown(device, contact));
        assert_eq!(world.kind(device, &message), MessageKind::ViewOnce);
    }
    assert_eq!(world.engine(ben).view().unwrap().unread().unwrap(), 1);
    // Reading the conversation is not looking at it.
    world.read_all(ben, of_ben);
    world.run_for(60_000);
    assert_eq!(
        world.row(anna, &message).message.state,
        MessageState::Delivered
    );
    world.restart(ben);
    world.settle();
    assert_eq!(world.view_once(ben, &message).unwrap(), once());
    assert_eq!(world.kind(ben, &message), MessageKind::Viewed);
    assert_eq!(world.row(ben, &message).message.extra, None);
    assert_eq!(
        world.view_once(ben, &message),
        Err(ChangeError::NotPossible)
    );
    assert!(!world.is_shown(ben, of_ben));
    world.run_for(60_000);
    assert_eq!(world.row(anna, &message).message.state, MessageState::Read);
    assert_eq!(
        world.view_once(anna, &message),
        Err(ChangeError::NotPossible),
        "its sender is not shown it"
    );
}

#[test]
fn its_sender_keeps_no_copy_for_whoever_has_it() {
    let (mut world, [anna, ben], [of_anna, _]) = World::acquainted(1_110);
    let copies = |world: &mut World, message: &MessageId| {
        let view = world.engine(anna).view().unwrap();
        let kept = view.tx.retained().of_message(message).unwrap();
        kept.iter()
            .map(|kept| kept.item.content.is_some())
            .collect::<Vec<_>>()
    };
    world.go_offline(ben);
    let message = world.say_once(anna, of_anna, once());
    let other = world.say(anna, of_anna, "an ordinary one");
    world.run_for(60_000);
    assert_eq!(copies(&mut world, &message), [true], "it may be lost yet");
    world.go_online(ben);
    world.run_for(60_000);
    assert_eq!(copies(&mut world, &message), [false]);
    assert_eq!(copies(&mut world, &other), [true]);
}

#[test]
fn who_never_looks_does_not_keep_it() {
    let (mut world, [anna, ben], [of_anna, _]) = World::acquainted(1_120);
    let message = world.say_once(anna, of_anna, once());
    world.run_for(13 * DAY_MS);
    world.restart(ben);
    world.settle();
    assert_eq!(world.kind(ben, &message), MessageKind::ViewOnce);
    world.run_for(2 * DAY_MS);
    assert_eq!(world.kind(ben, &message), MessageKind::Removed);
    assert_eq!(u64::from(VIEW_ONCE_KEEP_S) * 1_000, 14 * DAY_MS);
}

#[test]
fn a_timer_begins_when_it_is_looked_at_and_takes_the_rest_of_it() {
    let (mut world, [anna, ben], [of_anna, of_ben]) = World::acquainted(1_130);
    let post = Post {
        disappears_after: Timer::from_seconds(60),
        ..once()
    };
    let message = world.say_once(anna, of_anna, post.clone());
    world.run_for(1_000);
    world.read_all(ben, of_ben);
    world.run_for(120_000);
    assert_eq!(world.kind(ben, &message), MessageKind::ViewOnce);
    assert_eq!(world.view_once(ben, &message).unwrap(), post);
    world.run_for(30_000);
    assert_eq!(world.kind(ben, &message), MessageKind::Viewed);
    world.run_for(60_000);
    assert_eq!(world.kind(ben, &message), MessageKind::Removed);
}

/// Neither before nor after it was looked at can its sender make it say something in sight.
#[test]
fn an_edit_shows_nothing_of_it_and_its_sender_can_take_it_back() {
    let (mut world, [anna, ben], [of_anna, of_ben]) = World::acquainted(1_140);
    let [seen, unseen] = [(); 2].map(|()| {
        let message = world.say_once(anna, of_anna, once());
        world.run_for(1_000);
        message
    });
    world.view_once(ben, &seen).unwrap();
    for message in [seen, unseen] {
        let edited = world.command(anna, |step| step.edit(&message, Post::text(SECRET)));
        assert_eq!(edited, Err(ChangeError::NotPossible));
        let conversation = world.conversation(anna, of_anna);
        world
            .command(anna, |step| {
                let edit = Says::Edit(Edit {
                    target: message,
                    post: once(),
                });
                let composed = step.compose_shown(conversation, edit)?;
                step.queue(of_anna, &composed)
            })
            .map_err(|_: StepError| ())
            .unwrap();
    }
    world.run_for(60_000);
    assert!(!world.is_shown(ben, of_ben));
    assert_eq!(world.kind(ben, &seen), MessageKind::Viewed);
    assert_eq!(world.kind(ben, &unseen), MessageKind::ViewOnce);
    for message in [seen, unseen] {
        world
            .command(anna, |step| step.delete_for_everyone(&message))
            .unwrap();
        world.run_for(1_000);
        assert_eq!(world.kind(ben, &message), MessageKind::Deleted);
        assert_eq!(
            world.view_once(ben, &message),
            Err(ChangeError::NotPossible)
        );
    }
}
