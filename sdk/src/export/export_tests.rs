//! Lines by themselves; whole exports are tested over a relay (`sdk/tests/client/export.rs`).

use std::fs;

use tempfile::TempDir;
use undertone_protocol::account::{AccountId, Root};
use undertone_protocol::content::{Hlc, MessageId};
use undertone_protocol::device::DeviceId;
use undertone_protocol::time::Timestamp;

use super::writing::{Conversation, Export, Exporter};
use super::{ExportSummary, lines};
use crate::operation::Operation;
use crate::store::{
    ContactId, ContactRow, ContactState, ConversationId, ConversationRow, ConversationSettings,
    ExportedConversation, ExportedMessage, MessageKind, MessageRow, MessageRowId, MessageState,
    NewMessage,
};

const AT: Timestamp = Timestamp(1_800_000_000_000);

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
