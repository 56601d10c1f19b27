use tempfile::TempDir;
use tokio::runtime::Builder;
use tokio::sync::oneshot::error::TryRecvError;
use undertone_protocol::relay_address::RelayAddress;

use super::super::call;
use super::*;
use crate::engine::{NewAccount, Step, View};
use crate::error::InviteError;
use crate::store::InviteId;
use crate::transport::{Inbox, Transport, TransportConfig};

struct Subject {
    driver: Driver,
    jobs: mpsc::Sender<Job>,
    events: broadcast::Receiver<ClientEvent>,
    runtime: Runtime,
    _folder: TempDir,
}

/// A driver that is not running, with an account, offline.
fn subject() -> Subject {
    let runtime = Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .unwrap();
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(&folder.path().join("store.db"), &StoreKey::new(&[1; 32])).unwrap();
    let relay = RelayAddress::parse("http://127.0.0.1:1").unwrap();
    let account = NewAccount {
        root: None,
        relay: relay.clone(),
        name: "Alice".to_owned(),
    };
    let clock = Clock::start();
    let engine = Engine::create(store, account, clock.now(), &mut rand::rng()).unwrap();
    let (inbox, reports) = Inbox::new();
    let transport = Transport::new(TransportConfig::default()).unwrap();
    let lanes = Lanes::new(runtime.handle().clone(), transport, inbox, relay);
    let (jobs, job_queue) = mpsc::channel(64);
    let (events, listener) = broadcast::channel(64);
    let (connection, _) = watch::channel(Connection::Offline);
    let driver = Driver {
        state: State::Open(Box::new(engine)),
        lanes,
        reports,
        jobs: job_queue,
        publisher: Publisher { events, connection },
        clock,
        online: false,
        waiting: Waiting::default(),
        trouble: None,
    };
    Subject {
        driver,
        jobs,
        events: listener,
        runtime,
        _folder: folder,
    }
}

type Answer<T, E> = oneshot::Receiver<Result<T, E>>;

impl Subject {
    fn invite(&self, name: &'static str) -> Answer<InviteId, InviteError> {
        let (write, answer) = call::write(move |step: &mut Step<'_>| step.create_invite(name));
        self.jobs.try_send(Job::Write(write)).ok().unwrap();
        answer
    }

    fn broken(&self) -> Answer<(), StepError> {
        let (write, answer) = call::write(|_: &mut Step<'_>| Err(StepError::Damaged));
        self.jobs.try_send(Job::Write(write)).ok().unwrap();
        answer
    }

    fn gather(&mut self) {
        assert!(matches!(
            self.runtime.block_on(self.driver.gather()),
            Next::Step
        ));
    }

    fn step(&mut self) {
        self.driver.step(&mut rand::rng());
    }

    fn invites(&mut self) -> Vec<String> {
        let (read, mut answer) = call::read(|view: &mut View<'_>| view.invites());
        self.jobs.try_send(Job::Read(read)).ok().unwrap();
        self.gather();
        self.step();
        answer
            .try_recv()
            .unwrap()
            .unwrap()
            .into_iter()
            .map(|row| row.name)
            .collect()
    }
}

#[test]
fn whatever_waits_is_one_step_and_answered_when_it_is_committed() {
    let mut subject = subject();
    let mut answers: Vec<_> = (0..20).map(|_| subject.invite("x")).collect();
    subject.gather();
    assert_eq!(subject.driver.waiting.writes.len(), 20);
    for answer in &mut answers {
        assert_eq!(answer.try_recv().err(), Some(TryRecvError::Empty));
    }
    subject.step();
    for answer in &mut answers {
        assert!(answer.try_recv().unwrap().is_ok());
    }
    assert_eq!(subject.invites().len(), 20);
}

#[test]
fn a_refused_command_spoils_nothing() {
    let mut subject = subject();
    let mut before = subject.invite("before");
    let mut refused = subject.invite("");
    let mut after = subject.invite("after");
    subject.gather();
    subject.step();
    assert!(before.try_recv().unwrap().is_ok());
    assert!(matches!(
        refused.try_recv().unwrap(),
        Err(InviteError::BadName)
    ));
    assert!(after.try_recv().unwrap().is_ok());
    assert_eq!(subject.invites().len(), 2);
}

#[test]
fn a_broken_step_undoes_what_came_before_and_leaves_what_comes_after() {
    let mut subject = subject();
    let mut before = subject.invite("before");
    let mut broken = subject.broken();
    let mut after = subject.invite("after");
    subject.gather();
    subject.step();
    let undone = before.try_recv().unwrap();
    assert!(
        matches!(undone, Err(InviteError::Step(StepError::Damaged))),
        "{undone:?}"
    );
    assert_eq!(broken.try_recv().unwrap(), Err(StepError::Damaged));
    assert_eq!(after.try_recv().err(), Some(TryRecvError::Empty));
    assert!(matches!(
        subject.events.try_recv(),
        Ok(ClientEvent::StoreFailed(StepError::Damaged))
    ));

    subject.gather();
    subject.step();
    assert!(after.try_recv().unwrap().is_ok());
    assert!(matches!(
        subject.events.try_recv(),
        Ok(ClientEvent::StoreRecovered)
    ));
    assert_eq!(subject.invites(), ["after"]);
}

#[test]
fn a_caller_that_left_is_served_all_the_same() {
    let mut subject = subject();
    drop(subject.invite("left"));
    subject.gather();
    subject.step();
    assert_eq!(subject.invites(), ["left"]);
}
