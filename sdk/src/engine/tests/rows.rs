//! What rows of lists and timelines say that is no message, or is counted: mentions, news of an identity, gaps.

use undertone_protocol::content::{Body as Says, Edit, Mention, MessageId, Post, Reply, TextRange};
use undertone_wire::frame::Body;

use super::super::{Event, IdentityAlarm};
use super::world::World;
use crate::store::{ContactId, ContactState, MessageKind, Missing, Span, TimelineEntry, Towards};

impl World {
    /// Unread messages, and those of them that name this account.
    fn unread(&mut self, device: usize, contact: ContactId) -> (u64, u64) {
        let view = self.engine(device).view().unwrap();
        let row = view.conversation_of(contact).unwrap().unwrap();
        (row.unread, row.mentions)
    }

    /// The timeline, oldest first: texts, and how many messages are missing.
    fn timeline(&mut self, device: usize, contact: ContactId) -> Vec<String> {
        let conversation = self.conversation(device, contact);
        let view = self.engine(device).view().unwrap();
        let entries = view.timeline(conversation, &Span::default(), Towards::Newer, 100);
        let shown = entries.unwrap().into_iter().map(|entry| match entry {
            TimelineEntry::Message(row) => row.message.body,
            TimelineEntry::Gap(row, _) => match row.missing {
                Missing::Stream { first, last, .. } => format!("({} missing)", last - first + 1),
                Missing::Envelope { .. } => panic!("it has no place"),
            },
        });
        shown.collect()
    }

    fn post(&mut self, device: usize, contact: ContactId, post: Post) -> MessageId {
        let conversation = self.conversation(device, contact);
        self.command(device, |step| step.send_post(conversation, post))
            .unwrap()
    }
}

#[test]
fn what_names_or_answers_this_account_is_counted_until_it_is_read() {
    let (mut world, [anna, ben], [of_anna, of_ben]) = World::acquainted(600);
    let own = world.say(ben, of_ben, "a question");
    world.run_for(1_000);
    world.read_all(ben, of_ben);
    assert_eq!(world.unread(ben, of_ben), (0, 0));
    let [account, of_her] = [ben, anna].map(|device| world.engine(device).core.me.account);
    let named = |account| Post {
        mentions: vec![Mention {
            range: TextRange { start: 0, len: 4 },
            account,
        }],
        ..Post::text("@ben look")
    };
    let answer = Post {
        reply: Some(Reply {
            message: own,
            author: account,
            quote: "a question".to_owned(),
        }),
        ..Post::text("an answer")
    };
    world.say(anna, of_anna, "ben is not named by his name");
    world.post(anna, of_anna, named(of_her));
    let mention = world.post(anna, of_anna, named(account));
    world.post(anna, of_anna, answer);
    world.run_for(1_000);
    assert_eq!(world.unread(ben, of_ben), (4, 2));
    // Who is named no more is not called.
    let edit = |world: &mut World, post| {
        let edited = world.command(anna, |step| step.edit(&mention, post));
        edited.unwrap();
        world.run_for(1_000);
    };
    edit(&mut world, Post::text("nobody"));
    assert_eq!(world.unread(ben, of_ben), (4, 1));
    edit(&mut world, named(account));
    assert_eq!(world.unread(ben, of_ben), (4, 2));
    let taken_back = world.command(anna, |step| step.delete_for_everyone(&mention));
    taken_back.unwrap();
    world.run_for(1_000);
    assert_eq!(world.unread(ben, of_ben), (3, 1));
    world.read_all(ben, of_ben);
    assert_eq!(world.unread(ben, of_ben), (0, 0));
    assert_eq!(
        world.unread(anna, of_anna).1,
        0,
        "one does not name oneself"
    );
}

#[test]
fn news_of_an_identity_stands_in_the_conversation_once_and_nobody_can_change_it() {
    let (mut world, [anna, ben], [of_anna, of_ben]) = World::acquainted(601);
    let alarm = |world: &mut World| {
        let alarm = IdentityAlarm::DeviceAdded;
        let told = world.command(ben, |step| step.identity_alarm(of_ben, alarm));
        told.unwrap();
    };
    let before = world.unread(ben, of_ben);
    alarm(&mut world);
    alarm(&mut world);
    let conversation = world.conversation(ben, of_ben);
    let rows = |world: &mut World| {
        let view = world.engine(ben).view().unwrap();
        let mut rows = view.messages_before(conversation, None, 50).unwrap();
        rows.retain(|row| row.message.kind == MessageKind::IdentityChanged);
        rows
    };
    let row = rows(&mut world).remove(0);
    assert_eq!(rows(&mut world).len(), 1);
    assert_eq!(
        row.message.extra,
        Some(vec![IdentityAlarm::DeviceAdded.code()])
    );
    assert_eq!(row.message.sender, Some(of_ben));
    assert_eq!(world.unread(ben, of_ben), before, "it is nothing to read");
    let target = row.message.message_id;
    for claim in [
        Says::Edit(Edit {
            target,
            post: Post::text("all is well"),
        }),
        Says::Deletion(vec![target]),
    ] {
        let of_both = world.conversation(anna, of_anna);
        world
            .command(anna, |step| {
                let composed = step.compose_shown(of_both, claim)?;
                step.queue(of_anna, &composed)
            })
            .unwrap();
    }
    world.run_for(1_000);
    assert_eq!(rows(&mut world), [row]);
    world
        .command(ben, |step| step.dismiss_identity_alarms(of_ben))
        .unwrap();
    alarm(&mut world);
    assert_eq!(rows(&mut world).len(), 2, "it happened again");
    world.command(ben, |step| step.block(of_ben)).unwrap();
    world
        .command(ben, |step| {
            step.identity_alarm(of_ben, IdentityAlarm::ManifestForged)
        })
        .unwrap();
    assert_eq!(rows(&mut world).len(), 2);
}

/// A gap that is shown stands before what came behind it, also when the program was started anew before a minute was over; and goes when what
/// is missing comes.
#[test]
fn a_gap_stands_where_messages_are_missing_until_they_come() {
    let (mut world, [anna, ben], [of_anna, of_ben]) = World::acquainted(602);
    assert_eq!(world.contact_in(ben, ContactState::Accepted), Some(of_ben));
    let mut lost = 0;
    world.tamper = Some(Box::new(move |device, frame| {
        if let Some(Body::Deliver(deliver)) = &mut frame.body
            && device == ben
            && lost < 2
        {
            lost += 1;
            deliver.envelope = vec![0xEE; 512].into();
        }
        true
    }));
    for text in ["one", "two", "three"] {
        world.say(anna, of_anna, text);
        world.settle();
    }
    world.go_offline(anna);
    world.run_for(30_000);
    assert_eq!(
        world.timeline(ben, of_ben),
        ["hello", "three"],
        "it may come yet"
    );
    world.restart(ben);
    world.run_for(59_000);
    assert_eq!(
        world.timeline(ben, of_ben),
        ["hello", "three"],
        "a minute after the backlog"
    );
    world.run_for(2_000);
    assert_eq!(
        world.timeline(ben, of_ben),
        ["hello", "(2 missing)", "three"]
    );
    let told = |event: &Event| matches!(event, Event::GapsChanged { .. });
    assert!(world.devices[ben].events.iter().any(told));
    world.go_online(anna);
    world.run_for(14 * 3_600_000);
    assert_eq!(
        world.timeline(ben, of_ben),
        ["hello", "one", "two", "three"]
    );
}
