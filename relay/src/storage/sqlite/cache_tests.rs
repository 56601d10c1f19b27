//! What is written, and what is forgotten.

use super::*;

fn id(n: usize) -> MailboxId {
    let mut id = [0; 16];
    id[..8].copy_from_slice(&n.to_be_bytes());
    MailboxId::from_bytes(id)
}

fn with(mailboxes: usize) -> Cache {
    let mut cache = Cache::default();
    for n in 0..mailboxes {
        cache.insert(
            id(n),
            Cached::read(i64::try_from(n).unwrap(), MailboxState::default()),
        );
    }
    cache
}

fn changed(cache: &Cache) -> Vec<i64> {
    cache.changed().map(|cached| cached.no).collect()
}

#[test]
fn what_a_batch_changed_is_written_once() {
    let mut cache = with(100);
    for n in [3, 5, 3] {
        cache.change(id(n)).unwrap().state.messages += 1;
    }
    cache.get_mut(id(7)).unwrap();
    assert_eq!(changed(&cache), [3, 5]);
    cache.remove(id(5));
    assert_eq!(changed(&cache), [3]);
    cache.written();
    assert_eq!(changed(&cache), [0; 0]);
    cache.change(id(3)).unwrap();
    assert_eq!(changed(&cache), [3]);
}

#[test]
fn when_there_are_too_many_those_in_use_stay() {
    let mut cache = with(KEPT);
    cache.written();
    assert_eq!(cache.mailboxes.len(), KEPT);
    cache.insert(id(KEPT), Cached::read(0, MailboxState::default()));
    // All are as new: some of them go, and from now on use counts.
    cache.written();
    let left = KEPT - KEPT / FORGOTTEN_AT_A_TIME;
    assert_eq!(cache.mailboxes.len(), left);
    let hot: Vec<MailboxId> = cache.mailboxes.keys().copied().take(KEPT / 2).collect();
    let mut next = KEPT;
    for _ in 0..20 {
        hot.iter()
            .for_each(|id| assert!(cache.get_mut(*id).is_some()));
        for _ in 0..KEPT / 10 {
            next += 1;
            cache.insert(id(next), Cached::read(0, MailboxState::default()));
        }
        cache.written();
        assert!(cache.mailboxes.len() <= KEPT);
    }
    assert!(hot.iter().all(|id| cache.has(*id)));
}
