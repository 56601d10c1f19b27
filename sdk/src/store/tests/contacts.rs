//! Contacts and their devices.

use undertone_protocol::device::{DeviceIdentity, MailboxId};

use super::support::*;
use crate::store::*;

#[test]
fn a_contact_goes_through_its_states() {
    let mut fixture = Fixture::new();
    let tx = fixture.store.transaction().unwrap();
    let peer = peer(&tx, 1);
    let contacts = tx.contacts();
    contacts.block(peer.contact, NOW.plus(1)).unwrap();
    contacts
        .set_name(peer.contact, "N.", true, NOW.plus(2))
        .unwrap();
    contacts
        .set_manifest(peer.contact, b"pin", NOW.plus(3), b"signed")
        .unwrap();
    contacts
        .set_silent_due(peer.contact, Some(NOW.plus(4)))
        .unwrap();
    contacts.set_newer_due(peer.contact, NOW.plus(6)).unwrap();
    contacts
        .set_acceptance_owed(peer.contact, true, NOW.plus(2))
        .unwrap();
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
    let latest = (NOW.plus(100), NOW.plus(100));
    let due = |after| {
        let rows = contacts.manifests_due(NOW.plus(after), latest);
        rows.unwrap().len()
    };
    assert_eq!((due(3), due(4)), (0, 1));
    contacts.set_silent_due(peer.contact, None).unwrap();
    assert_eq!((due(5), due(6)), (0, 1));
    let ahead = |latest| contacts.manifests_due(NOW, latest).unwrap().len();
    assert_eq!(ahead((NOW.plus(9), NOW.plus(5))), 1, "set by a wrong clock");
    contacts.manifest_fetched(peer.contact).unwrap();
    assert_eq!(due(6), 0);
    let told = |now, latest| {
        let rows = contacts.deliveries_due(NOW.plus(now), NOW.plus(latest));
        rows.unwrap().is_empty()
    };
    assert!(told(9, 0));
    let due = Some(NOW.plus(8));
    contacts.set_delivery_due(peer.contact, due).unwrap();
    assert_eq!((told(7, 8), told(8, 9), told(0, 7)), (true, false, false));
    assert_eq!(row.blocked_from, Some(ContactState::Accepted));
    contacts
        .set_state(peer.contact, ContactState::Accepted, NOW.plus(7))
        .unwrap();
    let row = contacts.get(peer.contact).unwrap().unwrap();
    assert_eq!(row.blocked_from, None);
}

#[test]
fn a_contact_is_removed_with_all_that_is_theirs() {
    let mut fixture = Fixture::new();
    let tx = fixture.store.transaction().unwrap();
    let (gone, stays) = (peer(&tx, 1), peer(&tx, 2));
    for peer in [&gone, &stays] {
        let number = if peer.contact == gone.contact { 1 } else { 2 };
        tx.outbox().insert(&outbox_item(peer, number)).unwrap();
        tx.receipts()
            .owe(
                peer.device,
                &message(peer, u64::from(number), "").message_id,
                None,
            )
            .unwrap();
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
    assert_eq!(tx.outbox().of_device(stays.device, 10).unwrap().len(), 1);
    assert!(tx.outbox().of_device(gone.device, 10).unwrap().is_empty());
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
    devices.heard(peer.device, false, NOW).unwrap();
    devices.set_pop(peer.device, Some(&[6; 16])).unwrap();
    assert_eq!(
        devices.get(peer.device).unwrap().unwrap().pop_id,
        Some([6; 16])
    );
    devices
        .handshake_begun(peer.device, NOW, NOW.plus(7), NOW.plus(3))
        .unwrap();
    let moved = DeviceIdentity {
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
    assert_eq!(
        devices.handshakes_due(NOW.plus(6), NOW.plus(9)).unwrap(),
        []
    );
    assert_eq!(
        devices.handshakes_due(NOW.plus(7), NOW.plus(9)).unwrap(),
        devices.of_contact(peer.contact).unwrap()
    );
    let due = |latest| devices.handshakes_due(NOW, NOW.plus(latest)).unwrap().len();
    assert_eq!((due(6), due(7)), (1, 0), "set by a wrong clock");
    let state = || {
        let row = devices.get(peer.device).unwrap().unwrap();
        (row.unanswered, row.next_handshake, row.fresh_after)
    };
    devices.heard(peer.device, false, NOW.plus(1)).unwrap();
    assert_eq!(state(), (1, Some(NOW.plus(7)), Some(NOW.plus(3))));
    devices.heard(peer.device, true, NOW.plus(2)).unwrap();
    devices.set_fresh_after(peer.device, NOW.plus(4)).unwrap();
    assert_eq!(state(), (0, None, Some(NOW.plus(4))));
    devices.set_quiet(peer.device, Some(NOW.plus(5))).unwrap();
    assert_eq!(devices.quiet().unwrap(), [(peer.device, NOW.plus(5))]);
    devices.set_quiet(peer.device, None).unwrap();
    assert_eq!(devices.quiet().unwrap(), []);
}

#[test]
fn two_contacts_may_claim_one_mailbox() {
    let mut fixture = Fixture::new();
    let tx = fixture.store.transaction().unwrap();
    let (first, second) = (peer(&tx, 1), peer(&tx, 2));
    let claimed = DeviceIdentity {
        mailbox: first.destination.mailbox,
        ..device(3)
    };
    tx.peer_devices()
        .upsert(second.contact, &claimed, "https://relay.example")
        .unwrap();
}

#[test]
fn contacts_are_counted_and_acceptances_become_due() {
    let mut fixture = Fixture::new();
    let tx = fixture.store.transaction().unwrap();
    let (first, second) = (peer(&tx, 1), peer(&tx, 2));
    let contacts = tx.contacts();
    assert_eq!(contacts.count().unwrap(), 2);
    assert_eq!(contacts.count_in(ContactState::Accepted).unwrap(), 2);
    contacts
        .set_state(second.contact, ContactState::Requested, NOW)
        .unwrap();
    assert_eq!(contacts.count_in(ContactState::Accepted).unwrap(), 1);
    assert_eq!(contacts.count_in(ContactState::Requested).unwrap(), 1);
    let due = |before| {
        let rows = contacts
            .acceptances_due(before, NOW.plus(100 * 86_400_000))
            .unwrap();
        rows.into_iter().map(|row| row.id).collect::<Vec<_>>()
    };
    assert_eq!(due(NOW), []);
    for peer in [first, second] {
        contacts
            .set_acceptance_owed(peer.contact, true, NOW)
            .unwrap();
    }
    assert_eq!(due(NOW), [first.contact]);
    assert_eq!(due(NOW.minus(1)), []);
}
