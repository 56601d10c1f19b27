use super::*;

fn relay(name: &str) -> RelayAddress {
    RelayAddress::parse(&format!("https://{name}.example")).unwrap()
}

fn device(number: i64) -> PeerDeviceId {
    PeerDeviceId::new(number)
}

fn work(ticket: u64) -> Turn {
    Turn::Working(Work {
        ticket,
        challenge: Bytes::new(),
        difficulty: 1,
        nonce: 0,
        until: 1,
    })
}

#[test]
fn room_at_one_relay_is_given_to_who_waits_for_that_one() {
    let mut queues = Queues::default();
    for number in 1..=40 {
        queues.add(device(number), &relay("dead"));
    }
    queues.add(device(41), &relay("live"));
    queues.add(device(42), &relay("live"));
    while let Some(next) = queues.next_ready() {
        queues.set(next, Turn::Blocked);
    }
    queues.unblock_one(&relay("live"));
    assert_eq!(queues.next_ready(), Some(device(41)));
    queues.remove(device(42));
    queues.unblock_one(&relay("live"));
    assert_eq!(queues.next_ready(), None);
    queues.unblock_one(&relay("dead"));
    assert_eq!(queues.next_ready(), Some(device(1)));
    queues.unblock_all();
    assert_eq!(queues.next_ready(), Some(device(2)));
}

#[test]
fn work_goes_on_with_what_began_first() {
    let mut queues = Queues::default();
    for (number, ticket) in [(1, 7), (2, 5), (3, 9)] {
        queues.add(device(number), &relay("live"));
        queues.set(device(number), work(ticket));
    }
    assert_eq!(queues.working().unwrap().0, device(2));
    queues.set(device(2), Turn::Ready);
    assert_eq!(queues.working().unwrap().0, device(1));
}
