//! Messages, their order, and the conversation list.

use std::collections::BTreeMap;

use proptest::prelude::*;
use undertone_protocol::content::{Hlc, MessageId};
use undertone_protocol::device::DeviceId;

use super::support::*;
use crate::store::*;

fn bodies(rows: &[MessageRow]) -> Vec<&str> {
    rows.iter().map(|row| row.message.body.as_str()).collect()
}

#[test]
fn a_message_is_stored_once_and_read_back() {
    let mut fixture = Fixture::new();
    let tx = fixture.store.transaction().unwrap();
    let peer = peer(&tx, 1);
    let own = NewMessage {
        sender: None,
        state: MessageState::Failed(FailureReason::TooLarge),
        extra: Some(vec![1, 2]),
        ..message(&peer, 1, "hello")
    };
    let Inserted::New(row) = tx.messages().insert(&own).unwrap() else {
        panic!("new")
    };
    assert_eq!(
        tx.messages().insert(&message(&peer, 1, "changed")).unwrap(),
        Inserted::Duplicate(row)
    );
    assert!(tx.messages().contains(&own.message_id).unwrap());
    assert_eq!(
        tx.messages().get(&own.message_id).unwrap(),
        Some(MessageRow {
            id: row,
            message: own,
            edited: None,
            expires: None,
            reactions: Vec::new(),
        })
    );
}

#[test]
fn states_go_forward() {
    use MessageState::*;
    let failed = Failed(FailureReason::RefusedByRelay);
    let all = [Received, Pending, Sent, Delivered, Read, failed, Expired];
    let allowed = [
        (Pending, vec![Sent, Delivered, Read, failed, Expired]),
        (Sent, vec![Delivered, Read, Expired]),
        (Delivered, vec![Read]),
        (Read, vec![]),
        (Received, vec![]),
        (failed, vec![Pending, Delivered, Read]),
        (Expired, vec![Pending, Sent, Delivered, Read, failed]),
    ];
    for (from, to) in allowed {
        for next in all {
            assert_eq!(
                from.may_become(next),
                to.contains(&next),
                "{from:?} to {next:?}"
            );
        }
    }
}

#[test]
fn a_late_answer_does_not_take_back_a_confirmation() {
    let mut fixture = Fixture::new();
    let tx = fixture.store.transaction().unwrap();
    let peer = peer(&tx, 1);
    let own = NewMessage {
        sender: None,
        state: MessageState::Pending,
        ..message(&peer, 1, "hello")
    };
    tx.messages().insert(&own).unwrap();
    let row = tx
        .messages()
        .advance(&own.message_id, MessageState::Delivered)
        .unwrap()
        .unwrap();
    assert_eq!(row.message.state, MessageState::Delivered);
    assert_eq!(
        tx.messages()
            .advance(&own.message_id, MessageState::Sent)
            .unwrap(),
        None
    );
    assert_eq!(
        tx.messages()
            .get(&own.message_id)
            .unwrap()
            .unwrap()
            .message
            .state,
        MessageState::Delivered
    );
}

#[test]
fn equal_clocks_are_ordered_by_device_and_number() {
    let mut fixture = Fixture::new();
    let tx = fixture.store.transaction().unwrap();
    let peer = peer(&tx, 1);
    let clock = Hlc::at(NOW);
    // Stored in an order that is not theirs; the row numbers collide.
    for (device, seq, body) in [(2, 1, "c"), (1, 2, "b"), (2, 7, "d"), (1, 1, "a")] {
        let id = MessageId::from_bytes([device * 16 + u8::try_from(seq).unwrap(); 16]);
        let sender_device = DeviceId::from_bytes([device; 16]);
        let new = NewMessage {
            message_id: id,
            clock,
            sender_device,
            seq,
            ..message(&peer, 1, body)
        };
        assert!(matches!(
            tx.messages().insert(&new).unwrap(),
            Inserted::New(_)
        ));
    }
    let rows = tx.messages().before(peer.conversation, None, 10).unwrap();
    assert_eq!(bodies(&rows), ["d", "c", "b", "a"]);
    assert_eq!(
        bodies(
            &tx.messages()
                .after(peer.conversation, rows[3].position(), 10)
                .unwrap()
        ),
        ["b", "c", "d"]
    );
    assert_eq!(
        bodies(
            &tx.messages()
                .before(peer.conversation, Some(rows[1].position()), 1)
                .unwrap()
        ),
        ["b"]
    );
    let last = tx
        .conversations()
        .get(peer.conversation)
        .unwrap()
        .unwrap()
        .last
        .unwrap();
    assert_eq!(last.preview, "d");
}

#[test]
fn many_messages_of_one_instant_are_all_kept() {
    let mut fixture = Fixture::new();
    let tx = fixture.store.transaction().unwrap();
    let peer = peer(&tx, 1);
    for number in 0..2_000 {
        let new = NewMessage {
            clock: Hlc::at(NOW),
            ..message(&peer, number, "flood")
        };
        assert!(matches!(
            tx.messages().insert(&new).unwrap(),
            Inserted::New(_)
        ));
    }
    let ordinary = message(&peer, 5_000, "later");
    let Inserted::New(row) = tx.messages().insert(&ordinary).unwrap() else {
        panic!("new")
    };
    assert_eq!(
        row.get(),
        i64::try_from(ordinary.clock.as_packed()).unwrap()
    );
    assert_eq!(tx.messages().count(peer.conversation).unwrap(), 2_001);
}

#[test]
fn clocks_past_all_bounds_are_the_last_one() {
    let mut fixture = Fixture::new();
    fixture.write(|tx| {
        let peer = peer(tx, 1);
        for number in 0..3 {
            let new = message(&peer, number, "from the end of time");
            let new = NewMessage {
                clock: Hlc::from_packed(u64::MAX - number),
                ..new
            };
            assert!(matches!(
                tx.messages().insert(&new).unwrap(),
                Inserted::New(_)
            ));
        }
        tx.messages()
            .insert(&message(&peer, 9, "of today"))
            .unwrap();
        assert_eq!(
            tx.messages()
                .before(peer.conversation, None, 10)
                .unwrap()
                .len(),
            4
        );
        assert_eq!(
            tx.conversations()
                .get(peer.conversation)
                .unwrap()
                .unwrap()
                .unread,
            4
        );
    });
    fixture.store.verify().unwrap();
}

#[test]
fn reading_counts_what_is_after_it() {
    let mut fixture = Fixture::new();
    let tx = fixture.store.transaction().unwrap();
    let peer = peer(&tx, 1);
    let unread = || {
        tx.conversations()
            .get(peer.conversation)
            .unwrap()
            .unwrap()
            .unread
    };
    for number in 1..=5 {
        tx.messages().insert(&message(&peer, number, "in")).unwrap();
    }
    tx.messages()
        .insert(&NewMessage {
            sender: None,
            ..message(&peer, 6, "out")
        })
        .unwrap();
    assert_eq!(unread(), 5);
    tx.conversations()
        .mark_read(peer.conversation, message(&peer, 3, "").clock)
        .unwrap();
    assert_eq!(unread(), 2);
    tx.conversations()
        .mark_read(peer.conversation, message(&peer, 1, "").clock)
        .unwrap();
    assert_eq!(unread(), 2, "reading never moves back");
    // One that comes late was there to be read; one that is new was not.
    tx.messages()
        .insert(&NewMessage {
            clock: message(&peer, 2, "").clock,
            ..message(&peer, 60, "late")
        })
        .unwrap();
    assert_eq!(unread(), 2);
    tx.messages().insert(&message(&peer, 7, "new")).unwrap();
    assert_eq!(unread(), 3);
}

#[test]
fn the_list_pages_through_equal_times() {
    let mut fixture = Fixture::new();
    let tx = fixture.store.transaction().unwrap();
    let ids: Vec<_> = (0..7)
        .map(|_| tx.conversations().insert(None, "group", NOW).unwrap())
        .collect();
    tx.conversations().set_hidden(ids[2], true).unwrap();
    let mut seen = Vec::new();
    let mut after = None;
    loop {
        let page = tx.conversations().list(false, after, 2).unwrap();
        let Some(last) = page.last() else { break };
        after = Some(last.cursor());
        seen.extend(page.into_iter().map(|row| row.id));
    }
    let expected: Vec<_> = ids.iter().copied().filter(|id| *id != ids[2]).collect();
    assert_eq!(seen, expected);
}

#[derive(Debug, Clone)]
enum Change {
    Insert {
        conversation: usize,
        number: u64,
        own: bool,
    },
    Remove {
        number: u64,
    },
    Read {
        conversation: usize,
        number: u64,
    },
    Clear {
        conversation: usize,
    },
}

fn change() -> impl Strategy<Value = Change> {
    prop_oneof![
        6 => (0_usize..3, 1_u64..40, any::<bool>())
            .prop_map(|(conversation, number, own)| Change::Insert { conversation, number, own }),
        3 => (1_u64..40).prop_map(|number| Change::Remove { number }),
        1 => (0_usize..3, 1_u64..40).prop_map(|(conversation, number)| Change::Read { conversation, number }),
        1 => (0_usize..3).prop_map(|conversation| Change::Clear { conversation }),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    /// The list always says what the messages say, and the index is sound.
    #[test]
    fn the_list_follows_the_messages(changes in proptest::collection::vec(change(), 1..50)) {
        let mut fixture = Fixture::new();
        let peers: Vec<_> = fixture.write(|tx| (1..4).map(|seed| peer(tx, seed)).collect());
        let mut model: BTreeMap<u64, (usize, bool)> = BTreeMap::new();
        // Ids of what was deleted, which do not come back until their conversation is cleared.
        let mut gone: BTreeMap<u64, usize> = BTreeMap::new();
        let mut read = [0_u64; 3];
        fixture.write(|tx| {
            for change in &changes {
                match *change {
                    Change::Insert { conversation, number, own } => {
                        let new = message(&peers[conversation], number, &format!("text {number}"));
                        let sender = new.sender.filter(|_| !own);
                        tx.messages().insert(&NewMessage { sender, ..new }).unwrap();
                        if !gone.contains_key(&number) {
                            model.entry(number).or_insert((conversation, own));
                        }
                    }
                    Change::Remove { number } => {
                        let id = message(&peers[0], number, "").message_id;
                        let was_there = model.remove(&number);
                        gone.extend(was_there.map(|(of, _)| (number, of)));
                        assert_eq!(remove_here(tx, &id), was_there.is_some());
                    }
                    Change::Read { conversation, number } => {
                        let clock = message(&peers[0], number, "").clock;
                        tx.conversations().mark_read(peers[conversation].conversation, clock).unwrap();
                        read[conversation] = read[conversation].max(number);
                    }
                    Change::Clear { conversation } => {
                        let removed = tx.messages().remove_conversation(peers[conversation].conversation).unwrap();
                        let before = model.len() + gone.len();
                        model.retain(|_, (of, _)| *of != conversation);
                        gone.retain(|_, of| *of != conversation);
                        assert_eq!(removed, before - model.len() - gone.len());
                    }
                }
            }
        });
        fixture.store.verify().unwrap();
        let tx = fixture.store.transaction().unwrap();
        for (index, peer) in peers.iter().enumerate() {
            let row = tx.conversations().get(peer.conversation).unwrap().unwrap();
            let of: Vec<_> = model.iter().filter(|(_, (of, _))| *of == index).collect();
            let unread = of.iter().filter(|(number, (_, own))| !own && **number > read[index]).count();
            prop_assert_eq!(row.unread, u64::try_from(unread).unwrap());
            let newest = of.last().map(|(number, (_, own))| (format!("text {number}"), !own));
            prop_assert_eq!(row.last.map(|last| (last.preview, last.incoming)), newest);
            let timeline = tx.messages().before(peer.conversation, None, 100).unwrap();
            let numbers: Vec<_> = timeline.iter().map(|row| row.message.seq).collect();
            prop_assert_eq!(numbers, of.iter().rev().map(|(number, _)| **number).collect::<Vec<_>>());
        }
        let found = tx.search(&SearchQuery::parse("text"), &SearchFilter::default(), None, 100).unwrap();
        let found: Vec<_> = found.hits.iter().map(|hit| hit.message.message.seq).collect();
        prop_assert_eq!(found, model.keys().rev().copied().collect::<Vec<_>>());
    }
}
