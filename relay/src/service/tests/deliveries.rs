//! Deliveries: at least once, in order, within the window, with gaps told.

use bytes::Bytes;
use undertone_wire::frame::Body;
use undertone_wire::limits::{DELIVERY_WINDOW, DELIVERY_WINDOW_BYTES, ENVELOPE_TTL_MS};
use undertone_wire::{Credit, MessageId, Send, Sent};

use super::{DAY, MINUTE, Owner, Relay, config, send_to};
use crate::service::limits::BACKLOG_BYTES;
use crate::service::{ConnectionId, ServiceConfig};

fn numbered(owner: &Owner, n: u32, len: usize) -> Send {
    Send {
        message_id: MessageId::derive(MessageId::from_bytes([0; 16]), n).to_field(),
        envelope: Bytes::from([&n.to_be_bytes()[..], &vec![0; len]].concat()),
        ..send_to(owner, 0, 1)
    }
}

fn fill(relay: &mut Relay, owner: &Owner, numbers: std::ops::Range<u32>, len: usize) {
    let sender = relay.connect();
    let frames: Vec<_> = numbers
        .map(|n| relay.frame(Body::Send(numbered(owner, n, len))))
        .collect();
    relay.batch(|batch| {
        frames
            .into_iter()
            .for_each(|frame| batch.frame(sender, frame))
    });
    relay.batch(|batch| batch.close(sender));
}

/// Numbers and the last sequence of what was delivered, and whether `CaughtUp` came after them.
fn received(relay: &mut Relay, conn: ConnectionId) -> (Vec<u32>, u64, bool) {
    let (mut numbers, mut last, mut caught_up) = (Vec::new(), 0, false);
    for body in relay.unasked(conn) {
        match body {
            Body::Deliver(deliver) => {
                assert!(deliver.seq > last);
                last = deliver.seq;
                let head: [u8; 4] = deliver.envelope[..4].try_into().unwrap();
                numbers.push(u32::from_be_bytes(head));
            }
            Body::CaughtUp(_) => {
                assert!(!caught_up);
                caught_up = true;
            }
            other => panic!("{other:?}"),
        }
    }
    (numbers, last, caught_up)
}

#[test]
fn an_empty_mailbox_is_caught_up_at_once() {
    let mut relay = Relay::new();
    let owner = relay.mailbox(1);
    let conn = relay.online(&owner);
    assert_eq!(received(&mut relay, conn), (vec![], 0, true));
}

#[test]
fn a_backlog_comes_in_windows_and_then_caught_up_once() {
    let mut relay = Relay::with(ServiceConfig {
        source_share: 0,
        ..config()
    });
    let owner = relay.mailbox(1);
    fill(&mut relay, &owner, 0..600, 10);
    let conn = relay.online(&owner);
    let (first, last, caught_up) = received(&mut relay, conn);
    assert_eq!(first, (0..DELIVERY_WINDOW).collect::<Vec<_>>());
    assert!(!caught_up);
    relay.ack(conn, last - 100);
    let (second, last, _) = received(&mut relay, conn);
    assert_eq!(second, (256..412).collect::<Vec<_>>());
    relay.ack(conn, last);
    let (third, last, caught_up) = received(&mut relay, conn);
    assert_eq!(third, (412..600).collect::<Vec<_>>());
    assert!(caught_up);
    fill(&mut relay, &owner, 600..602, 10);
    relay.ack(conn, last);
    assert_eq!(received(&mut relay, conn).0, [600, 601]);
}

#[test]
fn the_window_counts_bytes_too() {
    let mut relay = Relay::with(ServiceConfig {
        source_share: 0,
        ..config()
    });
    let owner = relay.mailbox(1);
    fill(&mut relay, &owner, 0..40, 60_000);
    let conn = relay.online(&owner);
    let (first, last, _) = received(&mut relay, conn);
    let most = DELIVERY_WINDOW_BYTES / 60_004 + 1;
    assert_eq!(first.len(), most);
    relay.ack(conn, last);
    assert_eq!(received(&mut relay, conn).0.len(), most);
}

#[test]
fn what_is_not_acked_comes_again() {
    let mut relay = Relay::new();
    let owner = relay.mailbox(1);
    fill(&mut relay, &owner, 0..5, 10);
    let conn = relay.online(&owner);
    let (_, last, _) = received(&mut relay, conn);
    relay.ack(conn, last - 2);
    relay.batch(|batch| batch.close(conn));
    let conn = relay.online(&owner);
    assert_eq!(received(&mut relay, conn).0, [3, 4]);
    // A cursor skips what the client has, without acking it.
    let skipping = relay.connect();
    let frame = relay.login_frame(skipping, &owner, last - 1);
    relay.batch(|batch| batch.frame(skipping, frame));
    let answers = relay.unasked(skipping);
    assert!(matches!(&answers[..], [Body::Deliver(d), Body::CaughtUp(_)] if d.seq == last));
}

#[test]
fn a_cursor_ahead_of_the_store_skips_nothing() {
    let mut relay = Relay::new();
    let owner = relay.mailbox(1);
    fill(&mut relay, &owner, 0..2, 10);
    let conn = relay.connect();
    let frame = relay.login_frame(conn, &owner, u64::MAX);
    relay.batch(|batch| batch.frame(conn, frame));
    assert_eq!(received(&mut relay, conn).0, [0, 1]);
}

#[test]
fn an_ack_reaches_no_further_than_what_was_delivered() {
    let mut relay = Relay::with(ServiceConfig {
        source_share: 0,
        ..config()
    });
    let owner = relay.mailbox(1);
    fill(&mut relay, &owner, 0..300, 10);
    let conn = relay.online(&owner);
    received(&mut relay, conn);
    relay.ack(conn, u64::MAX);
    assert_eq!(received(&mut relay, conn).0, (256..300).collect::<Vec<_>>());
}

#[test]
fn order_holds_when_memory_and_storage_take_turns() {
    let mut relay = Relay::with(ServiceConfig {
        source_share: 0,
        ..config()
    });
    let owner = relay.mailbox(1);
    let conn = relay.online(&owner);
    received(&mut relay, conn);
    let sender = relay.connect();
    let mut all = Vec::new();
    let mut last = 0;
    for round in 0..40u32 {
        let mut frames = Vec::new();
        for n in 0..20 {
            frames.push(relay.frame(Body::Send(numbered(&owner, round * 20 + n, 10))));
        }
        // Acks of a few, in the middle of a batch of sends, so that the window opens and closes.
        let ack = relay.frame(Body::Ack(undertone_wire::Ack { up_to_seq: last }));
        let later = frames.split_off(10);
        relay.batch(|batch| {
            frames
                .into_iter()
                .for_each(|frame| batch.frame(sender, frame));
            if round % 7 == 6 {
                batch.frame(conn, ack);
            }
            later
                .into_iter()
                .for_each(|frame| batch.frame(sender, frame));
        });
        let (numbers, seq, _) = received(&mut relay, conn);
        all.extend(numbers);
        last = last.max(seq);
    }
    while all.len() < 800 {
        relay.ack(conn, last);
        let (numbers, seq, _) = received(&mut relay, conn);
        assert!(!numbers.is_empty(), "stuck at {}", all.len());
        all.extend(numbers);
        last = seq;
    }
    assert_eq!(all, (0..800).collect::<Vec<_>>());
}

#[test]
fn what_arrives_with_a_login_comes_behind_the_backlog() {
    let mut relay = Relay::new();
    let owner = relay.mailbox(1);
    fill(&mut relay, &owner, 0..3, 10);
    let (conn, sender) = (relay.connect(), relay.connect());
    let login = relay.login_frame(conn, &owner, 0);
    let send = relay.frame(Body::Send(numbered(&owner, 3, 10)));
    relay.batch(|batch| {
        batch.frame(conn, login);
        batch.frame(sender, send);
    });
    assert_eq!(received(&mut relay, conn).0, [0, 1, 2, 3]);
}

#[test]
fn credit_pauses_and_narrows() {
    let mut relay = Relay::new();
    let owner = relay.mailbox(1);
    let conn = relay.online(&owner);
    received(&mut relay, conn);
    relay.ask(conn, Body::Credit(Credit { deliveries: 0 }));
    fill(&mut relay, &owner, 0..5, 10);
    assert!(received(&mut relay, conn).0.is_empty());
    relay.ask(conn, Body::Credit(Credit { deliveries: 2 }));
    assert_eq!(received(&mut relay, conn).0, [0, 1]);
    let most = Credit {
        deliveries: u32::MAX,
    };
    relay.ask(conn, Body::Credit(most));
    assert_eq!(received(&mut relay, conn).0, [2, 3, 4]);
}

#[test]
fn what_expired_is_told_as_a_gap() {
    let mut relay = Relay::new();
    let owner = relay.mailbox(1);
    fill(&mut relay, &owner, 0..3, 10);
    relay.now = relay.now.plus(ENVELOPE_TTL_MS - DAY);
    fill(&mut relay, &owner, 3..4, 10);
    relay.now = relay.now.plus(DAY + MINUTE);
    relay.tick();
    let conn = relay.online(&owner);
    let frames = relay.unasked(conn);
    let [Body::Gap(gap), Body::Deliver(deliver), Body::CaughtUp(_)] = &frames[..] else {
        panic!("{frames:?}")
    };
    assert_eq!(gap.to_seq - gap.from_seq, 2);
    assert_eq!(deliver.seq, gap.to_seq + 1);
    let (gap, seq) = (*gap, deliver.seq);
    // Until it is acked, it is told again.
    let conn = relay.online(&owner);
    let again = relay.unasked(conn);
    assert!(again.contains(&Body::Gap(gap)));
    relay.ack(conn, seq);
    let conn = relay.online(&owner);
    assert!(matches!(&relay.unasked(conn)[..], [Body::CaughtUp(_)]));
}

#[test]
fn many_who_come_back_at_once_are_served_in_turns() {
    let mut relay = Relay::with(ServiceConfig::without_rates());
    let owners: Vec<Owner> = (1..=60).map(|n| relay.mailbox(n)).collect();
    let sender = relay.connect();
    for owner in &owners {
        for n in 0..16 {
            let sent = relay.ask(sender, Body::Send(send_to(owner, n, 65_536)));
            assert_eq!(sent, Body::Sent(Sent {}));
        }
    }
    let logins: Vec<_> = owners
        .iter()
        .map(|owner| {
            let conn = relay.connect();
            (conn, relay.login_frame(conn, owner, 0))
        })
        .collect();
    let mut count = vec![0; owners.len()];
    let mut batches = 0;
    let mut first = Some(logins.clone());
    while first.is_some() || relay.service.has_to_deliver() {
        relay.batch(|batch| {
            for (conn, login) in first.take().into_iter().flatten() {
                batch.frame(conn, login);
            }
        });
        let before: usize = count.iter().sum();
        for ((conn, _), count) in logins.iter().zip(&mut count) {
            let delivered = relay.unasked(*conn).into_iter();
            *count += delivered
                .filter(|body| matches!(body, Body::Deliver(_)))
                .count();
        }
        let bytes = (count.iter().sum::<usize>() - before) * 65_536;
        assert!(bytes <= BACKLOG_BYTES + DELIVERY_WINDOW_BYTES + 65_536);
        batches += 1;
    }
    assert_eq!(batches, 2);
    assert!(count.iter().all(|count| *count == 16), "{count:?}");
}
