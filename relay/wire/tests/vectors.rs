//! Golden bytes: every message, and everything both sides compute, against `vectors/`. Bytes that crossed a wire once
//! never change; a new message adds a line.
//!
//! `UNDERTONE_BLESS=1 cargo test -p undertone-wire --test vectors` writes the files anew.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod samples;

use std::collections::BTreeSet;

use ed25519_dalek::SigningKey;
use undertone_wire::bearer::BearerHash;
use undertone_wire::binding::{self, BindingValue};
use undertone_wire::signed::{DeleteRecordBody, LoginBody, PutRecordBody, SignedBody};
use undertone_wire::work::WorkSubject;
use undertone_wire::{Frame, MailboxId, MessageId, PopId, RecordId};

fn check(file: &str, lines: &[(String, String)]) {
    let text: String = lines
        .iter()
        .map(|(name, hex)| format!("{name} {hex}\n"))
        .collect();
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("vectors")
        .join(file);
    if std::env::var_os("UNDERTONE_BLESS").is_some() {
        std::fs::write(&path, &text).unwrap();
    }
    let golden = std::fs::read_to_string(&path).unwrap();
    for (ours, theirs) in text.lines().zip(golden.lines()) {
        assert_eq!(ours, theirs);
    }
    assert_eq!(text.len(), golden.len());
}

#[test]
fn frames_have_their_golden_bytes() {
    let lines: Vec<(String, String)> = samples::frames()
        .into_iter()
        .map(|(name, frame)| (name.to_owned(), hex::encode(frame.to_bytes().unwrap())))
        .collect();
    check("frames.txt", &lines);
}

#[test]
fn golden_bytes_decode_to_what_they_came_from() {
    for (name, frame) in samples::frames() {
        let bytes = frame.to_bytes().unwrap();
        assert_eq!(Frame::from_bytes(bytes), Ok(frame), "{name}");
    }
}

#[test]
fn every_message_has_a_sample() {
    let names: BTreeSet<&str> = samples::frames().iter().map(|(name, _)| *name).collect();
    let schema = include_str!("../proto/wire_v1.proto");
    let frame = schema.split("oneof body {").nth(1).unwrap();
    let declared: BTreeSet<&str> = frame
        .split("\n  }")
        .next()
        .unwrap()
        .lines()
        .filter_map(|line| line.trim().split_once(" = "))
        .filter_map(|(declaration, _)| declaration.split_once(' '))
        .map(|(_, name)| name)
        .collect();
    assert_eq!(names, declared);
}

#[test]
fn what_both_sides_compute_has_its_golden_bytes() {
    let key = SigningKey::from_bytes(&[42; 32]);
    let public = key.verifying_key().to_bytes();
    let mailbox = MailboxId::of_key(&public);
    let message = MessageId::from_bytes([3; 16]);
    let login = |binding, peek| LoginBody {
        challenge: &[1; 32],
        binding,
        mailbox_key: &public,
        peek,
    };
    let exporter = login(BindingValue::Exporter([2; 32]), false);
    let host = login(BindingValue::Host(binding::host("Relay.Example")), true);
    let put = PutRecordBody {
        write_key: &public,
        expected_version: 4,
        value: b"value",
    };
    let delete = DeleteRecordBody {
        write_key: &public,
        expected_version: 5,
    };
    let knock = WorkSubject::knock(&[1; 32], mailbox, message, b"envelope");
    let pop = WorkSubject::pop(&[1; 32], mailbox, PopId::from_bytes([4; 16]));
    let line = |name: &str, bytes: &[u8]| (name.to_owned(), hex::encode(bytes));
    check(
        "computed.txt",
        &[
            line("public_key_of_seed_2a", &public),
            line("mailbox_id", mailbox.as_bytes()),
            line("record_id", RecordId::of_write_key(&public).as_bytes()),
            line(
                "derived_message_id_5",
                MessageId::derive(message, 5).as_bytes(),
            ),
            line("bearer_hash_of_05", BearerHash::of(&[5; 16]).as_bytes()),
            line(
                "host_binding_relay.example",
                &binding::host("relay.example"),
            ),
            line("login_exporter_signed_bytes", &exporter.signed_bytes()),
            line("login_exporter_signature", &exporter.sign(&key)),
            line("login_host_peek_signed_bytes", &host.signed_bytes()),
            line("login_host_peek_signature", &host.sign(&key)),
            line("put_record_signed_bytes", &put.signed_bytes()),
            line("put_record_signature", &put.sign(&key)),
            line("delete_record_signed_bytes", &delete.signed_bytes()),
            line("delete_record_signature", &delete.sign(&key)),
            line(
                "knock_first_nonce_16_bits",
                &knock.solve(16).unwrap().to_be_bytes(),
            ),
            line(
                "pop_first_nonce_16_bits",
                &pop.solve(16).unwrap().to_be_bytes(),
            ),
        ],
    );
}
