//! Coming back after the relay went, and saying clearly that it is away.

use undertone::transport::{ConnectError, ConnectionClass, DisconnectCause, LinkEvent};
use undertone_wire::ErrorCode;

use crate::servers::{Port, serve};
use crate::support::{Subject, TestRelay, host_binding, patient};

#[tokio::test]
async fn a_websocket_carries_requests_and_answers() {
    let relay = TestRelay::start().await;
    let mut subject = Subject::connect_as(&relay.url(), patient(), ConnectionClass::Own);
    let (hello, binding, sender) = subject.up().await;
    assert_eq!(hello.challenge.len(), 32);
    assert_eq!(binding, host_binding("127.0.0.1"));
    for request_id in 1..100 {
        subject.converse(&sender, request_id).await;
    }
}

#[tokio::test]
async fn a_restarted_relay_is_found_again() {
    let relay = TestRelay::start().await;
    let mut subject = Subject::connect(&relay.url(), patient());
    let (_, _, old_sender) = subject.up().await;

    let stopped = relay.stop().await;
    let (cause, retry_in) = subject.down().await;
    assert!(
        matches!(
            cause,
            DisconnectCause::ClosedByRelay {
                reason: ErrorCode::Busy,
                ..
            } | DisconnectCause::Lost
        ),
        "{cause:?}"
    );
    assert!(retry_in.is_some());
    assert!(old_sender.send(crate::support::challenge(1)).is_err());

    let _relay = stopped.start().await;
    subject.link.nudge();
    let (_, _, sender) = subject.up_at_last().await;
    subject.converse(&sender, 1).await;
}

#[tokio::test]
async fn an_unreachable_relay_is_a_clear_state_and_tried_again() {
    let nobody = Port::reserve();
    let mut subject = Subject::connect(&format!("http://{}", nobody.address), patient());
    let (cause, retry_in) = subject.down().await;
    assert_eq!(cause, DisconnectCause::Connect(ConnectError::Unreachable));
    assert!(retry_in.is_some());
    subject.link.nudge();
    assert!(matches!(subject.event().await, LinkEvent::Connecting));
}

#[tokio::test]
async fn a_connection_that_is_not_wanted_closes_and_one_that_is_wanted_again_opens_at_once() {
    let relay = TestRelay::start().await;
    let mut subject = Subject::connect(&relay.url(), patient());
    let _up = subject.up().await;
    subject.link.want(false);
    let (cause, retry_in) = subject.down().await;
    assert_eq!(
        (cause, retry_in),
        (DisconnectCause::Requested, Some(std::time::Duration::ZERO))
    );
    subject.link.want(true);
    let (_, _, sender) = subject.up().await;
    subject.converse(&sender, 1).await;
}

#[tokio::test]
async fn an_attempt_that_is_not_wanted_any_more_is_given_up() {
    let server = serve(|stream| async move {
        let _held = stream;
        std::future::pending::<()>().await;
    })
    .await;
    let mut subject = Subject::connect(&server.url(), patient());
    assert!(matches!(subject.event().await, LinkEvent::Connecting));
    subject.link.want(false);
    assert_eq!(subject.down().await.0, DisconnectCause::Requested);
}

#[tokio::test]
async fn after_a_change_of_network_a_living_connection_stays() {
    let relay = TestRelay::start().await;
    let mut subject = Subject::connect(&relay.url(), patient());
    let (_, _, sender) = subject.up().await;
    subject.link.network_changed();
    // The probe's answer is the transport's own; the next frame is ours.
    subject.converse(&sender, 1).await;
}
