//! SQLite against memory: the same operations, in any order, with rollbacks and restarts, give the same answers.

use bytes::Bytes;
use proptest::prelude::*;
use undertone_wire::bearer::BearerHash;
use undertone_wire::{BlobId, PopId, RecordId};

use super::{DAY, Engine, MINUTE, Memory, ROOMY, START, Sqlite, mailbox_id, message};
use crate::storage::sqlite::Durability;
use crate::storage::{
    BlobEntry, Incoming, PopAs, PrekeyItem, PrekeyReplacement, Retention, Storage, Timestamp,
    Token, TokenKind, Via,
};

#[derive(Debug, Clone)]
enum Op {
    Open(u8),
    Delete(u8),
    Append(u8, u32, usize, bool),
    AppendShared(u32, Vec<u8>),
    Ack(u8, u8),
    Page(u8, usize, usize),
    SetTokens(u8, Vec<u8>),
    UseToken(u8, u8),
    Replace(u8, u32, u32, bool),
    Pop(u8, u8, bool),
    PutRecord(u8, u64, Option<u8>),
    Blob(u8, u64),
    Advance(u8, u64, u64),
    Wait(u64),
    Sweep,
    Commit,
    Rollback,
    Restart,
}

fn op() -> impl Strategy<Value = Op> {
    let mailbox = 0..3u8;
    prop_oneof![
        2 => mailbox.clone().prop_map(Op::Open),
        1 => mailbox.clone().prop_map(Op::Delete),
        8 => (mailbox.clone(), 0..12u32, 1..40usize, any::<bool>())
            .prop_map(|(m, n, len, knock)| Op::Append(m, n, len, knock)),
        3 => (0..12u32, prop::collection::vec(0..3u8, 1..4))
            .prop_map(|(n, mailboxes)| Op::AppendShared(n, mailboxes)),
        4 => (mailbox.clone(), 0..8u8).prop_map(|(m, n)| Op::Ack(m, n)),
        2 => (mailbox.clone(), 1..9usize, 1..90usize).prop_map(|(m, n, b)| Op::Page(m, n, b)),
        1 => (mailbox.clone(), prop::collection::vec(0..4u8, 0..3))
            .prop_map(|(m, tokens)| Op::SetTokens(m, tokens)),
        1 => (mailbox.clone(), 0..4u8).prop_map(|(m, t)| Op::UseToken(m, t)),
        2 => (mailbox.clone(), 0..6u32, 0..6u32, any::<bool>())
            .prop_map(|(m, x, k, append)| Op::Replace(m, x, k, append)),
        3 => (mailbox, 0..5u8, any::<bool>()).prop_map(|(m, p, s)| Op::Pop(m, p, s)),
        3 => (0..2u8, 0..4u64, prop::option::of(0..3u8))
            .prop_map(|(r, v, value)| Op::PutRecord(r, v, value)),
        1 => (0..3u8, 1..60u64).prop_map(|(b, len)| Op::Blob(b, len)),
        1 => (0..3u8, 0..60u64, 0..60u64).prop_map(|(b, f, t)| Op::Advance(b, f, t)),
        3 => prop_oneof![Just(MINUTE), Just(6 * MINUTE), Just(12 * DAY), Just(31 * DAY)]
            .prop_map(Op::Wait),
        2 => Just(Op::Sweep),
        3 => Just(Op::Commit),
        1 => Just(Op::Rollback),
        1 => Just(Op::Restart),
    ]
}

/// Carries out one operation and says in words what came of it.
fn apply(engine: &mut dyn Engine, op: &Op, now: Timestamp) -> String {
    let storage = engine.storage();
    match op {
        Op::Open(m) => format!("{:?}", storage.open_mailbox(mailbox_id(*m), now)),
        Op::Delete(m) => format!("{:?}", storage.delete_mailbox(mailbox_id(*m))),
        Op::Append(m, n, len, knock) => {
            let via = if *knock { Via::Knock } else { Via::Token };
            let incoming = Incoming {
                via,
                ..message(*n, *len, now)
            };
            format!("{:?}", storage.append(mailbox_id(*m), incoming, ROOMY))
        }
        Op::AppendShared(n, mailboxes) => append_shared(storage, *n, mailboxes, now),
        Op::Ack(m, nth) => {
            let page = storage.page(mailbox_id(*m), 0, usize::MAX, usize::MAX);
            let seq = page.unwrap().get(usize::from(*nth)).map_or(0, |q| q.seq);
            format!("{:?}", storage.ack(mailbox_id(*m), seq, now))
        }
        Op::Page(m, n, bytes) => format!("{:?}", storage.page(mailbox_id(*m), 0, *n, *bytes)),
        Op::SetTokens(m, tokens) => {
            let tokens: Vec<Token> = tokens.iter().map(|n| token(*n)).collect();
            format!("{:?}", storage.set_tokens(mailbox_id(*m), &tokens))
        }
        Op::UseToken(m, t) => {
            format!("{:?}", storage.use_token(mailbox_id(*m), &token(*t).hash))
        }
        Op::Replace(m, x25519, kem, append) => {
            let with = replacement(*x25519, *kem, *append);
            format!("{:?}", storage.replace_prekeys(mailbox_id(*m), &with))
        }
        Op::Pop(m, pop, stranger) => {
            let who = if *stranger {
                PopAs::Stranger
            } else {
                PopAs::Contact
            };
            let pop = PopId::from_bytes([*pop; 16]);
            format!("{:?}", storage.pop_prekeys(mailbox_id(*m), pop, who, now))
        }
        Op::PutRecord(r, expected, value) => {
            let id = RecordId::from_bytes([*r; 16]);
            let value = value.map(|byte| Bytes::from(vec![byte; 9]));
            format!(
                "{:?}",
                storage.put_record(id, *expected, value.as_ref(), now)
            )
        }
        Op::Blob(b, length) => {
            let entry = BlobEntry {
                length: *length,
                received: 0,
                secret_hash: [0; 32],
                expires: Timestamp(now.plus(DAY).minutes() * MINUTE),
            };
            let id = BlobId::from_bytes([*b; 16]);
            format!("{:?}", storage.create_blob(id, &entry, 100))
        }
        Op::Advance(b, from, to) => {
            let id = BlobId::from_bytes([*b; 16]);
            let expires = Timestamp(now.plus(DAY).minutes() * MINUTE);
            format!("{:?}", storage.advance_blob(id, *from, *to, expires))
        }
        Op::Sweep => format!("{:?}", storage.sweep(now, &Retention::default(), 1_000)),
        Op::Wait(_) => String::new(),
        Op::Commit => format!("{:?} {:?}", storage.commit(), storage.begin()),
        Op::Rollback => {
            storage.rollback();
            format!("{:?}", storage.begin())
        }
        Op::Restart => {
            engine.restart(now);
            format!("{:?}", engine.storage().begin())
        }
    }
}

fn append_shared(storage: &mut dyn Storage, n: u32, to: &[u8], now: Timestamp) -> String {
    let envelope = Bytes::from(vec![7; 21]);
    let shared = Some(storage.share_payload(&envelope).unwrap());
    to.iter()
        .map(|m| {
            let incoming = Incoming {
                shared,
                envelope: envelope.clone(),
                ..message(n, 0, now)
            };
            format!("{:?}", storage.append(mailbox_id(*m), incoming, ROOMY))
        })
        .collect()
}

fn token(n: u8) -> Token {
    Token {
        hash: BearerHash::of(&[n; 16]),
        kind: TokenKind::Delivery,
        expires: None,
        quota: Some(3),
        used: 0,
    }
}

fn replacement(x25519: u32, kem: u32, append: bool) -> PrekeyReplacement {
    let items = |n: u32| {
        let item = |n: u32| PrekeyItem {
            id: n.to_be_bytes(),
            item: Bytes::copy_from_slice(&n.to_be_bytes()),
        };
        (0..n).map(item).collect()
    };
    PrekeyReplacement {
        page: (x25519 != 1).then(|| Bytes::from_static(b"page")),
        last_resort: (kem != 1).then(|| Bytes::from_static(b"last")),
        x25519: items(x25519),
        kem: items(kem),
        append,
    }
}

/// Everything that can be read.
fn everything(storage: &mut dyn Storage) -> String {
    let mut seen = format!("{:?}", storage.totals().unwrap());
    for m in 0..3 {
        let id = mailbox_id(m);
        seen += &format!(
            "{:?} {:?} {:?} {:?}",
            storage.mailbox(id).unwrap(),
            storage.page(id, 0, usize::MAX, usize::MAX).unwrap(),
            storage.tokens(id).unwrap(),
            storage.prekey_counts(id).unwrap(),
        );
    }
    for n in 0..3 {
        let record = storage.record(RecordId::from_bytes([n; 16])).unwrap();
        let blob = storage.blob(BlobId::from_bytes([n; 16])).unwrap();
        seen += &format!("{record:?} {blob:?}");
    }
    seen
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 192, ..ProptestConfig::default() })]

    #[test]
    fn sqlite_and_memory_agree(ops in prop::collection::vec(op(), 1..80)) {
        let (mut memory, mut sqlite) = (Memory::new(), Sqlite::with(Durability::None));
        let mut now = START;
        memory.storage().begin().unwrap();
        sqlite.storage().begin().unwrap();
        for op in &ops {
            if let Op::Wait(ms) = op {
                now = now.plus(*ms);
            }
            prop_assert_eq!(apply(&mut memory, op, now), apply(&mut sqlite, op, now), "{:?}", op);
            prop_assert_eq!(everything(memory.storage()), everything(sqlite.storage()), "{:?}", op);
        }
    }
}
