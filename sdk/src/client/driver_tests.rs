use tempfile::TempDir;
use tokio::runtime::Builder;
use tokio::sync::oneshot::error::TryRecvError;
use undertone_protocol::relay_address::RelayAddress;
use undertone_wire::binding::BindingValue;
use undertone_wire::frame::Body;
use undertone_wire::{CaughtUp, Challenge, Frame, Hello};

use super::super::call;
use super::*;
use crate::engine::{Lane, NewAccount, Step, View};
use crate::error::InviteError;
use crate::store::InviteId;
use crate::transport::{
    DisconnectCause, FrameSender, Inbox, LinkEvent, LinkId, Received, Transport, TransportConfig,
};

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
    let file = StoreFile {
        path: folder.path().join("store.db"),
        options: StoreOptions::default(),
    };
    let store = file
        .open(&StoreKey::new(&[1; 32]), &Operation::new())
        .unwrap();
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
        engine: Some(Box::new(engine)),
        file,
        lanes,
        reports,
        jobs: job_queue,
        publisher: Publisher {
            events,
            connection,
            commits: watch::channel(0).0,
            deletion: watch::Sender::default(),
        },
        clock,
        online: false,
        waiting: Waiting::default(),
        trouble: None,
        checkpoint_at: None,
        deleted: false,
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

    /// What the own connection reports.
    fn own(&mut self, event: LinkEvent) {
        let link = LinkId(1);
        self.driver.report(Report { link, event });
    }

    /// Has a slot for the own connection, without anybody connecting, and that connection come up.
    fn come_up(&mut self) {
        let body = Some(Body::Challenge(Challenge {}));
        let frame = Frame {
            request_id: 1,
            body,
        };
        self.driver.lanes.request(&Lane::Own, frame);
        self.greet();
    }

    fn greet(&mut self) {
        self.own(LinkEvent::Up {
            hello: Box::new(Hello::default()),
            binding: BindingValue::Host([0; 32]),
            sender: FrameSender::to_nobody().0,
        });
    }

    fn go_down(&mut self) {
        self.own(LinkEvent::Down {
            cause: DisconnectCause::Requested,
            retry_in: None,
        });
    }

    /// Whether a frame that comes on the own connection is for the engine.
    fn takes_frames(&mut self) -> bool {
        let before = self.driver.waiting.inputs.len();
        self.own(LinkEvent::Frame(Received::alone(Frame {
            request_id: 0,
            body: Some(Body::CaughtUp(CaughtUp::default())),
        })));
        self.driver.waiting.inputs.len() > before
    }

    fn unlock(&mut self) {
        self.driver.unlock(&StoreKey::new(&[1; 32])).unwrap();
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

#[test]
fn a_failed_step_gives_up_the_connections_whose_frames_it_lost() {
    let mut subject = subject();
    subject.come_up();
    assert!(subject.takes_frames());
    let _broken = subject.broken();
    subject.gather();
    subject.step();
    assert!(subject.driver.waiting.inputs.is_empty());
    assert!(
        !subject.takes_frames(),
        "the next one would hide the lost one"
    );

    subject.go_down();
    subject.greet();
    assert!(subject.takes_frames());
}

#[test]
fn what_came_before_locking_is_not_for_the_engine_after_it() {
    let mut subject = subject();
    subject.come_up();
    assert!(subject.takes_frames());
    subject.driver.lock().unwrap();
    subject.unlock();
    assert!(subject.driver.waiting.inputs.is_empty());
    assert!(!subject.takes_frames());

    subject.go_down();
    subject.greet();
    assert!(subject.takes_frames());
}

#[test]
fn a_connection_whose_greeting_came_while_locked_is_given_up() {
    let mut subject = subject();
    subject.driver.lock().unwrap();
    subject.come_up();
    subject.gather();
    subject.step();
    subject.unlock();
    assert!(!subject.takes_frames());
}

#[test]
fn locking_ends_the_trouble_with_the_store() {
    let mut subject = subject();
    let _broken = subject.broken();
    subject.gather();
    subject.step();
    assert!(subject.driver.trouble.is_some());
    subject.driver.lock().unwrap();
    assert!(
        subject.driver.trouble.is_none(),
        "it would be tried again and again"
    );
}

#[test]
fn a_client_that_is_locked_between_two_attempts_is_offline() {
    let mut subject = subject();
    subject.come_up();
    subject.go_down();
    let state = subject.driver.publisher.connection.subscribe();
    let retry_in = Some(Duration::from_secs(1));
    let cause = DisconnectCause::Lost;
    let down = Connection::Down { cause, retry_in };
    subject.driver.publisher.connection(down);
    subject.driver.lock().unwrap();
    assert_eq!(*state.borrow(), Connection::Offline);
}

#[test]
fn what_was_committed_is_in_the_log_for_a_bounded_time() {
    let mut subject = subject();
    let log = subject.driver.file.path.with_extension("db-wal");
    let length = || std::fs::metadata(&log).unwrap().len();
    drop(subject.invite("x"));
    subject.gather();
    subject.step();
    assert!(length() > 0);
    let latest = Instant::now() + CHECKPOINT_AFTER;
    assert!(subject.driver.wake_at() <= latest);
    assert!(length() > 0, "not after each step");

    subject.driver.checkpoint_at = Some(Instant::now());
    subject.gather();
    subject.step();
    assert_eq!(length(), 0);
    assert!(
        subject.driver.checkpoint_at.is_none(),
        "an idle client sleeps"
    );
}
