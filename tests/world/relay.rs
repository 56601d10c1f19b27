//! The real relay service on in-memory storage.

use std::collections::BTreeMap;

use rand_chacha::ChaCha12Rng;
use undertone_relay::service::{ConnectionId, ConnectionInfo, Output, Service, ServiceConfig};
use undertone_relay::storage::Timestamp;
use undertone_relay::storage::memory::{Kept, MemoryStorage};
use undertone_wire::binding::{BindingValue, host};
use undertone_wire::{Frame, StoreEpoch};

/// The host name that every device connects to.
pub(crate) const HOST: &str = "relay.test";

pub(crate) struct SimulatedRelay {
    service: Option<Service>,
    storage: MemoryStorage,
    backup: Option<MemoryStorage>,
    rng: ChaCha12Rng,
    last_connection: u64,
}

impl SimulatedRelay {
    pub(crate) fn new(now: Timestamp, mut rng: ChaCha12Rng) -> Self {
        let storage = MemoryStorage::new(StoreEpoch::random(&mut rng), now);
        let service = Service::new(Self::config(), &mut rng);
        Self {
            service: Some(service),
            storage,
            backup: None,
            rng,
            last_connection: 0,
        }
    }

    /// All devices of a world come from one address, so what limits one source would limit the world.
    fn config() -> ServiceConfig {
        ServiceConfig {
            source_share: 0,
            base_difficulty: 4,
            ..ServiceConfig::default()
        }
    }

    pub(crate) fn open(&mut self, now: Timestamp) -> (ConnectionId, Vec<Output>) {
        self.last_connection += 1;
        let conn = ConnectionId(self.last_connection);
        let info = ConnectionInfo {
            source: [1; 16],
            binding: BindingValue::Host(host(HOST)),
        };
        let Self {
            service,
            storage,
            rng,
            ..
        } = self;
        let mut batch = service
            .as_mut()
            .expect("the relay is up")
            .batch(storage, now);
        batch.open(conn, info, rng);
        (conn, batch.commit().outputs)
    }

    /// Handles a frame and commits it.
    pub(crate) fn frame(
        &mut self,
        now: Timestamp,
        conn: ConnectionId,
        frame: Frame,
    ) -> Vec<Output> {
        let mut batch = self
            .service
            .as_mut()
            .expect("the relay is up")
            .batch(&mut self.storage, now);
        batch.frame(conn, frame);
        batch.commit().outputs
    }

    /// Handles a frame and dies before the commit.
    pub(crate) fn frame_then_crash(&mut self, now: Timestamp, conn: ConnectionId, frame: Frame) {
        let mut batch = self
            .service
            .as_mut()
            .expect("the relay is up")
            .batch(&mut self.storage, now);
        batch.frame(conn, frame);
        drop(batch);
        self.restart(now);
    }

    fn restart(&mut self, now: Timestamp) {
        self.service = None;
        self.storage.reopen(now);
        self.service = Some(Service::new(Self::config(), &mut self.rng));
    }

    /// Makes a backup, which the last one gives way to.
    pub(crate) fn back_up(&mut self) {
        self.backup = Some(self.storage.clone());
    }

    /// What an operator does with the last backup when the disk is gone; whether there is one.
    pub(crate) fn restore(&mut self, now: Timestamp) -> bool {
        let Some(backup) = &self.backup else {
            return false;
        };
        self.storage = backup.clone();
        self.storage
            .replace_epoch(StoreEpoch::random(&mut self.rng));
        self.restart(now);
        true
    }

    pub(crate) fn close(&mut self, now: Timestamp, conn: ConnectionId) -> Vec<Output> {
        let mut batch = self
            .service
            .as_mut()
            .expect("the relay is up")
            .batch(&mut self.storage, now);
        batch.close(conn);
        batch.commit().outputs
    }

    /// Everything the relay has stored.
    pub(crate) fn kept(&self) -> Kept {
        self.storage.kept()
    }

    /// Time passes; the connections in `alive` gave signs of life.
    pub(crate) fn tick(
        &mut self,
        now: Timestamp,
        alive: &BTreeMap<ConnectionId, ()>,
    ) -> Vec<Output> {
        let mut batch = self
            .service
            .as_mut()
            .expect("the relay is up")
            .batch(&mut self.storage, now);
        for conn in alive.keys() {
            batch.heard(*conn);
        }
        batch.tick();
        batch.commit().outputs
    }
}
