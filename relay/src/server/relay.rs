//! A running relay: put together at start, taken apart in order at stop.

use std::{
    io,
    net::SocketAddr,
    path::{Path, PathBuf},
    sync::{Arc, atomic::AtomicBool},
    time::Duration,
};

use tokio::{
    net::TcpListener,
    sync::{Semaphore, watch},
    task::{JoinHandle, JoinSet},
};
use tokio_rustls::TlsAcceptor;

use super::{
    admin::Admin,
    blobs::Blobs,
    blocking::blocking,
    clock,
    committer::{Committer, CommittingThread},
    hosts::{Hosts, HostsError},
    limits,
    listener::Listener,
    log_gate::LogGate,
    metrics::Metrics,
    open_files,
    poll_table::PollTable,
    shared::Shared,
    sources::{SourceLimits, Sources},
    tls::{self, TlsError},
};
use crate::{
    config::{Config, ConfigError},
    data_dir::{DataDir, DataDirError},
    service::Service,
    storage::{
        DAY_MS, Room, StorageError, Timestamp,
        sqlite::{Durability, SqliteOptions, SqliteStorage},
    },
};

/// A relay that serves until it is shut down. Dropping it stops it without telling anybody.
pub struct Relay {
    local_addr: SocketAddr,
    admin_addr: Option<SocketAddr>,
    drain_time: Duration,
    drain: watch::Sender<bool>,
    committer: Arc<Committer>,
    shared: Arc<Shared>,
    accepting: Option<JoinHandle<JoinSet<()>>>,
    helpers: JoinSet<()>,
    thread: Option<std::thread::JoinHandle<()>>,
}

/// Why a relay does not start. Nothing was changed, and the operator must act on every one of them.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// A value of the configuration makes no sense.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The names of the relay are not known.
    #[error(transparent)]
    Hosts(#[from] HostsError),
    /// TLS cannot be offered.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// The data directory cannot be used.
    #[error(transparent)]
    DataDir(#[from] DataDirError),
    /// The database cannot be opened.
    #[error("{}: {cause}. {}", path.display(), cause.advice())]
    Store {
        /// The database file.
        path: PathBuf,
        /// What is wrong with it.
        cause: StorageError,
    },
    /// An address cannot be listened on.
    #[error(
        "{address} cannot be listened on: {cause}. Give another address, or stop what uses it."
    )]
    Bind {
        /// The address that was configured.
        address: SocketAddr,
        /// What the system said.
        cause: io::Error,
    },
    /// The system gives no thread.
    #[error("the system gives no thread: {0}. Raise the limit on processes.")]
    Thread(io::Error),
}

/// What can be found out about a configuration without touching the data directory or a socket.
pub(crate) struct Checked {
    hosts: Hosts,
    tls: Option<TlsAcceptor>,
}

impl Checked {
    /// # Errors
    /// [`StartError`] for values, names and certificates.
    pub(crate) fn new(config: &Config) -> Result<Self, StartError> {
        config.check()?;
        let tls = tls::load(config.tls_cert.as_deref(), config.tls_key.as_deref())?;
        Ok(Self {
            hosts: Hosts::from_config(config)?,
            tls,
        })
    }
}

impl Relay {
    /// Opens the data directory, binds the addresses and serves. Needs a tokio runtime.
    ///
    /// # Errors
    /// [`StartError`] says what the operator must correct.
    pub async fn start(config: Config) -> Result<Self, StartError> {
        Self::start_on(config, Durability::Full).await
    }

    /// A relay whose commits need not survive a power cut: the control of the test that shows that they do.
    ///
    /// # Errors
    /// [`StartError`].
    #[cfg(feature = "internals")]
    #[doc(hidden)]
    pub async fn start_without_sync(config: Config) -> Result<Self, StartError> {
        Self::start_on(config, Durability::None).await
    }

    async fn start_on(config: Config, durability: Durability) -> Result<Self, StartError> {
        let checked = Checked::new(&config)?;
        let data = DataDir::hold(&config.data)?;
        let tcp = bind(config.listen).await?;
        let admin_tcp = match config.admin {
            Some(address) => Some(bind(address).await?),
            None => None,
        };
        let (local_addr, admin_addr) = (
            address_of(&tcp, config.listen)?,
            match &admin_tcp {
                Some(tcp) => Some(address_of(tcp, config.listen)?),
                None => None,
            },
        );
        let (folder, database) = (data.blobs(), data.database());
        let metrics = Arc::new(Metrics::new());
        let healthy = Arc::new(AtomicBool::new(true));
        let waiting = usize::try_from(bytes_of_mib(config.max_waiting_mib)).unwrap_or(usize::MAX);
        let committer = Committer::new(waiting);
        let thread = start_thread(&config, data, durability, &committer, &metrics, &healthy)?;
        let (drain, draining) = watch::channel(false);
        let shared = share(
            &config,
            checked.hosts,
            folder,
            &committer,
            &metrics,
            draining.clone(),
        );
        let shared = Arc::new(shared);
        let mut helpers = JoinSet::new();
        helpers.spawn(keep_house(shared.clone(), database));
        if let Some(tcp) = admin_tcp {
            helpers.spawn(
                Admin {
                    healthy,
                    draining,
                    metrics,
                }
                .run(tcp),
            );
        }
        let listener = Listener {
            tcp,
            tls: checked.tls,
            shared: shared.clone(),
            failures: LogGate::default(),
        };
        let accepting = Some(tokio::spawn(listener.run()));
        tracing::info!("serving");
        Ok(Self {
            local_addr,
            admin_addr,
            drain_time: Duration::from_secs(config.drain_seconds),
            drain,
            committer,
            shared,
            accepting,
            helpers,
            thread: Some(thread),
        })
    }

    /// Where clients connect.
    pub fn local_addr(&self) -> SocketAddr {
        self.local_addr
    }

    /// Where the operator looks, when that is not off.
    pub fn admin_addr(&self) -> Option<SocketAddr> {
        self.admin_addr
    }

    /// Stops gracefully: no new connections, `/readyz` says so, clients get the answers they wait for and a `Closing`
    /// with the jitter of their return, the last batch is committed, the store is closed. Connections that are not done
    /// after the configured drain time are cut.
    pub async fn shutdown(mut self) {
        tracing::info!("stopping");
        self.drain.send_replace(true);
        let tasks = match self.accepting.take() {
            Some(accepting) => accepting.await.unwrap_or_default(),
            None => JoinSet::new(),
        };
        let mut tasks = tasks;
        let drained = async { while tasks.join_next().await.is_some() {} };
        if tokio::time::timeout(self.drain_time, drained)
            .await
            .is_err()
        {
            tracing::warn!(
                connections = tasks.len(),
                "connections were cut after the drain time"
            );
        }
        tasks.shutdown().await;
        self.shared.polls.clear();
        self.committer.stop();
        if let Some(thread) = self.thread.take() {
            // The thread does not panic; if it did there is nothing left to commit.
            let _ = tokio::task::spawn_blocking(|| thread.join()).await;
        }
        self.helpers.shutdown().await;
        tracing::info!("stopped");
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.drain.send_replace(true);
        self.committer.stop();
    }
}

async fn bind(address: SocketAddr) -> Result<TcpListener, StartError> {
    TcpListener::bind(address)
        .await
        .map_err(|cause| StartError::Bind { address, cause })
}

fn address_of(tcp: &TcpListener, address: SocketAddr) -> Result<SocketAddr, StartError> {
    tcp.local_addr()
        .map_err(|cause| StartError::Bind { address, cause })
}

pub(crate) fn share(
    config: &Config,
    hosts: Hosts,
    folder: PathBuf,
    committer: &Arc<Committer>,
    metrics: &Arc<Metrics>,
    draining: watch::Receiver<bool>,
) -> Shared {
    let rates = config.service();
    let limits = SourceLimits {
        connections: config.max_connections_per_source,
        transfers: limits::BLOB_TRANSFERS_PER_SOURCE,
        blob_bytes_per_hour: bytes_of_mib(config.blob_source_quota_mib),
        new_blobs: rates.source_new_blobs,
        requests: rates.source_requests,
    };
    let sources = Sources::new(rand::random(), limits);
    let blobs = Arc::new(Blobs {
        folder,
        committer: committer.clone(),
        sources: sources.clone(),
        metrics: metrics.clone(),
        quota: bytes_of_mib(config.blob_quota_mib),
        max_length: bytes_of_mib(config.blob_max_mib),
        finished_ms: config.blob_days.saturating_mul(DAY_MS),
        transfers: Arc::new(Semaphore::new(limits::BLOB_TRANSFERS)),
        writing: Default::default(),
        failures: Default::default(),
    });
    Shared {
        committer: committer.clone(),
        metrics: metrics.clone(),
        sources,
        hosts,
        trusted_proxies: config.trusted_proxies.clone(),
        places: Arc::new(Semaphore::new(
            open_files::places(config.max_connections).min(Semaphore::MAX_PERMITS),
        )),
        polls: PollTable::new(metrics.clone()),
        blobs,
        draining,
    }
}

/// Opens the store and starts the thread that owns it. The thread also holds the data directory, so that its lock goes
/// only after the store is closed.
fn start_thread(
    config: &Config,
    data: DataDir,
    durability: Durability,
    committer: &Arc<Committer>,
    metrics: &Arc<Metrics>,
    healthy: &Arc<AtomicBool>,
) -> Result<std::thread::JoinHandle<()>, StartError> {
    let path = data.database();
    let options = SqliteOptions {
        durability,
        max_bytes: config.store_quota_mib.map(bytes_of_mib),
    };
    let storage =
        SqliteStorage::open_with(&path, options, Timestamp(clock::now_ms()), &mut rand::rng())
            .map_err(|cause| StartError::Store { path, cause })?;
    let thread = CommittingThread {
        committer: committer.clone(),
        service: Service::new(config.service(), &mut rand::rng()),
        storage: Box::new(storage),
        metrics: metrics.clone(),
        healthy: healthy.clone(),
        room: Room::Plenty,
    };
    std::thread::Builder::new()
        .name("commit".into())
        .spawn(move || {
            thread.run();
            drop(data);
        })
        .map_err(StartError::Thread)
}

fn bytes_of_mib(mib: u64) -> u64 {
    mib.saturating_mul(1024 * 1024)
}

/// What happens by itself: abandoned sessions, expired blobs, orphans of the last life, the upkeep of metrics.
async fn keep_house(shared: Arc<Shared>, database: PathBuf) {
    shared.blobs.remove_orphans().await;
    let mut ticks = tokio::time::interval(limits::HOUSEKEEPING);
    loop {
        ticks.tick().await;
        shared.polls.sweep();
        shared.blobs.sweep().await;
        let database = database.clone();
        let bytes = blocking(move || size_with_log(&database)).await;
        shared.metrics.database_size(bytes.unwrap_or_default());
        shared.metrics.upkeep();
    }
}

/// Bytes of the database and of its log.
fn size_with_log(database: &Path) -> io::Result<u64> {
    let log = std::fs::metadata(database.with_extension("db-wal")).map_or(0, |log| log.len());
    Ok(std::fs::metadata(database)?.len() + log)
}
