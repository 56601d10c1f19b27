//! The committing thread: the only one that touches the service and its storage.
//!
//! It takes everything that waits, handles it as one batch, commits, and only then lets the answers out (group commit:
//! the next commit starts when the last one ends, so that load makes batches larger and not slower). Invariant: no
//! answer leaves before what it speaks of is durable; `service::Batch` gives its outputs only by committing.
//! Not its concern: what requests mean, and how answers are written.

use std::{
    collections::HashMap,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use parking_lot::{Condvar, Mutex};
use rand::rngs::StdRng;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};
use undertone_wire::Frame;

use super::{
    clock::{self, Stopwatch},
    connection::has_large_answer,
    limits,
    metrics::Metrics,
    outbound::{Outbound, Waiting, shed},
};
use crate::{
    service::{Committed, ConnectionId, ConnectionInfo, Output, Service},
    storage::{Room, Storage, StorageError, Timestamp},
};

/// Where connections leave what they want. Shared by all of them and the thread.
pub(crate) struct Committer {
    inbox: Mutex<Inbox>,
    wake: Condvar,
    /// KiB of requests that may still wait.
    room: Arc<Semaphore>,
    next_id: AtomicU64,
    /// What waits for clients to read it.
    pub(crate) waiting: Arc<Waiting>,
}

#[derive(Default)]
struct Inbox {
    jobs: Vec<Job>,
    stopping: bool,
    /// The thread has ended: nothing is taken any more.
    ended: bool,
}

/// Of each connection at most one `Heard` and one `Close` waits, of each HTTP request at most one `Index`; the others hold
/// a permit. So the inbox is bounded.
enum Job {
    Open(
        ConnectionId,
        ConnectionInfo,
        Arc<Outbound>,
        OwnedSemaphorePermit,
    ),
    Frame(ConnectionId, Frame, OwnedSemaphorePermit),
    Heard(ConnectionId),
    Close(ConnectionId),
    Index(IndexJob),
}

impl Job {
    /// How much of a batch it takes, in ordinary requests.
    const fn weight(&self) -> usize {
        match self {
            Self::Frame(_, frame, _) if has_large_answer(frame) => limits::LARGE_WEIGHT,
            Self::Open(..) | Self::Frame(..) | Self::Heard(_) | Self::Close(_) | Self::Index(_) => {
                1
            }
        }
    }
}

/// Work on the index of blobs inside a batch; gives what to do when the outcome of the commit is known, and what failed.
type IndexJob =
    Box<dyn FnOnce(&mut dyn Storage, Timestamp) -> (Release, Option<StorageError>) + Send>;

/// Called with what became of the batch.
type Release = Box<dyn FnOnce(Result<(), IndexFailed>) + Send>;

/// Why a change of the index did not become durable.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum IndexFailed {
    /// The store is full.
    Full,
    /// Anything else; the log and `/readyz` tell the operator.
    Other,
}

impl From<&StorageError> for IndexFailed {
    fn from(error: &StorageError) -> Self {
        if matches!(error, StorageError::Full) {
            Self::Full
        } else {
            Self::Other
        }
    }
}

impl Committer {
    /// A committer whose clients may leave `waiting` bytes unread together.
    pub(crate) fn new(waiting: usize) -> Arc<Self> {
        Arc::new(Self {
            inbox: Mutex::default(),
            wake: Condvar::new(),
            room: Arc::new(Semaphore::new(limits::QUEUED_KIB)),
            next_id: AtomicU64::new(1),
            waiting: Waiting::up_to(waiting),
        })
    }

    /// Opens a connection whose frames go to `outbound`, waiting while too much waits already.
    pub(crate) async fn open(&self, info: ConnectionInfo, outbound: Arc<Outbound>) -> ConnectionId {
        let id = ConnectionId(self.next_id.fetch_add(1, Ordering::Relaxed));
        // The semaphore is never closed.
        if let Ok(permit) = self.room.clone().acquire_owned().await {
            self.put(Job::Open(id, info, outbound, permit));
        }
        id
    }

    /// Hands in a request of `bytes` bytes, waiting while too much waits already.
    pub(crate) async fn submit(&self, id: ConnectionId, frame: Frame, bytes: usize) {
        let kib = u32::try_from(bytes / 1024 + 1).unwrap_or(u32::MAX);
        // The semaphore is never closed, and a frame is far smaller than all of it.
        if let Ok(permit) = self.room.clone().acquire_many_owned(kib).await {
            self.put(Job::Frame(id, frame, permit));
        }
    }

    /// Notes that a client lives.
    pub(crate) fn heard(&self, id: ConnectionId) {
        self.put(Job::Heard(id));
    }

    /// Notes that a connection is over.
    pub(crate) fn close(&self, id: ConnectionId) {
        self.put(Job::Close(id));
    }

    /// Works on the index of blobs; the result comes when it is durable.
    ///
    /// # Errors
    /// [`IndexFailed`]; nothing changed then.
    pub(crate) async fn index<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut dyn Storage, Timestamp) -> Result<T, StorageError> + Send + 'static,
    ) -> Result<T, IndexFailed> {
        let (answer, answered) = oneshot::channel();
        let job: IndexJob = Box::new(move |storage, now| {
            let (result, failure) = match work(storage, now) {
                Ok(value) => (Ok(value), None),
                Err(error) => (Err(IndexFailed::from(&error)), Some(error)),
            };
            let release: Release = Box::new(move |batch| {
                // Whoever asked may have left.
                let _ = answer.send(result.and_then(|value| batch.map(|()| value)));
            });
            (release, failure)
        });
        self.put(Job::Index(job));
        answered.await.unwrap_or(Err(IndexFailed::Other))
    }

    /// Lets the thread end after everything that waits.
    pub(crate) fn stop(&self) {
        self.inbox.lock().stopping = true;
        self.wake.notify_one();
    }

    fn put(&self, job: Job) {
        let mut inbox = self.inbox.lock();
        if inbox.ended {
            return;
        }
        inbox.jobs.push(job);
        drop(inbox);
        self.wake.notify_one();
    }

    /// Everything that waits, or nothing when it is time for a tick; `None` when the thread shall end.
    fn take(&self, wait: Duration) -> Option<Vec<Job>> {
        let mut inbox = self.inbox.lock();
        if inbox.jobs.is_empty() {
            if inbox.stopping {
                inbox.ended = true;
                return None;
            }
            self.wake.wait_for(&mut inbox, wait);
        }
        Some(std::mem::take(&mut inbox.jobs))
    }
}

/// What the thread owns.
pub(crate) struct CommittingThread {
    pub(crate) committer: Arc<Committer>,
    pub(crate) service: Service,
    pub(crate) storage: Box<dyn Storage + Send>,
    pub(crate) metrics: Arc<Metrics>,
    /// Whether the last commit was fine; shown by `/readyz`.
    pub(crate) healthy: Arc<AtomicBool>,
    /// Whether the store may grow, as the operator was last told.
    pub(crate) room: Room,
}

impl CommittingThread {
    /// Runs until the committer is stopped; everything that was handed in before is committed.
    pub(crate) fn run(mut self) {
        let mut rng: StdRng = rand::make_rng();
        let mut outbounds = HashMap::new();
        let mut ticks = Every::new(limits::TICK);
        let mut sweeps = Every::new(limits::SWEEP_PAUSE);
        while let Some(jobs) = self.committer.take(self.patience()) {
            let mut jobs = jobs.into_iter();
            loop {
                let now = clock::now_ms();
                let due = Due {
                    tick: ticks.is_due(now),
                    sweep: self.sweeps() && sweeps.is_due(now),
                };
                if due.tick || due.sweep || self.delivers() || jobs.len() > 0 {
                    let some = one_batch(&mut jobs);
                    self.handle(some, due, Timestamp(now), &mut rng, &mut outbounds);
                }
                if jobs.len() == 0 {
                    break;
                }
            }
        }
    }

    /// Whether a batch should follow at once for what the last one had no room for. Not while commits fail: a tick tries.
    fn delivers(&self) -> bool {
        self.service.has_to_deliver() && self.healthy.load(Ordering::Acquire)
    }

    /// Whether there is more to remove than one time took; likewise.
    fn sweeps(&self) -> bool {
        self.service.has_to_sweep() && self.healthy.load(Ordering::Acquire)
    }

    /// How long the thread may wait for a job.
    fn patience(&self) -> Duration {
        if self.delivers() {
            Duration::ZERO
        } else if self.sweeps() {
            limits::SWEEP_PAUSE
        } else {
            limits::TICK
        }
    }

    /// One batch, from its first job to its answers.
    fn handle(
        &mut self,
        jobs: impl Iterator<Item = Job>,
        due: Due,
        now: Timestamp,
        rng: &mut StdRng,
        outbounds: &mut HashMap<ConnectionId, Arc<Outbound>>,
    ) {
        let stopwatch = Stopwatch::start();
        let mut releases = Vec::new();
        let mut permits = Vec::new();
        let mut stand = None;
        let mut batch = self.service.batch(self.storage.as_mut(), now);
        if due.sweep {
            batch.sweep_some();
        }
        for job in jobs {
            match job {
                Job::Open(id, info, outbound, _permit) => {
                    outbounds.insert(id, outbound);
                    batch.open(id, info, rng);
                }
                Job::Frame(id, frame, permit) => {
                    permits.push(permit);
                    batch.frame(id, frame);
                }
                Job::Heard(id) => {
                    if let Some(outbound) = outbounds.get(&id) {
                        outbound.heard.store(false, Ordering::Release);
                    }
                    batch.heard(id);
                }
                Job::Close(id) => {
                    outbounds.remove(&id);
                    batch.close(id);
                }
                Job::Index(work) => {
                    let (release, failure) = work(batch.storage(), now);
                    releases.push(release);
                    if let Some(error) = failure {
                        batch.fail(error);
                    }
                }
            }
        }
        // After what waited: a relay that slept hears first who lives, and then looks who does not.
        if due.tick {
            let totals = batch.storage().totals().unwrap_or_default();
            stand = Some((batch.storage().room(), totals));
            batch.tick();
        }
        let before = stopwatch.elapsed();
        let committed = batch.commit();
        let took = stopwatch.elapsed();
        if committed.failure.is_none() {
            let syncing = took.saturating_sub(before);
            self.metrics.committed(permits.len(), took, syncing);
        }
        self.let_out(committed, releases, outbounds);
        if let Some((room, totals)) = stand {
            let low = room == Room::Low;
            self.metrics.stand(self.service.online(), low, &totals);
            self.metrics.waiting(self.committer.waiting.bytes());
            self.note_room(room);
        }
    }

    /// What a batch has to say, when it is known what became of it.
    fn let_out(
        &self,
        committed: Committed,
        releases: Vec<Release>,
        outbounds: &HashMap<ConnectionId, Arc<Outbound>>,
    ) {
        self.metrics.gone(committed.acked, committed.expired);
        carry_out(committed.outputs, outbounds, &self.metrics);
        shed(&self.committer.waiting, outbounds.values());
        let failure = committed.failure.as_ref();
        let outcome = failure.map_or(Ok(()), |error| Err(IndexFailed::from(error)));
        for release in releases {
            release(outcome);
        }
        self.note(failure);
    }

    /// Tells the operator when the room for the store runs out and when there is some again, once each.
    fn note_room(&mut self, room: Room) {
        match (std::mem::replace(&mut self.room, room), room) {
            (Room::Plenty, Room::Low) => tracing::error!(
                "the disk or the store's quota is nearly used up, only acks and deletes are taken: {}",
                StorageError::Full.advice()
            ),
            (Room::Low, Room::Plenty) => tracing::info!("there is room for the store again"),
            (Room::Plenty, Room::Plenty) | (Room::Low, Room::Low) => {}
        }
    }

    /// Tells the operator when commits begin to fail and when they work again, once each.
    fn note(&self, failure: Option<&StorageError>) {
        let was_healthy = self.healthy.swap(failure.is_none(), Ordering::AcqRel);
        match failure {
            Some(cause) => {
                self.metrics.failed_commits.increment(1);
                if was_healthy {
                    tracing::error!(%cause, "commits fail, nothing new is taken: {}", cause.advice());
                }
            }
            None if !was_healthy => tracing::info!("commits work again"),
            None => {}
        }
    }
}

/// As many jobs as one batch takes.
fn one_batch(jobs: &mut std::vec::IntoIter<Job>) -> impl Iterator<Item = Job> {
    let mut room = limits::BATCH_REQUESTS;
    std::iter::from_fn(move || {
        let job = (room > 0).then(|| jobs.next()).flatten()?;
        room = room.saturating_sub(job.weight());
        Some(job)
    })
}

/// What time asks of a batch.
#[derive(Clone, Copy)]
struct Due {
    tick: bool,
    sweep: bool,
}

/// Something that is due again and again. The clock may jump either way.
struct Every {
    period_ms: u64,
    last_ms: u64,
}

impl Every {
    fn new(period: Duration) -> Self {
        Self {
            period_ms: u64::try_from(period.as_millis()).unwrap_or(u64::MAX),
            last_ms: 0,
        }
    }

    fn is_due(&mut self, now_ms: u64) -> bool {
        let due = now_ms.abs_diff(self.last_ms) >= self.period_ms;
        if due {
            self.last_ms = now_ms;
        }
        due
    }
}

#[cfg(test)]
impl Committer {
    /// Jobs that wait.
    pub(crate) fn queued(&self) -> usize {
        self.inbox.lock().jobs.len()
    }
}

/// Hands what was committed to its connections; those that left meanwhile miss it, as anything sent into the dark.
fn carry_out(
    outputs: Vec<Output>,
    outbounds: &HashMap<ConnectionId, Arc<Outbound>>,
    metrics: &Metrics,
) {
    for output in outputs {
        match output {
            Output::Frame { connection, frame } => {
                metrics.says(&frame);
                if let Some(outbound) = outbounds.get(&connection) {
                    outbound.push(frame);
                }
            }
            Output::Close { connection, code } => {
                if let Some(outbound) = outbounds.get(&connection) {
                    outbound.close(code);
                }
            }
        }
    }
}

#[cfg(test)]
#[path = "committer_tests.rs"]
mod tests;
