//! What is deleted is gone: not in a table, not in the index, not in a free page, not in the write-ahead log. Checked on the
//! decrypted pages of the file, with a control run that finds it there before.

use std::fs;

use undertone_protocol::content::{AppPayload, Hlc, Post};
use undertone_protocol::session::{MessageNumber, SessionId, SkippedKey};
use undertone_protocol::tag::Tag;

use super::pages;
use super::support::*;
use crate::store::*;

/// How often each needle is in the file after a checkpoint.
fn on_disk(fixture: &mut Fixture, needles: &[&[u8]]) -> Vec<usize> {
    fixture.store.checkpoint().unwrap();
    for (name, bytes) in files(fixture.folder.path()) {
        assert!(
            name == "store.db" || bytes.is_empty(),
            "{name} holds {} bytes",
            bytes.len()
        );
    }
    let plain = pages::of_file(&KEY, &fs::read(fixture.path()).unwrap());
    needles
        .iter()
        .map(|needle| pages::occurrences(&plain, needle))
        .collect()
}

/// Words that nothing else contains; the index shares beginnings between terms, so their ends are looked for as well.
fn secret(number: u64) -> String {
    format!("geheim{number}qxzvw 秘密書類 {}", number * 7_919)
}

fn needles() -> [&'static [u8]; 3] {
    [b"qxzvw", "秘密書".as_bytes(), "密書".as_bytes()]
}

fn chatter(number: u64) -> String {
    format!("ordinary talk about number {number} and the weather in 東京都 today")
}

fn history(secrets: &[u64]) -> (Fixture, Peer) {
    let mut fixture = Fixture::new();
    let peer = fixture.write(|tx| peer(tx, 1));
    // Several transactions, so that the index has several segments.
    for batch in 0..20 {
        fixture.write(|tx| {
            for number in batch * 100..(batch + 1) * 100 {
                let body = if secrets.contains(&number) {
                    secret(number)
                } else {
                    chatter(number)
                };
                tx.messages()
                    .insert(&message(&peer, number, &body))
                    .unwrap();
            }
        });
    }
    (fixture, peer)
}

#[test]
fn s1_a_deleted_message_leaves_no_trace() {
    let secrets = [3, 150, 777, 1_200, 1_999];
    let (mut fixture, peer) = history(&secrets);
    let log = fs::read(fixture.path().with_extension("db-wal")).unwrap();
    let log = pages::of_log(&KEY, &log);
    assert!(pages::occurrences(&log, needles()[0]) > 0, "the log has it");
    let before = on_disk(&mut fixture, &needles());
    assert!(
        before.iter().all(|count| *count >= secrets.len()),
        "the control run finds them: {before:?}"
    );
    fixture.write(|tx| {
        for number in secrets {
            assert!(remove_here(tx, &message(&peer, number, "").message_id));
        }
    });
    assert_eq!(on_disk(&mut fixture, &needles()), [0, 0, 0]);
    fixture.store.verify().unwrap();
    let tx = fixture.store.transaction().unwrap();
    let found = tx
        .search(
            &SearchQuery::parse("weather"),
            &SearchFilter::default(),
            None,
            500,
        )
        .unwrap();
    assert_eq!(found.hits.len(), 500);
}

#[test]
fn s1_a_cleared_conversation_leaves_no_trace() {
    let (mut fixture, other) = history(&[]);
    // More than are deleted one by one.
    let count = u64::try_from(limits::BULK_REMOVAL_MESSAGES).unwrap() + 50;
    let peer = fixture.write(|tx| {
        let peer = peer(tx, 2);
        for number in 10_000..10_000 + count {
            tx.messages()
                .insert(&message(&peer, number, &secret(number)))
                .unwrap();
        }
        peer
    });
    assert!(
        on_disk(&mut fixture, &needles())
            .iter()
            .all(|count| *count > 0)
    );
    let removed = fixture.write(|tx| {
        tx.messages()
            .remove_conversation(peer.conversation)
            .unwrap()
    });
    assert_eq!(u64::try_from(removed).unwrap(), count);
    assert_eq!(on_disk(&mut fixture, &needles()), [0, 0, 0]);
    fixture.store.verify().unwrap();
    assert_eq!(
        fixture.write(|tx| tx.messages().count(other.conversation).unwrap()),
        2_000
    );
    // Deleting one by one is safe again.
    fixture.write(|tx| {
        tx.messages()
            .insert(&message(&peer, 50_000, &secret(50_000)))
            .unwrap();
    });
    assert!(
        on_disk(&mut fixture, &needles())
            .iter()
            .all(|count| *count > 0)
    );
    fixture.write(|tx| remove_here(tx, &message(&peer, 50_000, "").message_id));
    assert_eq!(on_disk(&mut fixture, &needles()), [0, 0, 0]);
}

#[test]
fn s1_previews_and_queues_forget_deleted_text() {
    let mut fixture = Fixture::new();
    let peer = fixture.write(|tx| {
        let peer = peer(tx, 1);
        let new = message(&peer, 1, &secret(1));
        tx.messages().insert(&new).unwrap();
        let queued = NewOutbox {
            contact: peer.contact,
            destination: Some(peer.destination),
            envelope_id: EnvelopeId::from_bytes([1; 16]),
            message_id: new.message_id,
            shown: true,
            encrypted_as: None,
            body: OutboxBody::Content(secret(1).into_bytes()),
            hold: OutboxHold::None,
            wake: true,
            created: NOW,
        };
        tx.outbox().insert(&queued).unwrap();
        let kept = NewRetained {
            session: SessionId::from_bytes([1; 16]),
            number: MessageNumber { chain: 0, n: 0 },
            peer_device: peer.device,
            message_id: new.message_id,
            shown: true,
            content: Some(secret(1).into_bytes()),
            sent: NOW,
        };
        tx.retained().insert(&kept).unwrap();
        peer
    });
    assert!(on_disk(&mut fixture, &needles())[0] >= 4);
    fixture.write(|tx| {
        let id = message(&peer, 1, "").message_id;
        assert!(remove_here(tx, &id));
        tx.outbox().remove_message(&id).unwrap();
        tx.retained().entomb(&id).unwrap();
    });
    assert_eq!(on_disk(&mut fixture, &needles()), [0, 0, 0]);
}

/// An edited message that is taken back leaves neither what it said nor what it said before.
#[test]
fn s1_a_message_that_was_edited_and_taken_back_leaves_no_trace() {
    let (mut fixture, peer) = history(&[777]);
    let id = message(&peer, 777, "").message_id;
    fixture.write(|tx| {
        let row = tx.messages().get(&id).unwrap().unwrap();
        let edit = Revision {
            clock: Hlc::from_packed(row.message.clock.as_packed() + 1),
            body: secret(778),
            parts: Some(secret(779).into_bytes()),
        };
        assert!(tx.messages().edit(&row, &edit).unwrap());
    });
    let before = on_disk(&mut fixture, &needles());
    assert!(before[0] >= 3, "{before:?}");
    fixture.write(|tx| {
        let row = tx.messages().get(&id).unwrap().unwrap();
        assert!(tx.messages().retract(&row).unwrap());
    });
    assert_eq!(on_disk(&mut fixture, &needles()), [0, 0, 0]);
}

/// What was reacted to is in two indexes, and what has a link or a payload has terms of its own: all of it goes with the
/// reaction, the edit and the deletion.
#[test]
fn s1_links_payloads_and_what_was_reacted_to_leave_no_trace() {
    let (mut fixture, peer) = history(&[]);
    let payload = AppPayload {
        mime_type: "image/geheim9qxzvw".to_owned(),
        bytes: secret(9).into_bytes(),
    };
    let post = Post {
        payload: Some(payload),
        ..Post::text(format!("{} https://example.org/", secret(8)))
    };
    let new = NewMessage {
        parts: Some(post.parts().unwrap()),
        ..message(&peer, 5_000, &post.text)
    };
    let react = |tx: &Tx<'_>, row: &MessageRow, later: u64, emoji: &[&str]| {
        let clock = Hlc::from_packed(row.message.clock.as_packed() + later);
        let emoji: Vec<String> = emoji.iter().map(|&one| one.to_owned()).collect();
        assert!(tx.reactions().set(row.id, None, clock, &emoji).unwrap());
    };
    let row = |tx: &Tx<'_>| tx.messages().get(&new.message_id).unwrap().unwrap();
    fixture.write(|tx| tx.messages().insert(&new).unwrap());
    let alone = on_disk(&mut fixture, &needles());
    fixture.write(|tx| react(tx, &row(tx), 1, &["a"]));
    let reacted = on_disk(&mut fixture, &needles());
    assert!(
        reacted[0] > alone[0] && reacted[1] == alone[1] && reacted[2] > alone[2],
        "{alone:?} {reacted:?}"
    );
    fixture.write(|tx| react(tx, &row(tx), 2, &[]));
    assert_eq!(on_disk(&mut fixture, &needles()), alone);
    fixture.store.verify().unwrap();

    fixture.write(|tx| {
        react(tx, &row(tx), 3, &["b"]);
        let edit = Revision {
            clock: Hlc::from_packed(new.clock.as_packed() + 4),
            body: "nothing of it".to_owned(),
            parts: None,
        };
        assert!(tx.messages().edit(&row(tx), &edit).unwrap());
    });
    fixture.store.verify().unwrap();
    fixture.write(|tx| assert!(tx.messages().retract(&row(tx)).unwrap()));
    assert_eq!(on_disk(&mut fixture, &needles()), [0, 0, 0]);
    fixture.store.verify().unwrap();
}

#[test]
fn secrets_are_sealed_inside_the_encrypted_pages() {
    let mut fixture = Fixture::new();
    let (state, key, plain) = (b"ratchet state bytes", [0x5A; 32], b"not a secret at all");
    let material = b"post-quantum material";
    fixture.write(|tx| {
        let peer = peer(tx, 1);
        let id = SessionId::from_bytes([1; 16]);
        let row = SessionRow {
            id,
            peer_device: peer.device,
            role: SessionRole::Initiator,
            status: SessionStatus::Active,
            created: NOW,
            last_sent: None,
            last_received: None,
        };
        tx.sessions().insert(&row, state).unwrap();
        tx.sessions().set_pq_material(&id, material).unwrap();
        let number = MessageNumber { chain: 0, n: 1 };
        tx.skipped()
            .insert(
                &id,
                &[SkippedKey::from_parts(
                    number,
                    Tag::from_bytes([2; 16]),
                    key,
                )],
                NOW,
            )
            .unwrap();
        tx.meta().put_secret(MetaKey("test.secret"), state).unwrap();
        tx.meta().put(MetaKey("test.plain"), plain).unwrap();
    });
    let found = on_disk(&mut fixture, &[state, &key, material, plain]);
    assert_eq!(found, [0, 0, 0, 1]);
}

/// R3: the keys of skipped messages that became too old.
#[test]
fn r3_expired_keys_of_skipped_messages_leave_not_even_their_sealed_form() {
    let mut fixture = Fixture::new();
    let keys: Vec<[u8; 32]> = (0..10).map(|n| [0xA0 + n; 32]).collect();
    let sealed: Vec<Vec<u8>> = fixture.write(|tx| {
        let peer = peer(tx, 1);
        let id = SessionId::from_bytes([1; 16]);
        let row = SessionRow {
            id,
            peer_device: peer.device,
            role: SessionRole::Initiator,
            status: SessionStatus::Active,
            created: NOW,
            last_sent: None,
            last_received: None,
        };
        tx.sessions().insert(&row, b"state").unwrap();
        let skipped: Vec<_> = (0_u8..)
            .zip(&keys)
            .map(|(n, key)| {
                let number = MessageNumber {
                    chain: 0,
                    n: n.into(),
                };
                SkippedKey::from_parts(number, Tag::from_bytes([n; 16]), *key)
            })
            .collect();
        tx.skipped().insert(&id, &skipped, NOW).unwrap();
        tx.all("SELECT message_key FROM skipped", [], |row| row.get(0))
            .unwrap()
    });
    let needles: Vec<&[u8]> = sealed
        .iter()
        .map(Vec::as_slice)
        .chain(keys.iter().map(<[u8; 32]>::as_slice))
        .collect();
    let (none, all) = ([0; 10], [1; 10]);
    assert_eq!(on_disk(&mut fixture, &needles), [all, none].concat());
    fixture.write(|tx| tx.skipped().remove_older(NOW.plus(1)).unwrap());
    assert_eq!(on_disk(&mut fixture, &needles), [none, none].concat());
}

#[test]
fn a_deleted_key_leaves_not_even_its_sealed_form() {
    let mut fixture = Fixture::new();
    let secret = MetaKey("test.secret");
    fixture.write(|tx| tx.meta().put_secret(secret, &[1; 64]).unwrap());
    let sealed = fixture.write(|tx| tx.meta().get(secret).unwrap().unwrap());
    assert_eq!(on_disk(&mut fixture, &[&sealed]), [1]);
    fixture.write(|tx| tx.meta().remove(secret).unwrap());
    assert_eq!(on_disk(&mut fixture, &[&sealed]), [0]);
}

#[test]
fn s1_a_message_that_was_shown_once_leaves_no_trace() {
    let (mut fixture, peer) = history(&[]);
    let mut once = message(&peer, 5_000, "");
    once.kind = MessageKind::ViewOnce;
    once.extra = Some(secret(5_000).into_bytes());
    fixture.write(|tx| _ = tx.messages().insert(&once).unwrap());
    let [word, phrase, _] = needles();
    let before = on_disk(&mut fixture, &[word, phrase]);
    assert_eq!(
        before,
        [1, 1],
        "it is kept in one place, and indexed nowhere"
    );
    fixture.write(|tx| {
        let row = tx.messages().get(&once.message_id).unwrap().unwrap();
        assert!(tx.messages().viewed(&row, Some(60)).unwrap());
        let row = tx.messages().get(&once.message_id).unwrap().unwrap();
        assert_eq!(row.message.kind, MessageKind::Viewed);
        assert_eq!(row.message.timer, Some(60));
        assert!(!tx.messages().viewed(&row, None).unwrap(), "once");
    });
    assert_eq!(on_disk(&mut fixture, &[word, phrase]), [0, 0]);
    fixture.store.verify().unwrap();
}
