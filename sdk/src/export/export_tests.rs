//! Lines by themselves; whole exports are tested over a relay (`sdk/tests/client/export.rs`).

use std::fs;
use std::path::Path;

use rand::RngExt;
use rand_chacha::ChaCha12Rng;
use rand_core::SeedableRng;
use tempfile::TempDir;
use undertone_protocol::account::{AccountId, Root};
use undertone_protocol::content::{Hlc, MAX_TEXT, MessageId};
use undertone_protocol::device::DeviceId;
use undertone_protocol::relay_address::RelayAddress;
use undertone_protocol::time::{Now, Timestamp};

use super::files::conversation_file;
use super::writing::{Conversation, Export, Exporter};
use super::{ExportSummary, Import, ImportError, ImportSummary, lines};
use crate::engine::{Engine, NewAccount};
use crate::operation::Operation;
use crate::store::{
    ContactId, ContactRow, ContactState, ConversationId, ConversationRow, ConversationSettings,
    ExportedConversation, ExportedMessage, MessageKind, MessageRow, MessageRowId, MessageState,
    NewMessage, Store, StoreKey,
};

const AT: Timestamp = Timestamp(1_800_000_000_000);
const NOW: Now = Now {
    wall: AT,
    monotonic_ms: 0,
};

fn account() -> AccountId {
    AccountId::of(&Root::generate(&mut rand::rng()).account_key())
}

fn conversation() -> Conversation {
    Conversation {
        contact: ContactRow {
            id: ContactId::new(1),
            account: account(),
            state: ContactState::Accepted,
            blocked_from: None,
            name: "Nadia".to_owned(),
            named: true,
            manifest_key: [3; 32],
            manifest_relay: "https://relay.example".to_owned(),
            claimed_place: None,
            pin: None,
            manifest_issued: None,
            silent_due: None,
            newer_due: None,
            acceptance_owed: false,
            delivery_due: None,
            created: AT,
            changed: AT,
        },
        conversation: ExportedConversation {
            row: ConversationRow {
                id: ConversationId::new(1),
                contact: Some(ContactId::new(1)),
                account: Some(account()),
                title: "Nadia".to_owned(),
                hidden: false,
                unread: 0,
                mentions: 0,
                active: AT,
                timer: Some(60),
                settings: ConversationSettings::default(),
                last: None,
            },
            created: AT,
            read: Hlc::at(AT),
        },
    }
}

fn message(number: u8, timer: Option<u32>) -> ExportedMessage {
    ExportedMessage {
        row: MessageRow {
            id: MessageRowId::new(number.into()),
            message: NewMessage {
                conversation: ConversationId::new(1),
                message_id: MessageId::from_bytes([number; 16]),
                clock: Hlc::at(AT),
                sender: None,
                sender_device: DeviceId::from_bytes([9; 16]),
                seq: number.into(),
                kind: MessageKind::Text,
                state: MessageState::Read,
                sent: AT,
                stored: AT,
                body: format!("text {number}"),
                parts: None,
                timer,
                extra: None,
                mentions_me: false,
            },
            edited: None,
            expires: None,
            reactions: Vec::new(),
        },
        revisions: Vec::new(),
        reactions: Vec::new(),
    }
}

fn who() -> Exporter {
    Exporter {
        account: account(),
        name: "Ada".to_owned(),
        read_receipts: true,
        typing_indicators: true,
    }
}

#[test]
fn what_disappears_is_counted_and_not_written() {
    let folder = TempDir::new().unwrap();
    let target = folder.path().join("export");
    let mut export = Export::begin(&target, 3, Operation::new()).unwrap();
    let of = conversation();
    let mut pages = vec![
        vec![message(1, None), message(2, Some(60))],
        vec![message(3, None)],
    ];
    pages.reverse();
    export
        .conversation(&of, || Ok(pages.pop().unwrap_or_default()))
        .unwrap();
    assert!(!target.exists(), "not before it is whole");
    let summary = export.finish(who()).unwrap();
    assert_eq!(
        summary,
        ExportSummary {
            contacts: 1,
            messages: 2,
            left_out: 1
        }
    );
    let file = target
        .join("conversations")
        .join(format!("{}.jsonl", of.contact.account.to_text()));
    let text = fs::read_to_string(file).unwrap();
    assert!(text.contains("text 1") && text.contains("text 3"));
    assert!(!text.contains("text 2"));
    assert_eq!(text.lines().count(), 3);
}

#[test]
fn an_export_that_is_dropped_leaves_nothing() {
    let folder = TempDir::new().unwrap();
    let target = folder.path().join("export");
    let mut export = Export::begin(&target, 1, Operation::new()).unwrap();
    let mut pages = vec![vec![message(1, None)]];
    export
        .conversation(&conversation(), || Ok(pages.pop().unwrap_or_default()))
        .unwrap();
    drop(export);
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
}

/// The form is promised (README.md in this folder).
#[test]
fn lines_look_as_the_format_says() {
    let line = lines::Line::Reaction(lines::Reaction {
        to: "00".repeat(16),
        from: lines::ME.to_owned(),
        clock: Hlc::from_packed((5 << 16) | 7).into(),
        emoji: vec!["👍".to_owned()],
    });
    assert_eq!(
        serde_json::to_string(&line).unwrap(),
        r#"{"type":"reaction","to":"00000000000000000000000000000000","from":"me","clock":{"ms":5,"n":7},"emoji":["👍"]}"#
    );
    for text in ["", "0", "zz", "AB", "00 "] {
        assert_eq!(lines::bytes::<1>(text), None, "{text:?}");
    }
    assert_eq!(lines::bytes::<1>("ab"), Some([0xab]));
    let one = account().to_text();
    assert!(lines::account(&one).is_some());
    for text in [one.to_uppercase(), format!("{one} "), "../store".to_owned()] {
        assert!(lines::account(&text).is_none(), "{text}");
    }
}

/// An account without contacts.
fn engine(folder: &TempDir) -> Engine {
    let key = StoreKey::new(&[7; 32]);
    let store = Store::open(&folder.path().join("store.db"), &key).unwrap();
    let account = NewAccount {
        root: None,
        relay: RelayAddress::parse("http://127.0.0.1:1").unwrap(),
        name: "Ada".to_owned(),
    };
    Engine::create(store, account, NOW, &mut rand::rng()).unwrap()
}

fn import(engine: &mut Engine, folder: &Path) -> Result<ImportSummary, ImportError> {
    let mut rng = rand::rng();
    let mut step = engine.begin(NOW, &mut rng).unwrap();
    let import = Import::new(folder.to_owned(), Operation::new());
    let imported = import.run(&mut step);
    step.commit().unwrap();
    imported
}

/// What a hostile contact can have put into the store.
fn odd() -> Vec<ExportedMessage> {
    let mut messages: Vec<_> = (1..4).map(|number| message(number, None)).collect();
    messages[0].row.message.body = String::new();
    messages[1].row.message.body = "\u{1}".repeat(MAX_TEXT);
    messages[2].row.message.sent = Timestamp(u64::MAX >> 1);
    messages[2].row.message.clock = Hlc::from_packed((1 << 62) - 1);
    messages
}

#[test]
fn whatever_is_in_a_store_comes_back() {
    let folder = TempDir::new().unwrap();
    let target = folder.path().join("export");
    let mut export = Export::begin(&target, 3, Operation::new()).unwrap();
    let mut of = conversation();
    of.contact.manifest_key = manifest_key();
    let mut pages = vec![odd()];
    export
        .conversation(&of, || Ok(pages.pop().unwrap_or_default()))
        .unwrap();
    export.finish(who()).unwrap();
    let store = TempDir::new().unwrap();
    let imported = import(&mut engine(&store), &target).unwrap();
    assert_eq!(imported.messages, 3);
}

/// An export of which something was changed at random is taken whole or not at all, and breaks nothing.
#[test]
fn files_that_were_changed_at_random_are_taken_or_leave_nothing() {
    let folder = TempDir::new().unwrap();
    let target = folder.path().join("export");
    let mut export = Export::begin(&target, 3, Operation::new()).unwrap();
    let mut of = conversation();
    of.contact.manifest_key = manifest_key();
    let mut pages = vec![vec![message(1, None), message(2, None)]];
    export
        .conversation(&of, || Ok(pages.pop().unwrap_or_default()))
        .unwrap();
    export.finish(who()).unwrap();
    let conversation = conversation_file(&of.contact.account.to_text());
    let files = [
        Path::new("export.json"),
        Path::new("contacts.jsonl"),
        &conversation,
    ];
    let store = TempDir::new().unwrap();
    let mut engine = engine(&store);
    let mut rng = ChaCha12Rng::seed_from_u64(900);
    let mut refused = 0;
    for _ in 0..400 {
        let file = target.join(files[rng.random_range(0..files.len())]);
        let whole = fs::read(&file).unwrap();
        let mut changed = whole.clone();
        let (at, len) = (rng.random_range(0..whole.len()), rng.random_range(1..8));
        let end = whole.len().min(at + len);
        match rng.random_range(0..4) {
            0 => changed[at] ^= 1 << rng.random_range(0..8),
            1 => drop(changed.drain(at..end)),
            2 => changed
                .splice(at..at, whole[at..end].to_vec())
                .for_each(drop),
            _ => changed.truncate(at),
        }
        fs::write(&file, &changed).unwrap();
        match import(&mut engine, &target) {
            // A letter of a text, or nothing that counts.
            Ok(_) => engine = self::engine(&TempDir::new().unwrap()),
            Err(_) => {
                refused += 1;
                assert!(engine.view().unwrap().contacts().unwrap().is_empty());
            }
        }
        fs::write(&file, whole).unwrap();
    }
    assert!(refused > 100, "{refused}");
    import(&mut engine, &target).unwrap();
}

fn manifest_key() -> [u8; 32] {
    let key = Root::generate(&mut rand::rng()).manifest_write_key();
    *key.public_key().as_bytes()
}
