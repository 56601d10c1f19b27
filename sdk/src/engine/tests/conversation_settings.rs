//! How conversations stand in the list: pinned, archived, muted, marked, with a draft.

use undertone_protocol::time::Timestamp;

use super::super::limits::MAX_TEXT_BYTES;
use super::world::World;
use crate::error::SendError;
use crate::store::{ContactId, ContactState, ConversationId, ConversationSettings};

impl World {
    fn settings(&mut self, device: usize, conversation: ConversationId) -> ConversationSettings {
        let view = self.engine(device).view().unwrap();
        view.conversation(conversation).unwrap().unwrap().settings
    }

    /// Titles of the list, or of the archive.
    fn titles(&mut self, device: usize, archived: bool) -> Vec<String> {
        let view = self.engine(device).view().unwrap();
        let (mut titles, mut after) = (Vec::new(), None);
        loop {
            let page = view.conversations(archived, after, 1).unwrap();
            let Some(row) = page.into_iter().next() else {
                return titles;
            };
            after = Some(row.cursor());
            titles.push(row.title);
        }
    }
}

/// Ben has three friends: Anna, Cara, Dora, of whom Dora wrote last.
fn ben_and_friends(seed: u64) -> (World, usize, Vec<(usize, ContactId, ConversationId)>) {
    let mut world = World::new(seed);
    let ben = world.account("Ben");
    world.go_online(ben);
    world.settle();
    let mut friends = Vec::new();
    for name in ["Anna", "Cara", "Dora"] {
        let link = world.invite(ben);
        let friend = world.account(name);
        world.go_online(friend);
        world.settle();
        let of_friend = world.add(friend, &link, "hello");
        world.run_for(2_000);
        let at_ben = world.contact_in(ben, ContactState::Requested).unwrap();
        world.command(ben, |step| step.accept(at_ben)).unwrap();
        world.run_for(2_000);
        friends.push((friend, of_friend, world.conversation(ben, at_ben)));
    }
    (world, ben, friends)
}

#[test]
fn pinned_conversations_come_first_page_by_page() {
    let (mut world, ben, friends) = ben_and_friends(500);
    assert_eq!(world.titles(ben, false), ["Dora", "Cara", "Anna"]);
    let anna = friends[0].2;
    world
        .command(ben, |step| step.set_pinned(anna, true))
        .unwrap();
    assert_eq!(world.titles(ben, false), ["Anna", "Dora", "Cara"]);
    world.say(friends[1].0, friends[1].1, "news");
    world.run_for(1_000);
    assert_eq!(world.titles(ben, false), ["Anna", "Cara", "Dora"]);
    world.restart(ben);
    assert_eq!(world.titles(ben, false), ["Anna", "Cara", "Dora"]);
    world
        .command(ben, |step| step.set_pinned(anna, false))
        .unwrap();
    assert_eq!(world.titles(ben, false), ["Cara", "Dora", "Anna"]);
}

#[test]
fn a_message_brings_a_conversation_out_of_the_archive_unless_it_is_muted() {
    let (mut world, ben, friends) = ben_and_friends(510);
    for (_, _, conversation) in &friends {
        let id = *conversation;
        world
            .command(ben, |step| step.set_archived(id, true))
            .unwrap();
    }
    assert_eq!(world.titles(ben, false), Vec::<String>::new());
    let (anna, cara) = (&friends[0], &friends[1]);
    let until = Timestamp(world.true_ms + 3_600_000);
    world
        .command(ben, |step| step.set_muted(cara.2, Some(until)))
        .unwrap();
    world.say(anna.0, anna.1, "are you there?");
    world.say(cara.0, cara.1, "and you?");
    world.run_for(1_000);
    assert_eq!(world.titles(ben, false), ["Anna"]);
    assert_eq!(world.titles(ben, true), ["Cara", "Dora"]);
    world.run_for(3_600_000);
    world.say(cara.0, cara.1, "now?");
    world.run_for(1_000);
    assert_eq!(world.titles(ben, false), ["Cara", "Anna"]);
}

#[test]
fn drafts_and_marks_last_until_something_is_sent_or_read() {
    let (mut world, ben, friends) = ben_and_friends(520);
    let id = friends[0].2;
    world
        .command(ben, |step| step.set_draft(id, "I wanted to"))
        .unwrap();
    world.command(ben, |step| step.mark_unread(id)).unwrap();
    world.restart(ben);
    world.go_online(ben);
    let settings = world.settings(ben, id);
    assert_eq!(
        (settings.draft.as_str(), settings.marked_unread),
        ("I wanted to", true)
    );
    world
        .command(ben, |step| step.send_text(id, "I wanted to say hello"))
        .unwrap();
    assert_eq!(world.settings(ben, id).draft, "");
    let clock = world
        .engine(ben)
        .view()
        .unwrap()
        .messages_before(id, None, 1)
        .unwrap()[0]
        .message
        .clock;
    world
        .command(ben, |step| step.mark_read(id, clock))
        .unwrap();
    assert!(!world.settings(ben, id).marked_unread);
    let long = "x".repeat(MAX_TEXT_BYTES + 1);
    let refused = world.command(ben, |step| step.set_draft(id, &long));
    assert_eq!(refused, Err(SendError::TooLong));
    let nowhere = ConversationId::new(99);
    let refused = world.command(ben, |step| step.set_pinned(nowhere, true));
    assert_eq!(refused, Err(SendError::NoSuchConversation));
}
