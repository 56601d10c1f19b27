//! Stores of every schema version open in this build.
//!
//! `sdk/tests/fixtures/store/v1.db` and so on are stores as the release with that schema wrote them. A change of the schema
//! comes with a new file in `schema/`, a higher [`SCHEMA_VERSION`], and the fixture of the version before, written on its
//! last commit by `UNDERTONE_WRITE_FIXTURE=1 cargo test -p undertone --lib writes_the_fixture`.

use std::fs;
use std::path::PathBuf;

use rusqlite::Connection;
use tempfile::TempDir;
use undertone_protocol::content::{Hlc, MessageId};
use undertone_protocol::prekeys::{PrekeyId, PrekeyKind};
use undertone_protocol::profile::ProfileDigest;
use undertone_protocol::session::{MessageNumber, SessionId, SkippedKey};
use undertone_protocol::tag::Tag;

use super::support::*;
use crate::store::*;

const NUMBER: MessageNumber = MessageNumber { chain: 1, n: 2 };
const TAG: Tag = Tag::from_bytes([6; 16]);

fn fixture(version: u32) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(format!("tests/fixtures/store/v{version}.db"))
}

/// Writes at least one row into every table.
pub(super) fn fill(tx: &Tx<'_>) {
    let peer = peer(tx, 1);
    let session = SessionId::from_bytes([1; 16]);
    let identity = IdentityRow {
        account: account(9),
        device: device(9).id,
        mailbox: device(9).mailbox,
        relay: "https://relay.example".to_owned(),
        name: "Ada".to_owned(),
        created: NOW,
    };
    tx.identity()
        .create(&identity, b"identity secrets")
        .unwrap();
    let key_id = PrekeyId::new(5).unwrap();
    let prekey = NewPrekey {
        kind: PrekeyKind::Signed,
        key_id,
        private: b"private",
        item: b"item",
        created: NOW,
    };
    tx.prekeys().insert(&prekey).unwrap();
    let accepted = AcceptedFirstMessage {
        digest: [1; 32],
        signed_prekey_id: key_id,
        kem_prekey_id: key_id,
        accepted: NOW,
    };
    tx.accepted_first_messages().insert(&accepted).unwrap();
    let contact = tx.contacts().get(peer.contact).unwrap().unwrap();
    tx.contacts()
        .set_secrets(&contact, b"contact secrets")
        .unwrap();
    let row = SessionRow {
        id: session,
        peer_device: peer.device,
        role: SessionRole::Responder,
        status: SessionStatus::Active,
        created: NOW,
        last_sent: None,
        last_received: None,
    };
    tx.sessions().insert(&row, b"session state").unwrap();
    tx.sessions()
        .set_pq_material(&session, b"post-quantum keys")
        .unwrap();
    tx.skipped()
        .insert(
            &session,
            &[SkippedKey::from_parts(NUMBER, TAG, [5; 32])],
            NOW,
        )
        .unwrap();
    let text = message(&peer, 1, "Wir sehen uns in der Straße 東京都");
    tx.messages().insert(&text).unwrap();
    let row = tx.messages().get(&text.message_id).unwrap().unwrap();
    let later = Hlc::from_packed(text.clock.as_packed() + 1);
    let edit = Revision {
        clock: later,
        body: "Wir treffen uns in der Straße 東京都".to_owned(),
        parts: None,
    };
    assert!(tx.messages().edit(&row, &edit).unwrap());
    let told = ToldProfile {
        record_key: [7; 32],
        digest: ProfileDigest([8; 16]),
        order: [9; 16],
        shows_last_seen: true,
    };
    tx.profiles().tell(peer.contact, &told, Some(NOW)).unwrap();
    tx.reactions()
        .set(row.id, None, later, &["👍".to_owned()])
        .unwrap();
    tx.early_changes()
        .keep(
            peer.contact,
            &MessageId::from_bytes([8; 16]),
            b"early",
            NOW,
            1,
        )
        .unwrap();
    tx.streams()
        .put(
            peer.conversation,
            &device(1).id,
            &StreamHead {
                next_seq: 2,
                hash: [2; 16],
            },
        )
        .unwrap();
    let queued = NewOutbox {
        contact: peer.contact,
        destination: Some(peer.destination),
        envelope_id: EnvelopeId::from_bytes([3; 16]),
        message_id: text.message_id,
        shown: true,
        encrypted_as: Some((session, NUMBER)),
        body: OutboxBody::Envelope(b"envelope".to_vec()),
        hold: OutboxHold::None,
        wake: true,
        created: NOW,
    };
    tx.outbox().insert(&queued).unwrap();
    let kept = NewRetained {
        session,
        number: NUMBER,
        peer_device: peer.device,
        message_id: text.message_id,
        shown: true,
        content: Some(b"content".to_vec()),
        sent: NOW,
    };
    tx.retained().insert(&kept).unwrap();
    tx.receipts()
        .owe(peer.device, &text.message_id, None)
        .unwrap();
    tx.resends().note(peer.device, &session, NUMBER, 1).unwrap();
    tx.budgets()
        .set_full_at(peer.contact, BudgetKind::Answers, NOW)
        .unwrap();
    tx.gaps()
        .insert(
            peer.device,
            &Missing::Envelope {
                session,
                number: NUMBER,
            },
            None,
            NOW,
            None,
        )
        .unwrap();
    tx.parked()
        .insert(
            ParkedKind::Unmatched,
            &EnvelopeId::from_bytes([4; 16]),
            b"parked",
            NOW,
        )
        .unwrap();
    tx.invites()
        .insert(
            &InviteId::from_bytes([5; 16]),
            "poster",
            "https://relay.example",
            b"token",
            NOW,
        )
        .unwrap();
    tx.relays().met("https://relay.example", &[6; 16]).unwrap();
    let cursor = CursorRow {
        relay: "https://relay.example".to_owned(),
        seq: 7,
    };
    tx.cursors().put(&device(9).mailbox, &cursor).unwrap();
}

/// Every table and index, as it is declared.
fn schema(connection: &Connection) -> Vec<(String, Option<String>)> {
    let mut statement = connection
        .prepare("SELECT name, sql FROM sqlite_schema ORDER BY name")
        .unwrap();
    let rows = statement
        .query_map([], |row| Ok((row.get(0)?, row.get(1)?)))
        .unwrap();
    rows.map(Result::unwrap).collect()
}

#[test]
fn the_fixture_leaves_no_table_empty() {
    let mut fixture = Fixture::new();
    fixture.write(fill);
    let connection = &fixture.store.connection;
    for (name, sql) in schema(connection) {
        if sql.is_some_and(|sql| sql.starts_with("CREATE TABLE")) {
            let rows: i64 = connection
                .query_row(&format!("SELECT count(*) FROM {name}"), [], |row| {
                    row.get(0)
                })
                .unwrap();
            assert!(rows > 0, "{name} is empty");
        }
    }
}

/// Writes the fixture when asked to; see the head of this file.
#[test]
fn writes_the_fixture() {
    if std::env::var_os("UNDERTONE_WRITE_FIXTURE").is_some() {
        let path = fixture(SCHEMA_VERSION);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        let _ = fs::remove_file(&path);
        let mut store = Store::open(&path, &key()).unwrap();
        let tx = store.transaction().unwrap();
        fill(&tx);
        tx.commit().unwrap();
        store.close().unwrap();
    }
}

#[test]
fn stores_of_every_version_open() {
    for version in 1..=SCHEMA_VERSION {
        let folder = TempDir::new().unwrap();
        fs::copy(fixture(version), path(&folder)).unwrap();
        let mut store = Store::open(&path(&folder), &key()).unwrap();
        store.verify().unwrap();
        assert_eq!(
            schema(&store.connection),
            schema(&Fixture::new().store.connection),
            "version {version}"
        );
        let tx = store.transaction().unwrap();
        let found = tx
            .search(
                &SearchQuery::parse("strasse 京都"),
                &SearchFilter::default(),
                None,
                5,
            )
            .unwrap();
        assert_eq!(found.hits.len(), 1);
        let conversation = tx.conversations().list(false, None, 5).unwrap().remove(0);
        assert_eq!(conversation.unread, 1);
        assert_eq!(tx.identity().get().unwrap().unwrap().account, account(9));
        assert_eq!(
            tx.identity().secrets().unwrap().unwrap().as_slice(),
            b"identity secrets"
        );
        let stored = tx.sessions().all().unwrap().remove(0);
        assert_eq!(stored.state.as_slice(), b"session state");
        assert_eq!(stored.pq_material.as_slice(), b"post-quantum keys");
        assert_eq!(
            tx.skipped().find(&TAG).unwrap().unwrap().key.expose(),
            &[5; 32]
        );
        let contact = tx.contacts().all().unwrap().remove(0);
        assert_eq!(
            tx.contacts().secrets(&contact).unwrap().unwrap().as_slice(),
            b"contact secrets"
        );
        assert_eq!(tx.outbox().devices().unwrap().len(), 1);
    }
}

/// Whatever clock noticed them.
#[test]
fn gaps_of_older_versions_are_shown_where_they_were_noticed() {
    let database = Connection::open_in_memory().unwrap();
    undertone_tokenizer::register(&database).unwrap();
    for step in [
        include_str!("../schema/0001.sql"),
        include_str!("../schema/0002.sql"),
        include_str!("../schema/0003.sql"),
        "PRAGMA foreign_keys = OFF;
         INSERT INTO gap (kind, peer_device, conversation, first, last, state, found_ms) VALUES
             (1, 1, 1, 2, 3, 1, 1800000000000), (1, 1, 1, 5, 5, 1, 9223372036854775807);",
        include_str!("../schema/0004.sql"),
    ] {
        database.execute_batch(step).unwrap();
    }
    let mut statement = database
        .prepare("SELECT clock, shown FROM gap ORDER BY id")
        .unwrap();
    let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)));
    let rows: Vec<(i64, bool)> = rows.unwrap().map(Result::unwrap).collect();
    let noticed = i64::try_from(Hlc::at(NOW).as_packed()).unwrap();
    assert_eq!(rows, [(noticed, true), (((1 << 46) - 1) << 16, true)]);
}
