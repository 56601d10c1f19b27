//! Searching by relevance: what is better, and pages that show everything once.

use super::support::*;
use crate::store::*;

const BEST: SearchFilter = SearchFilter {
    conversation: None,
    sender: None,
    kind: None,
    from: None,
    until: None,
    has_reaction: false,
    order: SearchOrder::Relevance,
};

fn with_messages(bodies: impl IntoIterator<Item = String>) -> (Fixture, Peer) {
    let mut fixture = Fixture::new();
    let peer = fixture.write(|tx| {
        let peer = peer(tx, 1);
        for (number, body) in (1..).zip(bodies) {
            tx.messages()
                .insert(&message(&peer, number, &body))
                .unwrap();
        }
        peer
    });
    (fixture, peer)
}

/// The bodies in the order in which a query finds them.
fn order(bodies: &[&str], query: &SearchQuery) -> Vec<String> {
    let (mut fixture, _) = with_messages(bodies.iter().map(|&body| body.to_owned()));
    let tx = fixture.store.transaction().unwrap();
    let page = tx.search(query, &BEST, None, 50).unwrap();
    let hits = page.hits.into_iter();
    hits.map(|hit| hit.message.message.body).collect()
}

#[test]
fn words_next_to_each_other_are_better() {
    let query = SearchQuery::parse("green tea");
    let bodies = [
        "Green, tea: both words of it, and many other words besides",
        "tea is green",
        "green is tea",
    ];
    let expected = [bodies[0], bodies[2], bodies[1]];
    assert_eq!(order(&bodies, &query), expected);
}

#[test]
fn whole_words_are_better_than_begun_ones() {
    for (query, bodies) in [
        ("tea", ["the tea is nearly ready for all of us", "teapot"]),
        ("te", ["te deum laudamus, and all the rest", "teapot"]),
        ("京", ["新東京", "京都です"]),
    ] {
        assert_eq!(
            order(&bodies, &SearchQuery::as_typed(query)),
            bodies,
            "{query}"
        );
    }
    // Typed to the end, each of them is whole: the shorter one is more of it.
    let bodies = ["the tea is nearly ready for all of us", "tea, then"];
    let found = order(&bodies, &SearchQuery::parse("tea"));
    assert_eq!(found, [bodies[1], bodies[0]]);
}

#[test]
fn a_larger_part_of_the_text_is_better_and_then_the_newer() {
    let bodies = ["storm here", "storm", "a storm is coming", "storm here"];
    let found = order(&bodies, &SearchQuery::parse("storm"));
    assert_eq!(
        found,
        ["storm", "storm here", "storm here", "a storm is coming"]
    );
}

#[test]
fn a_long_text_is_ranked_by_its_beginning() {
    let long = format!("{}storm", "other words ".repeat(limits::RANKED_CHARS));
    let (mut fixture, _) = with_messages([long, "a storm is coming up tonight".to_owned()]);
    let tx = fixture.store.transaction().unwrap();
    let page = tx
        .search(&SearchQuery::parse("storm"), &BEST, None, 5)
        .unwrap();
    let found: Vec<u64> = page
        .hits
        .iter()
        .map(|hit| hit.message.message.seq)
        .collect();
    assert_eq!(found, [2, 1]);
    assert_eq!(
        page.hits[1].highlights.len(),
        1,
        "it is marked all the same"
    );
}

/// Pages until the end, with something done behind each.
fn all(
    fixture: &mut Fixture,
    limit: usize,
    mut between: impl FnMut(&Tx<'_>, usize),
) -> Vec<Vec<u64>> {
    let query = SearchQuery::parse("storm");
    let (mut pages, mut after) = (Vec::new(), None);
    loop {
        let tx = fixture.store.transaction().unwrap();
        let page = tx.search(&query, &BEST, after, limit).unwrap();
        let hits = page.hits.iter();
        pages.push(hits.map(|hit| hit.message.message.seq).collect());
        after = page.next;
        between(&tx, pages.len());
        tx.commit().unwrap();
        if after.is_none() {
            return pages;
        }
    }
}

/// Every third one is better than the others.
fn storms(count: u64) -> (Fixture, Peer) {
    with_messages((1..=count).map(|number| match number % 3 {
        0 => "storm".to_owned(),
        _ => "a storm is coming".to_owned(),
    }))
}

fn is_better(number: u64) -> bool {
    number.is_multiple_of(3)
}

#[test]
fn the_newest_are_ranked_together_and_then_those_before_them() {
    let window = u64::try_from(limits::MAX_RANKED).unwrap();
    let (mut fixture, _) = storms(2 * window + 100);
    let pages = all(&mut fixture, 60, |_, _| {});
    let newest_first = |from: u64, to: u64| {
        let better = (from..=to).rev().filter(|number| is_better(*number));
        let others = (from..=to).rev().filter(|number| !is_better(*number));
        better.chain(others).collect::<Vec<_>>()
    };
    let expected = [
        newest_first(window + 101, 2 * window + 100),
        newest_first(101, window + 100),
        newest_first(1, 100),
    ];
    assert_eq!(pages.concat(), expected.concat());
    assert!(
        pages
            .iter()
            .all(|page| !page.is_empty() && page.len() <= 60)
    );
}

#[test]
fn what_comes_and_goes_while_somebody_pages_moves_nothing_else() {
    let (mut fixture, peer) = storms(700);
    let pages = all(&mut fixture, 100, |tx, page| {
        if page == 1 {
            let new = message(&peer, 9_000, "storm");
            tx.messages().insert(&new).unwrap();
            for number in [699, 698, 300, 2] {
                assert!(remove_here(tx, &message(&peer, number, "").message_id));
            }
        }
    });
    let mut found = pages.concat();
    found.sort_unstable();
    let gone = [698, 300, 2];
    let expected: Vec<u64> = (1..=700).filter(|number| !gone.contains(number)).collect();
    assert_eq!(found, expected, "each once; 699 was on the first page");
}

#[test]
fn a_full_window_at_the_end_is_followed_by_an_empty_page_or_none() {
    let (mut fixture, _) = storms(u64::try_from(limits::MAX_RANKED).unwrap());
    let pages = all(&mut fixture, limits::MAX_PAGE_ROWS, |_, _| {});
    assert_eq!(pages.concat().len(), limits::MAX_RANKED);
    assert!(pages.len() <= 2);
}

#[test]
fn both_orders_find_the_same() {
    let (mut fixture, _) = storms(50);
    let newest = SearchFilter {
        order: SearchOrder::Newest,
        ..BEST
    };
    let tx = fixture.store.transaction().unwrap();
    let query = SearchQuery::parse("storm");
    let newest = tx.search(&query, &newest, None, 50).unwrap();
    let best = tx.search(&query, &BEST, None, 50).unwrap();
    let sorted = |page: SearchPage| {
        let mut ids: Vec<_> = page.hits.iter().map(|hit| hit.message.id).collect();
        ids.sort_unstable();
        ids
    };
    assert_eq!(sorted(newest), sorted(best));
    let none = tx.search(&query, &BEST, None, 0).unwrap();
    assert_eq!((none.hits.len(), none.next), (0, None));
}
