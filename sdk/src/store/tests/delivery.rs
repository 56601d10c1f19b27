//! Contacts, outbox, retained copies, receipts, gaps, parked envelopes, cursors.

use proptest::prelude::*;
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

fn item(peer: &Peer, number: u8) -> NewOutbox {
    NewOutbox {
        contact: peer.contact,
        destination: Some(peer.destination),
        envelope_id: EnvelopeId::from_bytes([number; 16]),
        message_id: id(number),
        shown: true,
        encrypted_as: None,
        body: OutboxBody::Content(vec![number; 3]),
        hold: OutboxHold::None,
        wake: true,
        created: NOW.plus(u64::from(number)),
    }
}

#[test]
fn a_mailboxs_rows_keep_their_order() {
    let mut fixture = Fixture::new();
    let (first, second) = fixture.write(|tx| (peer(tx, 1), peer(tx, 2)));
    fixture.write(|tx| {
        for number in 1..=4 {
            tx.outbox().insert(&item(&first, number)).unwrap();
            tx.outbox().insert(&item(&second, number + 100)).unwrap();
        }
        tx.outbox().insert_front(&item(&first, 50)).unwrap();
    });
    let tx = fixture.store.transaction().unwrap();
    let outbox = tx.outbox();
    let order = |peer: &Peer| -> Vec<u8> {
        let rows = outbox.of_mailbox(&peer.destination.mailbox, 10).unwrap();
        rows.iter()
            .map(|row| row.item.message_id.as_bytes()[0])
            .collect()
    };
    assert_eq!(order(&first), [50, 1, 2, 3, 4]);
    assert_eq!(order(&second), [101, 102, 103, 104]);
    let heads = outbox.mailboxes().unwrap();
    assert_eq!(
        heads
            .iter()
            .map(|head| head.destination)
            .collect::<Vec<_>>(),
        [first.destination, second.destination]
    );
    assert_eq!(heads[0].relay, "https://relay.example");
    let head = outbox
        .of_mailbox(&first.destination.mailbox, 1)
        .unwrap()
        .remove(0);
    assert_eq!(head.item, item(&first, 50));
    outbox.remove(head.id).unwrap();
    assert_eq!(outbox.remove(head.id).unwrap_err(), StoreError::Constraint);
    assert_eq!(order(&first), [1, 2, 3, 4]);
    assert_eq!(outbox.count().unwrap(), 8);
}

#[test]
fn an_emptied_outbox_never_reuses_a_place() {
    let mut fixture = Fixture::new();
    let peer = fixture.write(|tx| peer(tx, 1));
    let first = fixture.write(|tx| tx.outbox().insert(&item(&peer, 1)).unwrap());
    fixture.write(|tx| tx.outbox().remove(first).unwrap());
    let second = fixture.write(|tx| tx.outbox().insert(&item(&peer, 2)).unwrap());
    assert!(second > first);
}

#[test]
fn content_becomes_an_envelope_and_content_again() {
    let mut fixture = Fixture::new();
    let tx = fixture.store.transaction().unwrap();
    let peer = peer(&tx, 1);
    let outbox = tx.outbox();
    let row = outbox.insert(&item(&peer, 1)).unwrap();
    outbox
        .set_envelope(row, b"envelope", (&sid(), NUMBER), OutboxHold::None)
        .unwrap();
    let now = outbox.get(row).unwrap().unwrap().item;
    assert_eq!(now.body, OutboxBody::Envelope(b"envelope".to_vec()));
    assert_eq!(now.encrypted_as, Some((sid(), NUMBER)));
    let fresh = EnvelopeId::from_bytes([77; 16]);
    outbox
        .set_content(row, b"content", &fresh, OutboxHold::Session)
        .unwrap();
    let now = outbox.get(row).unwrap().unwrap().item;
    assert_eq!(
        (now.body, now.encrypted_as),
        (OutboxBody::Content(b"content".to_vec()), None)
    );
    assert_eq!((now.envelope_id, now.hold), (fresh, OutboxHold::Session));
    assert_eq!(
        outbox
            .held(peer.device, OutboxHold::Session, 9)
            .unwrap()
            .len(),
        1
    );
    assert_eq!(
        outbox
            .release(peer.device, OutboxHold::Session, OutboxHold::Acceptance)
            .unwrap(),
        1
    );
    assert_eq!(
        outbox
            .held(peer.device, OutboxHold::Acceptance, 9)
            .unwrap()
            .len(),
        1
    );
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
            ..item(&second, 1)
        })
        .unwrap();
    outbox
        .insert(&NewOutbox {
            destination: None,
            ..item(&first, 2)
        })
        .unwrap();
    outbox
        .insert(&NewOutbox {
            destination: None,
            ..item(&second, 3)
        })
        .unwrap();
    outbox.insert(&item(&first, 4)).unwrap();
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
    assert_eq!(outbox.mailboxes().unwrap().len(), 1);
}

#[test]
fn a_device_that_is_gone_leaves_its_content_waiting() {
    let mut fixture = Fixture::new();
    let tx = fixture.store.transaction().unwrap();
    let peer = peer(&tx, 1);
    let outbox = tx.outbox();
    outbox.insert(&item(&peer, 1)).unwrap();
    let body = OutboxBody::Envelope(b"envelope".to_vec());
    outbox
        .insert(&NewOutbox {
            body,
            ..item(&peer, 2)
        })
        .unwrap();
    outbox.insert(&item(&peer, 3)).unwrap();
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
    assert_eq!(outbox.count().unwrap(), 2);
}

#[test]
fn what_belongs_to_a_message_device_or_time_is_found() {
    let mut fixture = Fixture::new();
    let tx = fixture.store.transaction().unwrap();
    let (first, second) = (peer(&tx, 1), peer(&tx, 2));
    let outbox = tx.outbox();
    outbox.insert(&item(&first, 1)).unwrap();
    outbox
        .insert(&NewOutbox {
            message_id: id(1),
            ..item(&second, 2)
        })
        .unwrap();
    outbox.insert(&item(&second, 3)).unwrap();
    assert_eq!(outbox.remaining(&id(1)).unwrap(), 2);
    assert_eq!(outbox.created_before(NOW.plus(3), 10).unwrap().len(), 2);
    let elsewhere = Destination {
        mailbox: MailboxId::from_bytes([8; 16]),
        ..second.destination
    };
    assert_eq!(outbox.redirect(&elsewhere).unwrap(), 2);
    assert_eq!(outbox.of_mailbox(&elsewhere.mailbox, 10).unwrap().len(), 2);
    assert_eq!(outbox.remove_message(&id(1)).unwrap(), 2);
    assert_eq!(outbox.remove_device(second.device).unwrap(), 1);
    assert_eq!(outbox.count().unwrap(), 0);
}

#[test]
fn an_envelope_id_is_queued_once() {
    let mut fixture = Fixture::new();
    let tx = fixture.store.transaction().unwrap();
    let peer = peer(&tx, 1);
    tx.outbox().insert(&item(&peer, 1)).unwrap();
    assert_eq!(
        tx.outbox().insert(&item(&peer, 1)).unwrap_err(),
        StoreError::Constraint
    );
}

fn retained(peer: &Peer, n: u32) -> NewRetained {
    NewRetained {
        session: sid(),
        number: MessageNumber { chain: 1, n },
        peer_device: peer.device,
        message_id: id(u8::try_from(n).unwrap()),
        shown: true,
        content: Some(b"kept".to_vec()),
        sent: NOW.plus(u64::from(n)),
    }
}

#[test]
fn copies_are_kept_until_delivered_entombed_or_old() {
    let mut fixture = Fixture::new();
    let tx = fixture.store.transaction().unwrap();
    let peer = peer(&tx, 1);
    let table = tx.retained();
    for n in 1..=5 {
        table.insert(&retained(&peer, n)).unwrap();
    }
    assert_eq!(
        table.insert(&retained(&peer, 5)).unwrap_err(),
        StoreError::Constraint
    );
    // The same number of another chain is another message.
    table
        .insert(&NewRetained {
            number: MessageNumber { chain: 2, n: 5 },
            ..retained(&peer, 6)
        })
        .unwrap();
    assert!(table.mark_delivered(peer.device, &id(2), NOW).unwrap());
    assert!(!table.mark_delivered(peer.device, &id(2), NOW).unwrap());
    assert_eq!(table.entomb(&id(3)).unwrap(), 1);
    let find = |n| table.find(&sid(), MessageNumber { chain: 1, n }).unwrap();
    assert_eq!(find(3).unwrap().item.content, None);
    assert_eq!(find(2).unwrap().delivered, Some(NOW));
    let since = |from| -> Vec<MessageId> {
        let rows = table.undelivered(peer.device, from, 10).unwrap();
        rows.into_iter().map(|row| row.item.message_id).collect()
    };
    assert_eq!(since(NOW), [id(1), id(4), id(5), id(6)]);
    assert_eq!(since(NOW.plus(5)), [id(5), id(6)]);
    let old = table.older(NOW.plus(5), 2).unwrap();
    assert_eq!(
        old.iter()
            .map(|row| row.item.message_id)
            .collect::<Vec<_>>(),
        [id(1), id(2)]
    );
    assert_eq!(table.remove_older(NOW.plus(5)).unwrap(), 4);
    assert!(find(4).is_none());
    let kept = table.of_message(&id(5)).unwrap().remove(0);
    table.remove(kept.id).unwrap();
    assert!(find(5).is_none());
}

#[test]
fn receipts_are_owed_once_and_taken_in_order() {
    let mut fixture = Fixture::new();
    let tx = fixture.store.transaction().unwrap();
    let (first, second) = (peer(&tx, 1), peer(&tx, 2));
    let receipts = tx.receipts();
    receipts.owe(second.device, &id(9)).unwrap();
    for number in [1, 2, 3, 2] {
        receipts.owe(first.device, &id(number)).unwrap();
    }
    assert_eq!(receipts.devices().unwrap(), [second.device, first.device]);
    assert_eq!(receipts.take(first.device, 2).unwrap(), [id(1), id(2)]);
    assert_eq!(receipts.take(first.device, 2).unwrap(), [id(3)]);
    assert_eq!(receipts.take(first.device, 2).unwrap(), []);
    assert_eq!(receipts.devices().unwrap(), [second.device]);
}

#[test]
fn a_missed_envelope_is_asked_for_and_filled() {
    let mut fixture = Fixture::new();
    let tx = fixture.store.transaction().unwrap();
    let peer = peer(&tx, 1);
    let gaps = tx.gaps();
    let missing = Missing::Envelope {
        session: sid(),
        number: NUMBER,
    };
    let gap = gaps
        .insert(
            peer.device,
            &missing,
            Some(b"bytes"),
            NOW,
            Some(NOW.plus(5)),
        )
        .unwrap();
    assert_eq!(gaps.next_due().unwrap(), Some(NOW.plus(5)));
    assert_eq!(gaps.devices().unwrap(), [peer.device]);
    assert!(gaps.due(NOW.plus(4), 10).unwrap().is_empty());
    assert_eq!(gaps.due(NOW.plus(5), 10).unwrap()[0].missing, missing);
    gaps.requested(gap, None).unwrap();
    let row = gaps.get(gap).unwrap().unwrap();
    assert_eq!(
        (row.state, row.requests, row.due),
        (GapState::Requested, 1, None)
    );
    assert!(
        gaps.of_device(peer.device, GapState::Open, 10)
            .unwrap()
            .is_empty()
    );
    assert!(
        !gaps
            .fill_envelope(&sid(), MessageNumber { chain: 3, n: 5 })
            .unwrap()
    );
    assert!(gaps.fill_envelope(&sid(), NUMBER).unwrap());
    assert!(gaps.get(gap).unwrap().is_none());
}

#[test]
fn what_is_unavailable_stays_as_a_row() {
    let mut fixture = Fixture::new();
    let tx = fixture.store.transaction().unwrap();
    let peer = peer(&tx, 1);
    let missing = Missing::Stream {
        conversation: peer.conversation,
        first: 3,
        last: 3,
    };
    let gap = tx
        .gaps()
        .insert(peer.device, &missing, None, NOW, Some(NOW))
        .unwrap();
    tx.gaps().unavailable(gap).unwrap();
    assert_eq!(tx.gaps().next_due().unwrap(), None);
    let rows = tx.gaps().of_conversation(peer.conversation).unwrap();
    assert_eq!((rows.len(), rows[0].state), (1, GapState::Unavailable));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    /// Filling numbers of a gap in any order leaves exactly the others missing.
    #[test]
    fn a_gap_is_what_was_not_filled(
        first in 0_u64..5,
        len in 1_u64..12,
        fills in proptest::collection::vec(0_u64..20, 0..14),
    ) {
        let mut fixture = Fixture::new();
        let tx = fixture.store.transaction().unwrap();
        let peer = peer(&tx, 1);
        let last = first + len - 1;
        let missing = Missing::Stream { conversation: peer.conversation, first, last };
        tx.gaps().insert(peer.device, &missing, None, NOW, None).unwrap();
        let mut expected: std::collections::BTreeSet<u64> = (first..=last).collect();
        for seq in fills {
            let filled = tx.gaps().fill_stream(peer.device, peer.conversation, seq).unwrap();
            prop_assert_eq!(filled, expected.remove(&seq));
        }
        let mut left = Vec::new();
        for row in tx.gaps().of_conversation(peer.conversation).unwrap() {
            if let Missing::Stream { first, last, .. } = row.missing {
                left.extend(first..=last);
            }
        }
        left.sort_unstable();
        prop_assert_eq!(left, expected.into_iter().collect::<Vec<_>>());
    }
}

#[test]
fn parked_envelopes_are_counted_by_kind() {
    let mut fixture = Fixture::new();
    let tx = fixture.store.transaction().unwrap();
    let parked = tx.parked();
    let name = |number| EnvelopeId::from_bytes([number; 16]);
    let first = parked
        .insert(ParkedKind::Unmatched, &name(1), &[0; 100], NOW)
        .unwrap()
        .unwrap();
    assert_eq!(
        parked
            .insert(ParkedKind::Unmatched, &name(1), &[0; 100], NOW)
            .unwrap(),
        None
    );
    parked
        .insert(ParkedKind::Unmatched, &name(2), &[0; 50], NOW.plus(9))
        .unwrap()
        .unwrap();
    parked
        .insert(ParkedKind::FirstMessage, &name(3), &[0; 4_096], NOW)
        .unwrap()
        .unwrap();
    assert_eq!(
        parked.size(ParkedKind::Unmatched).unwrap(),
        ParkedSize {
            count: 2,
            bytes: 150
        }
    );
    assert_eq!(parked.get(first).unwrap().unwrap().envelope.len(), 100);
    let rest = parked.page(ParkedKind::Unmatched, Some(first), 10).unwrap();
    assert_eq!((rest.len(), rest[0].envelope_id), (1, name(2)));
    assert_eq!(parked.remove_older(NOW.plus(9)).unwrap(), 1);
    assert_eq!(
        parked.size(ParkedKind::FirstMessage).unwrap().count,
        1,
        "first messages are never evicted"
    );
    parked.remove(rest[0].id).unwrap();
    assert_eq!(parked.size(ParkedKind::Unmatched).unwrap().count, 0);
}

#[test]
fn a_cursor_is_replaced() {
    let mut fixture = Fixture::new();
    let tx = fixture.store.transaction().unwrap();
    let mailbox = MailboxId::from_bytes([4; 16]);
    assert!(tx.cursors().get(&mailbox).unwrap().is_none());
    // A relay's numbers start at Unix seconds × 2^20.
    for seq in [1_800_000_000 << 20, (1_800_000_000 << 20) + 7] {
        let cursor = CursorRow {
            relay: "https://relay.example".to_owned(),
            store_epoch: [1; 16],
            seq,
        };
        tx.cursors().put(&mailbox, &cursor).unwrap();
        assert_eq!(tx.cursors().get(&mailbox).unwrap(), Some(cursor));
    }
}

#[test]
fn a_contact_goes_through_its_states() {
    let mut fixture = Fixture::new();
    let tx = fixture.store.transaction().unwrap();
    let peer = peer(&tx, 1);
    let contacts = tx.contacts();
    contacts
        .set_state(peer.contact, ContactState::Blocked, NOW.plus(1))
        .unwrap();
    contacts.set_name(peer.contact, "N.", NOW.plus(2)).unwrap();
    contacts
        .set_manifest(peer.contact, b"pin", NOW.plus(3), b"signed")
        .unwrap();
    contacts
        .set_manifest_due(peer.contact, Some(NOW.plus(4)))
        .unwrap();
    contacts.set_acceptance_owed(peer.contact, true).unwrap();
    let row = contacts.by_account(&account(1)).unwrap().unwrap();
    contacts.set_secrets(&row, b"secret").unwrap();
    assert_eq!(contacts.get(peer.contact).unwrap(), Some(row.clone()));
    assert_eq!(
        (row.state, row.name.as_str(), row.changed),
        (ContactState::Blocked, "N.", NOW.plus(2))
    );
    assert_eq!(
        (row.pin.as_deref(), row.manifest_issued),
        (Some(&b"pin"[..]), Some(NOW.plus(3)))
    );
    assert!(row.acceptance_owed);
    assert_eq!(contacts.manifest(peer.contact).unwrap().unwrap(), b"signed");
    assert_eq!(
        contacts.secrets(&row).unwrap().unwrap().as_slice(),
        b"secret"
    );
    assert_eq!(contacts.next_manifest_due().unwrap(), Some(NOW.plus(4)));
    assert!(contacts.manifests_due(NOW.plus(3)).unwrap().is_empty());
    assert_eq!(contacts.manifests_due(NOW.plus(4)).unwrap().len(), 1);
}

#[test]
fn a_contact_is_removed_with_all_that_is_theirs() {
    let mut fixture = Fixture::new();
    let tx = fixture.store.transaction().unwrap();
    let (gone, stays) = (peer(&tx, 1), peer(&tx, 2));
    for peer in [&gone, &stays] {
        let number = if peer.contact == gone.contact { 1 } else { 2 };
        tx.outbox().insert(&item(peer, number)).unwrap();
        tx.receipts().owe(peer.device, &id(number)).unwrap();
        tx.messages()
            .insert(&message(peer, u64::from(number), "words"))
            .unwrap();
    }
    tx.messages()
        .remove_conversation(gone.conversation)
        .unwrap();
    tx.contacts().remove(gone.contact).unwrap();
    assert!(tx.peer_devices().get(gone.device).unwrap().is_none());
    assert!(tx.conversations().get(gone.conversation).unwrap().is_none());
    assert_eq!(tx.outbox().count().unwrap(), 1);
    assert_eq!(tx.receipts().devices().unwrap(), [stays.device]);
    tx.commit().unwrap();
    fixture.store.verify().unwrap();
}

#[test]
fn a_device_is_brought_up_to_date() {
    let mut fixture = Fixture::new();
    let tx = fixture.store.transaction().unwrap();
    let peer = peer(&tx, 1);
    let devices = tx.peer_devices();
    devices
        .set_state(peer.device, PeerDeviceState::Gone)
        .unwrap();
    devices.heard(peer.device, NOW).unwrap();
    devices.set_pop(peer.device, Some(&[6; 16])).unwrap();
    assert_eq!(
        devices.get(peer.device).unwrap().unwrap().pop_id,
        Some([6; 16])
    );
    devices
        .handshake_begun(peer.device, NOW, Some(NOW.plus(7)))
        .unwrap();
    let moved = undertone_protocol::device::DeviceIdentity {
        mailbox: MailboxId::from_bytes([8; 16]),
        ..device(1)
    };
    assert_eq!(
        devices
            .upsert(peer.contact, &moved, "https://other.example")
            .unwrap(),
        peer.device
    );
    let row = devices.find(peer.contact, &moved.id).unwrap().unwrap();
    assert_eq!(
        (row.keys, row.relay.as_str(), row.state),
        (moved, "https://other.example", PeerDeviceState::Active)
    );
    assert_eq!(
        (row.handshakes, row.last_handshake, row.pop_id),
        (1, Some(NOW), None)
    );
    assert_eq!(row.last_heard, Some(NOW));
    assert_eq!(devices.next_handshake().unwrap(), Some(NOW.plus(7)));
    assert_eq!(
        devices.handshakes_due(NOW.plus(7)).unwrap(),
        devices.of_contact(peer.contact).unwrap()
    );
}

#[test]
fn two_contacts_may_claim_one_mailbox() {
    let mut fixture = Fixture::new();
    let tx = fixture.store.transaction().unwrap();
    let (first, second) = (peer(&tx, 1), peer(&tx, 2));
    let claimed = undertone_protocol::device::DeviceIdentity {
        mailbox: first.destination.mailbox,
        ..device(3)
    };
    tx.peer_devices()
        .upsert(second.contact, &claimed, "https://relay.example")
        .unwrap();
}
