//! What an older version could not read, read by one that can.

use undertone_protocol::content::{
    Body as Says, Edit, Mention, MessageId, Post, Reactions, TextRange, Timer,
};

use super::super::limits::UPKEEP_ROWS;
use super::super::{Event, meta};
use super::world::World;
use crate::error::StepError;
use crate::store::{
    ContactId, Inserted, MessageKind, MessageState, NewMessage, SearchFilter, SearchQuery,
};

/// Anna and Ben, and what Ben's older version keeps of what Anna writes.
struct Kept {
    world: World,
    anna: usize,
    ben: usize,
    of_anna: ContactId,
    of_ben: ContactId,
}

impl Kept {
    fn new(seed: u64) -> Self {
        let (world, [anna, ben], [of_anna, of_ben]) = World::acquainted(seed);
        Self {
            world,
            anna,
            ben,
            of_anna,
            of_ben,
        }
    }

    /// Anna writes something that Ben's version does not know.
    fn unread(&mut self, says: Says) -> MessageId {
        let conversation = self.world.conversation(self.anna, self.of_anna);
        let device = self.world.engine(self.anna).core.me.device_id();
        let written = self.world.command(self.anna, |step| {
            let composed = step.compose_shown(conversation, says)?;
            Ok::<_, StepError>((composed.header, composed.bytes.to_vec()))
        });
        let (header, bytes) = written.unwrap();
        let message = NewMessage {
            conversation: self.world.conversation(self.ben, self.of_ben),
            message_id: header.message_id,
            clock: header.hlc,
            sender: Some(self.of_ben),
            sender_device: device,
            seq: header.stream_seq,
            kind: MessageKind::Unsupported,
            state: MessageState::Received,
            sent: header.hlc.time(),
            stored: header.hlc.time(),
            body: String::new(),
            parts: None,
            timer: None,
            extra: Some(bytes),
            mentions_me: false,
        };
        let stored = self
            .world
            .command(self.ben, |step| step.tx.messages().insert(&message));
        assert!(matches!(stored.unwrap(), Inserted::New(_)));
        header.message_id
    }

    /// Ben installs a version that knows it.
    fn upgrade(&mut self) {
        self.world
            .command(self.ben, |step| {
                step.tx.meta().put(meta::KEPT_READ, &[0; 10])
            })
            .unwrap();
        self.world.restart(self.ben);
    }

    fn left(&mut self) -> usize {
        let left = self
            .world
            .command(self.ben, |step| step.tx.messages().unsupported(None, 500));
        left.unwrap().len()
    }

    fn kind(&mut self, message: MessageId) -> MessageKind {
        self.world.row(self.ben, &message).message.kind
    }
}

#[test]
fn a_version_that_reads_more_makes_rows_index_list_and_counts_right() {
    let mut kept = Kept::new(610);
    let (ben, of_ben) = (kept.ben, kept.of_ben);
    let account = kept.world.engine(ben).core.me.account;
    let changed = kept.world.say(kept.anna, kept.of_anna, "first wording");
    kept.world.run_for(1_000);
    let unknown = Says::Unknown {
        kind: 200,
        bytes: b"of the year 2040".to_vec(),
    };
    let later = kept.unread(unknown);
    let edit = kept.unread(Says::Edit(Edit {
        target: changed,
        post: Post::text("second wording"),
    }));
    let reaction = kept.unread(Says::Reactions(Reactions {
        target: changed,
        emoji: vec!["🎉".to_owned()],
    }));
    let timer = kept.unread(Says::Timer(Timer::from_seconds(600)));
    let post = kept.unread(Says::Post(Post {
        mentions: vec![Mention {
            range: TextRange { start: 0, len: 3 },
            account,
        }],
        disappears_after: Timer::from_seconds(600),
        ..Post::text("ben, unforeseen")
    }));
    assert_eq!(kept.left(), 5);
    kept.upgrade();
    kept.world.settle();
    assert_eq!(kept.left(), 1);
    let expected = [
        (later, MessageKind::Unsupported),
        (edit, MessageKind::Removed),
        (reaction, MessageKind::Removed),
        (timer, MessageKind::TimerSet),
        (post, MessageKind::Text),
    ];
    for (message, kind) in expected {
        assert_eq!(kept.kind(message), kind);
    }
    let row = kept.world.row(ben, &changed);
    assert_eq!(row.message.body, "second wording");
    assert_eq!(row.reactions[0].emoji, ["🎉"]);
    let row = kept.world.row(ben, &post);
    assert_eq!((row.message.timer, row.message.extra), (Some(600), None));
    let view = kept.world.engine(ben).view().unwrap();
    let query = SearchQuery::parse("unforeseen");
    let found = view.search(&query, &SearchFilter::default(), None, 5);
    assert_eq!(found.unwrap().hits.len(), 1);
    let list = view.conversation_of(of_ben).unwrap().unwrap();
    // The two texts, the post, and what is still unread.
    assert_eq!((list.unread, list.mentions, list.timer), (4, 1, Some(600)));
    let last = list.last.unwrap();
    assert_eq!(
        (last.kind, last.preview.as_str()),
        (MessageKind::Text, "ben, unforeseen")
    );
    drop(view);
    let told =
        |event: &Event| matches!(event, Event::MessageEdited { message, .. } if *message == post);
    assert!(kept.world.devices[ben].events.iter().any(told));
    kept.world.read_all(ben, of_ben);
    assert!(
        kept.world.row(ben, &post).expires.is_some(),
        "its timer begins when it is read"
    );
}

#[test]
fn it_is_read_page_by_page_and_goes_on_after_a_restart() {
    let mut kept = Kept::new(611);
    for number in 0..UPKEEP_ROWS * 2 + 5 {
        kept.unread(Says::Text(format!("number {number}")));
    }
    kept.upgrade();
    kept.world.nudge(kept.ben);
    assert_eq!(kept.left(), UPKEEP_ROWS + 5);
    // What comes before the place where it stopped is not looked at again.
    let place = |kept: &mut Kept| {
        let place = kept
            .world
            .command(kept.ben, |step| step.tx.meta().get(meta::KEPT_READ));
        place.unwrap().unwrap()
    };
    let before = place(&mut kept);
    kept.world.restart(kept.ben);
    assert_eq!(place(&mut kept), before);
    kept.world.run_for(10);
    assert_eq!(kept.left(), 0);
    // And what a version could not read is not looked at by it again.
    let unread = kept.unread(Says::Text("readable".to_owned()));
    kept.world.restart(kept.ben);
    kept.world.run_for(10);
    assert_eq!(kept.kind(unread), MessageKind::Unsupported);
}

#[test]
fn an_edit_of_what_cannot_be_read_waits_until_it_can() {
    let mut kept = Kept::new(612);
    let message = kept.unread(Says::Text("first wording".to_owned()));
    let edit = Says::Edit(Edit {
        target: message,
        post: Post::text("second wording"),
    });
    let conversation = kept.world.conversation(kept.anna, kept.of_anna);
    let (anna, of_anna) = (kept.anna, kept.of_anna);
    kept.world
        .command(anna, |step| {
            let composed = step.compose_shown(conversation, edit)?;
            step.queue(of_anna, &composed)
        })
        .unwrap();
    kept.world.run_for(1_000);
    assert_eq!(kept.kind(message), MessageKind::Unsupported);
    kept.upgrade();
    kept.world.settle();
    let row = kept.world.row(kept.ben, &message);
    assert_eq!(row.message.body, "second wording");
    let view = kept.world.engine(kept.ben).view().unwrap();
    assert_eq!(view.revisions(&message).unwrap()[0].body, "first wording");
}
