//! What is past its time is removed as fast as it is made, and nothing waits for it.

use bytes::Bytes;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;
use rusqlite::Connection;
use tempfile::TempDir;
use undertone_wire::frame::Body;
use undertone_wire::limits::{ENVELOPE_TTL_MS, IDEMPOTENCE_MS};
use undertone_wire::{Ack, ErrorCode, MessageId, Recipient, SendMany, StoreEpoch};

use super::{DAY, MINUTE, Owner, Relay, START, bearer, config};
use crate::service::limits::SWEEP_ROWS;
use crate::service::{ConnectionId, ServiceConfig};
use crate::storage::memory::MemoryStorage;
use crate::storage::sqlite::{Durability, SqliteOptions, SqliteStorage};
use crate::storage::{Mailboxes, Storage};

/// A delivery window.
const ROUND: u32 = 250;

struct Traffic {
    relay: Relay,
    owner: Owner,
    folder: TempDir,
    next: u32,
}

impl Traffic {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let options = SqliteOptions {
            durability: Durability::None,
            max_bytes: None,
        };
        let mut rng = ChaCha8Rng::seed_from_u64(3);
        let path = folder.path().join("relay.db");
        let storage = SqliteStorage::open_with(&path, options, START, &mut rng).unwrap();
        let config = ServiceConfig {
            base_difficulty: config().base_difficulty,
            ..ServiceConfig::without_rates()
        };
        let mut relay = Relay::on(config, Box::new(storage));
        let owner = relay.mailbox(1);
        Self {
            relay,
            owner,
            folder,
            next: 0,
        }
    }

    /// Messages in one request, all for the owner.
    fn send(&mut self, sender: ConnectionId) {
        let recipients = (0..ROUND).map(|n| Recipient {
            mailbox: self.owner.id().to_field(),
            message_id: MessageId::derive(MessageId::from_bytes([0; 16]), self.next + n).to_field(),
            right: Some(bearer(self.owner.n)),
            envelope: Bytes::from_static(b"sealed"),
        });
        let many = SendMany {
            recipients: recipients.collect(),
            ..SendMany::default()
        };
        self.next += ROUND;
        let Body::SentMany(sent) = self.relay.ask(sender, Body::SendMany(many)) else {
            panic!("refused")
        };
        let ok = i32::from(ErrorCode::Ok);
        assert!(sent.results.iter().all(|outcome| outcome.code == ok));
    }

    /// `rounds` full windows, delivered and acked.
    fn exchange(&mut self, rounds: u32) {
        let conn = self.relay.online(&self.owner);
        let sender = self.relay.connect();
        for _ in 0..rounds {
            self.send(sender);
            let last = self.relay.unasked(conn).into_iter().filter_map(seq).max();
            let ack = Ack {
                up_to_seq: last.unwrap(),
            };
            self.relay.ask(conn, Body::Ack(ack));
        }
        self.relay.batch(|batch| batch.close(conn));
        self.relay.batch(|batch| batch.close(sender));
    }

    fn rows(&self, table: &str) -> u32 {
        let db = Connection::open(self.folder.path().join("relay.db")).unwrap();
        db.query_row(&format!("SELECT count(*) FROM {table}"), [], |row| {
            row.get(0)
        })
        .unwrap()
    }
}

fn seq(body: Body) -> Option<u64> {
    match body {
        Body::Deliver(deliver) => Some(deliver.seq),
        _ => None,
    }
}

#[test]
fn acked_ids_are_forgotten_as_fast_as_they_are_made() {
    let mut traffic = Traffic::new();
    let rounds = 4 * SWEEP_ROWS / ROUND;
    for _ in 0..3 {
        traffic.exchange(rounds);
        traffic.relay.now = traffic.relay.now.plus(IDEMPOTENCE_MS + 2 * MINUTE);
        // Each exchange comes with one tick alone, however many there are in it.
        traffic.relay.tick();
    }
    let acked = rounds * ROUND;
    assert!(traffic.rows("acked") <= acked, "{}", traffic.rows("acked"));
}

#[test]
fn envelopes_expire_as_fast_as_others_arrive() {
    let mut traffic = Traffic::new();
    let sender = traffic.relay.connect();
    let rounds = 4 * SWEEP_ROWS / ROUND;
    for _ in 0..rounds {
        traffic.send(sender);
    }
    traffic.relay.now = traffic.relay.now.plus(ENVELOPE_TTL_MS + MINUTE);
    let sender = traffic.relay.connect();
    for _ in 0..rounds / 2 {
        traffic.send(sender);
    }
    assert_eq!(traffic.rows("message"), rounds / 2 * ROUND);
}

#[test]
fn what_is_left_is_asked_for_until_it_is_gone() {
    let mut traffic = Traffic::new();
    traffic.exchange(4 * SWEEP_ROWS / ROUND);
    assert!(!traffic.relay.service.has_to_sweep());
    traffic.relay.now = traffic.relay.now.plus(IDEMPOTENCE_MS + 2 * MINUTE);
    traffic.relay.tick();
    let mut sweeps = 0;
    while traffic.relay.service.has_to_sweep() {
        traffic.relay.batch(|batch| batch.sweep_some());
        sweeps += 1;
    }
    assert_eq!(sweeps, 4);
    assert_eq!(traffic.rows("acked"), 0);
}

#[test]
fn a_mailbox_whose_owner_stays_is_not_removed() {
    let mut relay = Relay::new();
    let (present, absent) = (Owner::new(1), Owner::new(2));
    let conn = relay.online(&present);
    let left = relay.online(&absent);
    relay.batch(|batch| batch.close(left));
    for _ in 0..200 {
        relay.now = relay.now.plus(DAY);
        relay.batch(|batch| {
            batch.heard(conn);
            batch.tick();
        });
    }
    assert!(relay.storage.mailbox(present.id()).unwrap().is_some());
    assert_eq!(relay.storage.mailbox(absent.id()).unwrap(), None);
}

#[test]
fn an_owner_who_came_to_a_full_store_is_noted_as_well() {
    let mut storage = MemoryStorage::new(StoreEpoch::from_bytes([1; 16]), START);
    storage.set_capacity(0);
    storage.begin().unwrap();
    let owner = Owner::new(1);
    storage.open_mailbox(owner.id(), START).unwrap();
    storage.commit().unwrap();
    let mut relay = Relay::on(config(), Box::new(storage));
    relay.now = relay.now.plus(80 * DAY);
    let conn = relay.online(&owner);
    relay.tick();
    relay.batch(|batch| batch.close(conn));
    relay.now = relay.now.plus(80 * DAY);
    relay.tick();
    assert!(relay.storage.mailbox(owner.id()).unwrap().is_some());
}
