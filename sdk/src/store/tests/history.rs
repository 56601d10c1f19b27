//! Messages, their order, the conversation list, and searching.

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
            message: own
        })
    );
}

#[test]
fn states_go_forward() {
    use MessageState::*;
    let failed = Failed(FailureReason::NoDevice);
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
        let page = tx.conversations().list(after, 2).unwrap();
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
        let mut read = [0_u64; 3];
        fixture.write(|tx| {
            for change in &changes {
                match *change {
                    Change::Insert { conversation, number, own } => {
                        let new = message(&peers[conversation], number, &format!("text {number}"));
                        let sender = new.sender.filter(|_| !own);
                        tx.messages().insert(&NewMessage { sender, ..new }).unwrap();
                        model.entry(number).or_insert((conversation, own));
                    }
                    Change::Remove { number } => {
                        let id = message(&peers[0], number, "").message_id;
                        assert_eq!(tx.messages().remove(&id).unwrap(), model.remove(&number).is_some());
                    }
                    Change::Read { conversation, number } => {
                        let clock = message(&peers[0], number, "").clock;
                        tx.conversations().mark_read(peers[conversation].conversation, clock).unwrap();
                        read[conversation] = read[conversation].max(number);
                    }
                    Change::Clear { conversation } => {
                        let removed = tx.messages().remove_conversation(peers[conversation].conversation).unwrap();
                        let before = model.len();
                        model.retain(|_, (of, _)| *of != conversation);
                        assert_eq!(removed, before - model.len());
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

/// The bodies that a query finds, newest first.
fn search(store: &mut Store, query: &str) -> Vec<String> {
    let tx = store.transaction().unwrap();
    let page = tx
        .search(
            &SearchQuery::parse(query),
            &SearchFilter::default(),
            None,
            50,
        )
        .unwrap();
    page.hits
        .into_iter()
        .map(|hit| hit.message.message.body)
        .collect()
}

fn with_messages(bodies: &[&str]) -> (Fixture, Peer) {
    let mut fixture = Fixture::new();
    let peer = fixture.write(|tx| {
        let peer = peer(tx, 1);
        for (number, body) in (1..).zip(bodies) {
            tx.messages().insert(&message(&peer, number, body)).unwrap();
        }
        peer
    });
    (fixture, peer)
}

#[test]
fn words_phrases_beginnings_and_exclusions() {
    let (mut fixture, _) = with_messages(&[
        "The quick brown fox",
        "quick, brown!",
        "brown quick",
        "quicken the pace",
    ]);
    let mut found = |query| search(&mut fixture.store, query);
    assert_eq!(
        found("QUICK"),
        ["brown quick", "quick, brown!", "The quick brown fox"]
    );
    assert_eq!(found("quick brown").len(), 3);
    assert_eq!(
        found("\"quick brown\""),
        ["quick, brown!", "The quick brown fox"]
    );
    assert_eq!(found("quick*").len(), 4);
    assert_eq!(found("qu*").len(), 4);
    assert_eq!(found("f*"), ["The quick brown fox"]);
    assert_eq!(found("quick -fox"), ["brown quick", "quick, brown!"]);
    assert_eq!(found("brown -\"quick brown\""), ["brown quick"]);
    assert_eq!(found("-fox"), Vec::<String>::new());
    assert_eq!(found("quic"), Vec::<String>::new());
    assert_eq!(found("\"the qu"), Vec::<String>::new());
    assert_eq!(found("*"), Vec::<String>::new());
}

#[test]
fn a_query_in_typing_finds_beginnings() {
    let (mut fixture, _) = with_messages(&["Grüße aus Zürich", "Zug nach Bern"]);
    let tx = fixture.store.transaction().unwrap();
    let found = |query| {
        tx.search(
            &SearchQuery::as_typed(query),
            &SearchFilter::default(),
            None,
            50,
        )
        .unwrap()
        .hits
        .len()
    };
    assert_eq!(found("z"), 2);
    assert_eq!(found("zur"), 1);
    assert_eq!(found("zur "), 0);
    assert_eq!(found("gruss aus"), 0);
    assert_eq!(found("grusse zu"), 1);
    assert_eq!(found("\"zur\""), 0);
}

#[test]
fn any_text_is_a_query() {
    let (mut fixture, _) = with_messages(&["plain", "\u{1}c1 \u{2}pl \u{3}x"]);
    for query in [
        "\"",
        "\"\"",
        "''",
        "AND OR NOT",
        "body : plain",
        "NEAR(a b)",
        "a^b",
        "((",
        "-",
        "- -",
        "*",
        "\u{1}c1",
        "\u{0}",
        "-\"",
        "\u{2}pl",
        "{meta}",
        "plain) OR (plain",
        "a\"b\"c",
        "💥",
        "%_",
    ] {
        let tx = fixture.store.transaction().unwrap();
        for parsed in [SearchQuery::parse(query), SearchQuery::as_typed(query)] {
            tx.search(&parsed, &SearchFilter::default(), None, 50)
                .unwrap();
        }
    }
    assert_eq!(
        search(&mut fixture.store, "body : plain"),
        Vec::<String>::new()
    );
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn no_text_breaks_a_query(query in any::<String>(), body in "\\PC{1,30}") {
        let (mut fixture, _) = with_messages(&[&body]);
        let tx = fixture.store.transaction().unwrap();
        for parsed in [SearchQuery::parse(&query), SearchQuery::as_typed(&body)] {
            for hit in tx.search(&parsed, &SearchFilter::default(), None, 50).unwrap().hits {
                for range in hit.highlights {
                    prop_assert!(hit.snippet.get(range).is_some_and(|marked| !marked.is_empty()));
                }
            }
        }
    }
}

#[test]
fn filters_narrow_and_pages_continue() {
    let mut fixture = Fixture::new();
    let (first, second) = fixture.write(|tx| {
        let (first, second) = (peer(tx, 1), peer(tx, 2));
        for number in 1..=20 {
            let of = if number % 2 == 0 { &first } else { &second };
            let new = message(of, number, "same words");
            let sender = new.sender.filter(|_| number % 4 > 1);
            tx.messages().insert(&NewMessage { sender, ..new }).unwrap();
        }
        (first, second)
    });
    let tx = fixture.store.transaction().unwrap();
    let query = SearchQuery::parse("words");
    let all = |filter: SearchFilter| -> Vec<u64> {
        let mut seqs = Vec::new();
        let mut after = None;
        loop {
            let page = tx.search(&query, &filter, after, 3).unwrap();
            seqs.extend(page.hits.iter().map(|hit| hit.message.message.seq));
            after = page.next;
            if after.is_none() {
                return seqs;
            }
        }
    };
    let matching = |keep: &dyn Fn(u64) -> bool| -> Vec<u64> {
        (1..=20).rev().filter(|number| keep(*number)).collect()
    };
    let none = SearchFilter::default();
    assert_eq!(all(none), matching(&|_| true));
    let conversation = Some(first.conversation);
    assert_eq!(
        all(SearchFilter {
            conversation,
            ..none
        }),
        matching(&|n| n % 2 == 0)
    );
    assert_eq!(
        all(SearchFilter {
            sender: Some(None),
            ..none
        }),
        matching(&|n| n % 4 <= 1)
    );
    let sender = Some(Some(second.contact));
    assert_eq!(
        all(SearchFilter { sender, ..none }),
        matching(&|n| n % 4 == 3)
    );
    assert_eq!(
        all(SearchFilter {
            sender,
            conversation,
            ..none
        }),
        Vec::<u64>::new()
    );
    let (from, until) = (Some(NOW.plus(5_000)), Some(NOW.plus(9_000)));
    assert_eq!(
        all(SearchFilter {
            from,
            until,
            ..none
        }),
        [8, 7, 6, 5]
    );
    assert_eq!(
        all(SearchFilter {
            from,
            until,
            conversation,
            ..none
        }),
        [8, 6]
    );
}

#[test]
fn snippets_show_the_match() {
    let long = format!(
        "{} Straße in 東京都 {}",
        "lorem ipsum ".repeat(30),
        "dolor sit ".repeat(30)
    );
    let (mut fixture, _) = with_messages(&[&long]);
    let tx = fixture.store.transaction().unwrap();
    for (query, marked) in [
        ("strasse", vec!["Straße"]),
        ("str*", vec!["Straße"]),
        ("京都", vec!["京都"]),
        ("東京都", vec!["東京都"]),
        ("都", vec!["都"]),
        ("\"strasse in\"", vec!["Straße in"]),
        ("strasse 東京", vec!["Straße", "東京"]),
    ] {
        let page = tx
            .search(
                &SearchQuery::parse(query),
                &SearchFilter::default(),
                None,
                5,
            )
            .unwrap();
        let hit = &page.hits[0];
        let found: Vec<_> = hit
            .highlights
            .iter()
            .map(|range| &hit.snippet[range.clone()])
            .collect();
        assert_eq!(found, marked, "{query}");
        assert!(hit.snippet.chars().count() <= limits::SNIPPET_CHARS);
    }
}

#[test]
fn only_text_is_found() {
    let mut fixture = Fixture::new();
    fixture.write(|tx| {
        let peer = peer(tx, 1);
        let new = NewMessage {
            kind: MessageKind::Unsupported,
            ..message(&peer, 1, "fallback words")
        };
        tx.messages().insert(&new).unwrap();
        assert!(tx.messages().remove(&new.message_id).unwrap());
        tx.messages().insert(&message(&peer, 2, "")).unwrap();
        assert!(
            tx.messages()
                .remove(&message(&peer, 2, "").message_id)
                .unwrap()
        );
        tx.messages()
            .insert(&NewMessage {
                kind: MessageKind::Unsupported,
                ..message(&peer, 3, "words")
            })
            .unwrap();
    });
    assert_eq!(search(&mut fixture.store, "words"), Vec::<String>::new());
    fixture.store.verify().unwrap();
}

#[test]
fn another_tokenizers_index_is_built_again() {
    let (mut fixture, _) = with_messages(&["findable"]);
    fixture.write(|tx| {
        tx.meta()
            .put(MetaKey("store.tokenizer"), &0_u32.to_be_bytes())
            .unwrap()
    });
    fixture
        .store
        .connection
        .execute(
            "INSERT INTO message_fts (message_fts) VALUES ('delete-all')",
            [],
        )
        .unwrap();
    assert_eq!(search(&mut fixture.store, "findable"), Vec::<String>::new());
    let Fixture { store, folder } = fixture;
    drop(store);
    let mut store = Store::open(&path(&folder), &key()).unwrap();
    assert_eq!(search(&mut store, "findable"), ["findable"]);
}
