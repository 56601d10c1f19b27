//! Opening a client: the store, the account in it, and the thread that owns both.

use tokio::runtime::{Builder, Runtime};
use tokio::sync::{broadcast, mpsc, oneshot, watch};
use undertone_protocol::primitives::self_test::{self, SelfTestError};
use undertone_protocol::relay_address::RelayAddressError;

use super::Client;
use super::clock::Clock;
use super::config::{Account, ClientConfig, relay_address};
use super::deletion::AccountDeletion;
use super::driver::{Driver, Publisher, StoreFile, Waiting};
use super::event::Connection;
use super::lanes::Lanes;
use super::limits::{EVENTS, WAITING_CALLS};
use crate::actor::Actor;
use crate::engine::{Engine, NewAccount, Opened};
use crate::error::{CreateAccountError, OpenEngineError};
use crate::store::{self, Store};
use crate::transport::{Inbox, InvalidRoot, Transport};

/// Opening a client failed. The store's file is as it was, unless it did not exist.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// A cryptographic primitive computes something wrong on this processor. Nothing was touched. The developer must act.
    #[error(transparent)]
    Primitive(#[from] SelfTestError),
    /// The store could not be opened: a wrong key, damage, a newer version, a full disk. The error says who must act.
    #[error(transparent)]
    Store(#[from] store::OpenError),
    /// What the store holds of the account cannot be used. The error says who must act.
    #[error(transparent)]
    Account(#[from] OpenEngineError),
    /// The store's account was deleted, and the store is gone now. Nobody must act: opening again makes another account.
    #[error("the account was deleted")]
    Deleted,
    /// The store holds no account and the configuration says none to make. The developer must act.
    #[error("the store holds no account yet")]
    NoAccount,
    /// The account could not be made. The error says who must act.
    #[error(transparent)]
    Create(#[from] CreateAccountError),
    /// The relay's address is unusable. The user must act.
    #[error("the relay's address is unusable: {0}")]
    RelayAddress(#[from] RelayAddressError),
    /// A root of the configuration is no certificate. The developer must act.
    #[error(transparent)]
    Root(#[from] InvalidRoot),
    /// The system gives no thread. The user must close other programs.
    #[error("the system gives no thread")]
    NoThread(#[source] std::io::Error),
    /// Opening was broken off by a defect of the SDK.
    #[error("opening was broken off")]
    BrokenOff,
}

impl OpenError {
    /// Who must act.
    #[must_use]
    pub fn actor(&self) -> Actor {
        match self {
            Self::Store(error) => error.actor(),
            Self::Account(error) => error.actor(),
            Self::Create(error) => error.actor(),
            Self::Deleted => Actor::Nobody,
            Self::RelayAddress(_) | Self::NoThread(_) => Actor::User,
            Self::Primitive(_) | Self::NoAccount | Self::Root(_) | Self::BrokenOff => {
                Actor::Developer
            }
        }
    }
}

pub(super) async fn open(config: ClientConfig) -> Result<Client, OpenError> {
    let (jobs, job_queue) = mpsc::channel(WAITING_CALLS);
    let (events, _) = broadcast::channel(EVENTS);
    let (connection, connection_state) = watch::channel(Connection::Offline);
    let (commits, committed) = watch::channel(0);
    let (deletion, deletion_state) = watch::channel(AccountDeletion::NotAsked);
    let publisher = Publisher {
        events: events.clone(),
        connection,
        commits,
        deletion,
    };
    let guard = config.operation.guard();
    let (ready, opened) = oneshot::channel();
    std::thread::Builder::new()
        .name("undertone".to_owned())
        .spawn(move || match prepare(config, job_queue, publisher) {
            Ok((driver, runtime)) => {
                let _ = ready.send(Ok(driver.relay()));
                driver.run(runtime);
            }
            Err(error) => {
                let _ = ready.send(Err(error));
            }
        })
        .map_err(OpenError::NoThread)?;
    let opened = opened.await;
    guard.done();
    let relay = opened.unwrap_or(Err(OpenError::BrokenOff))?;
    Ok(Client {
        jobs,
        events: events.downgrade(),
        connection: connection_state,
        commits: committed,
        deletion: deletion_state,
        relay,
    })
}

fn prepare(
    config: ClientConfig,
    jobs: mpsc::Receiver<super::driver::Job>,
    publisher: Publisher,
) -> Result<(Driver, Runtime), OpenError> {
    self_test::run()?;
    let runtime = Builder::new_multi_thread()
        .worker_threads(1)
        .thread_name("undertone-net")
        .enable_all()
        .build()
        .map_err(OpenError::NoThread)?;
    let transport = Transport::new(config.transport)?;
    let file = StoreFile {
        path: config.path,
        options: config.store,
    };
    let store = match (file.open(&config.key, &config.operation), &config.other_key) {
        (Err(store::OpenError::WrongKey), Some(other)) => file.open(other, &config.operation)?,
        (opened, _) => opened?,
    };
    let clock = Clock::start();
    let engine = open_account(store, config.account, &clock)?;
    if let Some(progress) = engine.deletion() {
        if progress.is_done() {
            let erased = engine.into_store().erase();
            erased.map_err(store::OpenError::Io)?;
            return Err(OpenError::Deleted);
        }
        publisher.deletion(AccountDeletion::Waiting(progress));
    }
    let (inbox, reports) = Inbox::new();
    let lanes = Lanes::new(
        runtime.handle().clone(),
        transport,
        inbox,
        engine.relay().clone(),
    );
    let driver = Driver {
        engine: Some(engine),
        file,
        lanes,
        reports,
        jobs,
        publisher,
        clock,
        online: config.online,
        waiting: Waiting::default(),
        trouble: None,
        checkpoint_at: None,
        deleted: false,
    };
    Ok((driver, runtime))
}

fn open_account(
    store: Store,
    account: Option<Account>,
    clock: &Clock,
) -> Result<Box<Engine>, OpenError> {
    let rng = &mut rand::rng();
    let store = match Engine::open(store, clock.now(), rng)? {
        Opened::Account(engine) => return Ok(engine),
        Opened::Empty(store) => store,
    };
    let account = account.ok_or(OpenError::NoAccount)?;
    let new = NewAccount {
        root: None,
        relay: relay_address(&account.relay)?,
        name: account.name,
    };
    Ok(Box::new(Engine::create(store, new, clock.now(), rng)?))
}
