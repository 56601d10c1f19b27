//! Retained copies, receipts, gaps, parked envelopes, cursors.

use proptest::prelude::*;
use undertone_protocol::content::{Hlc, MessageId};
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
        let rows = table.undelivered(peer.device, None, from, 10).unwrap();
        rows.into_iter().map(|row| row.item.message_id).collect()
    };
    assert_eq!(since(NOW), [id(6), id(5), id(4), id(1)]);
    assert_eq!(since(NOW.plus(5)), [id(6), id(5)]);
    // Receipts are never confirmed, and do not crowd out what is.
    for n in 10..20 {
        let hidden = NewRetained {
            shown: false,
            ..retained(&peer, n)
        };
        table.insert(&hidden).unwrap();
    }
    let undelivered = |unread| table.undelivered(peer.device, unread, NOW, 2).unwrap();
    let newest = undelivered(None);
    assert_eq!(newest[0].item.message_id, id(6));
    assert_eq!(newest.len(), 2);
    // In a session that was never read they count like all else.
    let (unread, other) = (sid(), SessionId::from_bytes([7; 16]));
    assert_eq!(undelivered(Some(&unread))[0].item.message_id, id(19));
    assert_eq!(undelivered(Some(&other)), newest);
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
    receipts.owe(second.device, &id(9), None).unwrap();
    for number in [1, 2, 3, 2] {
        receipts.owe(first.device, &id(number), None).unwrap();
    }
    assert_eq!(receipts.devices().unwrap(), [second.device, first.device]);
    assert_eq!(
        receipts.take(first.device, 2).unwrap().delivered,
        [id(1), id(2)]
    );
    assert_eq!(receipts.take(first.device, 2).unwrap().delivered, [id(3)]);
    assert_eq!(receipts.take(first.device, 2).unwrap().delivered, []);
    // One kind at a time, and reading takes the place of arriving.
    receipts.owe(first.device, &id(4), None).unwrap();
    receipts.owe(first.device, &id(5), None).unwrap();
    receipts.owe_read(first.device, &id(4)).unwrap();
    let taken = receipts.take(first.device, 9).unwrap();
    assert_eq!((taken.delivered, taken.read), (vec![], vec![id(4)]));
    let taken = receipts.take(first.device, 9).unwrap();
    assert_eq!((taken.delivered, taken.read), (vec![id(5)], vec![]));
    assert_eq!(receipts.devices().unwrap(), [second.device]);
}

#[test]
fn a_receipt_with_a_time_is_due_then_or_when_only_a_wrong_clock_can_have_set_it() {
    let mut fixture = Fixture::new();
    let tx = fixture.store.transaction().unwrap();
    let peer = peer(&tx, 1);
    let due = |now: u64, latest: u64| {
        let rows = tx.receipts().due(NOW.plus(now), NOW.plus(latest));
        !rows.unwrap().is_empty()
    };
    let later = Some(NOW.plus(100));
    tx.receipts().owe(peer.device, &id(1), later).unwrap();
    tx.receipts().owe(peer.device, &id(1), None).unwrap();
    assert!(!due(99, 100));
    assert!(due(100, 200));
    assert!(due(0, 99));
    tx.receipts().owe(peer.device, &id(2), None).unwrap();
    assert!(due(0, 200));
}

#[test]
fn what_a_device_asks_for_is_noted_once_and_bounded() {
    let mut fixture = Fixture::new();
    let tx = fixture.store.transaction().unwrap();
    let (one, other) = (peer(&tx, 1), peer(&tx, 2));
    let number = |n| MessageNumber { chain: 0, n };
    for n in [2, 1, 2, 3] {
        tx.resends().note(one.device, &sid(), number(n), 2).unwrap();
    }
    assert_eq!(tx.resends().devices().unwrap(), [one.device]);
    assert!(tx.resends().take(other.device).unwrap().is_empty());
    let asked = [(sid(), number(2)), (sid(), number(1))];
    assert_eq!(tx.resends().take(one.device).unwrap(), asked);
    assert!(tx.resends().devices().unwrap().is_empty());
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
    assert_eq!(gaps.devices().unwrap(), [peer.device]);
    assert!(gaps.due(NOW.plus(4), NOW.plus(5), 10).unwrap().is_empty());
    assert_eq!(gaps.due(NOW, NOW.plus(4), 10).unwrap().len(), 1);
    assert_eq!(
        gaps.due(NOW.plus(5), NOW.plus(5), 10).unwrap()[0].missing,
        missing
    );
    gaps.requested(gap, None).unwrap();
    let row = gaps.get(gap).unwrap().unwrap();
    assert_eq!(
        (row.state, row.requests, row.due),
        (GapState::Requested, 1, None)
    );
    let other = MessageNumber { chain: 3, n: 5 };
    gaps.fill_envelope(peer.device, &sid(), other).unwrap();
    let stranger = super::support::peer(&tx, 2).device;
    gaps.fill_envelope(stranger, &sid(), NUMBER).unwrap();
    assert!(gaps.get(gap).unwrap().is_some(), "it is not theirs");
    gaps.fill_envelope(peer.device, &sid(), NUMBER).unwrap();
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
        clock: Hlc::at(NOW),
    };
    let gap = tx
        .gaps()
        .insert(peer.device, &missing, None, NOW, Some(NOW))
        .unwrap();
    tx.gaps().unavailable(gap).unwrap();
    assert_eq!(tx.gaps().get(gap).unwrap().unwrap().due, None);
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
        let missing = Missing::Stream { conversation: peer.conversation, first, last, clock: Hlc::at(NOW) };
        tx.gaps().insert(peer.device, &missing, None, NOW, None).unwrap();
        let mut expected: std::collections::BTreeSet<u64> = (first..=last).collect();
        for seq in fills {
            let filled = tx.gaps().fill_stream(peer.device, peer.conversation, (seq, Hlc::at(NOW)), true).unwrap();
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
fn a_gap_that_may_not_split_keeps_its_newer_part() {
    let mut fixture = Fixture::new();
    let tx = fixture.store.transaction().unwrap();
    let peer = peer(&tx, 1);
    let conversation = peer.conversation;
    let gap = |first, last| Missing::Stream {
        conversation,
        first,
        last,
        clock: Hlc::at(NOW),
    };
    let gaps = tx.gaps();
    gaps.insert(peer.device, &gap(3, 9), None, NOW, None)
        .unwrap();
    for (seq, left) in [(5, gap(6, 9)), (9, gap(6, 8))] {
        assert!(
            gaps.fill_stream(peer.device, conversation, (seq, Hlc::at(NOW)), false)
                .unwrap()
        );
        let rows = gaps.of_device(peer.device, 9).unwrap();
        assert_eq!((rows.len(), rows[0].missing), (1, left));
    }
}

#[test]
fn only_what_is_done_with_makes_room_for_a_gap() {
    let mut fixture = Fixture::new();
    let tx = fixture.store.transaction().unwrap();
    let peer = peer(&tx, 1);
    let gaps = tx.gaps();
    let insert = |n, due| {
        let missing = Missing::Envelope {
            session: sid(),
            number: MessageNumber { chain: 1, n },
        };
        gaps.insert(peer.device, &missing, None, NOW, due).unwrap()
    };
    let first = insert(0, Some(NOW));
    let done = insert(1, None);
    assert!(gaps.make_room(peer.device, 3).unwrap());
    assert!(gaps.get(done).unwrap().is_some());
    assert!(gaps.make_room(peer.device, 2).unwrap());
    assert!(gaps.get(done).unwrap().is_none());
    insert(2, Some(NOW));
    assert!(!gaps.make_room(peer.device, 2).unwrap());
    assert!(gaps.get(first).unwrap().is_some());
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
            seq,
        };
        tx.cursors().put(&mailbox, &cursor).unwrap();
        assert_eq!(tx.cursors().get(&mailbox).unwrap(), Some(cursor));
    }
}
