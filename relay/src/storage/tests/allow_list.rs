//! What the relay may have on its disk: nothing but this list (attack row S12).

use std::collections::BTreeMap;

use bytes::Bytes;
use undertone_wire::{PopId, RecordId};

use super::mailboxes::token;
use super::{START, Sqlite, append, batch, mailbox_id, message};
use crate::storage::sqlite::inspect::{StoredValue, tables};
use crate::storage::{PopAs, PrekeyItem, PrekeyReplacement};

/// Every column, and what it holds. A column that is not here is not stored; whoever adds one says here why the relay
/// may know it.
const ALLOWED: [(&str, &[&str]); 11] = [
    // The store's epoch.
    ("meta", &["name", "value"]),
    // Opaque ids, the day of the last login, numbers of the queue.
    (
        "mailbox",
        &[
            "no",
            "id",
            "seen_day",
            "last_seq",
            "acked_seq",
            "messages",
            "bytes",
            "knocks",
            "expired_first",
            "expired_last",
        ],
    ),
    // The sender's random id, ciphertext, its size, minutes.
    (
        "message",
        &[
            "no",
            "mailbox",
            "seq",
            "id",
            "knock",
            "arrived_minute",
            "size",
            "payload",
            "envelope",
        ],
    ),
    ("acked", &["no", "mailbox", "id", "minute"]),
    ("payload", &["no", "refs", "envelope"]),
    // Hashes of bearers.
    (
        "token",
        &[
            "no",
            "mailbox",
            "hash",
            "invite",
            "expires_ms",
            "quota",
            "used",
        ],
    ),
    // Opaque public items.
    (
        "prekey_page",
        &[
            "mailbox",
            "page",
            "last_resort",
            "strangers_x25519",
            "strangers_kem",
        ],
    ),
    ("prekey", &["no", "mailbox", "kem", "id", "item"]),
    (
        "pop",
        &[
            "no",
            "mailbox",
            "id",
            "minute",
            "page",
            "x25519",
            "kem",
            "last_resort",
        ],
    ),
    // Hash of a write key, ciphertext.
    ("record", &["no", "id", "version", "written_day", "value"]),
    // Random id, hash of a random secret, sizes.
    (
        "blob",
        &[
            "no",
            "id",
            "length",
            "received",
            "secret_hash",
            "expires_minute",
        ],
    ),
];

#[test]
fn s12_the_schema_is_on_the_list() {
    let engine = Sqlite::new();
    let stored: BTreeMap<String, Vec<String>> = tables(&engine.path())
        .unwrap()
        .into_iter()
        .map(|table| (table.name, table.columns))
        .collect();
    let allowed: BTreeMap<String, Vec<String>> = ALLOWED
        .iter()
        .map(|(table, columns)| {
            let columns = columns.iter().map(|&column| column.to_owned()).collect();
            ((*table).to_owned(), columns)
        })
        .collect();
    assert_eq!(stored, allowed);
}

#[test]
fn s12_no_bearer_and_no_exact_time_is_stored() {
    let mut engine = Sqlite::new();
    let odd = crate::storage::Timestamp(START.0 + 23_456);
    batch(&mut engine, |storage| {
        let id = mailbox_id(1);
        storage.open_mailbox(id, odd).unwrap();
        storage.set_tokens(id, &[token(0x5c, None)]).unwrap();
        append(storage, 1, message(1, 10, odd));
        let record = RecordId::from_bytes([2; 16]);
        let value = Bytes::from_static(b"ciphertext");
        storage.put_record(record, 0, Some(&value), odd).unwrap();
        let prekeys = PrekeyReplacement {
            page: Some(Bytes::from_static(b"page")),
            last_resort: Some(Bytes::from_static(b"last")),
            x25519: vec![PrekeyItem {
                id: [1; 4],
                item: Bytes::from_static(b"item"),
            }],
            ..PrekeyReplacement::default()
        };
        storage.replace_prekeys(id, &prekeys).unwrap();
        let pop = PopId::from_bytes([3; 16]);
        storage.pop_prekeys(id, pop, PopAs::Contact, odd).unwrap();
        storage.ack(id, u64::MAX, odd).unwrap();
    });
    let values: Vec<StoredValue> = tables(&engine.path())
        .unwrap()
        .into_iter()
        .flat_map(|table| table.rows.into_iter().flatten())
        .collect();
    assert!(values.len() > 40);
    for value in values {
        match value {
            StoredValue::Bytes(bytes) => {
                assert!(!bytes.windows(16).any(|part| part == [0x5c; 16]));
            }
            StoredValue::Integer(n) => {
                let n = u64::try_from(n).unwrap();
                assert!(n != odd.0 && n != odd.0 / 1000, "an exact time");
            }
            StoredValue::Text(text) => assert_eq!(text, "epoch"),
            StoredValue::Null | StoredValue::Real(_) => {}
        }
    }
}
