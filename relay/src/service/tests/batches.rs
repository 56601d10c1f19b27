//! Batches: nothing leaves before it is durable, nothing happened that is not; a full store.

use bytes::Bytes;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;
use tempfile::TempDir;
use undertone_wire::frame::Body;
use undertone_wire::{Ack, DeleteMailbox, Done, ErrorCode, Ping, Send, Sent, SetTokens, TokenKind};

use super::{Owner, Relay, START, config, send_to, token};
use crate::service::ServiceConfig;
use crate::storage::StorageError;
use crate::storage::sqlite::{Durability, SqliteOptions, SqliteStorage};

#[test]
fn a_batch_that_is_dropped_never_happened() {
    let mut relay = Relay::new();
    let owner = relay.mailbox(1);
    let old = relay.online(&owner);
    relay.unasked(old);
    let (new, sender) = (relay.connect(), relay.connect());
    let login = relay.login_frame(new, &owner, 0);
    let send = relay.frame(Body::Send(send_to(&owner, 1, 100)));
    let mut batch = relay.service.batch(relay.storage.as_mut(), relay.now);
    batch.frame(new, login);
    batch.frame(sender, send);
    batch.close(sender);
    drop(batch);
    assert_eq!(relay.service.connections(), 3);
    assert_eq!(relay.storage.totals().unwrap().messages, 0);
    // The old login is the one that counts.
    relay.ask(sender, Body::Send(send_to(&owner, 2, 100)));
    assert_eq!(relay.delivered(old), [2]);
    assert!(relay.unasked(new).is_empty());
}

/// A relay on a store of two MiB.
fn small() -> (Relay, TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let options = SqliteOptions {
        durability: Durability::None,
        max_bytes: Some(2 * 1024 * 1024),
    };
    let path = folder.path().join("relay.db");
    let mut rng = ChaCha8Rng::seed_from_u64(3);
    let storage = SqliteStorage::open_with(&path, options, START, &mut rng).unwrap();
    let config = ServiceConfig {
        source_share: 0,
        ..config()
    };
    (Relay::on(config, Box::new(storage)), folder)
}

fn numbered(owner: &Owner, n: u32, len: usize) -> Send {
    let id = undertone_wire::MessageId::derive(undertone_wire::MessageId::from_bytes([0; 16]), n);
    Send {
        message_id: id.to_field(),
        envelope: Bytes::from([&n.to_be_bytes()[..], &vec![0; len]].concat()),
        ..send_to(owner, 0, 1)
    }
}

#[test]
fn a_full_store_refuses_what_grows_and_takes_acks_in_the_same_batch() {
    let (mut relay, _folder) = small();
    let (owner, other) = (relay.mailbox(1), relay.mailbox(2));
    let sender = relay.connect();
    for n in 0..10 {
        relay.ask(sender, Body::Send(numbered(&owner, n, 50)));
    }
    let conn = relay.online(&owner);
    let last = relay
        .unasked(conn)
        .into_iter()
        .filter_map(|body| match body {
            Body::Deliver(deliver) => Some(deliver.seq),
            _ => None,
        })
        .max()
        .unwrap();
    // More than the store holds, in one batch that began with room, with an ack and a login among them.
    let sends: Vec<_> = (100..180)
        .map(|n| relay.frame(Body::Send(numbered(&other, n, 40_000))))
        .collect();
    let ids: Vec<u64> = sends.iter().map(|frame| frame.request_id).collect();
    let ack = relay.frame(Body::Ack(Ack { up_to_seq: last }));
    let ack_id = ack.request_id;
    let newcomer = relay.connect();
    let login = relay.login_frame(newcomer, &other, 0);
    let login_id = login.request_id;
    relay.batch(|batch| {
        for (n, send) in sends.into_iter().enumerate() {
            batch.frame(sender, send);
            if n == 20 {
                batch.frame(conn, ack.clone());
                batch.frame(newcomer, login.clone());
            }
        }
    });
    assert!(matches!(relay.last_failure, Some(StorageError::Full)));
    for id in ids {
        let Body::Failure(failure) = relay.reply(sender, id) else {
            panic!("taken")
        };
        assert_eq!(failure.code(), ErrorCode::StorageFull);
    }
    assert_eq!(relay.reply(conn, ack_id), Body::Done(Done {}));
    let reply = relay.reply(newcomer, login_id);
    assert!(matches!(reply, Body::Authenticated(_)), "{reply:?}");
    assert_eq!(relay.storage.totals().unwrap().messages, 0);
    // And nothing is stuck: small things go on.
    let sent = relay.ask(sender, Body::Send(numbered(&owner, 500, 100)));
    assert_eq!(sent, Body::Sent(Sent {}));
    assert!(relay.last_failure.is_none());
    assert!(matches!(&relay.unasked(conn)[..], [Body::Deliver(_)]));
}

#[test]
fn a_store_that_is_nearly_full_still_takes_acks_and_deletes() {
    let (mut relay, _folder) = small();
    let owner = relay.mailbox(1);
    let sender = relay.connect();
    let mut taken = 0;
    while let Body::Sent(_) = relay.ask(sender, Body::Send(numbered(&owner, taken, 30_000))) {
        taken += 1;
    }
    assert!(taken > 20);
    let refused = relay.refused(sender, Body::Send(numbered(&owner, taken, 100)));
    assert_eq!(refused, ErrorCode::StorageFull);
    assert!(matches!(
        relay.ask(sender, Body::Ping(Ping::default())),
        Body::Pong(_)
    ));
    // Nothing that was taken is lost.
    let conn = relay.online(&owner);
    let mut seen = 0;
    loop {
        let seqs: Vec<u64> = relay
            .unasked(conn)
            .into_iter()
            .filter_map(|body| match body {
                Body::Deliver(deliver) => Some(deliver.seq),
                _ => None,
            })
            .collect();
        let Some(last) = seqs.last() else { break };
        seen += u32::try_from(seqs.len()).unwrap();
        relay.ack(conn, *last);
    }
    assert_eq!(seen, taken);
    let sent = relay.ask(sender, Body::Send(numbered(&owner, taken, 100)));
    assert_eq!(sent, Body::Sent(Sent {}));
    let done = relay.ask(conn, Body::DeleteMailbox(DeleteMailbox {}));
    assert_eq!(done, Body::Done(Done {}));
}

#[test]
fn tokens_can_be_withdrawn_from_a_full_store_and_not_added() {
    let (mut relay, _folder) = small();
    let owner = relay.mailbox(1);
    let conn = relay.online(&owner);
    let set = |tokens: &[u8]| {
        let tokens = tokens.iter().map(|n| token(*n, TokenKind::Delivery));
        Body::SetTokens(SetTokens {
            tokens: tokens.collect(),
        })
    };
    assert_eq!(relay.ask(conn, set(&[1, 2, 3])), Body::Done(Done {}));
    let sender = relay.connect();
    let mut taken = 0;
    while let Body::Sent(_) = relay.ask(sender, Body::Send(numbered(&owner, taken, 30_000))) {
        taken += 1;
    }
    for growing in [&[1, 2, 3, 4][..], &[1, 4], &[2, 2, 3, 3]] {
        assert_eq!(relay.refused(conn, set(growing)), ErrorCode::StorageFull);
    }
    assert_eq!(relay.ask(conn, set(&[2, 3])), Body::Done(Done {}));
    let refused = relay.refused(sender, Body::Send(numbered(&owner, taken, 100)));
    assert_eq!(refused, ErrorCode::Denied, "token 1 is no more");
    assert_eq!(relay.ask(conn, set(&[])), Body::Done(Done {}));
}

/// The commit itself fails: not one of its statements, each of which was fine.
#[test]
fn what_could_not_be_committed_is_not_answered_as_done() {
    let (mut relay, folder) = small();
    let owner = relay.mailbox(1);
    let sender = relay.connect();
    let db = rusqlite::Connection::open(folder.path().join("relay.db")).unwrap();
    db.execute_batch(
        "CREATE TABLE absent (no INTEGER PRIMARY KEY);
         CREATE TABLE dangling (no INTEGER REFERENCES absent (no) DEFERRABLE INITIALLY DEFERRED);
         CREATE TRIGGER fail AFTER INSERT ON message BEGIN INSERT INTO dangling VALUES (1); END;",
    )
    .unwrap();
    let refused = relay.refused(sender, Body::Send(send_to(&owner, 1, 100)));
    assert_eq!(refused, ErrorCode::Internal);
    assert!(relay.last_failure.is_some());
    assert_eq!(relay.storage.totals().unwrap().messages, 0);

    db.execute_batch("DROP TRIGGER fail").unwrap();
    let sent = relay.ask(sender, Body::Send(send_to(&owner, 2, 100)));
    assert_eq!(sent, Body::Sent(Sent {}));
    assert_eq!(relay.storage.totals().unwrap().messages, 1);
}

#[test]
fn a_failure_reported_from_outside_is_a_failure_of_the_batch() {
    let mut relay = Relay::new();
    let owner = relay.mailbox(1);
    let sender = relay.connect();
    let send = |relay: &mut Relay, n, error| {
        let frame = relay.frame(Body::Send(send_to(&owner, n, 100)));
        let id = frame.request_id;
        relay.batch(|batch| {
            batch.frame(sender, frame);
            batch.fail(error);
        });
        match relay.reply(sender, id) {
            Body::Failure(failure) => failure.code(),
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(
        send(&mut relay, 1, StorageError::Full),
        ErrorCode::StorageFull
    );
    assert_eq!(
        send(&mut relay, 2, StorageError::Corrupt),
        ErrorCode::Internal
    );
    assert_eq!(relay.storage.totals().unwrap().messages, 0);
}

#[test]
fn a_damaged_store_answers_every_request_and_changes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("relay.db");
    let mut rng = ChaCha8Rng::seed_from_u64(3);
    let storage = SqliteStorage::open(&path, START, &mut rng).unwrap();
    let mut relay = Relay::on(config(), Box::new(storage));
    let owner = relay.mailbox(1);
    let sender = relay.connect();
    // A table that is gone stands for any damage found at run time.
    rusqlite::Connection::open(&path)
        .unwrap()
        .execute_batch("DROP TABLE message")
        .unwrap();
    let refused = relay.refused(sender, Body::Send(send_to(&owner, 1, 100)));
    assert_eq!(refused, ErrorCode::Internal);
    assert!(relay.last_failure.is_some());
    let conn = relay.connect();
    assert_eq!(relay.hello(conn).protocol_version, 1);
    assert!(matches!(
        relay.ask(conn, Body::Ping(Ping::default())),
        Body::Pong(_)
    ));
}
