//! The outbox.

use undertone_protocol::content::MessageId;
use undertone_protocol::device::MailboxId;
use undertone_protocol::session::{MessageNumber, SessionId};

use super::support::*;
use crate::store::*;

const NUMBER: MessageNumber = MessageNumber { chain: 2, n: 5 };

fn sid() -> SessionId {
    SessionId::from_bytes([1; 16])
}

fn id(number: u8) -> MessageId {
    MessageId::from_bytes([number; 16])
}

#[test]
fn a_devices_rows_keep_their_order() {
    let mut fixture = Fixture::new();
    let (first, second) = fixture.write(|tx| (peer(tx, 1), peer(tx, 2)));
    fixture.write(|tx| {
        for number in 1..=4 {
            tx.outbox().insert(&outbox_item(&first, number)).unwrap();
            tx.outbox()
                .insert(&outbox_item(&second, number + 100))
                .unwrap();
        }
        tx.outbox().insert_front(&outbox_item(&first, 50)).unwrap();
    });
    let tx = fixture.store.transaction().unwrap();
    let outbox = tx.outbox();
    let order = |peer: &Peer| -> Vec<u8> {
        let rows = outbox.of_device(peer.device, 10).unwrap();
        rows.iter()
            .map(|row| row.item.message_id.as_bytes()[0])
            .collect()
    };
    assert_eq!(order(&first), [50, 1, 2, 3, 4]);
    assert_eq!(order(&second), [101, 102, 103, 104]);
    let heads = outbox.devices().unwrap();
    assert_eq!(
        heads
            .iter()
            .map(|head| head.peer_device)
            .collect::<Vec<_>>(),
        [first.device, second.device]
    );
    assert_eq!(heads[0].relay, "https://relay.example");
    let head = outbox.of_device(first.device, 1).unwrap().remove(0);
    assert_eq!(head.item, outbox_item(&first, 50));
    outbox.remove(head.id).unwrap();
    outbox.remove(head.id).expect("gone is gone");
    assert_eq!(order(&first), [1, 2, 3, 4]);
}

#[test]
fn an_emptied_outbox_never_reuses_a_place() {
    let mut fixture = Fixture::new();
    let peer = fixture.write(|tx| peer(tx, 1));
    let first = fixture.write(|tx| tx.outbox().insert(&outbox_item(&peer, 1)).unwrap());
    fixture.write(|tx| tx.outbox().remove(first).unwrap());
    let second = fixture.write(|tx| tx.outbox().insert(&outbox_item(&peer, 2)).unwrap());
    assert!(second > first);
}

#[test]
fn content_becomes_an_envelope_and_content_again() {
    let mut fixture = Fixture::new();
    let tx = fixture.store.transaction().unwrap();
    let peer = peer(&tx, 1);
    let outbox = tx.outbox();
    let row = outbox.insert(&outbox_item(&peer, 1)).unwrap();
    let fresh = EnvelopeId::from_bytes([77; 16]);
    let envelope = (&fresh, &b"envelope"[..]);
    outbox
        .set_envelope(row, envelope, (&sid(), NUMBER), OutboxHold::None)
        .unwrap();
    let now = outbox.get(row).unwrap().unwrap().item;
    assert_eq!(now.envelope_id, fresh);
    assert_eq!(now.body, OutboxBody::Envelope(b"envelope".to_vec()));
    assert_eq!(now.encrypted_as, Some((sid(), NUMBER)));
    outbox
        .set_content(row, b"content", OutboxHold::Acceptance)
        .unwrap();
    let now = outbox.get(row).unwrap().unwrap().item;
    assert_eq!(
        (now.body, now.encrypted_as),
        (OutboxBody::Content(b"content".to_vec()), None)
    );
    assert_eq!(now.hold, OutboxHold::Acceptance);
    assert_eq!(
        outbox
            .release(peer.device, OutboxHold::Acceptance, OutboxHold::None)
            .unwrap(),
        1
    );
    let now = outbox.get(row).unwrap().unwrap().item;
    assert_eq!(now.hold, OutboxHold::None);
}

#[test]
fn rows_wait_for_unknown_devices() {
    let mut fixture = Fixture::new();
    let tx = fixture.store.transaction().unwrap();
    let (first, second) = (peer(&tx, 1), peer(&tx, 2));
    let outbox = tx.outbox();
    outbox
        .insert(&NewOutbox {
            destination: None,
            ..outbox_item(&second, 1)
        })
        .unwrap();
    outbox
        .insert(&NewOutbox {
            destination: None,
            ..outbox_item(&first, 2)
        })
        .unwrap();
    outbox
        .insert(&NewOutbox {
            destination: None,
            ..outbox_item(&second, 3)
        })
        .unwrap();
    outbox.insert(&outbox_item(&first, 4)).unwrap();
    assert_eq!(
        outbox.contacts_waiting().unwrap(),
        [second.contact, first.contact]
    );
    let waiting = outbox.waiting(second.contact, 10).unwrap();
    assert_eq!(
        waiting
            .iter()
            .map(|row| row.item.message_id)
            .collect::<Vec<_>>(),
        [id(1), id(3)]
    );
    assert_eq!(outbox.devices().unwrap().len(), 1);
}

#[test]
fn a_device_that_is_gone_leaves_its_content_waiting() {
    let mut fixture = Fixture::new();
    let tx = fixture.store.transaction().unwrap();
    let peer = peer(&tx, 1);
    let outbox = tx.outbox();
    outbox.insert(&outbox_item(&peer, 1)).unwrap();
    let body = OutboxBody::Envelope(b"envelope".to_vec());
    outbox
        .insert(&NewOutbox {
            body,
            ..outbox_item(&peer, 2)
        })
        .unwrap();
    outbox.insert(&outbox_item(&peer, 3)).unwrap();
    outbox.unaddress(peer.device).unwrap();
    let waiting = outbox.waiting(peer.contact, 10).unwrap();
    assert_eq!(
        waiting
            .iter()
            .map(|row| row.item.message_id)
            .collect::<Vec<_>>(),
        [id(1), id(3)]
    );
    assert!(waiting.iter().all(|row| row.item.destination.is_none()));
    assert!(outbox.of_device(peer.device, 10).unwrap().is_empty());
}

#[test]
fn what_belongs_to_a_message_device_or_time_is_found() {
    let mut fixture = Fixture::new();
    let tx = fixture.store.transaction().unwrap();
    let (first, second) = (peer(&tx, 1), peer(&tx, 2));
    let outbox = tx.outbox();
    outbox.insert(&outbox_item(&first, 1)).unwrap();
    outbox
        .insert(&NewOutbox {
            message_id: id(1),
            ..outbox_item(&second, 2)
        })
        .unwrap();
    outbox.insert(&outbox_item(&second, 3)).unwrap();
    assert_eq!(outbox.remaining(&id(1)).unwrap(), 2);
    assert_eq!(outbox.created_before(NOW.plus(3), 10).unwrap().len(), 2);
    let elsewhere = Destination {
        mailbox: MailboxId::from_bytes([8; 16]),
        ..second.destination
    };
    assert_eq!(outbox.redirect(&elsewhere).unwrap(), 2);
    let moved = outbox.of_device(elsewhere.peer_device, 10).unwrap();
    assert_eq!(moved.len(), 2);
    assert!(
        moved
            .iter()
            .all(|row| row.item.destination == Some(elsewhere))
    );
    assert_eq!(outbox.remove_message(&id(1)).unwrap(), 2);
    assert_eq!(outbox.remove_device(second.device).unwrap(), 1);
    for device in [first.device, second.device] {
        assert!(outbox.of_device(device, 10).unwrap().is_empty());
    }
}

#[test]
fn an_envelope_id_is_queued_once() {
    let mut fixture = Fixture::new();
    let tx = fixture.store.transaction().unwrap();
    let peer = peer(&tx, 1);
    tx.outbox().insert(&outbox_item(&peer, 1)).unwrap();
    assert_eq!(
        tx.outbox().insert(&outbox_item(&peer, 1)).unwrap_err(),
        StoreError::Constraint
    );
}

#[test]
fn only_what_the_user_wrote_and_no_relay_took_is_counted() {
    let mut fixture = Fixture::new();
    let tx = fixture.store.transaction().unwrap();
    let (first, second) = (peer(&tx, 1), peer(&tx, 2));
    let written = |number: u8, state| {
        let new = NewMessage {
            message_id: id(number),
            sender: None,
            state,
            ..message(&first, u64::from(number), "words")
        };
        tx.messages().insert(&new).unwrap();
    };
    written(1, MessageState::Pending);
    written(2, MessageState::Sent);
    let outbox = tx.outbox();
    assert_eq!(outbox.pending_messages().unwrap(), 0);
    let pending = outbox_item(&first, 1);
    let to_the_second = NewOutbox {
        message_id: id(1),
        ..outbox_item(&second, 101)
    };
    // It is sent again.
    let sent = outbox_item(&first, 2);
    let receipt = NewOutbox {
        shown: false,
        ..outbox_item(&second, 103)
    };
    let rows = [&pending, &to_the_second, &sent, &receipt].map(|item| outbox.insert(item).unwrap());
    assert_eq!(outbox.pending_messages().unwrap(), 1);
    assert!(!outbox.has_hidden(first.device).unwrap());
    assert!(outbox.has_hidden(second.device).unwrap());
    outbox.take(rows[3], NOW, 10).unwrap();
    assert!(!outbox.has_hidden(second.device).unwrap());
    outbox.take(rows[0], NOW, 10).unwrap();
    outbox.take(rows[1], NOW, 10).unwrap();
    assert_eq!(outbox.pending_messages().unwrap(), 0);
}
