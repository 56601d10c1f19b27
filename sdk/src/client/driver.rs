//! The thread that owns the engine: takes everything that is waiting, makes one step of it, commits it once, and only then
//! lets its effects happen.
//!
//! Invariant: there is no fixed delay; the next step begins when the last one ended and something is waiting. A failed step
//! loses nothing: its callers are told, and what relays sent is not acknowledged and comes again, because with the step every
//! connection is given up, and of a connection that is given up no frame reaches the engine any more. Locking does the same.

mod custody;

use std::collections::VecDeque;
use std::path::PathBuf;
use std::time::Duration;

use rand::rngs::ThreadRng;
use tokio::runtime::Runtime;
use tokio::sync::{broadcast, mpsc, oneshot, watch};
use tokio::time::{Instant, sleep_until, timeout};
use undertone_protocol::relay_address::RelayAddress;
use undertone_protocol::time::Now;

use super::call::{Ran, Read, Settle, Write};
use super::clock::Clock;
use super::deletion::AccountDeletion;
use super::event::{ClientEvent, Connection};
use super::lanes::Lanes;
use super::limits::{
    BATCH, CHECKPOINT_AFTER, GOODBYE, LONGEST_SLEEP, STORE_RETRY_FIRST, STORE_RETRY_LAST,
};
use super::store_key::RotateKeyError;
use super::unlock::UnlockError;
use crate::engine::{Effect, Engine, Event, Input};
use crate::error::{DeleteAccountError, StepError};
use crate::operation::Operation;
use crate::store::{self, Store, StoreError, StoreKey, StoreOptions};
use crate::transport::{InboxShare, Report, Reports};

/// What a handle asks of the driver.
pub(super) enum Job {
    /// A command that changes something.
    Write(Box<dyn Write>),
    /// A command that only reads.
    Read(Box<dyn Read>),
    /// Connect, or stay unconnected.
    SetOnline(bool),
    /// The network may have changed.
    NetworkChanged,
    /// What was deleted leaves the disk.
    Checkpoint(oneshot::Sender<()>),
    /// Read the whole store and check it.
    Check(Operation, oneshot::Sender<Result<(), StoreError>>),
    /// Give the store another key.
    Rotate(
        StoreKey,
        Operation,
        oneshot::Sender<Result<(), RotateKeyError>>,
    ),
    /// Delete the store, whatever the relay has.
    Erase(oneshot::Sender<Result<(), DeleteAccountError>>),
    /// Close the store and wipe all keys from memory.
    Lock(oneshot::Sender<Result<(), StoreError>>),
    /// Open it again.
    Unlock(StoreKey, oneshot::Sender<Result<(), UnlockError>>),
    /// End.
    Close(oneshot::Sender<()>),
}

/// Where the app listens.
pub(super) struct Publisher {
    pub(super) events: broadcast::Sender<ClientEvent>,
    pub(super) connection: watch::Sender<Connection>,
    pub(super) commits: watch::Sender<u64>,
    pub(super) deletion: watch::Sender<AccountDeletion>,
}

impl Publisher {
    fn event(&self, event: ClientEvent) {
        // Nobody has to listen.
        let _ = self.events.send(event);
    }

    /// What live lists show may be otherwise now.
    fn committed(&self) {
        self.commits
            .send_modify(|count| *count = count.wrapping_add(1));
    }

    fn connection(&self, state: Connection) {
        if self
            .connection
            .send_if_modified(|last| std::mem::replace(last, state) != state)
        {
            self.event(ClientEvent::Connection(state));
        }
    }

    pub(super) fn deletion(&self, state: AccountDeletion) {
        if self
            .deletion
            .send_if_modified(|last| std::mem::replace(last, state) != state)
        {
            self.event(ClientEvent::Deletion(state));
        }
    }
}

/// Where the store is, and how it is opened.
pub(super) struct StoreFile {
    pub(super) path: PathBuf,
    pub(super) options: StoreOptions,
}

impl StoreFile {
    pub(super) fn open(
        &self,
        key: &StoreKey,
        operation: &Operation,
    ) -> Result<Store, store::OpenError> {
        Store::open_watched(&self.path, key, self.options, operation)
    }
}

pub(super) struct Driver {
    /// `None` while the client is locked: the store is closed then, and no key is in memory.
    pub(super) engine: Option<Box<Engine>>,
    pub(super) file: StoreFile,
    pub(super) lanes: Lanes,
    pub(super) reports: Reports,
    pub(super) jobs: mpsc::Receiver<Job>,
    pub(super) publisher: Publisher,
    pub(super) clock: Clock,
    pub(super) online: bool,
    pub(super) waiting: Waiting,
    pub(super) trouble: Option<Trouble>,
    /// When the log is emptied, if there is anything in it.
    pub(super) checkpoint_at: Option<Instant>,
    /// The account was deleted: there is no engine any more, and no store.
    pub(super) deleted: bool,
}

/// What the next step will be made of.
#[derive(Default)]
pub(super) struct Waiting {
    inputs: Vec<Input>,
    shares: Vec<InboxShare>,
    writes: VecDeque<Box<dyn Write>>,
    reads: Vec<Box<dyn Read>>,
}

/// The store failed and is tried again.
pub(super) struct Trouble {
    retry_at: Instant,
    wait: Duration,
}

/// Whether the loop goes on.
enum Next {
    Step,
    End(Option<oneshot::Sender<()>>),
}

impl Driver {
    /// Where the own mailbox is.
    pub(super) fn relay(&self) -> RelayAddress {
        self.lanes.own_relay().clone()
    }

    /// Runs until the client is closed or its last handle dropped.
    pub(super) fn run(mut self, runtime: Runtime) {
        let mut rng = rand::rng();
        self.set_online(self.online);
        let goodbye = loop {
            if let Next::End(goodbye) = runtime.block_on(self.gather()) {
                break goodbye;
            }
            self.step(&mut rng);
        };
        runtime.block_on(self.close_connections());
        runtime.shutdown_background();
        if let Some(engine) = self.engine.take() {
            // A checkpoint that fails costs nothing but a longer log.
            let _ = engine.into_store().close();
        }
        if let Some(goodbye) = goodbye {
            let _ = goodbye.send(());
        }
    }

    /// Waits until there is something to do and takes all of it, up to [`BATCH`].
    async fn gather(&mut self) -> Next {
        self.waiting.inputs.extend(self.lanes.take_refused());
        let wake = self.wake_at();
        // While the store is in trouble frames wait in their sockets, not here.
        let receiving = self.trouble.is_none();
        if self.waiting.is_empty() {
            tokio::select! {
                job = self.jobs.recv() => match job {
                    Some(job) => if let Some(end) = self.job(job) { return end },
                    None => return Next::End(None),
                },
                Some(report) = self.reports.recv(), if receiving => self.report(report),
                () = sleep_until(wake) => {}
            }
        }
        for _ in 0..BATCH {
            let job = self.jobs.try_recv().ok();
            let report = if receiving {
                self.reports.try_recv().ok()
            } else {
                None
            };
            if job.is_none() && report.is_none() {
                break;
            }
            if let Some(report) = report {
                self.report(report);
            }
            if let Some(end) = job.and_then(|job| self.job(job)) {
                return end;
            }
        }
        Next::Step
    }

    /// When to wake up without anybody asking.
    fn wake_at(&mut self) -> Instant {
        let now = Instant::now();
        let sweep = self.lanes.sweep(now);
        let engine = match (&self.trouble, &self.engine) {
            (Some(trouble), _) => Some(trouble.retry_at),
            (None, Some(engine)) => engine.next_wake().map(|at| self.clock.at(at)),
            (None, None) => None,
        };
        [sweep, engine, self.checkpoint_at]
            .into_iter()
            .flatten()
            .fold(now + LONGEST_SLEEP, Instant::min)
    }

    fn job(&mut self, job: Job) -> Option<Next> {
        match job {
            Job::Write(write) => {
                self.lanes.nudge();
                self.waiting.writes.push_back(write);
            }
            Job::Read(read) => self.waiting.reads.push(read),
            Job::SetOnline(online) => self.set_online(online),
            Job::NetworkChanged => self.lanes.network_changed(),
            Job::Checkpoint(reply) => {
                self.checkpoint();
                let _ = reply.send(());
            }
            Job::Check(operation, reply) => {
                let absent = self.absent();
                let engine = self.engine.as_mut().ok_or(absent);
                let _ = reply.send(engine.and_then(|engine| engine.check_store(&operation)));
            }
            Job::Rotate(key, operation, reply) => {
                let _ = reply.send(self.rotate(&key, &operation));
            }
            Job::Erase(reply) => {
                let _ = reply.send(self.delete_here());
            }
            Job::Lock(reply) => {
                let _ = reply.send(self.lock());
            }
            Job::Unlock(key, reply) => {
                let _ = reply.send(self.unlock(&key));
            }
            Job::Close(reply) => return Some(Next::End(Some(reply))),
        }
        None
    }

    fn report(&mut self, report: Report) {
        let news = self.lanes.report(report);
        self.waiting.inputs.extend(news.input);
        self.waiting.shares.extend(news.share);
        if let Some(state) = news.connection {
            self.publisher.connection(state);
        }
    }

    /// Makes one step of everything that waits, then reads.
    fn step(&mut self, rng: &mut ThreadRng) {
        let Some(engine) = &mut self.engine else {
            return self.refuse();
        };
        if engine.deletion().is_some() {
            self.waiting.fail_commands(StoreError::Deleted);
        }
        let now = self.clock.now();
        let due = engine.next_wake().is_some_and(|at| at <= now.monotonic_ms);
        let retry = self
            .trouble
            .as_ref()
            .is_some_and(|trouble| trouble.retry_at <= Instant::now());
        let mut inputs = std::mem::take(&mut self.waiting.inputs);
        if due || retry {
            inputs.push(Input::Timer);
        }
        if !inputs.is_empty() || !self.waiting.writes.is_empty() {
            let mut done = Vec::new();
            let result = make_step(
                engine,
                now,
                rng,
                inputs,
                &mut self.waiting.writes,
                &mut done,
            );
            self.waiting.shares.clear();
            let committed = result.as_ref().map(|_| ()).map_err(|failure| *failure);
            match result {
                Ok(effects) => {
                    self.checkpoint_at
                        .get_or_insert_with(|| Instant::now() + CHECKPOINT_AFTER);
                    self.publisher.committed();
                    self.perform(effects);
                }
                Err(failure) => self.failed(failure),
            }
            for call in done {
                call.settle(committed);
            }
        }
        self.read();
        self.delete_further();
        if self.checkpoint_at.is_some_and(|at| at <= Instant::now()) {
            self.checkpoint();
        }
    }

    fn checkpoint(&mut self) {
        self.checkpoint_at = None;
        if let Some(Err(failure)) = self.engine.as_mut().map(|engine| engine.checkpoint()) {
            tracing::warn!(error = %failure, "the log stays as it is for now");
            self.checkpoint_at = Some(Instant::now() + CHECKPOINT_AFTER);
        }
    }

    fn perform(&mut self, effects: Vec<Effect>) {
        if self.trouble.take().is_some() {
            self.publisher.event(ClientEvent::StoreRecovered);
        }
        for effect in effects {
            match effect {
                Effect::Request { lane, frame } => self.lanes.request(&lane, frame),
                Effect::Disconnect { lane } => self.lanes.disconnect(&lane),
                Effect::Event(event) => {
                    if event == Event::Online {
                        self.publisher.connection(Connection::Online);
                    }
                    self.publisher.event(ClientEvent::Changed(event));
                }
            }
        }
    }

    fn failed(&mut self, failure: StepError) {
        tracing::warn!(error = %failure, "a step failed");
        self.lanes.abandon();
        let wait = self.trouble.as_ref().map_or(STORE_RETRY_FIRST, |trouble| {
            (trouble.wait * 2).min(STORE_RETRY_LAST)
        });
        if self.trouble.is_none() {
            self.publisher.event(ClientEvent::StoreFailed(failure));
        }
        self.trouble = Some(Trouble {
            retry_at: Instant::now() + wait,
            wait,
        });
    }

    fn read(&mut self) {
        let reads = std::mem::take(&mut self.waiting.reads);
        let Some(engine) = &mut self.engine else {
            return;
        };
        if reads.is_empty() {
            return;
        }
        match engine.view() {
            Ok(mut view) => reads.into_iter().for_each(|read| read.run(&mut view)),
            Err(failure) => reads.into_iter().for_each(|read| read.fail(failure)),
        }
    }

    /// While locked nothing is handled and everybody is told. A connection whose greeting is lost so is of no use to the
    /// next engine.
    fn refuse(&mut self) {
        if !self.waiting.inputs.is_empty() {
            self.lanes.abandon();
        }
        self.waiting.fail_commands(self.absent());
        self.waiting = Waiting::default();
    }

    fn set_online(&mut self, online: bool) {
        self.online = online;
        if online && self.engine.is_some() {
            self.lanes.set_online(true);
        } else {
            self.close_lanes();
        }
    }

    /// The app is told when the last connection is down, which may be now.
    fn close_lanes(&mut self) {
        self.lanes.set_online(false);
        if self.lanes.all_down() {
            self.publisher.connection(Connection::Offline);
        }
    }

    async fn close_connections(&mut self) {
        self.lanes.set_online(false);
        let closed = async {
            while !self.lanes.all_down() {
                let Some(report) = self.reports.recv().await else {
                    return;
                };
                // Frames that come now are not acknowledged and come again.
                self.lanes.report(report);
            }
        };
        // Who does not say goodbye in time is left.
        let _ = timeout(GOODBYE, closed).await;
        self.publisher.connection(Connection::Offline);
    }
}

impl Waiting {
    fn is_empty(&self) -> bool {
        self.inputs.is_empty() && self.writes.is_empty() && self.reads.is_empty()
    }

    fn fail_commands(&mut self, failure: StoreError) {
        self.writes
            .drain(..)
            .for_each(|write| write.fail(failure.into()));
        self.reads.drain(..).for_each(|read| read.fail(failure));
    }
}

/// One step of `inputs` and `writes`. When a command breaks the step, those behind it stay in `writes` for the next one.
fn make_step(
    engine: &mut Engine,
    now: Now,
    rng: &mut ThreadRng,
    inputs: Vec<Input>,
    writes: &mut VecDeque<Box<dyn Write>>,
    done: &mut Vec<Box<dyn Settle>>,
) -> Result<Vec<Effect>, StepError> {
    let mut step = match engine.begin(now, rng) {
        Ok(step) => step,
        Err(failure) => {
            writes.drain(..).for_each(|write| write.fail(failure));
            return Err(failure);
        }
    };
    for input in inputs {
        step.handle(input)?;
    }
    while let Some(write) = writes.pop_front() {
        match write.run(&mut step) {
            Ran::Done(call) => done.push(call),
            Ran::Refused => {}
            Ran::Failed(failure) => return Err(failure),
        }
    }
    step.commit()
}

#[cfg(test)]
#[path = "driver_tests.rs"]
mod tests;
