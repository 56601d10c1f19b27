//! A deterministic pump: frames go from engines to the service and back, without sockets, clock or threads.

use std::collections::{BTreeMap, VecDeque};

use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng;
use tempfile::TempDir;
use undertone_protocol::account::Root;
use undertone_protocol::relay_address::RelayAddress;
use undertone_protocol::time::{Now, Timestamp};
use undertone_relay::service::{ConnectionId, ConnectionInfo, Output, Service, ServiceConfig};
use undertone_relay::storage::memory::MemoryStorage;
use undertone_wire::binding::BindingValue;
use undertone_wire::frame::Body;
use undertone_wire::{Frame, StoreEpoch};

use super::super::{DisconnectCause, Effect, Engine, Event, Input, Lane, NewAccount, Opened, Step};
use crate::store::{Durability, Store, StoreKey, StoreOptions};

pub(super) const START_MS: u64 = 1_800_000_000_000;
const PAGE_BYTES: u64 = 4_096;
const RELAY: &str = "http://127.0.0.1:9750";
const BINDING: BindingValue = BindingValue::Host([7; 32]);

/// What the network does to a frame on its way to a device.
pub(super) type Tamper = Box<dyn FnMut(usize, &mut Frame) -> bool>;

/// What a request shows of its sender. No connection may show two of them: the relay could tie them together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Matter {
    /// Whose mailbox it is.
    Mailbox,
    /// Whose record it is, and which of his.
    Record([u8; 32]),
    /// Who is looked up.
    LookUp,
    /// To whom something is sent.
    Send,
}

impl Matter {
    fn record(write_key: &[u8]) -> Option<Self> {
        write_key.try_into().map(Self::Record).ok()
    }

    fn of(frame: &Frame) -> Option<Self> {
        match frame.body {
            Some(
                Body::Authenticate(_)
                | Body::Ack(_)
                | Body::Credit(_)
                | Body::SetTokens(_)
                | Body::ReplacePrekeys(_)
                | Body::DeleteMailbox(_)
                | Body::PrekeyStatus(_),
            ) => Some(Self::Mailbox),
            Some(Body::PutRecord(ref put)) => Self::record(&put.write_key),
            Some(Body::DeleteRecord(ref delete)) => Self::record(&delete.write_key),
            Some(Body::GetRecord(_) | Body::PopPrekeys(_)) => Some(Self::LookUp),
            Some(Body::Send(_) | Body::SendMany(_)) => Some(Self::Send),
            _ => None,
        }
    }
}

/// When a device loses its memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Crash {
    /// Instead of its n-th commit, counted from now.
    BeforeCommit(u32),
    /// After its n-th commit, before any effect.
    AfterCommit(u32),
}

/// The files of a device's store.
pub(super) struct Disk(Vec<(std::ffi::OsString, Vec<u8>)>);

pub(super) struct Device {
    folder: TempDir,
    engine: Option<Engine>,
    online: bool,
    lanes: BTreeMap<Lane, ConnectionId>,
    pub(super) inbox: VecDeque<Input>,
    pub(super) events: Vec<Event>,
    /// Kinds of requests that left, with their lanes.
    pub(super) sent: Vec<(Lane, Body)>,
    pub(super) crash: Option<Crash>,
    pub(super) crashed: bool,
    /// What the device's clock is ahead of the true time, ms.
    pub(super) clock_error: i64,
}

pub(super) struct World {
    service: Service,
    pub(super) storage: MemoryStorage,
    rng: ChaCha20Rng,
    pub(super) true_ms: u64,
    pub(super) devices: Vec<Device>,
    connections: BTreeMap<ConnectionId, (usize, Lane)>,
    carried: BTreeMap<ConnectionId, Matter>,
    next_connection: u64,
    pub(super) tamper: Option<Tamper>,
}

impl World {
    pub(super) fn new(seed: u64) -> Self {
        Self::with(
            seed,
            ServiceConfig {
                base_difficulty: 4,
                ..ServiceConfig::without_rates()
            },
        )
    }

    pub(super) fn with(seed: u64, config: ServiceConfig) -> Self {
        let mut rng = ChaCha20Rng::seed_from_u64(seed);
        Self {
            service: Service::new(config, &mut rng),
            storage: MemoryStorage::new(
                StoreEpoch::from_bytes([1; 16]),
                undertone_relay::storage::Timestamp(START_MS),
            ),
            rng,
            true_ms: START_MS,
            devices: Vec::new(),
            connections: BTreeMap::new(),
            carried: BTreeMap::new(),
            next_connection: 1,
            tamper: None,
        }
    }

    /// Makes an account, offline.
    pub(super) fn account(&mut self, name: &str) -> usize {
        self.device_of(None, name)
    }

    /// Makes a device of an account, offline; without a root, of a new one.
    pub(super) fn device_of(&mut self, root: Option<Root>, name: &str) -> usize {
        let folder = TempDir::new().unwrap();
        let account = NewAccount {
            root,
            relay: relay(),
            name: name.to_owned(),
        };
        let index = self.devices.len();
        let store = open_store(&folder, None);
        self.devices.push(Device {
            folder,
            engine: None,
            online: false,
            lanes: BTreeMap::new(),
            inbox: VecDeque::new(),
            events: Vec::new(),
            sent: Vec::new(),
            crash: None,
            crashed: false,
            clock_error: 0,
        });
        let now = self.now(index);
        let engine = Engine::create(store, account, now, &mut self.rng).unwrap();
        self.devices[index].engine = Some(engine);
        index
    }

    pub(super) fn now(&self, device: usize) -> Now {
        let wall = self
            .true_ms
            .saturating_add_signed(self.devices[device].clock_error);
        Now {
            wall: Timestamp(wall),
            monotonic_ms: self.true_ms - START_MS,
        }
    }

    pub(super) fn engine(&mut self, device: usize) -> &mut Engine {
        self.devices[device].engine.as_mut().unwrap()
    }

    /// Runs a command in a step of its own.
    pub(super) fn command<T, E>(
        &mut self,
        device: usize,
        command: impl FnOnce(&mut Step<'_>) -> Result<T, E>,
    ) -> Result<T, E> {
        let now = self.now(device);
        let engine = self.devices[device].engine.as_mut().unwrap();
        let mut step = engine.begin(now, &mut self.rng).unwrap();
        let result = command(&mut step);
        let effects = step.commit().unwrap();
        self.apply(device, effects);
        result
    }

    /// Whether a device has a connection open.
    pub(super) fn is_open(&self, device: usize, lane: &Lane) -> bool {
        self.devices[device].lanes.contains_key(lane)
    }

    pub(super) fn go_online(&mut self, device: usize) {
        self.devices[device].online = true;
        self.connect(device, Lane::Own);
    }

    pub(super) fn go_offline(&mut self, device: usize) {
        self.devices[device].online = false;
        for lane in self.devices[device]
            .lanes
            .keys()
            .cloned()
            .collect::<Vec<_>>()
        {
            self.hang_up(device, &lane);
            self.devices[device].inbox.push_back(Input::Disconnected {
                lane,
                cause: DisconnectCause::Closed,
            });
        }
    }

    /// The relay is restored from a backup. What a client has open stays so until somebody cuts it.
    pub(super) fn restore(&mut self, backup: MemoryStorage) {
        self.storage = backup;
        self.storage
            .reopen(undertone_relay::storage::Timestamp(self.true_ms));
        self.storage.replace_epoch(StoreEpoch::from_bytes([2; 16]));
    }

    /// Closes one connection that idles.
    pub(super) fn close(&mut self, device: usize, lane: Lane) {
        self.hang_up(device, &lane);
        let cause = DisconnectCause::Closed;
        self.devices[device]
            .inbox
            .push_back(Input::Disconnected { lane, cause });
    }

    /// Breaks one connection, which may not even be open.
    pub(super) fn break_off(&mut self, device: usize, lane: Lane) {
        self.hang_up(device, &lane);
        let cause = DisconnectCause::Unreachable;
        self.devices[device]
            .inbox
            .push_back(Input::Disconnected { lane, cause });
        self.settle();
    }

    /// Cuts every connection of a device, with whatever is on its way, and opens its own one again.
    pub(super) fn cut(&mut self, device: usize) {
        self.devices[device].inbox.clear();
        for lane in self.devices[device]
            .lanes
            .keys()
            .cloned()
            .collect::<Vec<_>>()
        {
            self.hang_up(device, &lane);
            let cause = DisconnectCause::Unreachable;
            self.devices[device]
                .inbox
                .push_back(Input::Disconnected { lane, cause });
        }
        if self.devices[device].online {
            self.connect(device, Lane::Own);
        }
    }

    /// One step of one device, if it has anything to do.
    pub(super) fn nudge(&mut self, device: usize) {
        self.turn(device);
    }

    /// A number below `bound`, from the world's randomness.
    pub(super) fn dice(&mut self, bound: u64) -> u64 {
        rand_core::Rng::next_u64(&mut self.rng) % bound
    }

    /// Drops the engine without a word and opens its store again.
    pub(super) fn restart(&mut self, device: usize) {
        self.restart_with_pages_left(device, None);
    }

    /// [`restart`](Self::restart), with so much room on the disk.
    pub(super) fn restart_with_pages_left(&mut self, device: usize, left: Option<u32>) {
        for lane in self.devices[device]
            .lanes
            .keys()
            .cloned()
            .collect::<Vec<_>>()
        {
            self.hang_up(device, &lane);
        }
        self.devices[device].inbox.clear();
        self.devices[device].engine = None;
        let store = open_store(&self.devices[device].folder, left);
        let now = self.now(device);
        let Opened::Account(engine) = Engine::open(store, now, &mut self.rng).unwrap() else {
            panic!("the account is gone")
        };
        self.devices[device].engine = Some(*engine);
        if self.devices[device].online {
            self.connect(device, Lane::Own);
        }
    }

    /// A copy of a device's disk, as a backup program makes it.
    pub(super) fn disk(&self, device: usize) -> Disk {
        let path = self.devices[device].folder.path();
        let files = std::fs::read_dir(path).unwrap().map(|file| {
            let file = file.unwrap();
            (file.file_name(), std::fs::read(file.path()).unwrap())
        });
        Disk(files.collect())
    }

    /// Puts a copy of the disk back and starts from it.
    pub(super) fn put_back(&mut self, device: usize, disk: &Disk) {
        self.devices[device].engine = None;
        let path = self.devices[device].folder.path().to_owned();
        for file in std::fs::read_dir(&path).unwrap() {
            std::fs::remove_file(file.unwrap().path()).unwrap();
        }
        for (name, bytes) in &disk.0 {
            std::fs::write(path.join(name), bytes).unwrap();
        }
        self.restart(device);
    }

    fn connect(&mut self, device: usize, lane: Lane) {
        let connection = ConnectionId(self.next_connection);
        self.next_connection += 1;
        self.connections.insert(connection, (device, lane.clone()));
        self.devices[device].lanes.insert(lane, connection);
        let info = ConnectionInfo {
            source: [0; 16],
            binding: BINDING,
        };
        let now = undertone_relay::storage::Timestamp(self.true_ms);
        let mut batch = self.service.batch(&mut self.storage, now);
        batch.open(connection, info, &mut self.rng);
        let outputs = batch.commit().outputs;
        self.route(outputs);
    }

    fn hang_up(&mut self, device: usize, lane: &Lane) {
        if let Some(connection) = self.devices[device].lanes.remove(lane) {
            self.connections.remove(&connection);
            let now = undertone_relay::storage::Timestamp(self.true_ms);
            let mut batch = self.service.batch(&mut self.storage, now);
            batch.close(connection);
            let outputs = batch.commit().outputs;
            self.route(outputs);
        }
    }

    fn route(&mut self, outputs: Vec<Output>) {
        for output in outputs {
            match output {
                Output::Frame {
                    connection,
                    mut frame,
                } => {
                    let Some((device, lane)) = self.connections.get(&connection).cloned() else {
                        continue;
                    };
                    if let Some(tamper) = &mut self.tamper
                        && !tamper(device, &mut frame)
                    {
                        continue;
                    }
                    let input = match frame.body {
                        Some(Body::Hello(hello)) => Input::Connected {
                            lane,
                            hello,
                            binding: BINDING,
                        },
                        _ => Input::Frame { lane, frame },
                    };
                    self.devices[device].inbox.push_back(input);
                }
                Output::Close { connection, code } => {
                    if let Some((device, lane)) = self.connections.remove(&connection) {
                        self.devices[device].lanes.remove(&lane);
                        let cause = DisconnectCause::ClosedByRelay(code);
                        self.devices[device]
                            .inbox
                            .push_back(Input::Disconnected { lane, cause });
                    }
                }
            }
        }
    }

    fn apply(&mut self, device: usize, effects: Vec<Effect>) {
        for effect in effects {
            match effect {
                Effect::Event(event) => self.devices[device].events.push(event),
                Effect::Disconnect { lane } => {
                    self.close(device, lane.clone());
                    if lane == Lane::Own && self.devices[device].online {
                        self.connect(device, Lane::Own);
                    }
                }
                Effect::Request { lane, frame } => self.request(device, lane, frame),
            }
        }
    }

    fn request(&mut self, device: usize, lane: Lane, frame: Frame) {
        self.devices[device]
            .sent
            .push((lane.clone(), frame.body.clone().unwrap()));
        if !self.devices[device].online
            || (lane == Lane::Own && !self.devices[device].lanes.contains_key(&lane))
        {
            let cause = DisconnectCause::Unreachable;
            self.devices[device]
                .inbox
                .push_back(Input::Disconnected { lane, cause });
            return;
        }
        if !self.devices[device].lanes.contains_key(&lane) {
            self.connect(device, lane.clone());
        }
        let connection = self.devices[device].lanes[&lane];
        if let Some(matter) = Matter::of(&frame) {
            let carried = *self.carried.entry(connection).or_insert(matter);
            assert_eq!(carried, matter, "both on one connection, {lane:?}");
        }
        let now = undertone_relay::storage::Timestamp(self.true_ms);
        let mut batch = self.service.batch(&mut self.storage, now);
        batch.frame(connection, frame);
        let outputs = batch.commit().outputs;
        self.route(outputs);
    }

    /// Gives a device everything that waits for it, in one step, and a timer tick.
    fn turn(&mut self, device: usize) -> bool {
        let now = self.now(device);
        let due = self
            .engine(device)
            .next_wake()
            .is_some_and(|at| at <= now.monotonic_ms);
        if self.devices[device].inbox.is_empty() && !due {
            return false;
        }
        let inputs: Vec<Input> = self.devices[device].inbox.drain(..).collect();
        let crash = self.devices[device].crash;
        let entry = &mut self.devices[device];
        let mut step = entry
            .engine
            .as_mut()
            .unwrap()
            .begin(now, &mut self.rng)
            .unwrap();
        for input in inputs {
            step.handle(input).unwrap();
        }
        if due {
            step.handle(Input::Timer).unwrap();
        }
        match crash {
            Some(Crash::BeforeCommit(0)) => {
                drop(step);
                self.crash_now(device);
            }
            Some(Crash::AfterCommit(0)) => {
                step.commit().unwrap();
                self.crash_now(device);
            }
            _ => {
                let effects = step.commit().unwrap();
                self.apply(device, effects);
                self.devices[device].crash = match crash {
                    Some(Crash::BeforeCommit(n)) => Some(Crash::BeforeCommit(n - 1)),
                    Some(Crash::AfterCommit(n)) => Some(Crash::AfterCommit(n - 1)),
                    None => None,
                };
            }
        }
        true
    }

    fn crash_now(&mut self, device: usize) {
        self.devices[device].crash = None;
        self.devices[device].crashed = true;
        self.restart(device);
    }

    /// Runs until nothing moves without time passing.
    pub(super) fn settle(&mut self) {
        for _ in 0..10_000 {
            let mut moved = false;
            for device in 0..self.devices.len() {
                moved |= self.turn(device);
            }
            if !moved {
                return;
            }
        }
        panic!("the world does not come to rest");
    }

    /// Lets time pass, stopping wherever an engine wants to wake.
    pub(super) fn run_for(&mut self, ms: u64) {
        let end = self.true_ms + ms;
        self.settle();
        loop {
            let next = (0..self.devices.len())
                .filter_map(|device| self.devices[device].engine.as_ref().unwrap().next_wake())
                .min()
                .map(|at| at + START_MS);
            match next {
                Some(at) if at <= end => self.true_ms = self.true_ms.max(at),
                _ => break,
            }
            self.settle();
        }
        self.true_ms = end;
        self.settle();
    }
}

pub(super) fn relay() -> RelayAddress {
    RelayAddress::parse(RELAY).unwrap()
}

fn open_store(folder: &TempDir, pages_left: Option<u32>) -> Store {
    let path = folder.path().join("store");
    let max_pages = pages_left.map(|left| {
        let used = std::fs::metadata(&path).unwrap().len() / PAGE_BYTES;
        u32::try_from(used).unwrap() + left
    });
    let options = StoreOptions {
        durability: Durability::None,
        max_pages,
    };
    Store::open_with(&path, &StoreKey::new(&[9; 32]), options).unwrap()
}
