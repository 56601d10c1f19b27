//! Mailboxes: order, idempotence, bounds, acks, expiry, tokens.

use bytes::Bytes;
use undertone_wire::bearer::BearerHash;

use super::{DAY, Engine, MINUTE, ROOMY, START, append, batch, mailbox_id, message, queued};
use crate::storage::{
    Append, AppendBounds, Incoming, MAILBOX_TTL_MS, Retention, SeqRange, Token, TokenKind, Via,
};

fn open(engine: &mut dyn Engine, mailbox: u8) {
    batch(engine, |storage| {
        assert!(storage.open_mailbox(mailbox_id(mailbox), START).unwrap());
        assert!(!storage.open_mailbox(mailbox_id(mailbox), START).unwrap());
    });
}

fn stored(append: Append) -> u64 {
    match append {
        Append::Stored(seq) => seq,
        other => panic!("{other:?}"),
    }
}

pub(super) fn sequences_rise_and_start_anew_at_each_opening(engine: &mut dyn Engine) {
    open(engine, 1);
    let first = batch(engine, |storage| {
        let first = stored(append(storage, 1, message(1, 10, START)));
        assert_eq!(stored(append(storage, 1, message(2, 10, START))), first + 1);
        first
    });
    assert_eq!(first, (START.0 / 1000) << 20);
    let later = START.plus(5_000);
    engine.restart(later);
    batch(engine, |storage| {
        let seq = stored(append(storage, 1, message(3, 10, later)));
        assert_eq!(seq, (later.0 / 1000) << 20);
    });
}

pub(super) fn a_clock_that_went_back_does_not_repeat_a_sequence(engine: &mut dyn Engine) {
    open(engine, 1);
    let first = batch(engine, |storage| {
        stored(append(storage, 1, message(1, 10, START)))
    });
    batch(engine, |storage| {
        storage.ack(mailbox_id(1), first, START).unwrap();
    });
    let earlier = crate::storage::Timestamp(START.0 - 60_000);
    engine.restart(earlier);
    batch(engine, |storage| {
        let seq = stored(append(storage, 1, message(2, 10, earlier)));
        assert_eq!(seq, first + 1);
    });
}

pub(super) fn appending_is_idempotent_while_queued_and_ten_minutes_after(engine: &mut dyn Engine) {
    open(engine, 1);
    batch(engine, |storage| {
        let seq = stored(append(storage, 1, message(1, 10, START)));
        let later = START.plus(3 * DAY);
        assert_eq!(append(storage, 1, message(1, 10, later)), Append::Duplicate);
        storage.ack(mailbox_id(1), seq, later).unwrap();
        let soon = later.plus(10 * MINUTE);
        assert_eq!(append(storage, 1, message(1, 10, soon)), Append::Duplicate);
        assert!(queued(storage, 1).is_empty());
        let late = later.plus(12 * MINUTE);
        assert!(stored(append(storage, 1, message(1, 10, late))) > seq);
    });
}

pub(super) fn ids_are_remembered_across_a_restart(engine: &mut dyn Engine) {
    open(engine, 1);
    batch(engine, |storage| {
        let seq = stored(append(storage, 1, message(1, 10, START)));
        storage.ack(mailbox_id(1), seq, START).unwrap();
    });
    let soon = START.plus(MINUTE);
    engine.restart(soon);
    batch(engine, |storage| {
        assert_eq!(append(storage, 1, message(1, 10, soon)), Append::Duplicate);
        storage.sweep(soon, &Retention::default(), 100).unwrap();
        assert_eq!(append(storage, 1, message(1, 10, soon)), Append::Duplicate);
        let late = START.plus(12 * MINUTE);
        storage.sweep(late, &Retention::default(), 100).unwrap();
        stored(append(storage, 1, message(1, 10, late)));
    });
}

pub(super) fn bounds_hold_for_messages_bytes_and_knocks(engine: &mut dyn Engine) {
    open(engine, 1);
    let bounds = AppendBounds {
        messages: 3,
        bytes: 100,
        knocks: 1,
    };
    let knock = |n| Incoming {
        via: Via::Knock,
        ..message(n, 40, START)
    };
    let id = mailbox_id(1);
    batch(engine, |storage| {
        stored(storage.append(id, knock(1), bounds).unwrap());
        assert_eq!(storage.append(id, knock(2), bounds).unwrap(), Append::Full);
        stored(storage.append(id, message(3, 40, START), bounds).unwrap());
        let large = message(4, 21, START);
        assert_eq!(storage.append(id, large, bounds).unwrap(), Append::Full);
        stored(storage.append(id, message(5, 20, START), bounds).unwrap());
        let fourth = message(6, 0, START);
        assert_eq!(storage.append(id, fourth, bounds).unwrap(), Append::Full);
        let state = storage.mailbox(id).unwrap().unwrap();
        assert_eq!((state.messages, state.bytes, state.knocks), (3, 100, 1));
        storage.ack(id, state.last_seq, START).unwrap();
        let state = storage.mailbox(id).unwrap().unwrap();
        assert_eq!((state.messages, state.bytes, state.knocks), (0, 0, 0));
        stored(storage.append(id, knock(2), bounds).unwrap());
    });
}

pub(super) fn a_duplicate_is_known_even_when_full(engine: &mut dyn Engine) {
    open(engine, 1);
    let nothing = AppendBounds {
        messages: 0,
        bytes: 0,
        knocks: 0,
    };
    batch(engine, |storage| {
        stored(append(storage, 1, message(1, 10, START)));
        let again = storage.append(mailbox_id(1), message(1, 10, START), nothing);
        assert_eq!(again.unwrap(), Append::Duplicate);
    });
}

pub(super) fn acks_are_cumulative_idempotent_and_clamped(engine: &mut dyn Engine) {
    open(engine, 1);
    let id = mailbox_id(1);
    let seqs: Vec<u64> = batch(engine, |storage| {
        (1..=4)
            .map(|n| stored(append(storage, 1, message(n, 10, START))))
            .collect()
    });
    batch(engine, |storage| {
        assert_eq!(storage.ack(id, seqs[1], START).unwrap(), 2);
        assert_eq!(storage.ack(id, seqs[0], START).unwrap(), 0);
        assert_eq!(queued(storage, 1), seqs[2..]);
        assert_eq!(storage.mailbox(id).unwrap().unwrap().acked_seq, seqs[1]);
        storage.ack(id, u64::MAX, START).unwrap();
        let state = storage.mailbox(id).unwrap().unwrap();
        assert_eq!((state.acked_seq, state.messages), (seqs[3], 0));
        // What comes next is not acked in advance.
        let next = stored(append(storage, 1, message(5, 10, START)));
        assert_eq!(queued(storage, 1), [next]);
    });
}

pub(super) fn pages_respect_both_bounds(engine: &mut dyn Engine) {
    open(engine, 1);
    let id = mailbox_id(1);
    batch(engine, |storage| {
        let seqs: Vec<u64> = (1..=5)
            .map(|n| stored(append(storage, 1, message(n, 40, START))))
            .collect();
        let page = storage.page(id, seqs[0], 2, usize::MAX).unwrap();
        assert_eq!(page[0].seq, seqs[1]);
        assert_eq!(page[0].envelope, message(2, 40, START).envelope);
        assert_eq!(page[0].message_id, message(2, 40, START).message_id);
        assert_eq!(page.len(), 2);
        assert_eq!(storage.page(id, 0, 10, 1).unwrap().len(), 1);
        assert_eq!(storage.page(id, 0, 10, 41).unwrap().len(), 2);
        assert_eq!(storage.page(id, 0, 0, 1).unwrap().len(), 0);
        assert_eq!(storage.page(id, seqs[4], 10, 1).unwrap().len(), 0);
    });
}

pub(super) fn a_shared_payload_lives_as_long_as_an_entry(engine: &mut dyn Engine) {
    open(engine, 1);
    open(engine, 2);
    let envelope = Bytes::from_static(b"for both");
    let seq = batch(engine, |storage| {
        let shared = Some(storage.share_payload(&envelope).unwrap());
        let incoming = |n| Incoming {
            shared,
            envelope: envelope.clone(),
            ..message(n, 0, START)
        };
        let first = stored(append(storage, 1, incoming(1)));
        assert_eq!(stored(append(storage, 2, incoming(2))), first);
        first
    });
    engine.restart(START);
    batch(engine, |storage| {
        storage.ack(mailbox_id(1), seq, START).unwrap();
        let page = storage.page(mailbox_id(2), 0, 10, 1_000).unwrap();
        assert_eq!(page[0].envelope, envelope);
        let state = storage.mailbox(mailbox_id(2)).unwrap().unwrap();
        assert_eq!(state.bytes, 8);
    });
    batch(engine, |storage| {
        assert_eq!(storage.totals().unwrap().message_bytes, 8);
        storage.delete_mailbox(mailbox_id(2)).unwrap();
        assert_eq!(storage.totals().unwrap().message_bytes, 0);
    });
}

pub(super) fn a_payload_nobody_took_is_gone(engine: &mut dyn Engine) {
    open(engine, 1);
    let envelope = Bytes::from_static(b"for nobody");
    let id = batch(engine, |storage| storage.share_payload(&envelope).unwrap());
    batch(engine, |storage| {
        let incoming = Incoming {
            shared: Some(id),
            envelope: Bytes::from_static(b"own"),
            ..message(1, 0, START)
        };
        append(storage, 1, incoming);
        let page = storage.page(mailbox_id(1), 0, 10, 1_000);
        // Whatever an engine makes of the dangling id, the old payload is not there.
        assert!(page.is_err() || page.is_ok_and(|page| page[0].envelope != envelope));
        storage.delete_mailbox(mailbox_id(1)).unwrap();
    });
}

pub(super) fn what_expires_leaves_a_range_until_it_is_acked(engine: &mut dyn Engine) {
    open(engine, 1);
    let id = mailbox_id(1);
    let fresh = START.plus(29 * DAY);
    let seqs: Vec<u64> = batch(engine, |storage| {
        let mut seqs: Vec<u64> = (1..=3)
            .map(|n| stored(append(storage, 1, message(n, 10, START))))
            .collect();
        seqs.push(stored(append(storage, 1, message(4, 10, fresh))));
        seqs
    });
    batch(engine, |storage| {
        let swept = storage
            .sweep(START.plus(30 * DAY), &Retention::default(), 100)
            .unwrap();
        assert_eq!(swept.expired_messages, 0);
    });
    let late = START.plus(30 * DAY + MINUTE);
    batch(engine, |storage| {
        let swept = storage.sweep(late, &Retention::default(), 2).unwrap();
        assert_eq!((swept.expired_messages, swept.more), (2, true));
        let swept = storage.sweep(late, &Retention::default(), 100).unwrap();
        assert_eq!((swept.expired_messages, swept.more), (1, false));
    });
    engine.restart(late);
    batch(engine, |storage| {
        let state = storage.mailbox(id).unwrap().unwrap();
        let range = SeqRange {
            first: seqs[0],
            last: seqs[2],
        };
        assert_eq!(state.expired, Some(range));
        assert_eq!((state.messages, state.bytes), (1, 10));
        assert_eq!(queued(storage, 1), [seqs[3]]);
        storage.ack(id, seqs[2], late).unwrap();
        assert_eq!(storage.mailbox(id).unwrap().unwrap().expired, None);
        assert_eq!(queued(storage, 1), [seqs[3]]);
    });
}

pub(super) fn token(n: u8, quota: Option<u32>) -> Token {
    Token {
        hash: BearerHash::of(&[n; 16]),
        kind: TokenKind::Delivery,
        expires: Some(START.plus(DAY)),
        quota,
        used: 0,
    }
}

pub(super) fn tokens_are_replaced_as_a_set_and_keep_their_use(engine: &mut dyn Engine) {
    open(engine, 1);
    let id = mailbox_id(1);
    let (one, two) = (token(1, Some(5)), token(2, None));
    batch(engine, |storage| {
        storage.set_tokens(id, &[one, two]).unwrap();
        assert_eq!(&*storage.tokens(id).unwrap(), &[one, two]);
        storage.use_token(id, &one.hash).unwrap();
        storage.use_token(id, &one.hash).unwrap();
        assert_eq!(storage.tokens(id).unwrap()[0].used, 2);
    });
    engine.restart(START);
    batch(engine, |storage| {
        let invite = Token {
            kind: TokenKind::Invite,
            expires: None,
            ..token(3, Some(9))
        };
        storage.set_tokens(id, &[invite, one]).unwrap();
        let tokens = storage.tokens(id).unwrap();
        assert_eq!(tokens[0], invite);
        assert_eq!(tokens[1].used, 2);
        storage.set_tokens(id, &[]).unwrap();
        assert!(storage.tokens(id).unwrap().is_empty());
    });
    // A rollback takes uses back as well.
    batch(engine, |storage| storage.set_tokens(id, &[one]).unwrap());
    let storage = engine.storage();
    assert_eq!(storage.tokens(id).unwrap()[0].used, 0);
    storage.begin().unwrap();
    storage.use_token(id, &one.hash).unwrap();
    assert_eq!(storage.tokens(id).unwrap()[0].used, 1);
    storage.rollback();
    assert_eq!(storage.tokens(id).unwrap()[0].used, 0);
}

pub(super) fn deleting_removes_everything(engine: &mut dyn Engine) {
    open(engine, 1);
    let id = mailbox_id(1);
    batch(engine, |storage| {
        append(storage, 1, message(1, 10, START));
        storage.set_tokens(id, &[token(1, None)]).unwrap();
        storage.delete_mailbox(id).unwrap();
        storage.delete_mailbox(id).unwrap();
        assert_eq!(storage.mailbox(id).unwrap(), None);
        assert!(storage.tokens(id).unwrap().is_empty());
        assert!(storage.open_mailbox(id, START).unwrap());
        assert!(queued(storage, 1).is_empty());
        assert!(storage.tokens(id).unwrap().is_empty());
        stored(append(storage, 1, message(1, 10, START)));
    });
}

pub(super) fn unseen_mailboxes_are_removed(engine: &mut dyn Engine) {
    open(engine, 1);
    open(engine, 2);
    let later = START.plus(50 * DAY);
    batch(engine, |storage| {
        assert!(!storage.open_mailbox(mailbox_id(2), later).unwrap());
        let end = START.plus(MAILBOX_TTL_MS + DAY);
        storage.sweep(end, &Retention::default(), 100).unwrap();
        assert_eq!(storage.mailbox(mailbox_id(1)).unwrap(), None);
        assert!(storage.mailbox(mailbox_id(2)).unwrap().is_some());
    });
}

pub(super) fn nothing_works_on_an_unknown_mailbox(engine: &mut dyn Engine) {
    let id = mailbox_id(9);
    batch(engine, |storage| {
        assert_eq!(storage.mailbox(id).unwrap(), None);
        assert_eq!(append(storage, 9, message(1, 10, START)), Append::NoMailbox);
        assert!(storage.page(id, 0, 10, 10).unwrap().is_empty());
        storage.ack(id, 5, START).unwrap();
        storage.set_tokens(id, &[token(1, None)]).unwrap();
        storage.use_token(id, &token(1, None).hash).unwrap();
        assert!(storage.tokens(id).unwrap().is_empty());
        assert_eq!(storage.totals().unwrap().mailboxes, 0);
        let _ = ROOMY;
    });
}
