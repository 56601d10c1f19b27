//! Searching for links, media, files and what somebody reacted to, with words and without.

use undertone_protocol::content::{AppPayload, Hlc, Post};

use super::support::*;
use crate::store::*;

const NONE: SearchFilter = SearchFilter {
    conversation: None,
    sender: None,
    kind: None,
    from: None,
    until: None,
    has_reaction: false,
    order: SearchOrder::Newest,
};

fn of(kind: ContentKind) -> SearchFilter {
    SearchFilter {
        kind: Some(kind),
        ..NONE
    }
}

/// A message with a payload of a MIME type.
fn with_payload(peer: &Peer, number: u64, text: &str, mime_type: &str) -> NewMessage {
    let post = Post {
        payload: Some(AppPayload {
            mime_type: mime_type.to_owned(),
            bytes: vec![1, 2, 3],
        }),
        ..Post::text(text)
    };
    NewMessage {
        parts: Some(post.parts().unwrap()),
        ..message(peer, number, text)
    }
}

/// Two conversations with something of each kind; odd numbers are of the first.
fn history() -> (Fixture, Peer, Peer) {
    let mut fixture = Fixture::new();
    let (first, second) = fixture.write(|tx| {
        let (first, second) = (peer(tx, 1), peer(tx, 2));
        for new in [
            message(&first, 1, "see https://example.org/a tomorrow"),
            message(&second, 2, "WWW.example.org"),
            message(&first, 3, "nothing at all, tomorrow"),
            with_payload(&second, 4, "", "image/png"),
            with_payload(&first, 5, "the photo of tomorrow", "image/jpeg"),
            with_payload(&second, 6, "the plan http://example.org", "application/pdf"),
            with_payload(&first, 7, "", "text/csv"),
        ] {
            tx.messages().insert(&new).unwrap();
        }
        (first, second)
    });
    (fixture, first, second)
}

/// The numbers of the messages that a search finds, page by page.
fn found(tx: &Tx<'_>, query: &str, filter: SearchFilter) -> Vec<u64> {
    let (mut numbers, mut after) = (Vec::new(), None);
    loop {
        let page = tx
            .search(&SearchQuery::parse(query), &filter, after, 2)
            .unwrap();
        numbers.extend(page.hits.iter().map(|hit| hit.message.message.seq));
        after = page.next;
        if after.is_none() {
            return numbers;
        }
    }
}

fn react(
    tx: &Tx<'_>,
    peer: &Peer,
    number: u64,
    later: u64,
    who: Option<ContactId>,
    emoji: &[&str],
) {
    let row = tx.messages().get(&message(peer, number, "").message_id);
    let row = row.unwrap().unwrap();
    let clock = Hlc::from_packed(row.message.clock.as_packed() + later);
    let emoji: Vec<String> = emoji.iter().map(|&one| one.to_owned()).collect();
    tx.reactions().set(row.id, who, clock, &emoji).unwrap();
}

#[test]
fn kinds_are_listed_without_words_and_narrow_a_search() {
    let (mut fixture, first, second) = history();
    let tx = fixture.store.transaction().unwrap();
    let in_first = |kind| SearchFilter {
        conversation: Some(first.conversation),
        ..of(kind)
    };
    assert_eq!(found(&tx, "", of(ContentKind::Link)), [6, 2, 1]);
    assert_eq!(found(&tx, " ", of(ContentKind::Media)), [5, 4]);
    assert_eq!(found(&tx, "", of(ContentKind::File)), [7, 6]);
    assert_eq!(found(&tx, "", in_first(ContentKind::Link)), [1]);
    assert_eq!(found(&tx, "", in_first(ContentKind::Media)), [5]);
    assert_eq!(found(&tx, "tomorrow", of(ContentKind::Link)), [1]);
    assert_eq!(found(&tx, "tomorrow", in_first(ContentKind::Media)), [5]);
    assert_eq!(found(&tx, "tomorrow", of(ContentKind::File)), [0_u64; 0]);
    assert_eq!(found(&tx, "-plan", of(ContentKind::Link)), [2, 1]);
    let from_second = SearchFilter {
        sender: Some(Some(second.contact)),
        ..of(ContentKind::Media)
    };
    assert_eq!(found(&tx, "", from_second), [4]);
    let until = SearchFilter {
        until: Some(NOW.plus(6_000)),
        ..of(ContentKind::Link)
    };
    assert_eq!(found(&tx, "", until), [2, 1]);
}

#[test]
fn without_words_a_filter_decides_and_what_has_no_words_finds_nothing() {
    let (mut fixture, first, second) = history();
    let tx = fixture.store.transaction().unwrap();
    let conversation = SearchFilter {
        conversation: Some(second.conversation),
        ..NONE
    };
    assert_eq!(found(&tx, "", conversation), [6, 4, 2]);
    let sender = SearchFilter {
        sender: Some(Some(first.contact)),
        ..NONE
    };
    assert_eq!(found(&tx, "", sender), [7, 5, 3, 1]);
    assert_eq!(found(&tx, "-photo -nothing", sender), [7, 1]);
    for query in ["", "?!", "-tomorrow"] {
        assert_eq!(found(&tx, query, NONE), [0_u64; 0], "{query}");
    }
    for query in ["?!", "\"\"", "*"] {
        assert_eq!(found(&tx, query, conversation), [0_u64; 0], "{query}");
    }
    // A time alone names nothing.
    let from = SearchFilter {
        from: Some(NOW),
        ..NONE
    };
    assert_eq!(found(&tx, "", from), [0_u64; 0]);
}

#[test]
fn a_filter_is_no_word_that_somebody_could_write() {
    let (mut fixture, first, _) = history();
    fixture.write(|tx| {
        let forged = format!("\u{1}l \u{1}l{} l r \u{1}r", first.conversation.get());
        tx.messages().insert(&message(&first, 9, &forged)).unwrap();
        assert_eq!(found(tx, "", of(ContentKind::Link)), [6, 2, 1]);
        let has_reaction = SearchFilter {
            has_reaction: true,
            ..NONE
        };
        assert_eq!(found(tx, "", has_reaction), [0_u64; 0]);
    });
}

#[test]
fn kinds_follow_edits_and_deletions() {
    let (mut fixture, first, second) = history();
    fixture.write(|tx| {
        let edit = |peer: &Peer, number: u64, body: &str| {
            let row = tx.messages().get(&message(peer, number, "").message_id);
            let row = row.unwrap().unwrap();
            let edit = Revision {
                clock: Hlc::from_packed(row.message.clock.as_packed() + 1),
                body: body.to_owned(),
                parts: None,
            };
            assert!(tx.messages().edit(&row, &edit).unwrap());
        };
        edit(&first, 1, "see nothing tomorrow");
        edit(&first, 3, "here: http://example.org");
        edit(&first, 5, "no photo");
        assert!(remove_here(tx, &message(&second, 6, "").message_id));
    });
    fixture.store.verify().unwrap();
    let tx = fixture.store.transaction().unwrap();
    assert_eq!(found(&tx, "", of(ContentKind::Link)), [3, 2]);
    assert_eq!(found(&tx, "", of(ContentKind::Media)), [4]);
    assert_eq!(found(&tx, "", of(ContentKind::File)), [7]);
}

#[test]
fn reactions_are_found_alone_with_words_and_with_kinds() {
    let (mut fixture, first, second) = history();
    let reacted = SearchFilter {
        has_reaction: true,
        ..NONE
    };
    let reacted_links = SearchFilter {
        has_reaction: true,
        ..of(ContentKind::Link)
    };
    fixture.write(|tx| {
        react(tx, &first, 1, 1, None, &["a"]);
        react(tx, &first, 1, 1, Some(first.contact), &["b", "c"]);
        react(tx, &second, 4, 1, None, &["a"]);
        react(tx, &first, 5, 1, None, &["a"]);
        assert_eq!(found(tx, "", reacted), [5, 4, 1]);
        assert_eq!(found(tx, "tomorrow", reacted), [5, 1]);
        assert_eq!(found(tx, "", reacted_links), [1]);
    });
    fixture.store.verify().unwrap();
    fixture.write(|tx| {
        // Another one still thinks something of it; an older word changes nothing.
        react(tx, &first, 1, 2, None, &[]);
        react(tx, &second, 4, 0, None, &[]);
        react(tx, &first, 5, 2, None, &[]);
        assert_eq!(found(tx, "", reacted), [4, 1]);
        react(tx, &first, 1, 2, Some(first.contact), &[]);
        assert_eq!(found(tx, "", reacted), [4]);
        assert!(remove_here(tx, &message(&second, 4, "").message_id));
        assert_eq!(found(tx, "", reacted), [0_u64; 0]);
    });
    fixture.store.verify().unwrap();
}

/// As a store of schema 3 is after its migration: nothing is known of what its messages have.
#[test]
fn messages_of_before_are_found_by_what_they_have() {
    let (mut fixture, first, _) = history();
    fixture.write(|tx| {
        react(tx, &first, 1, 1, None, &["a"]);
        for index in ["message_fts", "reacted_fts"] {
            tx.run(
                &format!("INSERT INTO {index} ({index}) VALUES ('delete-all')"),
                [],
            )
            .unwrap();
        }
        tx.run("UPDATE message SET kinds = 0", []).unwrap();
        tx.run(
            "INSERT INTO message_fts (message_fts) VALUES ('rebuild')",
            [],
        )
        .unwrap();
        let version = undertone_tokenizer::VERSION.to_be_bytes();
        tx.meta().put(MetaKey("store.tokenizer"), &version).unwrap();
        assert_eq!(found(tx, "", of(ContentKind::Link)), [0_u64; 0]);
    });
    let Fixture { store, folder } = fixture;
    drop(store);
    let mut store = Store::open(&path(&folder), &key()).unwrap();
    store.verify().unwrap();
    let tx = store.transaction().unwrap();
    assert_eq!(found(&tx, "", of(ContentKind::Link)), [6, 2, 1]);
    assert_eq!(found(&tx, "", of(ContentKind::Media)), [5, 4]);
    assert_eq!(found(&tx, "", of(ContentKind::File)), [7, 6]);
    let has_reaction = SearchFilter {
        has_reaction: true,
        ..NONE
    };
    assert_eq!(found(&tx, "", has_reaction), [1]);
}

#[test]
fn a_cleared_conversation_leaves_nothing_in_either_index() {
    let (mut fixture, first, second) = history();
    fixture.write(|tx| {
        let count = u64::try_from(limits::BULK_REMOVAL_MESSAGES).unwrap() + 10;
        for number in 100..100 + count {
            let new = message(&first, number, "http://example.org/");
            tx.messages().insert(&new).unwrap();
            react(tx, &first, number, 1, None, &["a"]);
        }
        react(tx, &second, 2, 1, None, &["a"]);
        tx.messages()
            .remove_conversation(first.conversation)
            .unwrap();
        let has_reaction = SearchFilter {
            has_reaction: true,
            ..NONE
        };
        assert_eq!(found(tx, "", has_reaction), [2]);
        assert_eq!(found(tx, "", of(ContentKind::Link)), [6, 2]);
    });
    fixture.store.verify().unwrap();
}
