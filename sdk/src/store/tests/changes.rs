//! Edits, deletions and reactions: one result whatever the order, and an index that follows.

use undertone_protocol::content::Hlc;

use super::support::*;
use crate::store::*;

/// Something that is done with one message.
#[derive(Clone, Debug)]
enum Done {
    Edit(u64, &'static str),
    React(Option<u64>, u64, &'static [&'static str]),
    Retract,
}

fn at(row: &MessageRow, later: u64) -> Hlc {
    Hlc::from_packed(row.message.clock.as_packed() + later)
}

fn row_of(tx: &Tx<'_>, peer: &Peer) -> MessageRow {
    let id = message(peer, 1, "").message_id;
    tx.messages().get(&id).unwrap().unwrap()
}

fn carry_out(tx: &Tx<'_>, peer: &Peer, done: &Done) {
    let row = row_of(tx, peer);
    match done {
        Done::Edit(later, body) => {
            let edit = Revision {
                clock: at(&row, *later),
                body: (*body).to_owned(),
                parts: (*later == 2).then(|| b"parts".to_vec()),
            };
            tx.messages().edit(&row, &edit).unwrap();
        }
        Done::React(who, later, emoji) => {
            let emoji: Vec<String> = emoji.iter().map(|&one| one.to_owned()).collect();
            let who = who.map(|_| peer.contact);
            tx.reactions()
                .set(row.id, who, at(&row, *later), &emoji)
                .unwrap();
        }
        Done::Retract => _ = tx.messages().retract(&row).unwrap(),
    }
}

fn orders(of: &[Done]) -> Vec<Vec<Done>> {
    if of.is_empty() {
        return vec![vec![]];
    }
    let mut all = Vec::new();
    for (index, first) in of.iter().enumerate() {
        let mut rest = of.to_vec();
        rest.remove(index);
        for mut order in orders(&rest) {
            order.insert(0, first.clone());
            all.push(order);
        }
    }
    all
}

/// Twice each, in every order.
fn results(of: &[Done]) -> Vec<(MessageRow, Vec<Revision>, Vec<usize>)> {
    let mut results = Vec::new();
    for order in orders(of) {
        let mut fixture = Fixture::new();
        let peer = fixture.write(|tx| peer(tx, 1));
        fixture.write(|tx| {
            tx.messages().insert(&message(&peer, 1, "alpha")).unwrap();
            for done in order.iter().chain(&order) {
                carry_out(tx, &peer, done);
            }
        });
        fixture.store.verify().unwrap();
        let tx = fixture.store.transaction().unwrap();
        let row = row_of(&tx, &peer);
        let revisions = tx.messages().revisions(&row).unwrap();
        let found = ["alpha", "beta", "gamma"].map(|word| {
            let query = SearchQuery::parse(word);
            let page = tx.search(&query, &SearchFilter::default(), None, 5);
            page.unwrap().hits.len()
        });
        results.push((row, revisions, found.to_vec()));
    }
    results
}

#[test]
fn edits_and_reactions_have_one_result_in_any_order() {
    let all = results(&[
        Done::Edit(1, "beta"),
        Done::Edit(2, "gamma"),
        Done::React(Some(1), 3, &["a", "b"]),
        Done::React(Some(1), 4, &["b"]),
        Done::React(None, 3, &["c"]),
    ]);
    assert_eq!(all.len(), 120);
    for (mut row, revisions, found) in all {
        row.reactions.sort_by_key(|one| one.sender.is_some());
        assert_eq!(row.message.body, "gamma");
        assert_eq!(row.message.parts.as_deref(), Some(&b"parts"[..]));
        assert_eq!(row.edited, Some(at(&row, 2)));
        let said: Vec<&str> = revisions.iter().map(|one| one.body.as_str()).collect();
        assert_eq!(said, ["alpha", "beta"]);
        assert_eq!(found, [0, 0, 1]);
        let emoji: Vec<&[String]> = row.reactions.iter().map(|one| &one.emoji[..]).collect();
        assert_eq!(emoji, [["c"], ["b"]]);
    }
}

#[test]
fn a_deletion_ends_all_whatever_comes_before_and_behind_it() {
    let all = results(&[Done::Edit(1, "beta"), Done::Edit(2, "gamma"), Done::Retract]);
    for (row, revisions, found) in all {
        assert_eq!(row.message.kind, MessageKind::Deleted);
        assert_eq!((row.message.body.as_str(), row.message.parts), ("", None));
        assert_eq!((row.edited, revisions.len()), (None, 0));
        assert_eq!(found, [0, 0, 0]);
    }
}

#[test]
fn what_was_deleted_here_is_in_no_page_and_not_added_again() {
    let mut fixture = Fixture::new();
    let peer = fixture.write(|tx| peer(tx, 1));
    fixture.write(|tx| {
        for number in 1..=3 {
            tx.messages()
                .insert(&message(&peer, number, "text"))
                .unwrap();
        }
        let id = message(&peer, 2, "").message_id;
        assert!(remove_here(tx, &id));
        assert!(!remove_here(tx, &id), "once");
        let again = tx.messages().insert(&message(&peer, 2, "text")).unwrap();
        assert!(matches!(again, Inserted::Duplicate(_)));
        let first = row_of(tx, &peer).position();
        let before = tx.messages().before(peer.conversation, None, 9).unwrap();
        let after = tx.messages().after(peer.conversation, first, 9).unwrap();
        assert_eq!((before.len(), after.len()), (2, 1));
        let list = tx.conversations().get(peer.conversation).unwrap().unwrap();
        assert_eq!(list.unread, 2);
        // The author's deletion leaves it as it is.
        let row = tx.messages().get(&id).unwrap().unwrap();
        assert!(!tx.messages().retract(&row).unwrap());
    });
}

#[test]
fn early_changes_are_bounded_for_each_contact_and_forgotten() {
    let mut fixture = Fixture::new();
    let (one, other) = fixture.write(|tx| (peer(tx, 1), peer(tx, 2)));
    fixture.write(|tx| {
        let target = message(&one, 1, "").message_id;
        let early = tx.early_changes();
        let keep = |peer: &Peer, content: &[u8], now| {
            early.keep(peer.contact, &target, content, now, 2).unwrap();
        };
        keep(&other, b"other", NOW);
        for content in [b"1", b"2", b"3"] {
            keep(&one, content, NOW.plus(1));
        }
        assert_eq!(early.remove_before(NOW.plus(1)).unwrap(), 1);
        assert!(early.take(other.contact, &target).unwrap().is_empty());
        assert_eq!(early.take(one.contact, &target).unwrap(), [b"2", b"3"]);
        assert!(early.take(one.contact, &target).unwrap().is_empty());
    });
}

#[test]
fn a_search_can_be_limited_to_what_somebody_reacted_to() {
    let mut fixture = Fixture::new();
    let peer = fixture.write(|tx| peer(tx, 1));
    fixture.write(|tx| {
        for number in 1..=3 {
            let new = message(&peer, number, "the same words");
            tx.messages().insert(&new).unwrap();
        }
        let found = |has_reaction| {
            let query = SearchQuery::parse("words");
            let filter = SearchFilter {
                has_reaction,
                ..SearchFilter::default()
            };
            tx.search(&query, &filter, None, 9).unwrap().hits.len()
        };
        let row = row_of(tx, &peer);
        let react = |later, emoji: &[String]| {
            tx.reactions()
                .set(row.id, None, at(&row, later), emoji)
                .unwrap();
        };
        assert_eq!((found(false), found(true)), (3, 0));
        react(1, &["a".to_owned()]);
        assert_eq!((found(false), found(true)), (3, 1));
        react(2, &[]);
        assert_eq!((found(false), found(true)), (3, 0));
    });
}
