//! Batches: together or not at all, durable or never there.

use super::{Engine, MINUTE, START, append, batch, mailbox_id, message, queued};
use crate::storage::{Append, Totals};
use bytes::Bytes;
use undertone_wire::RecordId;

const RECORD: RecordId = RecordId::from_bytes([7; 16]);

pub(super) fn a_committed_batch_survives_a_restart(engine: &mut dyn Engine) {
    let seq = batch(engine, |storage| {
        storage.open_mailbox(mailbox_id(1), START).unwrap();
        append(storage, 1, message(1, 10, START))
    });
    let epoch = engine.storage().epoch();
    engine.restart(START.plus(MINUTE));
    assert_eq!(engine.storage().epoch(), epoch);
    let Append::Stored(seq) = seq else {
        panic!("{seq:?}")
    };
    assert_eq!(queued(engine.storage(), 1), [seq]);
}

pub(super) fn an_uncommitted_batch_never_happened(engine: &mut dyn Engine) {
    batch(engine, |storage| {
        storage.open_mailbox(mailbox_id(1), START).unwrap();
    });
    let storage = engine.storage();
    storage.begin().unwrap();
    append(storage, 1, message(1, 10, START));
    assert_eq!(queued(storage, 1).len(), 1);
    engine.restart(START.plus(MINUTE));
    assert!(queued(engine.storage(), 1).is_empty());
    assert_eq!(
        engine
            .storage()
            .mailbox(mailbox_id(1))
            .unwrap()
            .unwrap()
            .messages,
        0
    );
}

pub(super) fn a_rollback_is_exact(engine: &mut dyn Engine) {
    let value = Bytes::from_static(b"value");
    batch(engine, |storage| {
        storage.open_mailbox(mailbox_id(1), START).unwrap();
        append(storage, 1, message(1, 10, START));
        storage.put_record(RECORD, 0, Some(&value), START).unwrap();
    });
    let storage = engine.storage();
    let before = (
        storage.mailbox(mailbox_id(1)).unwrap(),
        storage.totals().unwrap(),
    );
    storage.begin().unwrap();
    append(storage, 1, message(2, 10, START));
    storage.open_mailbox(mailbox_id(2), START).unwrap();
    storage.ack(mailbox_id(1), u64::MAX, START).unwrap();
    storage.put_record(RECORD, 1, None, START).unwrap();
    storage.rollback();
    let after = (
        storage.mailbox(mailbox_id(1)).unwrap(),
        storage.totals().unwrap(),
    );
    assert_eq!(before, after);
    assert_eq!(queued(storage, 1).len(), 1);
    assert_eq!(storage.record(RECORD).unwrap().version, 1);
    // And the next batch is none the worse.
    batch(engine, |storage| {
        assert!(matches!(
            append(storage, 1, message(2, 10, START)),
            Append::Stored(_)
        ));
    });
}

pub(super) fn totals_count_what_is_there(engine: &mut dyn Engine) {
    batch(engine, |storage| {
        storage.open_mailbox(mailbox_id(1), START).unwrap();
        append(storage, 1, message(1, 10, START));
        append(storage, 1, message(2, 30, START));
        let value = Bytes::from_static(b"value");
        storage.put_record(RECORD, 0, Some(&value), START).unwrap();
        let expected = Totals {
            mailboxes: 1,
            messages: 2,
            message_bytes: 40,
            records: 1,
            ..Totals::default()
        };
        assert_eq!(storage.totals().unwrap(), expected);
    });
}
