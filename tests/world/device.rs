//! One simulated device: an engine on a real encrypted store, and as much of a driver as the engine's contract asks for.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use rand_chacha::ChaCha12Rng;
use undertone::ChangeError;
use undertone::engine::{Effect, Engine, Input, Lane, NewAccount, Opened};
use undertone::store::{
    ContactId, ContactState, ConversationId, Durability, MessageKind, Store, StoreKey, StoreOptions,
};
use undertone_protocol::account::AccountId;
use undertone_protocol::content::{MessageId, Post};
use undertone_protocol::invite::InviteLink;
use undertone_protocol::relay_address::RelayAddress;
use undertone_wire::Frame;
use undertone_wire::binding::{BindingValue, host};

use crate::clock::Clock;
use crate::invariants::Shown;
use crate::network::DeviceNumber;
use crate::relay::HOST;

/// Rows of one look at a conversation: more than a schedule writes.
const ALL: usize = 10_000;

/// What somebody does with a message.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Act {
    Edit,
    Delete,
    /// With so many emoji.
    React(usize),
}

/// A message as one side sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Picture {
    id: MessageId,
    text: String,
    pub deleted: bool,
    pub edited: bool,
    /// The own ones, and the other side's.
    pub reactions: [Vec<String>; 2],
}

impl Picture {
    /// As the other side must see it.
    pub(crate) fn mirrored(&self) -> Self {
        let mut mirrored = self.clone();
        mirrored.reactions.reverse();
        mirrored
    }
}

/// What becomes of a device in a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fate {
    Lives,
    /// The step is lost.
    DiesBeforeCommit,
    /// The step stands, its effects are lost.
    DiesAfterCommit,
}

/// The binding of every connection of the world.
pub(crate) fn binding() -> BindingValue {
    BindingValue::Host(host(HOST))
}

pub(crate) struct Device {
    name: String,
    store: PathBuf,
    engine: Option<Engine>,
    rng: ChaCha12Rng,
    account: AccountId,
    peers: BTreeMap<DeviceNumber, AccountId>,
    written: u64,
    /// Lanes whose greeting was handed in, and what waits for the greeting of the others.
    greeted: Vec<Lane>,
    waiting: Vec<(Lane, Frame)>,
    has_copy: bool,
    /// By how much its clock is ahead, in milliseconds.
    skew_ms: i64,
}

fn open_store(path: &Path, name: &str) -> Store {
    let mut key = [7; 32];
    key[0] = name.as_bytes().last().copied().unwrap_or_default();
    // The page cache outlives a simulated crash; power cuts are tested with real processes.
    let options = StoreOptions {
        durability: Durability::None,
        ..StoreOptions::default()
    };
    Store::open_with(path, &StoreKey::new(&key), options).expect("the store opens")
}

impl Device {
    pub(crate) fn create(
        number: DeviceNumber,
        folder: &Path,
        clock: Clock,
        mut rng: ChaCha12Rng,
    ) -> Self {
        let name = format!("d{number}");
        let store = folder.join(&name);
        let account = NewAccount {
            root: None,
            relay: RelayAddress::parse(&format!("https://{HOST}")).expect("an address"),
            name: format!("person-{number}-canary"),
        };
        let mut engine = Engine::create(
            open_store(&store, &name),
            account,
            clock.at_device(0),
            &mut rng,
        )
        .expect("a new account");
        let account = engine.view().expect("a view").account();
        Self {
            name,
            store,
            engine: Some(engine),
            rng,
            account,
            peers: BTreeMap::new(),
            written: 0,
            greeted: Vec::new(),
            waiting: Vec::new(),
            has_copy: false,
            skew_ms: 0,
        }
    }

    pub(crate) fn account(&self) -> AccountId {
        self.account
    }

    pub(crate) fn introduce(&mut self, number: DeviceNumber, account: AccountId) {
        self.peers.insert(number, account);
    }

    pub(crate) fn next_wake(&self) -> Option<u64> {
        self.engine.as_ref().and_then(Engine::next_wake)
    }

    /// What must never be seen by the relay: the account's id and the name of its owner. Texts are seen to be absent by
    /// the sizes and by the canary in each.
    pub(crate) fn secrets(&self) -> [Vec<u8>; 3] {
        [
            self.account.as_bytes().to_vec(),
            b"-canary".to_vec(),
            format!("{} says", self.name).into_bytes(),
        ]
    }

    pub(crate) fn next_text(&mut self) -> String {
        self.written += 1;
        format!("{} says {}", self.name, self.written)
    }

    /// Takes one input; `None` when the device died.
    pub(crate) fn handle(&mut self, clock: Clock, input: Input, fate: Fate) -> Option<Vec<Effect>> {
        let engine = self.engine.as_mut()?;
        let mut step = engine
            .begin(clock.at_device(self.skew_ms), &mut self.rng)
            .expect("a step begins");
        step.handle(input)
            .expect("whatever comes from outside is handled");
        if fate == Fate::DiesBeforeCommit {
            return None;
        }
        let effects = step.commit().expect("the step commits");
        (fate == Fate::Lives).then_some(effects)
    }

    /// Writes to a peer; tells whether that became durable, and the effects unless the device died.
    pub(crate) fn say(
        &mut self,
        clock: Clock,
        to: DeviceNumber,
        text: &str,
        fate: Fate,
    ) -> (bool, Option<Vec<Effect>>) {
        let conversation = self.conversation(to).expect("they are friends");
        let Some(engine) = self.engine.as_mut() else {
            return (false, None);
        };
        let mut step = engine
            .begin(clock.at_device(self.skew_ms), &mut self.rng)
            .expect("a step begins");
        step.send_text(conversation, text)
            .expect("sending is a local act");
        if fate == Fate::DiesBeforeCommit {
            return (false, None);
        }
        let effects = step.commit().expect("the step commits");
        (true, (fate == Fate::Lives).then_some(effects))
    }

    /// Types to a peer; the effects unless the device died.
    pub(crate) fn types(
        &mut self,
        clock: Clock,
        to: DeviceNumber,
        fate: Fate,
    ) -> Option<Vec<Effect>> {
        let conversation = self.conversation(to).expect("they are friends");
        let engine = self.engine.as_mut()?;
        let mut step = engine
            .begin(clock.at_device(self.skew_ms), &mut self.rng)
            .expect("a step begins");
        step.typing(conversation).expect("a key is no problem");
        if fate == Fate::DiesBeforeCommit {
            return None;
        }
        let effects = step.commit().expect("the step commits");
        (fate == Fate::Lives).then_some(effects)
    }

    /// Does something with a message of the conversation with a peer, counted back from the newest, if that is permitted; the
    /// effects unless the device died.
    pub(crate) fn change(
        &mut self,
        clock: Clock,
        peer: DeviceNumber,
        back: usize,
        act: Act,
        fate: Fate,
    ) -> Option<Vec<Effect>> {
        let conversation = self.conversation(peer).expect("they are friends");
        let text = self.next_text();
        let engine = self.engine.as_mut()?;
        let view = engine.view().expect("a view");
        let rows = view.messages_before(conversation, None, back + 1);
        drop(view);
        let id = rows
            .expect("a read")
            .pop()
            .map(|row| row.message.message_id);
        let id = id.expect("they have written to each other");
        let mut step = engine
            .begin(clock.at_device(self.skew_ms), &mut self.rng)
            .expect("a step begins");
        let done = match act {
            Act::Edit => step.edit(&id, Post::text(format!("{text}, corrected"))),
            Act::Delete => step.delete_for_everyone(&id),
            Act::React(count) => {
                let emoji = ["\u{1f44d}", "\u{2764}", "\u{1f389}"].map(str::to_owned);
                step.react(&id, &emoji[..count])
            }
        };
        // Somebody else's message, or one that was taken back.
        assert!(
            matches!(
                done,
                Ok(()) | Err(ChangeError::NotOwn | ChangeError::NotPossible)
            ),
            "{done:?}"
        );
        if fate == Fate::DiesBeforeCommit {
            return None;
        }
        let effects = step.commit().expect("the step commits");
        (fate == Fate::Lives).then_some(effects)
    }

    /// The conversation with a peer as this side sees it, oldest first.
    pub(crate) fn picture(&mut self, peer: DeviceNumber) -> Vec<Picture> {
        let conversation = self.conversation(peer).expect("they are friends");
        let view = self.engine.as_mut().expect("alive").view().expect("a view");
        let rows = view.messages_before(conversation, None, ALL);
        let mut rows = rows.expect("a read");
        rows.reverse();
        rows.into_iter()
            // What one side learned of the other is its own.
            .filter(|row| row.message.kind != MessageKind::IdentityChanged)
            .map(|row| {
                let emoji = |own: bool| {
                    let of = row.reactions.iter().find(|one| one.sender.is_none() == own);
                    of.map_or_else(Vec::new, |one| one.emoji.clone())
                };
                Picture {
                    id: row.message.message_id,
                    deleted: row.message.kind == MessageKind::Deleted,
                    edited: row.edited.is_some(),
                    reactions: [emoji(true), emoji(false)],
                    text: row.message.body,
                }
            })
            .collect()
    }

    pub(crate) fn invite(&mut self, clock: Clock) -> (Option<InviteLink>, Vec<Effect>) {
        let engine = self.engine.as_mut().expect("alive");
        let mut step = engine
            .begin(clock.at_device(self.skew_ms), &mut self.rng)
            .expect("a step begins");
        let id = step.create_invite("friend").expect("an invite");
        let effects = step.commit().expect("the step commits");
        (
            engine
                .view()
                .expect("a view")
                .invite_link(&id)
                .expect("a read"),
            effects,
        )
    }

    pub(crate) fn add(&mut self, clock: Clock, link: &InviteLink) -> ((), Vec<Effect>) {
        let text = self.next_text();
        let engine = self.engine.as_mut().expect("alive");
        let mut step = engine
            .begin(clock.at_device(self.skew_ms), &mut self.rng)
            .expect("a step begins");
        step.add_contact(link, Some(&text)).expect("a contact");
        ((), step.commit().expect("the step commits"))
    }

    pub(crate) fn accept(&mut self, clock: Clock, peer: DeviceNumber) -> ((), Vec<Effect>) {
        let contact = self.contact(peer).expect("the request has arrived");
        let engine = self.engine.as_mut().expect("alive");
        let mut step = engine
            .begin(clock.at_device(self.skew_ms), &mut self.rng)
            .expect("a step begins");
        step.accept(contact).expect("an acceptance");
        ((), step.commit().expect("the step commits"))
    }

    /// Blocks a peer, or ends that.
    pub(crate) fn block(
        &mut self,
        clock: Clock,
        peer: DeviceNumber,
        block: bool,
    ) -> ((), Vec<Effect>) {
        let contact = self.contact(peer).expect("they are friends");
        let now = clock.at_device(self.skew_ms);
        let engine = self.engine.as_mut().expect("alive");
        let mut step = engine.begin(now, &mut self.rng).expect("a step begins");
        if block {
            step.block(contact).expect("a contact can be blocked");
        } else {
            step.unblock(contact).expect("it was blocked");
        }
        ((), step.commit().expect("the step commits"))
    }

    /// From now on its clock is ahead by so much, or right.
    pub(crate) fn set_clock(&mut self, skew_ms: i64) {
        self.skew_ms = skew_ms;
    }

    /// Whether a peer's request waits for an answer.
    pub(crate) fn has_request(&mut self, peer: DeviceNumber) -> bool {
        let account = self.peers.get(&peer).copied();
        let engine = self.engine.as_mut().expect("alive");
        let contacts = engine.view().expect("a view").contacts().expect("a read");
        contacts.iter().any(|contact| {
            Some(contact.account) == account && contact.state == ContactState::Requested
        })
    }

    fn contact(&mut self, peer: DeviceNumber) -> Option<ContactId> {
        let account = self.peers.get(&peer)?;
        let view = self.engine.as_mut()?.view().expect("a view");
        let contacts = view.contacts().expect("a read");
        contacts
            .into_iter()
            .find(|contact| contact.account == *account)
            .map(|contact| contact.id)
    }

    fn conversation(&mut self, peer: DeviceNumber) -> Option<ConversationId> {
        let contact = self.contact(peer)?;
        let view = self.engine.as_mut()?.view().expect("a view");
        view.conversation_of(contact)
            .expect("a read")
            .map(|conversation| conversation.id)
    }

    /// The texts of the conversation with a peer, oldest first.
    pub(crate) fn history(&mut self, peer: DeviceNumber) -> Vec<Shown> {
        let Some(conversation) = self.conversation(peer) else {
            return Vec::new();
        };
        let Some(engine) = self.engine.as_mut() else {
            return Vec::new();
        };
        let view = engine.view().expect("a view");
        let mut rows = view
            .messages_before(conversation, None, ALL)
            .expect("a read");
        rows.reverse();
        let texts = rows
            .into_iter()
            .filter(|row| row.message.kind == MessageKind::Text);
        texts
            .map(|row| Shown {
                incoming: row.message.sender.is_some(),
                text: row.message.body,
            })
            .collect()
    }

    /// Gives the frame back when the lane was greeted, else keeps it for then.
    pub(crate) fn hold_until_greeted(&mut self, lane: &Lane, frame: Frame) -> Option<Frame> {
        if self.greeted.contains(lane) {
            return Some(frame);
        }
        self.waiting.push((lane.clone(), frame));
        None
    }

    /// A lane was greeted: what waited for it can go.
    pub(crate) fn greeted(&mut self, lane: &Lane) -> Vec<Frame> {
        self.greeted.push(lane.clone());
        let (ready, waiting) = std::mem::take(&mut self.waiting)
            .into_iter()
            .partition(|(other, _)| other == lane);
        self.waiting = waiting;
        ready.into_iter().map(|(_, frame)| frame).collect()
    }

    pub(crate) fn forget_lane(&mut self, lane: &Lane) {
        self.greeted.retain(|other| other != lane);
        self.waiting.retain(|(other, _)| other != lane);
    }

    /// The process is gone; its store is opened by the next one.
    pub(crate) fn restart(&mut self, clock: Clock) {
        self.engine = None;
        self.greeted.clear();
        self.waiting.clear();
        let store = open_store(&self.store, &self.name);
        match Engine::open(store, clock.at_device(self.skew_ms), &mut self.rng)
            .expect("the engine opens")
        {
            Opened::Account(engine) => self.engine = Some(*engine),
            Opened::Empty(_) => panic!("the account is gone"),
        }
    }

    fn files(&self) -> [(PathBuf, PathBuf); 2] {
        let beside = |suffix: &str| {
            let mut name = self.store.clone().into_os_string();
            name.push(suffix);
            PathBuf::from(name)
        };
        [
            (self.store.clone(), beside(".copy")),
            (beside("-wal"), beside("-wal.copy")),
        ]
    }

    /// Copies the disk, as a backup program would.
    pub(crate) fn keep_copy(&mut self) {
        for (from, to) in self.files() {
            if from.exists() {
                fs::copy(from, to).expect("a copy");
            } else {
                drop(fs::remove_file(to));
            }
        }
        self.has_copy = true;
    }

    pub(crate) fn has_copy(&self) -> bool {
        self.has_copy
    }

    /// Puts the copy back and starts from it.
    pub(crate) fn roll_back(&mut self, clock: Clock) {
        self.engine = None;
        for (to, from) in self.files() {
            drop(fs::remove_file(&to));
            if from.exists() {
                fs::copy(from, to).expect("a copy");
            }
        }
        self.restart(clock);
    }
}
