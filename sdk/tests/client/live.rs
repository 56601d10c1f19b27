//! Live lists, as an app uses them.

use futures_util::FutureExt;
use tokio::time::timeout;
use undertone::{
    ConversationSummary, LiveConversations, MessageItem, MessageState, Post, Preview, Reply,
    StoreError, SystemRow, Timeline, TimelineDiff, TimelineItem, TimelineRow, Timer,
};

use crate::support::{HANGS, World, key};

/// What an app has of a timeline: nothing but what it was told.
struct Screen {
    timeline: Timeline,
    rows: Vec<TimelineRow>,
    version: u64,
}

impl Screen {
    fn new(timeline: Timeline) -> Self {
        Self {
            timeline,
            rows: Vec::new(),
            version: 0,
        }
    }

    async fn update(&mut self) {
        let update = timeout(HANGS, self.timeline.next()).await;
        let update = update.expect("something happens").unwrap();
        assert_eq!(update.version, self.version + 1);
        self.version = update.version;
        assert!(update.apply(&mut self.rows));
    }

    /// Waits for a message that is as wanted.
    async fn until(&mut self, wanted: impl Fn(&MessageItem) -> bool) -> MessageItem {
        loop {
            let found = self.items().find(|item| wanted(item));
            if let Some(found) = found {
                return found.clone();
            }
            self.update().await;
        }
    }

    async fn until_text(&mut self, text: &str) -> MessageItem {
        self.until(|item| item.message.text() == Some(text)).await
    }

    fn items(&self) -> impl Iterator<Item = &MessageItem> {
        self.rows.iter().filter_map(|row| match &row.item {
            TimelineItem::Message(item) => Some(item.as_ref()),
            _ => None,
        })
    }

    fn texts(&self) -> Vec<&str> {
        self.items()
            .filter_map(|item| item.message.text())
            .collect()
    }
}

/// Waits until the first conversation of a list is as wanted.
async fn first(
    list: &LiveConversations,
    rows: &mut Vec<ConversationSummary>,
    wanted: impl Fn(&ConversationSummary) -> bool,
) {
    while !rows.first().is_some_and(&wanted) {
        let update = timeout(HANGS, list.next()).await;
        let update = update.expect("something happens").unwrap();
        assert!(update.apply(rows));
    }
}

#[tokio::test]
async fn what_is_shown_follows_what_both_sides_do() {
    let world = World::new().await;
    let (alice, bob) = world.friends().await;
    let (at_alice, at_bob) = (alice.conversation().await, bob.conversation().await);
    let mut hers = Screen::new(at_alice.timeline(50));
    let mut his = Screen::new(at_bob.timeline(50));
    let list = bob.client.live_conversations(20);
    let mut listed = Vec::new();
    let text = |text: &str| {
        let preview = Preview::Text(text.to_owned());
        move |row: &ConversationSummary| {
            row.last
                .as_ref()
                .is_some_and(|last| last.preview == preview)
        }
    };

    let question = at_alice.send_text("sicks?").await.unwrap();
    his.until_text("sicks?").await;
    first(&list, &mut listed, text("sicks?")).await;
    assert_eq!((listed[0].unread, listed[0].mentions), (1, 0));
    alice
        .client
        .edit(question, Post::text("six?"))
        .await
        .unwrap();
    his.until_text("six?").await;
    first(&list, &mut listed, text("six?")).await;

    let post = Post {
        reply: Some(Reply {
            message: question,
            author: alice.client.account().await.unwrap(),
            quote: "six?".to_owned(),
        }),
        ..Post::text("gladly")
    };
    let answer = at_bob.send(post).await.unwrap();
    let seen = hers.until_text("gladly").await;
    assert_eq!(
        (seen.sender.name.as_str(), seen.sender.contact.is_some()),
        ("bob", true)
    );
    let quote = seen.quote.unwrap();
    assert_eq!(
        (quote.author.unwrap().contact, quote.preview),
        (None, Preview::Text("six?".into()))
    );
    let summary = at_alice.summary().await.unwrap().unwrap();
    assert_eq!(summary.mentions, 1, "it answers what she wrote");
    let arrived = |row: &ConversationSummary| {
        let state = row.last.as_ref().map(|last| (last.is_own, last.state));
        state == Some((true, MessageState::Delivered))
    };
    first(&list, &mut listed, arrived).await;

    alice
        .client
        .react(answer, vec!["🎉".to_owned()])
        .await
        .unwrap();
    let reacted = his.until(|item| !item.reactions.is_empty()).await;
    assert_eq!(reacted.reactions[0].people[0].name, "alice");
    alice.client.delete_for_everyone(question).await.unwrap();
    his.until(|item| item.message.deleted).await;
    let own = his.until_text("gladly").await;
    assert_eq!(own.quote.unwrap().preview, Preview::Deleted);

    let timer = Timer::from_seconds(3_600);
    at_alice.set_timer(timer).await.unwrap();
    let system = SystemRow::TimerSet(timer);
    his.until(|item| item.message.system == Some(system)).await;
    let set = |row: &ConversationSummary| {
        row.last
            .as_ref()
            .is_some_and(|last| last.preview == Preview::System(system))
    };
    first(&list, &mut listed, set).await;
    at_alice.typing().await.unwrap();
    first(&list, &mut listed, |row| row.typing).await;
    at_alice.send_text("that").await.unwrap();
    first(&list, &mut listed, |row| !row.typing).await;
    his.until_text("that").await;
    at_bob.set_pinned(true).await.unwrap();
    at_bob.set_draft("dear").await.unwrap();
    first(&list, &mut listed, |row| row.pinned && row.draft == "dear").await;
    // What he has is what there is.
    let page = his.timeline.page().await;
    assert_eq!(
        (page.version, page.diff),
        (his.version, TimelineDiff::Reset(his.rows))
    );
    assert_eq!(bob.client.conversations(None, 20).await.unwrap(), listed);
}

#[tokio::test]
async fn a_timeline_is_paged_and_jumped_in() {
    let world = World::new().await;
    let (alice, _bob) = world.friends().await;
    let at_alice = alice.conversation().await;
    let mut sent = Vec::new();
    for number in 0..12 {
        sent.push(at_alice.send_text(&number.to_string()).await.unwrap());
    }
    let mut screen = Screen::new(at_alice.timeline(3));
    screen.until_text("11").await;
    assert_eq!(screen.texts(), ["9", "10", "11"]);
    screen.timeline.older(2).await.unwrap();
    screen.until_text("7").await;
    assert!(screen.timeline.jump_to(sent[4], 1).await.unwrap());
    screen.until_text("4").await;
    assert_eq!(screen.texts(), ["3", "4", "5"]);
    screen.timeline.newer(2).await.unwrap();
    screen.until_text("7").await;
    screen.timeline.to_newest(1).await.unwrap();
    screen.until_text("11").await;
    assert_eq!(screen.texts(), ["11"]);
}

/// A call that is cancelled, whenever that is, takes nothing with it.
#[tokio::test]
async fn what_a_cancelled_call_has_read_is_told_by_the_next() {
    let world = World::new().await;
    let (alice, _bob) = world.friends().await;
    let conversation = alice.conversation().await;
    let mut screen = Screen::new(conversation.timeline(50));
    for number in 0..20 {
        conversation.send_text(&number.to_string()).await.unwrap();
        if let Some(update) = screen.timeline.next().now_or_never() {
            let update = update.unwrap();
            screen.version = update.version;
            assert!(update.apply(&mut screen.rows));
        }
        tokio::task::yield_now().await;
    }
    screen.until_text("19").await;
    let all: Vec<String> = (0..20).map(|number| number.to_string()).collect();
    assert_eq!(screen.texts()[1..], all);
}

#[tokio::test]
async fn a_locked_client_shows_nothing_and_an_unlocked_one_what_it_showed() {
    let world = World::new().await;
    let (alice, _bob) = world.friends().await;
    let conversation = alice.conversation().await;
    conversation.send_text("secret").await.unwrap();
    let mut screen = Screen::new(conversation.timeline(1));
    screen.until_text("secret").await;
    alice.client.lock().await.unwrap();
    while !screen.rows.is_empty() {
        screen.update().await;
    }
    let page = screen.timeline.page().await;
    assert_eq!(
        page.diff,
        TimelineDiff::Reset(Vec::new()),
        "nor has it any left"
    );
    alice.client.unlock(key("alice")).await.unwrap();
    screen.until_text("secret").await;
    assert_eq!(screen.texts(), ["secret"]);
    alice.client.close().await;
    let ended = loop {
        match screen.timeline.next().await {
            Ok(_) => {}
            Err(failure) => break failure,
        }
    };
    assert_eq!(ended, StoreError::Closed);
}
