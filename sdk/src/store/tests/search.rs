//! Searching: what queries find, filters, pages, snippets. Completeness is checked in `oracle`, and at the size of a large history in
//! `undertone-tests` (`tests/search`).

use proptest::prelude::*;

use super::support::*;
use crate::store::*;

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

/// Vowel signs and accents stay with their letters at both ends.
#[test]
fn snippets_cut_no_letter_in_pieces() {
    for letter in ["कि", "ที่", "e\u{301}", "שָׁ", "ｶﾞ"] {
        for before in 0..4 {
            let (lead, rest) = (letter.repeat(100), letter.repeat(300));
            let body = format!("{lead}{} match {rest}", "x".repeat(before));
            let (mut fixture, _) = with_messages(&[&body]);
            let tx = fixture.store.transaction().unwrap();
            let query = SearchQuery::parse("match");
            let page = tx.search(&query, &SearchFilter::default(), None, 5);
            let hit = page.unwrap().hits.remove(0);
            let at = body.find(&hit.snippet).unwrap();
            let behind = &body[at + hit.snippet.len()..];
            for text in [hit.snippet.as_str(), behind] {
                let first = text.chars().next().unwrap();
                assert!(!undertone_tokenizer::continues(first), "{text}");
            }
            assert_eq!(&hit.snippet[hit.highlights[0].clone()], "match");
            assert!(hit.snippet.chars().count() > limits::SNIPPET_CHARS - 4);
        }
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
        assert!(remove_here(tx, &new.message_id));
        tx.messages().insert(&message(&peer, 2, "")).unwrap();
        assert!(remove_here(tx, &message(&peer, 2, "").message_id));
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

#[test]
fn what_is_in_hidden_conversations_is_found_only_there() {
    let mut fixture = Fixture::new();
    let (shown, hidden) = fixture.write(|tx| {
        let (shown, hidden) = (peer(tx, 1), peer(tx, 2));
        for (number, peer) in [(1, &shown), (2, &hidden)] {
            tx.messages()
                .insert(&message(peer, number, &format!("lighthouse {number}")))
                .unwrap();
        }
        tx.conversations()
            .set_hidden(hidden.conversation, true)
            .unwrap();
        (shown, hidden)
    });
    assert_eq!(search(&mut fixture.store, "lighthouse"), ["lighthouse 1"]);
    let tx = fixture.store.transaction().unwrap();
    let found = |conversation| {
        let filter = SearchFilter {
            conversation: Some(conversation),
            ..SearchFilter::default()
        };
        let query = SearchQuery::parse("lighthouse");
        tx.search(&query, &filter, None, 50).unwrap().hits.len()
    };
    assert_eq!(found(shown.conversation), 1);
    assert_eq!(found(hidden.conversation), 1);
    tx.conversations()
        .set_hidden(hidden.conversation, false)
        .unwrap();
    tx.commit().unwrap();
    assert_eq!(search(&mut fixture.store, "lighthouse").len(), 2);
}
