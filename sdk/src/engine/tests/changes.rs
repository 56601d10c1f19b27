//! Edits, deletions and reactions, of both sides and in any order; and what is told of reading.

use std::cell::RefCell;
use std::rc::Rc;

use undertone_protocol::content::{Body as Says, Edit, MessageId, Post, Reactions, Timer};
use undertone_protocol::time::DAY_MS;
use undertone_wire::frame::Body;
use undertone_wire::{Deliver, Frame};

use super::super::{Event, Input, Lane};
use super::world::World;
use crate::error::ChangeError;
use crate::store::{ContactId, MessageKind, MessageState, Reaction, SearchFilter, SearchQuery};

impl World {
    fn body(&mut self, device: usize, message: &MessageId) -> String {
        self.row(device, message).message.body
    }

    fn edit(&mut self, device: usize, message: &MessageId, text: &str) -> Result<(), ChangeError> {
        self.command(device, |step| step.edit(message, Post::text(text)))
    }

    fn react(&mut self, device: usize, message: &MessageId, emoji: &[&str]) {
        let emoji: Vec<String> = emoji.iter().map(|&emoji| emoji.to_owned()).collect();
        self.command(device, |step| step.react(message, &emoji))
            .unwrap();
    }

    /// Whatever a device says of a message, permitted or not.
    fn claim(&mut self, device: usize, contact: ContactId, claim: Says) {
        let conversation = self.conversation(device, contact);
        self.command(device, |step| {
            let composed = step.compose_shown(conversation, claim)?;
            step.queue(contact, &composed)
        })
        .unwrap();
    }

    /// What a message said before.
    fn before(&mut self, device: usize, message: &MessageId) -> Vec<String> {
        let view = self.engine(device).view().unwrap();
        let revisions = view.revisions(message).unwrap();
        revisions.into_iter().map(|said| said.body).collect()
    }

    fn found(&mut self, device: usize, words: &str) -> usize {
        let view = self.engine(device).view().unwrap();
        let query = SearchQuery::parse(words);
        let page = view.search(&query, &SearchFilter::default(), None, 10);
        page.unwrap().hits.len()
    }
}

/// Gives a device what its relay has for it in another order.
fn reordered(
    world: &mut World,
    device: usize,
    order: impl FnOnce(&mut Vec<Deliver>),
    write: impl FnOnce(&mut World),
) {
    let held: Rc<RefCell<Vec<Deliver>>> = Rc::default();
    let taken = held.clone();
    world.tamper = Some(Box::new(move |to, frame| match &frame.body {
        Some(Body::Deliver(deliver)) if to == device => {
            taken.borrow_mut().push(deliver.clone());
            false
        }
        _ => true,
    }));
    write(world);
    world.settle();
    world.tamper = None;
    let mut deliveries = held.borrow().clone();
    let base = deliveries.last().unwrap().seq;
    order(&mut deliveries);
    for (seq, deliver) in (base + 1..).zip(deliveries) {
        let frame = Frame {
            request_id: 0,
            body: Some(Body::Deliver(Deliver { seq, ..deliver })),
        };
        let lane = Lane::Own;
        let input = Input::Frame { lane, frame };
        world.command(device, |step| step.handle(input)).unwrap();
    }
    world.run_for(60_000);
}

#[test]
fn an_edit_reaches_the_other_side_and_what_was_said_before_is_kept() {
    let (mut world, [anna, ben], [of_anna, of_ben]) = World::acquainted(200);
    let message = world.say(anna, of_anna, "the first wording");
    world.run_for(1_000);
    world.edit(anna, &message, "another wording").unwrap();
    world.run_for(1_000);
    for device in [anna, ben] {
        let row = world.row(device, &message);
        assert_eq!(row.message.body, "another wording");
        assert!(row.edited.is_some_and(|clock| clock > row.message.clock));
        assert_eq!(world.before(device, &message), ["the first wording"]);
        assert_eq!(
            (world.found(device, "first"), world.found(device, "another")),
            (0, 1)
        );
    }
    assert_eq!(world.texts(ben, of_ben), ["hello", "another wording"]);
    let list = world
        .engine(ben)
        .view()
        .unwrap()
        .conversations(false, None, 1)
        .unwrap();
    assert_eq!(list[0].last.as_ref().unwrap().preview, "another wording");
    assert_eq!(list[0].unread, 2, "an edit is nothing new to read");
    let told =
        |event: &Event| matches!(event, Event::MessageEdited { message: of, .. } if *of == message);
    assert!(world.devices[ben].events.iter().any(told));
    // It was confirmed like a message, so that it is not sent for ever.
    assert!(
        world
            .engine(anna)
            .view()
            .unwrap()
            .tx
            .outbox()
            .devices()
            .unwrap()
            .is_empty()
    );
}

#[test]
fn changes_may_come_before_their_message_and_in_any_order() {
    for seed in 0..6 {
        let (mut world, [anna, ben], [of_anna, _]) = World::acquainted(210 + seed);
        let id = Rc::new(RefCell::new(None));
        let written = id.clone();
        let order = move |deliveries: &mut Vec<Deliver>| {
            let by = usize::try_from(seed).unwrap() % deliveries.len();
            deliveries.reverse();
            deliveries.rotate_left(by);
        };
        reordered(&mut world, ben, order, |world| {
            let message = world.say(anna, of_anna, "one");
            for text in ["two", "three"] {
                world.settle();
                world.edit(anna, &message, text).unwrap();
            }
            world.settle();
            world.react(anna, &message, &["👍"]);
            world.settle();
            world.react(anna, &message, &["🎉", "❤️"]);
            written.replace(Some(message));
        });
        let message = id.borrow().unwrap();
        let row = world.row(ben, &message);
        assert_eq!(row.message.body, "three", "{seed}");
        assert_eq!(row.reactions.len(), 1);
        assert_eq!(row.reactions[0].emoji, ["❤️", "🎉"]);
        assert_eq!(world.before(ben, &message), ["one", "two"]);
        let view = world.engine(ben).view().unwrap();
        assert!(
            view.tx
                .early_changes()
                .take(of_anna, &message)
                .unwrap()
                .is_empty()
        );
    }
}

#[test]
fn what_was_deleted_for_everyone_leaves_its_place_and_nothing_else() {
    let (mut world, [anna, ben], [of_anna, of_ben]) = World::acquainted(220);
    let message = world.say(anna, of_anna, "regrettable words");
    world.run_for(1_000);
    world
        .edit(anna, &message, "more regrettable words")
        .unwrap();
    world.run_for(1_000);
    world.react(ben, &message, &["😮"]);
    world.run_for(1_000);
    world
        .command(anna, |step| step.delete_for_everyone(&message))
        .unwrap();
    world.run_for(1_000);
    for device in [anna, ben] {
        let row = world.row(device, &message);
        assert_eq!(row.message.kind, MessageKind::Deleted);
        assert_eq!((row.message.body.as_str(), row.edited), ("", None));
        assert!(row.reactions.is_empty());
        assert!(
            world
                .engine(device)
                .view()
                .unwrap()
                .revisions(&message)
                .unwrap()
                .is_empty()
        );
        assert_eq!(world.found(device, "regrettable"), 0);
    }
    let list = world
        .engine(ben)
        .view()
        .unwrap()
        .conversations(false, None, 1)
        .unwrap();
    assert_eq!(
        (
            list[0].last.as_ref().unwrap().preview.as_str(),
            list[0].unread
        ),
        ("", 1)
    );
    // It cannot be changed any more, by nobody.
    assert_eq!(
        world.edit(anna, &message, "x"),
        Err(ChangeError::NotPossible)
    );
    let target = message;
    world.claim(
        ben,
        of_ben,
        Says::Reactions(Reactions {
            target,
            emoji: vec!["a".to_owned()],
        }),
    );
    world.claim(
        anna,
        of_anna,
        Says::Edit(Edit {
            target,
            post: Post::text("back again"),
        }),
    );
    world.run_for(1_000);
    for device in [anna, ben] {
        assert_eq!(
            world.row(device, &message).message.kind,
            MessageKind::Deleted
        );
        assert!(world.row(device, &message).reactions.is_empty());
    }
}

/// Only who wrote a message edits it or takes it back; anybody in the conversation may react, in his own name.
#[test]
fn nobody_changes_what_another_one_wrote() {
    let (mut world, [anna, ben], [of_anna, of_ben]) = World::acquainted(230);
    let message = world.say(anna, of_anna, "mine");
    world.run_for(1_000);
    assert_eq!(world.edit(ben, &message, "x"), Err(ChangeError::NotOwn));
    let deletion = world.command(ben, |step| step.delete_for_everyone(&message));
    assert_eq!(deletion, Err(ChangeError::NotOwn));
    let target = message;
    world.claim(
        ben,
        of_ben,
        Says::Edit(Edit {
            target,
            post: Post::text("forged"),
        }),
    );
    world.claim(ben, of_ben, Says::Deletion(vec![target]));
    world.react(ben, &message, &["👍"]);
    world.run_for(1_000);
    assert_eq!(world.body(anna, &message), "mine");
    let reactions = world.row(anna, &message).reactions;
    let emoji = vec!["👍".to_owned()];
    assert_eq!(
        reactions,
        [Reaction {
            sender: Some(of_anna),
            emoji
        }]
    );
}

/// A contact knows ids of messages in other conversations, if he is forwarded them: they are none of his business.
#[test]
fn changes_reach_no_other_conversation() {
    let (mut world, [anna, ben], [of_anna, of_ben]) = World::acquainted(235);
    let cara = world.account("Cara");
    world.go_online(cara);
    world.settle();
    let link = world.invite(anna);
    world.add(cara, &link, "hi");
    world.settle();
    let of_cara = world
        .contact_in(anna, crate::store::ContactState::Requested)
        .unwrap();
    world.command(anna, |step| step.accept(of_cara)).unwrap();
    world.run_for(10_000);
    let message = world.say(anna, of_anna, "for Ben only");
    world.run_for(1_000);
    let at_cara = world.engine(cara).view().unwrap().contacts().unwrap()[0].id;
    let emoji = vec!["🤡".to_owned()];
    world.claim(
        cara,
        at_cara,
        Says::Reactions(Reactions {
            target: message,
            emoji,
        }),
    );
    world.run_for(1_000);
    assert!(world.row(anna, &message).reactions.is_empty());
    assert!(world.row(ben, &message).reactions.is_empty());
    assert_eq!(world.texts(ben, of_ben).last().unwrap(), "for Ben only");
}

#[test]
fn a_message_can_be_changed_for_a_day() {
    let (mut world, [anna, ben], [of_anna, _]) = World::acquainted(240);
    let message = world.say(anna, of_anna, "yesterday's");
    world.run_for(DAY_MS - 60_000);
    world.edit(anna, &message, "still today's").unwrap();
    world.run_for(120_000);
    assert_eq!(world.edit(anna, &message, "x"), Err(ChangeError::TooLate));
    let deletion = world.command(anna, |step| step.delete_for_everyone(&message));
    assert_eq!(deletion, Err(ChangeError::TooLate));
    // The other side judges for itself.
    world.claim(anna, of_anna, Says::Deletion(vec![message]));
    world.claim(
        anna,
        of_anna,
        Says::Edit(Edit {
            target: message,
            post: Post::text("too late"),
        }),
    );
    world.run_for(10_000);
    assert_eq!(world.body(ben, &message), "still today's");
    // Opinions may change later.
    world.react(ben, &message, &["👍"]);
    world.run_for(10_000);
    assert_eq!(world.row(anna, &message).reactions.len(), 1);
}

#[test]
fn a_reaction_replaces_the_one_before_and_can_be_taken_back() {
    let (mut world, [anna, ben], [of_anna, _]) = World::acquainted(250);
    let message = world.say(anna, of_anna, "what do you say?");
    world.run_for(1_000);
    let emoji = |world: &mut World| -> Vec<Vec<String>> {
        let reactions = world.row(anna, &message).reactions;
        reactions
            .into_iter()
            .map(|reaction| reaction.emoji)
            .collect()
    };
    world.react(ben, &message, &["👍"]);
    world.run_for(1_000);
    assert_eq!(emoji(&mut world), [["👍"]]);
    world.react(ben, &message, &["🎉", "👍", "🎉"]);
    world.react(anna, &message, &["🙈"]);
    world.run_for(1_000);
    assert_eq!(emoji(&mut world), [vec!["🎉", "👍"], vec!["🙈"]]);
    world.react(ben, &message, &[]);
    world.run_for(1_000);
    assert_eq!(emoji(&mut world), [["🙈"]]);
    let too_many: Vec<String> = (0..17).map(|n| n.to_string()).collect();
    for unusable in [
        vec![String::new()],
        vec!["x".repeat(65)],
        vec!["a\u{1f}b".to_owned()],
        too_many,
    ] {
        let refused = world.command(ben, |step| step.react(&message, &unusable));
        assert_eq!(refused, Err(ChangeError::NotEmoji));
    }
}

#[test]
fn what_is_deleted_here_stays_there_and_does_not_come_back() {
    let (mut world, [anna, ben], [of_anna, of_ben]) = World::acquainted(260);
    let message = world.say(anna, of_anna, "not for my own history");
    world.run_for(1_000);
    world
        .command(ben, |step| step.delete_here(&message))
        .unwrap();
    assert_eq!(world.texts(ben, of_ben), ["hello"]);
    assert_eq!(world.found(ben, "history"), 0);
    assert_eq!(world.texts(anna, of_anna).len(), 2);
    // It is sent once more, as to a device that lost it.
    let device = world
        .engine(anna)
        .view()
        .unwrap()
        .tx
        .peer_devices()
        .of_contact(of_anna)
        .unwrap()[0]
        .id;
    world
        .command(anna, |step| step.requeue_undelivered(device, None))
        .unwrap();
    world.edit(anna, &message, "and edited").unwrap();
    world.run_for(60_000);
    assert_eq!(world.texts(ben, of_ben), ["hello"]);
    let list = world
        .engine(ben)
        .view()
        .unwrap()
        .conversations(false, None, 1)
        .unwrap();
    assert_eq!(list[0].last.as_ref().unwrap().preview, "hello");
}

#[test]
fn a_reply_and_what_else_is_beside_a_text_arrive_as_they_were_sent() {
    use undertone_protocol::content::{FormatRange, Reply, Style, TextRange};
    let (mut world, [anna, ben], [of_anna, of_ben]) = World::acquainted(270);
    let question = world.say(anna, of_anna, "shall we?");
    world.run_for(1_000);
    let author = world.engine(anna).view().unwrap().account();
    let post = Post {
        reply: Some(Reply {
            message: question,
            author,
            quote: "shall we?".to_owned(),
        }),
        formats: vec![FormatRange {
            range: TextRange { start: 0, len: 3 },
            style: Style::BOLD,
        }],
        ..Post::text("yes, certainly")
    };
    let conversation = world.conversation(ben, of_ben);
    let answer = world
        .command(ben, |step| step.send_post(conversation, post.clone()))
        .unwrap();
    world.run_for(1_000);
    for device in [anna, ben] {
        let row = world.row(device, &answer).message;
        assert_eq!(
            Post::from_parts(&row.body, &row.parts.unwrap()),
            Ok(post.clone())
        );
        assert_eq!(world.found(device, "certainly"), 1);
    }
    assert_eq!(
        world.row(ben, &answer).message.state,
        MessageState::Delivered
    );
}

#[test]
fn who_reads_says_so_unless_he_tells_nothing_and_is_told_nothing() {
    let (mut world, [anna, ben], [of_anna, of_ben]) = World::acquainted(280);
    let one = world.say(anna, of_anna, "one");
    world.run_for(1_000);
    let two = world.say(anna, of_anna, "two");
    world.run_for(1_000);
    let before = world.devices[ben].sent.len();
    world.read_all(ben, of_ben);
    world.run_for(1_000);
    for message in [one, two] {
        assert_eq!(world.row(anna, &message).message.state, MessageState::Read);
    }
    let sends = world.devices[ben].sent[before..].iter();
    let sends = sends
        .filter(|(_, body)| matches!(body, Body::Send(_)))
        .count();
    assert_eq!(sends, 1, "one receipt for what is read at once");
    // Reading again says nothing again.
    world.read_all(ben, of_ben);
    world.run_for(60_000);
    let sends = world.devices[ben].sent[before..].iter();
    assert_eq!(
        sends
            .filter(|(_, body)| matches!(body, Body::Send(_)))
            .count(),
        1
    );

    world
        .command(ben, |step| step.set_read_receipts(false))
        .unwrap();
    let three = world.say(anna, of_anna, "three");
    world.run_for(1_000);
    world.read_all(ben, of_ben);
    let answer = world.say(ben, of_ben, "mine");
    world.run_for(1_000);
    world.read_all(anna, of_anna);
    world.run_for(1_000);
    assert_eq!(
        world.row(anna, &three).message.state,
        MessageState::Delivered
    );
    assert_eq!(
        world.row(ben, &answer).message.state,
        MessageState::Delivered
    );
    // Ben did not ask to know; Anna had told.
    world
        .command(ben, |step| step.set_read_receipts(true))
        .unwrap();
    let last = world.say(ben, of_ben, "and this");
    world.run_for(1_000);
    world.read_all(anna, of_anna);
    world.run_for(1_000);
    assert_eq!(world.row(ben, &last).message.state, MessageState::Read);
}

/// What somebody changes before he is accepted is changed when he is; until then he is told nothing.
#[test]
fn a_stranger_changes_what_he_wrote_and_is_told_nothing() {
    let mut world = World::new(290);
    let (anna, ben) = (world.account("Anna"), world.account("Ben"));
    for device in [anna, ben] {
        world.go_online(device);
    }
    world.settle();
    let link = world.invite(ben);
    let of_anna = world.add(anna, &link, "hello Bem");
    world.run_for(1_000);
    let conversation = world.conversation(anna, of_anna);
    let view = world.engine(anna).view().unwrap();
    let rows = view.messages_before(conversation, None, 1).unwrap();
    drop(view);
    let message = rows[0].message.message_id;
    world.edit(anna, &message, "hello Ben").unwrap();
    world
        .command(anna, |step| {
            step.set_timer(conversation, Timer::from_seconds(60))
        })
        .unwrap();
    let before = world.devices[ben].sent.len();
    world.run_for(60_000);
    assert_eq!(world.body(ben, &message), "hello Ben");
    let sends = world.devices[ben].sent[before..].iter();
    assert_eq!(
        sends
            .filter(|(_, body)| matches!(body, Body::Send(_)))
            .count(),
        0
    );
    let of_ben = world
        .contact_in(ben, crate::store::ContactState::Requested)
        .unwrap();
    let at_ben = world.conversation(ben, of_ben);
    let view = world.engine(ben).view().unwrap();
    assert_eq!(view.conversation(at_ben).unwrap().unwrap().timer, Some(60));
    drop(view);
    world.command(ben, |step| step.accept(of_ben)).unwrap();
    world.run_for(60_000);
    let state = world.row(anna, &message).message.state;
    assert_eq!(state, MessageState::Delivered);
}

/// Who set a timer stands there, whatever he would like to stand there.
#[test]
fn a_system_row_cannot_be_changed_by_who_caused_it() {
    let (mut world, [anna, ben], [of_anna, of_ben]) = World::acquainted(295);
    let conversation = world.conversation(anna, of_anna);
    let timer = Timer::from_seconds(600);
    world
        .command(anna, |step| step.set_timer(conversation, timer))
        .unwrap();
    world.run_for(1_000);
    let at_ben = world.conversation(ben, of_ben);
    let view = world.engine(ben).view().unwrap();
    let row = view.messages_before(at_ben, None, 1).unwrap().remove(0);
    drop(view);
    let target = row.message.message_id;
    assert_eq!(row.message.kind, MessageKind::TimerSet);
    let post = Post::text("forged");
    world.claim(anna, of_anna, Says::Edit(Edit { target, post }));
    world.claim(anna, of_anna, Says::Deletion(vec![target]));
    world.run_for(1_000);
    assert_eq!(world.row(ben, &target), row);
    let own = world.command(anna, |step| step.delete_for_everyone(&target));
    assert_eq!(own, Err(ChangeError::NotPossible));
    // An edit leaves what it edits its timer.
    let message = world.say(anna, of_anna, "soon gone");
    world.edit(anna, &message, "soon gone, and edited").unwrap();
    world.run_for(1_000);
    for device in [anna, ben] {
        let row = world.row(device, &message);
        let post = Post::from_parts(&row.message.body, &row.message.parts.unwrap());
        assert_eq!(post.unwrap().disappears_after, timer);
    }
}
