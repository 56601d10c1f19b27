//! The world: devices, the network between them and the relay, and time.

mod changes;
mod connections;
mod mishaps;

use std::collections::{BTreeMap, BTreeSet};

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha12Rng;
use undertone::engine::{Effect, Event as Shows, Input, Lane};
use undertone_relay::service::ConnectionId;

use crate::clock::Clock;
use crate::device::{Device, Fate};
use crate::faults::Faults;
use crate::invariants::{self, Matters, NonceLedger};
use crate::log::Log;
use crate::network::{DeviceNumber, Event, Network};
use crate::relay::SimulatedRelay;
use crate::tampering::Tampering;

/// How often the relay does its housekeeping, in milliseconds.
const TICK_MS: u64 = 5_000;
/// How long a healed world may take until everything has arrived, in milliseconds: lost deliveries are asked for after
/// up to 12 hours.
const PATIENCE_MS: u64 = 5 * 24 * 3_600_000;

/// One end of a connection, as the relay's side of the world knows it.
#[derive(Debug, Clone)]
struct End {
    device: DeviceNumber,
    lane: Lane,
}

/// Whose conversation with whom, and its texts.
type Histories = BTreeMap<(DeviceNumber, DeviceNumber), Vec<String>>;

/// What a person said, once that was durable.
#[derive(Debug, Clone)]
pub(crate) struct Said {
    from: DeviceNumber,
    to: DeviceNumber,
    text: String,
    /// One blocked the other before it had arrived: it may be discarded.
    may_be_lost: bool,
}

pub(crate) struct World {
    clock: Clock,
    rng: ChaCha12Rng,
    faults: Faults,
    devices: Vec<Device>,
    relay: SimulatedRelay,
    network: Network,
    connections: BTreeMap<ConnectionId, End>,
    matters: Matters,
    tampering: Option<Tampering>,
    said: Vec<Said>,
    /// Who blocks whom.
    quarrels: BTreeSet<(DeviceNumber, DeviceNumber)>,
    nonces: NonceLedger,
    log: Log,
    _folder: tempfile::TempDir,
}

/// Tells each device which account is whose, so that its log names people by number.
fn introduce_everybody(devices: &mut [Device]) {
    let accounts: Vec<_> = devices.iter().map(Device::account).collect();
    for device in devices {
        for (number, account) in accounts.iter().enumerate() {
            device.introduce(number, *account);
        }
    }
}

impl World {
    pub(crate) fn new(seed: u64, people: usize, faults: Faults) -> Self {
        let mut rng = ChaCha12Rng::seed_from_u64(seed);
        let clock = Clock::default();
        let folder = tempfile::tempdir().expect("a temporary folder");
        let nonces = NonceLedger::open();
        let relay = SimulatedRelay::new(relay_time(clock), ChaCha12Rng::from_rng(&mut rng));
        let mut devices: Vec<_> = (0..people)
            .map(|number| {
                Device::create(
                    number,
                    folder.path(),
                    clock,
                    ChaCha12Rng::from_rng(&mut rng),
                )
            })
            .collect();
        introduce_everybody(&mut devices);
        let mut network = Network::default();
        network.put(TICK_MS, Event::RelayTick);
        for device in 0..people {
            network.put(0, Event::Reconnect { device });
        }
        Self {
            clock,
            rng,
            faults,
            devices,
            relay,
            network,
            connections: BTreeMap::new(),
            matters: Matters::default(),
            tampering: None,
            said: Vec::new(),
            quarrels: BTreeSet::new(),
            nonces,
            log: Log::open(seed),
            _folder: folder,
        }
    }

    /// From now on the relay meddles, and takes down what it sees.
    pub(crate) fn tamper(&mut self, tampering: Tampering) {
        self.tampering = Some(tampering);
    }

    /// The relay is honest again; gives what it saw.
    pub(crate) fn behave(&mut self) -> Tampering {
        self.tampering.take().expect("it has meddled")
    }

    pub(crate) fn into_log(self) -> Log {
        self.log
    }

    /// Everybody invites everybody with a higher number, in a calm network.
    pub(crate) fn befriend_everybody(&mut self) {
        let faults = std::mem::replace(&mut self.faults, Faults::none());
        self.run_for(10_000);
        for host in 0..self.devices.len() {
            for guest in host + 1..self.devices.len() {
                let link = self
                    .act(host, |device, clock| device.invite(clock))
                    .expect("no faults yet");
                self.act(guest, |device, clock| device.add(clock, &link));
                self.run_for(30_000);
                self.act(host, |device, clock| device.accept(clock, guest));
                self.run_for(30_000);
            }
        }
        self.faults = faults;
    }

    /// Everybody invites everybody, and all add each other at the same moment.
    pub(crate) fn befriend_at_once(&mut self) {
        let faults = std::mem::replace(&mut self.faults, Faults::none());
        self.run_for(10_000);
        let everybody = 0..self.devices.len();
        let mut links = Vec::new();
        for host in everybody.clone() {
            let link = self.act(host, |device, clock| device.invite(clock));
            links.push(link.expect("no faults yet"));
        }
        self.run_for(30_000);
        for guest in everybody.clone() {
            for host in everybody.clone().filter(|host| *host != guest) {
                self.act(guest, |device, clock| device.add(clock, &links[host]));
            }
        }
        self.run_for(60_000);
        for (one, other) in everybody
            .clone()
            .flat_map(|one| everybody.clone().map(move |other| (one, other)))
        {
            if one != other && self.devices[one].has_request(other) {
                self.act(one, |device, clock| device.accept(clock, other));
            }
        }
        self.run_for(60_000);
        self.faults = faults;
    }

    /// People write, and things go wrong.
    pub(crate) fn live(&mut self, actions: usize) {
        for _ in 0..actions {
            let from = self.rng.random_range(0..self.devices.len());
            let to = (from + self.rng.random_range(1..self.devices.len())) % self.devices.len();
            for _ in 0..self.rng.random_range(1..4) {
                if self.rng.random_bool(0.3) {
                    self.types(from, to);
                }
                self.say(from, to);
            }
            let pause = if self.rng.random_bool(0.1) {
                3_600_000
            } else {
                3_000
            };
            let pause = self.rng.random_range(0..pause);
            self.run_for(pause);
            self.mishap(from, to);
        }
    }

    /// Everybody writes to everybody once more, without faults.
    pub(crate) fn last_words(&mut self) {
        self.faults = Faults::none();
        self.make_up();
        for from in 0..self.devices.len() {
            for to in (0..self.devices.len()).filter(|to| *to != from) {
                self.say(from, to);
            }
        }
    }

    /// No more faults: runs until everything said has arrived, or fails.
    pub(crate) fn heal(&mut self) {
        self.faults = Faults::none();
        self.make_up();
        let until = self.clock.elapsed() + PATIENCE_MS;
        while self.clock.elapsed() < until && !self.has_everything_arrived() {
            let chunk = 60_000.max((self.clock.elapsed() + PATIENCE_MS - until) / 4);
            self.run_for(chunk);
            self.assert_relay_keeps_what_it_may();
        }
    }

    /// What was said so far may be lost.
    pub(crate) fn let_bygones_be(&mut self) {
        self.said.clear();
    }

    /// Both sides of each conversation hold everything said, once, in the same order.
    pub(crate) fn assert_whole(&mut self) {
        self.assert_said_is_shown();
        self.assert_same_order();
    }

    /// Both sides of each conversation show everything said, once.
    pub(crate) fn assert_said_is_shown(&mut self) {
        let shown = self.shown();
        for said in &self.said {
            for pair in [(said.from, said.to), (said.to, said.from)] {
                let texts = shown[&pair].iter().filter(|text| **text == said.text);
                let count = texts.count();
                let may_be_lost = said.may_be_lost && pair.0 == said.to;
                assert!(
                    count == 1 || (may_be_lost && count == 0),
                    "{:?} shows {count} times at {}\n{}",
                    said.text,
                    pair.0,
                    self.log.tail()
                );
            }
        }
    }

    /// Both sides of a conversation show what both have in the same order.
    fn assert_same_order(&mut self) {
        let shown = self.shown();
        let lost = self.said.iter().filter(|said| said.may_be_lost);
        let lost: BTreeSet<&String> = lost.map(|said| &said.text).collect();
        for ((one, other), ours) in &shown {
            let theirs = &shown[&(*other, *one)];
            let both_have = |texts: &[String], others: &[String]| -> Vec<String> {
                let mut texts = texts.to_vec();
                texts.retain(|text| !lost.contains(text) || others.contains(text));
                texts
            };
            assert_eq!(
                both_have(ours, theirs),
                both_have(theirs, ours),
                "{one} and {other} show different conversations\n{}",
                self.log.tail()
            );
        }
    }

    /// The texts that each shows of its conversation with each other, oldest first.
    fn shown(&mut self) -> Histories {
        let mut shown = Histories::new();
        for one in 0..self.devices.len() {
            for other in (0..self.devices.len()).filter(|other| *other != one) {
                let history = self.devices[one].history(other);
                let texts = history.into_iter().map(|shown| shown.text);
                shown.insert((one, other), texts.collect());
            }
        }
        shown
    }

    fn has_everything_arrived(&mut self) -> bool {
        let shown = self.shown();
        let mut required = self.said.iter().filter(|said| !said.may_be_lost);
        required.all(|said| shown[&(said.to, said.from)].contains(&said.text))
    }

    pub(crate) fn say(&mut self, from: DeviceNumber, to: DeviceNumber) {
        if self.quarrels.contains(&(from, to)) {
            return;
        }
        let text = self.devices[from].next_text();
        let said = Said {
            from,
            to,
            text: text.clone(),
            may_be_lost: self.quarrels.contains(&(to, from)),
        };
        self.log.note(
            self.clock.elapsed(),
            format_args!("{from} says {text:?} to {to}"),
        );
        let fate = self.fate();
        let (durable, effects) = self.devices[from].say(self.clock, to, &text, fate);
        if durable {
            self.said.push(said);
        }
        self.after_step(from, effects);
    }

    /// Somebody is seen typing by whom he writes to, if that one is there.
    fn types(&mut self, from: DeviceNumber, to: DeviceNumber) {
        let fate = self.fate();
        let effects = self.devices[from].types(self.clock, to, fate);
        self.after_step(from, effects);
        self.run_for(1_000);
    }

    /// Carries out a command that must not be struck by a fault.
    fn act<T>(
        &mut self,
        device: DeviceNumber,
        act: impl FnOnce(&mut Device, Clock) -> (T, Vec<Effect>),
    ) -> T {
        let (result, effects) = act(&mut self.devices[device], self.clock);
        self.after_step(device, Some(effects));
        result
    }

    fn fate(&mut self) -> Fate {
        if self.rng.random_bool(self.faults.crash_before_commit) {
            Fate::DiesBeforeCommit
        } else if self.rng.random_bool(self.faults.crash_after_commit) {
            Fate::DiesAfterCommit
        } else {
            Fate::Lives
        }
    }

    pub(crate) fn run_for(&mut self, ms: u64) {
        let until = self.clock.elapsed() + ms;
        while let Some(at) = self.next_at().filter(|at| *at <= until) {
            self.clock.advance_to(at);
            self.one_event();
        }
        self.clock.advance_to(until);
    }

    fn next_at(&self) -> Option<u64> {
        let wakes = self.devices.iter().filter_map(Device::next_wake);
        wakes.chain(self.network.next_at()).min()
    }

    fn one_event(&mut self) {
        let now = self.clock.elapsed();
        if self.network.next_at().is_some_and(|at| at <= now) {
            match self.network.take() {
                Some(Event::ToRelay { conn, frame }) => self.reach_relay(conn, frame),
                Some(Event::ToDevice {
                    device,
                    lane,
                    conn,
                    frame,
                }) => self.reach_device(device, lane, conn, frame),
                Some(Event::Reconnect { device }) => self.open(device, Lane::Own),
                Some(Event::RelayTick) => self.relay_tick(),
                None => {}
            }
        } else if let Some(device) = (0..self.devices.len()).find(|number| {
            self.devices[*number]
                .next_wake()
                .is_some_and(|wake| wake <= now)
        }) {
            self.input(device, Input::Timer);
        }
    }

    fn input(&mut self, device: DeviceNumber, input: Input) {
        let fate = self.fate();
        let effects = self.devices[device].handle(self.clock, input, fate);
        self.after_step(device, effects);
    }

    /// Carries out what a step released, or restarts a device that died, and checks the invariants.
    fn after_step(&mut self, device: DeviceNumber, effects: Option<Vec<Effect>>) {
        assert!(
            self.nonces.is_clean(),
            "a (key, nonce) was used twice\n{}",
            self.log.tail()
        );
        let Some(effects) = effects else {
            self.restart(device);
            return self.assert_histories(device);
        };
        let is_news = |effect: &Effect| matches!(effect, Effect::Event(Shows::MessageAdded { .. }));
        let shows_more = effects.iter().any(is_news);
        for effect in effects {
            self.perform(device, effect);
        }
        if shows_more {
            self.assert_histories(device);
        }
    }

    fn assert_histories(&mut self, device: DeviceNumber) {
        for peer in (0..self.devices.len()).filter(|peer| *peer != device) {
            let history = self.devices[device].history(peer);
            if let Err(wrong) = invariants::history_is_sound(&history) {
                panic!("at {device}: {wrong}\n{}", self.log.tail());
            }
        }
    }

    fn restart(&mut self, device: DeviceNumber) {
        self.log
            .note(self.clock.elapsed(), format_args!("{device} died"));
        for conn in self.connections_of(device) {
            self.hang_up(conn);
        }
        self.devices[device].restart(self.clock);
        self.reconnect_soon(device);
    }

    fn reconnect_soon(&mut self, device: DeviceNumber) {
        let wait = self.rng.random_range(100..5_000);
        self.network
            .put(self.clock.elapsed() + wait, Event::Reconnect { device });
    }

    fn perform(&mut self, device: DeviceNumber, effect: Effect) {
        match effect {
            Effect::Request { lane, frame } => {
                if let Some(frame) = self.devices[device].hold_until_greeted(&lane, frame) {
                    self.send_up(device, &lane, frame);
                } else if !self
                    .connections
                    .values()
                    .any(|end| end.device == device && end.lane == lane)
                {
                    self.open(device, lane);
                }
            }
            Effect::Disconnect { lane } => {
                let conns: Vec<_> = self.connections_on(device, &lane);
                for conn in conns {
                    self.hang_up(conn);
                }
                if lane == Lane::Own {
                    self.reconnect_soon(device);
                }
            }
            Effect::Event(event) => {
                self.log.note(
                    self.clock.elapsed(),
                    format_args!("{device} is told {}", kind(&event)),
                );
            }
        }
    }
}

fn relay_time(clock: Clock) -> undertone_relay::storage::Timestamp {
    undertone_relay::storage::Timestamp(clock.wall().0)
}

/// The name of an event without what it carries.
fn kind(event: &undertone::engine::Event) -> String {
    let text = format!("{event:?}");
    text.split([' ', '{', '('])
        .next()
        .unwrap_or_default()
        .to_owned()
}
