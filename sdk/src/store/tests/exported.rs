//! Whole conversations, page by page.

use undertone_protocol::content::Hlc;

use super::support::*;
use crate::store::*;

#[test]
fn pages_of_an_export_have_everything_once_and_in_order() {
    let mut fixture = Fixture::new();
    let (peer, other) = fixture.write(|tx| (peer(tx, 1), peer(tx, 2)));
    fixture.write(|tx| {
        for number in 0..20 {
            let mut new = message(&peer, number / 2, &format!("text {number}"));
            // Pairs that claim one place.
            new.message_id = message(&peer, 100 + number, "").message_id;
            tx.messages().insert(&new).unwrap();
            let row = tx.messages().get(&new.message_id).unwrap().unwrap();
            if number % 3 == 0 {
                let edit = Revision {
                    clock: Hlc::from_packed(new.clock.as_packed() + 1),
                    body: format!("edited {number}"),
                    parts: None,
                };
                assert!(tx.messages().edit(&row, &edit).unwrap());
            }
            if number % 4 == 0 {
                let emoji = ["👍".to_owned()];
                for sender in [Some(peer.contact), None] {
                    tx.reactions()
                        .set(row.id, sender, Hlc::from_packed(number + 1), &emoji)
                        .unwrap();
                }
                tx.reactions()
                    .set(row.id, None, Hlc::from_packed(number + 2), &[])
                    .unwrap();
            }
        }
        let gone = message(&peer, 500, "gone");
        tx.messages().insert(&gone).unwrap();
        assert!(remove_here(tx, &gone.message_id));
        tx.messages()
            .insert(&message(&other, 501, "of another"))
            .unwrap();
    });
    let tx = fixture.store.transaction().unwrap();
    let whole = tx
        .messages()
        .exported(peer.conversation, None, 500)
        .unwrap();
    assert_eq!(whole.len(), 20);
    for limit in 1..4 {
        let (mut pages, mut after) = (Vec::new(), None);
        loop {
            let page = tx
                .messages()
                .exported(peer.conversation, after, limit)
                .unwrap();
            let Some(last) = page.last() else { break };
            after = Some(last.cursor());
            pages.extend(page);
        }
        assert_eq!(pages, whole, "{limit} a page");
    }
    assert!(whole.is_sorted_by_key(|message| (message.row.position(), message.row.id)));
    let text = |number: u64| {
        let id = message(&peer, 100 + number, "").message_id;
        whole
            .iter()
            .find(|exported| exported.row.message.message_id == id)
            .unwrap()
    };
    assert_eq!(text(3).row.message.body, "edited 3");
    assert_eq!(text(3).revisions[0].body, "text 3");
    let reactions: Vec<_> = text(4)
        .reactions
        .iter()
        .map(|one| (one.sender, one.emoji.len()))
        .collect();
    assert_eq!(reactions, [(None, 0), (Some(peer.contact), 1)]);
    assert!(text(5).revisions.is_empty() && text(5).reactions.is_empty());
}

#[test]
fn what_fails_as_a_whole_leaves_nothing_and_the_transaction_goes_on() {
    let mut fixture = Fixture::new();
    let peer = fixture.write(|tx| peer(tx, 1));
    fixture.write(|tx| {
        tx.messages().insert(&message(&peer, 1, "before")).unwrap();
        let failed = tx.as_a_whole(|| {
            tx.messages().insert(&message(&peer, 2, "inside"))?;
            Err::<(), _>(StoreError::OutOfRange)
        });
        assert_eq!(failed, Err(StoreError::OutOfRange));
        tx.messages().insert(&message(&peer, 3, "after")).unwrap();
        let done: Result<(), StoreError> = tx.as_a_whole(|| {
            tx.messages().insert(&message(&peer, 4, "inside again"))?;
            Ok(())
        });
        done.unwrap();
    });
    fixture.store.verify().unwrap();
    let tx = fixture.store.transaction().unwrap();
    let rows = tx.messages().exported(peer.conversation, None, 10).unwrap();
    let bodies: Vec<_> = rows
        .iter()
        .map(|row| row.row.message.body.as_str())
        .collect();
    assert_eq!(bodies, ["before", "after", "inside again"]);
    let list = tx.conversations().list(false, None, 1).unwrap();
    assert_eq!(list[0].unread, 3);
}
