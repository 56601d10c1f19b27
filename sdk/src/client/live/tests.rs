//! Live lists over a real store, without a client: what a listener has is what the store has, whatever happens.

use std::collections::BTreeMap;

use proptest::prelude::*;
use rand_chacha::ChaCha12Rng;
use rand_core::SeedableRng;
use tempfile::TempDir;
use undertone_protocol::account::{AccountId, Root};
use undertone_protocol::content::{
    AppPayload, Hlc, Location, Mention, MessageId, Post, Reply, TextRange, Timer,
};
use undertone_protocol::device::{DeviceId, DeviceKeys};
use undertone_protocol::relay_address::RelayAddress;
use undertone_protocol::time::{Now, Timestamp};

use super::conversations::List;
use super::timeline::OfConversation;
use super::window::{Source, Told, Way, Window};
use super::*;
use crate::client::limits::LIVE_ROWS;
use crate::client::model::{ConversationSummary, SystemRow};
use crate::client::rows::{Original, Preview, RowId, TimelineItem, TimelineRow};
use crate::engine::{Engine, IdentityAlarm, NewAccount, Step};
use crate::store::{
    ContactId, ContactState, ConversationId, Durability, MessageKind, MessageState, Missing,
    NewContact, NewMessage, PeerDeviceId, Revision, Store, StoreKey, StoreOptions,
};

const START: Timestamp = Timestamp(1_800_000_000_000);

/// Conversations of the account.
const PEERS: u8 = 4;

#[derive(Clone, Copy)]
struct Peer {
    contact: ContactId,
    device: PeerDeviceId,
    device_id: DeviceId,
    conversation: ConversationId,
}

struct Rig {
    engine: Engine,
    rng: ChaCha12Rng,
    peers: Vec<Peer>,
    _folder: TempDir,
}

impl Rig {
    fn new() -> Self {
        let folder = TempDir::new().unwrap();
        let options = StoreOptions {
            durability: Durability::None,
            ..StoreOptions::default()
        };
        let path = folder.path().join("store");
        let store = Store::open_with(&path, &StoreKey::new(&[9; 32]), options).unwrap();
        let mut rng = ChaCha12Rng::seed_from_u64(7);
        let account = NewAccount {
            root: None,
            relay: RelayAddress::parse("http://127.0.0.1:9750").unwrap(),
            name: "Ben".to_owned(),
        };
        let engine = Engine::create(store, account, now(), &mut rng).unwrap();
        let mut rig = Self {
            engine,
            rng,
            peers: Vec::new(),
            _folder: folder,
        };
        rig.peers = (0..PEERS).map(|seed| rig.peer(seed)).collect();
        rig
    }

    fn peer(&mut self, seed: u8) -> Peer {
        let mut keys = ChaCha12Rng::seed_from_u64(u64::from(seed) + 100);
        let account = AccountId::of(&Root::generate(&mut keys).account_key());
        let identity = DeviceKeys::generate(&mut keys).unwrap().public();
        self.step(|step| {
            let tx = step.tx();
            let new = NewContact {
                account,
                state: ContactState::Accepted,
                name: &format!("contact {seed}"),
                manifest_key: [3; 32],
                manifest_relay: "https://relay.example",
                created: START,
            };
            let contact = tx.contacts().insert(&new).unwrap();
            let devices = tx.peer_devices();
            let device = devices.upsert(contact, &identity, "https://relay.example");
            let title = format!("contact {seed}");
            let conversation = tx.conversations().insert(Some(contact), &title, START);
            Peer {
                contact,
                device: device.unwrap(),
                device_id: identity.id,
                conversation: conversation.unwrap(),
            }
        })
    }

    fn step<T>(&mut self, body: impl FnOnce(&mut Step<'_>) -> T) -> T {
        let mut step = self.engine.begin(now(), &mut self.rng).unwrap();
        let result = body(&mut step);
        step.commit().unwrap();
        result
    }

    fn view(&mut self) -> View<'_> {
        self.engine.view().unwrap()
    }

    /// A text at a minute, of a peer or an own one.
    fn text(&mut self, peer: usize, minute: u64, number: u64, own: bool) -> MessageId {
        self.post(
            peer,
            minute,
            number,
            own,
            &Post::text(format!("text {number}")),
        )
    }

    fn post(&mut self, peer: usize, minute: u64, number: u64, own: bool, post: &Post) -> MessageId {
        let message = new_message(&self.peers[peer], minute, number, own, post);
        self.step(|step| step.tx().messages().insert(&message).unwrap());
        message.message_id
    }
}

fn now() -> Now {
    Now {
        wall: START,
        monotonic_ms: 0,
    }
}

fn new_message(peer: &Peer, minute: u64, number: u64, own: bool, post: &Post) -> NewMessage {
    let mut id = [0; 16];
    id[8..].copy_from_slice(&number.to_be_bytes());
    let time = START.plus(minute * 60_000);
    let parts = post.parts().unwrap();
    NewMessage {
        conversation: peer.conversation,
        message_id: MessageId::from_bytes(id),
        clock: Hlc::at(time),
        sender: (!own).then_some(peer.contact),
        sender_device: match own {
            true => DeviceId::from_bytes([1; 16]),
            false => peer.device_id,
        },
        seq: number,
        kind: MessageKind::Text,
        state: match own {
            true => MessageState::Pending,
            false => MessageState::Received,
        },
        sent: time,
        stored: time,
        body: post.text.clone(),
        parts: (!parts.is_empty()).then_some(parts),
        timer: None,
        extra: None,
        mentions_me: number.is_multiple_of(3),
    }
}

/// A listener, and the app behind it, which has nothing but what it was told.
struct Listener<S: Source> {
    source: S,
    window: Window<S::Place>,
    told: Told<S::Row>,
}

impl<S: Source> Listener<S> {
    fn new(source: S, view: &View<'_>, rows: usize) -> Self {
        Self {
            window: Window::home(&source, view, rows).unwrap(),
            source,
            told: Told::nothing(),
        }
    }

    fn look(&mut self, view: &View<'_>) -> Option<News<S::Row>> {
        let (window, rows) = self.window.read(&self.source, view).unwrap();
        self.window = window;
        self.told.advance(rows, window.ends(), S::id)
    }

    fn page(&self, view: &View<'_>) -> Vec<S::Row> {
        self.window.read(&self.source, view).unwrap().1
    }

    /// Everything, in the order in which it is shown.
    fn all(&self, view: &View<'_>) -> Vec<S::Row> {
        let all = Window {
            near: None,
            far: None,
        };
        let mut rows = self.source.rows(view, all, 500).unwrap();
        if S::HOME_IS_LAST {
            rows.reverse();
        }
        rows
    }

    /// What is shown is one piece of everything, which reaches the ends that it says it does.
    fn check(&self, view: &View<'_>)
    where
        S::Id: PartialEq + std::fmt::Debug,
    {
        let ids = |rows: &[S::Row]| rows.iter().map(S::id).collect::<Vec<_>>();
        let (all, shown) = (ids(&self.all(view)), ids(&self.page(view)));
        let Some(first) = shown.first() else {
            return;
        };
        let at = all.iter().position(|id| id == first).unwrap();
        assert_eq!(&all[at..at + shown.len()], shown);
        let ends = self.window.ends();
        let (before, behind) = match S::HOME_IS_LAST {
            true => (ends.far, ends.near),
            false => (ends.near, ends.far),
        };
        assert!(before || at == 0);
        assert!(behind || at + shown.len() == all.len());
    }
}

/// Something happens, or the listener looks elsewhere.
#[derive(Clone, Debug)]
enum Act {
    Insert {
        peer: usize,
        minute: u64,
        own: bool,
    },
    Reply {
        to: usize,
        minute: u64,
    },
    Edit(usize),
    Retract(usize),
    RemoveHere(usize),
    React {
        message: usize,
        own: bool,
        emoji: u8,
    },
    Advance(usize),
    Read(usize),
    Gap {
        minute: u64,
        seq: u64,
    },
    FillGaps(u64),
    Pin {
        peer: usize,
        pinned: bool,
    },
    Archive {
        peer: usize,
        archived: bool,
    },
    Draft(usize),
    Rename(usize),
    Look(Look),
}

/// Where a listener looks.
#[derive(Clone, Copy, Debug)]
enum Look {
    Further(usize),
    Back(usize),
    Home(usize),
    /// At a message.
    Jump(usize),
}

fn act() -> impl Strategy<Value = Act> {
    let peers = usize::from(PEERS);
    prop_oneof![
        6 => (0..peers, 0_u64..40, any::<bool>()).prop_map(|(peer, minute, own)| Act::Insert { peer, minute, own }),
        4 => (0_u64..40, any::<bool>()).prop_map(|(minute, own)| Act::Insert { peer: 0, minute, own }),
        2 => (0_usize..50, 0_u64..40).prop_map(|(to, minute)| Act::Reply { to, minute }),
        1 => (0_usize..50).prop_map(Act::Edit),
        1 => (0_usize..50).prop_map(Act::Retract),
        1 => (0_usize..50).prop_map(Act::RemoveHere),
        1 => (0_usize..50, any::<bool>(), 0_u8..3).prop_map(|(message, own, emoji)| Act::React { message, own, emoji }),
        1 => (0_usize..50).prop_map(Act::Advance),
        1 => (0_usize..50).prop_map(Act::Read),
        1 => (0_u64..40, 1_u64..60).prop_map(|(minute, seq)| Act::Gap { minute, seq }),
        1 => (1_u64..60).prop_map(Act::FillGaps),
        1 => (0..peers, any::<bool>()).prop_map(|(peer, pinned)| Act::Pin { peer, pinned }),
        1 => (0..peers, any::<bool>()).prop_map(|(peer, archived)| Act::Archive { peer, archived }),
        1 => (0..peers).prop_map(Act::Draft),
        1 => (0..peers).prop_map(Act::Rename),
        2 => (1_usize..4).prop_map(|rows| Act::Look(Look::Further(rows))),
        2 => (1_usize..4).prop_map(|rows| Act::Look(Look::Back(rows))),
        1 => (0_usize..50).prop_map(|rows| Act::Look(Look::Jump(rows))),
        1 => (1_usize..5).prop_map(|rows| Act::Look(Look::Home(rows))),
    ]
}

impl Rig {
    /// A message that there is, by a number that may be too high.
    fn picked(&mut self, number: usize, written: &[MessageId]) -> Option<crate::store::MessageRow> {
        let id = written.get(number.checked_rem(written.len())?)?;
        self.view().message(id).unwrap()
    }

    fn change(&mut self, act: &Act, written: &mut Vec<MessageId>) {
        let number = u64::try_from(written.len()).unwrap() + 1;
        let clock = Hlc::at(START.plus(number * 1_000_000));
        match *act {
            Act::Insert { peer, minute, own } => written.push(self.text(peer, minute, number, own)),
            Act::Reply { to, minute } => {
                let Some(target) = self.picked(to, written) else {
                    return;
                };
                let author = self.view().account();
                let post = Post {
                    reply: Some(Reply {
                        message: target.message.message_id,
                        author,
                        quote: "as quoted".to_owned(),
                    }),
                    ..Post::text("an answer")
                };
                written.push(self.post(0, minute, number, false, &post));
            }
            Act::Edit(message) => {
                let Some(row) = self.picked(message, written) else {
                    return;
                };
                let revision = Revision {
                    clock,
                    body: format!("edited {number}"),
                    parts: None,
                };
                self.step(|step| step.tx().messages().edit(&row, &revision).unwrap());
            }
            Act::Retract(message) => {
                if let Some(row) = self.picked(message, written) {
                    self.step(|step| step.tx().messages().retract(&row).unwrap());
                }
            }
            Act::RemoveHere(message) => {
                if let Some(row) = self.picked(message, written) {
                    self.step(|step| step.tx().messages().remove_here(&row).unwrap());
                }
            }
            Act::React {
                message,
                own,
                emoji,
            } => {
                if let Some(row) = self.picked(message, written).filter(|row| row.is_shown()) {
                    let sender = (!own).then_some(self.peers[0].contact);
                    let emoji: Vec<String> = (0..emoji).map(|one| one.to_string()).collect();
                    self.step(|step| {
                        let reactions = step.tx().reactions();
                        reactions.set(row.id, sender, clock, &emoji).unwrap();
                    });
                }
            }
            Act::Advance(message) => {
                if let Some(row) = self.picked(message, written) {
                    let id = row.message.message_id;
                    self.step(|step| {
                        step.tx()
                            .messages()
                            .advance(&id, MessageState::Delivered)
                            .unwrap();
                    });
                }
            }
            Act::Read(message) => {
                if let Some(row) = self.picked(message, written) {
                    let at = (row.message.conversation, row.message.clock);
                    self.step(|step| step.mark_read(at.0, at.1).unwrap());
                }
            }
            Act::Gap { minute, seq } => {
                let peer = self.peers[0];
                let missing = Missing::Stream {
                    conversation: peer.conversation,
                    first: 1_000 + seq,
                    last: 1_002 + seq,
                    clock: Hlc::at(START.plus(minute * 60_000)),
                };
                self.step(|step| {
                    let gaps = step.tx().gaps();
                    gaps.insert(peer.device, &missing, None, START, None)
                        .unwrap();
                    gaps.show(peer.conversation).unwrap();
                });
            }
            Act::FillGaps(seq) => {
                let peer = self.peers[0];
                let filled = (1_001 + seq, Hlc::at(START.plus(seq * 60_000)));
                self.step(|step| {
                    let gaps = step.tx().gaps();
                    gaps.fill_stream(peer.device, peer.conversation, filled, true)
                        .unwrap();
                });
            }
            Act::Pin { peer, pinned } => {
                let conversation = self.peers[peer].conversation;
                self.step(|step| step.set_pinned(conversation, pinned).unwrap());
            }
            Act::Archive { peer, archived } => {
                let conversation = self.peers[peer].conversation;
                self.step(|step| step.set_archived(conversation, archived).unwrap());
            }
            Act::Draft(peer) => {
                let conversation = self.peers[peer].conversation;
                self.step(|step| step.set_draft(conversation, &number.to_string()).unwrap());
            }
            Act::Rename(peer) => {
                let contact = self.peers[peer].contact;
                self.step(|step| step.rename(contact, &format!("name {number}")).unwrap());
            }
            Act::Look(_) => {}
        }
    }
}

/// The listener looks elsewhere.
fn turn<S: Source>(listener: &mut Listener<S>, view: &View<'_>, look: Look) {
    let (source, window) = (&listener.source, listener.window);
    listener.window = match look {
        Look::Further(rows) => window.further(source, view, rows).unwrap(),
        Look::Back(rows) => window.back(source, view, rows).unwrap(),
        Look::Home(rows) => Window::home(source, view, rows).unwrap(),
        Look::Jump(_) => window,
    };
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// What an app has after it applied all that it was told is what a fresh page says, after each step of any schedule; of two listeners of
    /// one timeline, and one of the list.
    #[test]
    fn what_was_told_comes_to_a_fresh_page(acts in proptest::collection::vec(act(), 1..60)) {
        let mut rig = Rig::new();
        let mut written = Vec::new();
        let source = OfConversation(rig.peers[0].conversation);
        let view = rig.view();
        let mut list = Listener::new(List { archived: false }, &view, 2);
        let mut timelines = [2, 5].map(|rows| Listener::new(source, &view, rows));
        drop(view);
        let mut listed: Vec<ConversationSummary> = Vec::new();
        let mut shown: [Vec<TimelineRow>; 2] = Default::default();
        for act in acts {
            rig.change(&act, &mut written);
            let mut target = None;
            if let Act::Look(Look::Jump(message)) = act {
                target = rig.picked(message, &written);
            }
            let view = rig.view();
            if let Act::Look(look) = act {
                turn(&mut list, &view, look);
                turn(&mut timelines[0], &view, look);
            }
            if let Some(row) = &target {
                let found = source.around(&view, &row.message.message_id, 2).unwrap();
                timelines[0].window = found.unwrap_or(timelines[0].window);
            }
            if let Some(news) = list.look(&view) {
                prop_assert!(ConversationsUpdate::new(news).apply(&mut listed));
            }
            prop_assert_eq!(&listed, &list.page(&view));
            list.check(&view);
            for (at, timeline) in timelines.iter_mut().enumerate() {
                if let Some(news) = timeline.look(&view) {
                    prop_assert!(TimelineUpdate::new(news).apply(&mut shown[at]));
                }
                prop_assert_eq!(&shown[at], &timeline.page(&view));
                timeline.check(&view);
            }
        }
    }
}

fn ids(rows: &[TimelineRow]) -> Vec<u64> {
    let number = |row: &TimelineRow| match row.id {
        RowId::Message(id) => u64::from_be_bytes(*id.as_bytes().last_chunk().unwrap()),
        RowId::Gap(_) => 0,
    };
    rows.iter().map(number).collect()
}

#[test]
fn a_timeline_is_paged_both_ways_and_jumped_in() {
    let mut rig = Rig::new();
    let written: Vec<MessageId> = (1..=20)
        .map(|number| rig.text(0, number, number, false))
        .collect();
    let source = OfConversation(rig.peers[0].conversation);
    let other = rig.text(1, 30, 30, false);
    let view = rig.view();
    let mut timeline = Listener::new(source, &view, 3);
    assert_eq!(ids(&timeline.page(&view)), [18, 19, 20]);
    turn(&mut timeline, &view, Look::Further(2));
    assert_eq!(ids(&timeline.page(&view)), [16, 17, 18, 19, 20]);
    timeline.window = source.around(&view, &written[6], 2).unwrap().unwrap();
    assert_eq!(ids(&timeline.page(&view)), [5, 6, 7, 8, 9]);
    turn(&mut timeline, &view, Look::Back(3));
    assert_eq!(ids(&timeline.page(&view)), [5, 6, 7, 8, 9, 10, 11, 12]);
    turn(&mut timeline, &view, Look::Further(100));
    assert_eq!(ids(&timeline.page(&view)), Vec::from_iter(1..=12));
    let ends = timeline.window.ends();
    assert!(ends.near && !ends.far);
    turn(&mut timeline, &view, Look::Back(100));
    assert_eq!(ids(&timeline.page(&view)), Vec::from_iter(1..=20));
    assert_eq!(timeline.window.ends(), Ends::default());
    assert!(
        source.around(&view, &other, 2).unwrap().is_none(),
        "it is of another conversation"
    );
    drop(view);
    let number = rig.text(0, 40, 21, false);
    let view = rig.view();
    assert_eq!(
        timeline.page(&view).last().unwrap().id,
        RowId::Message(number),
        "it follows the newest"
    );
}

/// However much happens while it does not look, a listener is told one page at most, and has no more.
#[test]
fn a_listener_that_fell_behind_is_reset_to_one_page() {
    let mut rig = Rig::new();
    rig.text(0, 1, 1, false);
    let source = OfConversation(rig.peers[0].conversation);
    let mut timeline = Listener::new(source, &rig.view(), 50);
    timeline.look(&rig.view()).unwrap();
    let peer = rig.peers[0];
    rig.step(|step| {
        for number in 2..=1_000 {
            let message = new_message(&peer, number, number, false, &Post::text("x"));
            step.tx().messages().insert(&message).unwrap();
        }
    });
    let view = rig.view();
    let news = timeline.look(&view).unwrap();
    assert_eq!((news.rows.len(), news.ops), (LIVE_ROWS, None));
    assert_eq!(ids(&news.rows), Vec::from_iter(601..=1_000));
    assert!(news.ends.far);
    assert!(timeline.look(&view).is_none(), "once");
    // Who looks back has no more either: what is newest goes, and comes again on the way back.
    turn(&mut timeline, &view, Look::Further(100));
    assert_eq!(ids(&timeline.page(&view)), Vec::from_iter(501..=900));
    turn(&mut timeline, &view, Look::Back(50));
    assert_eq!(ids(&timeline.page(&view)), Vec::from_iter(551..=950));
}

#[test]
fn a_row_carries_all_that_is_drawn() {
    let mut rig = Rig::new();
    let own = rig.text(0, 1, 1, true);
    let theirs = rig.text(0, 2, 2, false);
    let elsewhere = rig.text(1, 3, 3, false);
    let account = rig.view().account();
    let peer = rig.peers[0];
    let answer = |message| Post {
        reply: Some(Reply {
            message,
            author: account,
            quote: "as quoted".to_owned(),
        }),
        mentions: vec![Mention {
            range: TextRange { start: 0, len: 3 },
            account,
        }],
        ..Post::text("ben, look")
    };
    let to_own = rig.post(0, 4, 4, false, &answer(own));
    let to_theirs = rig.post(0, 5, 5, true, &answer(theirs));
    let to_elsewhere = rig.post(0, 6, 6, false, &answer(elsewhere));
    let clock = |at| Hlc::at(START.plus(at));
    rig.step(|step| {
        let messages = step.tx().messages();
        let revision = Revision {
            clock: clock(9_000_000),
            body: "said otherwise".to_owned(),
            parts: None,
        };
        let row = messages.get(&own).unwrap().unwrap();
        messages.edit(&row, &revision).unwrap();
        let row = messages.get(&theirs).unwrap().unwrap();
        messages.retract(&row).unwrap();
        let row = messages.get(&to_own).unwrap().unwrap();
        let emoji = |all: &[&str]| all.iter().map(|one| (*one).to_owned()).collect::<Vec<_>>();
        let reactions = step.tx().reactions();
        reactions
            .set(row.id, Some(peer.contact), clock(1), &emoji(&["👍"]))
            .unwrap();
        reactions
            .set(row.id, None, clock(2), &emoji(&["👍", "🎉"]))
            .unwrap();
    });
    let view = rig.view();
    let timeline = Listener::new(OfConversation(peer.conversation), &view, 50);
    let rows: BTreeMap<_, _> = timeline
        .page(&view)
        .into_iter()
        .map(|row| match (row.id, row.item) {
            (RowId::Message(id), TimelineItem::Message(item)) => (*id.as_bytes(), item),
            other => panic!("{other:?}"),
        })
        .collect();
    let row = |id: MessageId| &rows[id.as_bytes()];
    let quote = |id| {
        let quote = row(id).quote.clone().unwrap();
        (quote.author.unwrap().name, quote.preview, quote.original)
    };
    let text = |text: &str| Preview::Text(text.to_owned());
    assert_eq!(row(to_own).sender.name, "contact 0");
    assert_eq!(
        quote(to_own),
        ("Ben".into(), text("said otherwise"), Original::Edited)
    );
    assert_eq!(
        quote(to_theirs),
        ("contact 0".into(), Preview::Deleted, Original::Deleted)
    );
    assert_eq!(
        quote(to_elsewhere),
        ("Ben".into(), text("as quoted"), Original::Missing)
    );
    let reactions = &row(to_own).reactions;
    let names = |at: usize| -> Vec<&str> {
        reactions[at]
            .people
            .iter()
            .map(|one| one.name.as_str())
            .collect()
    };
    assert_eq!((reactions.len(), reactions[0].emoji.as_str()), (2, "👍"));
    assert_eq!(
        (names(0), names(1)),
        (vec!["contact 0", "Ben"], vec!["Ben"])
    );
    assert!(reactions[0].is_own && reactions[1].is_own);
}

#[test]
fn a_preview_says_what_there_is_instead_of_text() {
    let mut rig = Rig::new();
    let place = Location {
        latitude_e7: 1,
        longitude_e7: 2,
        accuracy_m: 3,
        label: "the harbour".to_owned(),
    };
    let payload = AppPayload {
        mime_type: "app/dice".to_owned(),
        bytes: vec![6],
    };
    let at_harbour = Post {
        location: Some(place),
        ..Post::default()
    };
    let dice = Post {
        payload: Some(payload),
        ..Post::default()
    };
    let of_kind = |rig: &mut Rig, number: u64, kind, extra: &[u8]| {
        let message = NewMessage {
            kind,
            extra: Some(extra.to_vec()),
            body: String::new(),
            ..new_message(&rig.peers[0], number, number, false, &Post::text("x"))
        };
        rig.step(|step| step.tx().messages().insert(&message).unwrap());
    };
    let mut number = 0;
    let mut shown = |rig: &mut Rig, write: &dyn Fn(&mut Rig, u64)| {
        number += 1;
        write(rig, number);
        let view = rig.view();
        let conversation = rig_list(&view).remove(0);
        conversation.last.unwrap().preview
    };
    let preview = shown(&mut rig, &|rig, number| {
        _ = rig.post(0, number, number, false, &at_harbour)
    });
    assert_eq!(
        preview,
        Preview::Place {
            label: "the harbour".into()
        }
    );
    let preview = shown(&mut rig, &|rig, number| {
        _ = rig.post(0, number, number, false, &dice)
    });
    assert_eq!(
        preview,
        Preview::Payload {
            mime_type: "app/dice".into()
        }
    );
    let preview = shown(&mut rig, &|rig, number| {
        let id = rig.text(0, number, number, true);
        let row = rig.view().message(&id).unwrap().unwrap();
        rig.step(|step| step.tx().messages().retract(&row).unwrap());
    });
    assert_eq!(preview, Preview::Deleted);
    let preview = shown(&mut rig, &|rig, number| {
        of_kind(rig, number, MessageKind::Unsupported, &[1, 200, 0, 0, 7])
    });
    assert_eq!(preview, Preview::Unsupported { content_type: 200 });
    let preview = shown(&mut rig, &|rig, number| {
        of_kind(rig, number, MessageKind::TimerSet, &[0, 0, 0, 60])
    });
    let timer = SystemRow::TimerSet(Timer::from_seconds(60));
    assert_eq!(preview, Preview::System(timer));
    let code = IdentityAlarm::DeviceAdded.code();
    let preview = shown(&mut rig, &|rig, number| {
        of_kind(rig, number, MessageKind::IdentityChanged, &[code])
    });
    let news = SystemRow::IdentityChanged(IdentityAlarm::DeviceAdded);
    assert_eq!(preview, Preview::System(news));
}

fn rig_list(view: &View<'_>) -> Vec<ConversationSummary> {
    Listener::new(List { archived: false }, view, 10).page(view)
}

#[test]
fn places_are_read_from_both_ends() {
    let mut rig = Rig::new();
    for peer in 0..usize::from(PEERS) {
        let number = u64::try_from(peer).unwrap() + 1;
        rig.text(peer, number, number, false);
    }
    let view = rig.view();
    let list = List { archived: false };
    let all = Window {
        near: None,
        far: None,
    };
    let read = |window, way, limit| list.places(&view, window, way, limit).unwrap();
    let forward = read(all, Way::Outward, 10);
    let mut backward = read(all, Way::Homeward, 10);
    assert_eq!(forward.len(), usize::from(PEERS));
    backward.reverse();
    assert_eq!(forward, backward);
    let between = Window {
        near: Some(forward[0]),
        far: Some(forward[3]),
    };
    assert_eq!(read(between, Way::Outward, 1), [forward[1]]);
    assert_eq!(read(between, Way::Homeward, 1), [forward[2]]);
}
