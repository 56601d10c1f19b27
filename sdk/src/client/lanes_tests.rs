use tokio::runtime::{Builder, Runtime};
use undertone_wire::binding::BindingValue;
use undertone_wire::frame::Body;
use undertone_wire::{Challenge, Frame, Hello};

use super::*;
use crate::transport::{Received, TransportConfig};

fn lanes() -> (Lanes, Runtime) {
    let runtime = Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .unwrap();
    let (inbox, _) = Inbox::new();
    let transport = Transport::new(TransportConfig::default()).unwrap();
    let lanes = Lanes::new(runtime.handle().clone(), transport, inbox, address(0));
    (lanes, runtime)
}

fn address(port: usize) -> RelayAddress {
    RelayAddress::parse(&format!("http://127.0.0.1:{}", port + 1)).unwrap()
}

fn frame() -> Frame {
    Frame {
        request_id: 1,
        body: Some(Body::Challenge(Challenge {})),
    }
}

fn down(link: u64) -> Report {
    let cause = DisconnectCause::Connect(ConnectError::Unreachable);
    Report {
        link: LinkId(link),
        event: LinkEvent::Down {
            cause,
            retry_in: Some(Duration::from_secs(1)),
        },
    }
}

fn up(link: u64) -> (Report, tokio::sync::mpsc::Receiver<Frame>) {
    let (sender, sent) = FrameSender::to_nobody();
    let event = LinkEvent::Up {
        hello: Box::new(Hello::default()),
        binding: BindingValue::Host([0; 32]),
        sender,
    };
    let link = LinkId(link);
    (Report { link, event }, sent)
}

fn arrived(link: u64) -> Report {
    Report {
        link: LinkId(link),
        event: LinkEvent::Frame(Received::alone(frame())),
    }
}

#[test]
fn of_an_abandoned_connection_nothing_but_its_end_is_handed_on() {
    let (mut lanes, _runtime) = lanes();
    lanes.set_online(true);
    let (report, _sent) = up(1);
    assert!(matches!(
        lanes.report(report).input,
        Some(Input::Connected { .. })
    ));
    assert!(lanes.report(arrived(1)).input.is_some());
    lanes.request(&Lane::Anonymous(address(1)), frame());

    lanes.abandon();
    assert!(lanes.report(arrived(1)).input.is_none());
    assert!(lanes.slots[&LinkId(2)].held.is_empty());
    // Whatever is asked meanwhile, the connection is not the one that was wanted before.
    lanes.set_online(false);
    lanes.set_online(true);
    lanes.request(&Lane::Own, frame());
    lanes.disconnect(&Lane::Own);
    assert!(!lanes.slots[&LinkId(1)].is_wanted(true));
    assert!(lanes.report(arrived(1)).input.is_none());

    assert!(matches!(
        lanes.report(down(1)).input,
        Some(Input::Disconnected { .. })
    ));
    assert!(lanes.slots[&LinkId(1)].is_wanted(true));
    let (report, mut sent) = up(1);
    lanes.report(report);
    assert!(sent.try_recv().is_err(), "what was asked before is gone");
    assert!(lanes.report(arrived(1)).input.is_some());
}

#[test]
fn frames_of_a_connection_that_the_engine_wants_closed_are_dropped() {
    let (mut lanes, _runtime) = lanes();
    lanes.set_online(true);
    let (report, _sent) = up(1);
    lanes.report(report);
    lanes.disconnect(&Lane::Own);
    assert!(lanes.report(arrived(1)).input.is_none());
}

#[test]
fn a_request_waits_for_its_own_connection_and_goes_back_when_there_is_none() {
    let (mut lanes, _runtime) = lanes();
    let (sending, looking) = (Lane::Anonymous(address(1)), Lane::Lookup(address(1)));
    lanes.request(&sending, frame());
    lanes.request(&looking, frame());
    assert_eq!(
        lanes.slots.len(),
        2,
        "what is looked up is not on the connection that sends"
    );
    assert!(lanes.slots.values().all(|slot| slot.held.len() == 1));

    let news = lanes.report(down(1));
    assert!(matches!(
        news.input,
        Some(Input::Disconnected { lane, cause: engine::DisconnectCause::Unreachable }) if lane == sending
    ));
    assert!(
        news.connection.is_none(),
        "the app is told of the own connection only"
    );
    assert!(lanes.slots[&LinkId(1)].held.is_empty());
    assert_eq!(lanes.slots[&LinkId(2)].held.len(), 1);
}

#[test]
fn what_idles_is_forgotten_and_what_waits_is_not() {
    let (mut lanes, _runtime) = lanes();
    lanes.set_online(true);
    lanes.request(&Lane::Anonymous(address(1)), frame());
    lanes.request(&Lane::Anonymous(address(2)), frame());
    lanes.report(down(2));
    let later = Instant::now() + IDLE + IDLE;
    assert!(lanes.sweep(later).is_some());
    let kept: Vec<&Lane> = lanes.slots.values().map(|slot| &slot.lane).collect();
    assert!(kept.contains(&&Lane::Own));
    assert!(!kept.contains(&&Lane::Anonymous(address(1))));
    assert!(kept.contains(&&Lane::Anonymous(address(2))));
}

#[test]
fn there_are_never_too_many_connections() {
    let (mut lanes, _runtime) = lanes();
    for relay in 0..LANES + 3 {
        lanes.request(&Lane::Anonymous(address(relay)), frame());
    }
    assert_eq!(lanes.slots.len(), LANES);
    let refused = lanes.take_refused();
    assert_eq!(refused.len(), 3);
    // As out of reach: asked for again at once there would be no room either.
    assert!(refused.iter().all(|input| matches!(
        input,
        Input::Disconnected {
            cause: engine::DisconnectCause::Unreachable,
            ..
        }
    )));
    assert!(lanes.take_refused().is_empty());
}

#[test]
fn while_offline_nothing_is_wanted() {
    let (mut lanes, _runtime) = lanes();
    lanes.request(&Lane::Anonymous(address(1)), frame());
    assert!(lanes.slots.values().all(|slot| !slot.is_wanted(false)));
    lanes.set_online(true);
    assert!(lanes.slots.values().all(|slot| slot.is_wanted(true)));
}
