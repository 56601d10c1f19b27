//! What a session keeps, releases and says at its end, on a clock that only the test moves.

use std::sync::Arc;

use bytes::Buf;
use undertone_wire::{Ephemeral, Pong, binding::BindingValue, frame::Body};

use super::*;
use crate::{
    server::{committer::Committer, sources},
    service::ConnectionInfo,
};

struct Fixture {
    session: Arc<PollSession>,
    metrics: Arc<Metrics>,
    drain: watch::Sender<bool>,
}

/// A session whose committing thread is played by the test.
async fn fixture() -> Fixture {
    let sources = sources::roomy();
    let place = sources
        .enter(sources.prefix([127, 0, 0, 1].into()))
        .unwrap();
    let info = ConnectionInfo {
        source: [0; 16],
        binding: BindingValue::Host([0; 32]),
    };
    let connection = Connection::open(Committer::new(usize::MAX), info).await;
    let all = Arc::new(tokio::sync::Semaphore::new(1)).try_acquire_owned();
    let all = all.unwrap();
    let session = PollSession::new(connection, (place, all));
    let drain = watch::channel(false).0;
    Fixture {
        session: Arc::new(session),
        metrics: Arc::new(Metrics::new()),
        drain,
    }
}

impl Fixture {
    fn say(&self, request_id: u64) {
        let body = Some(Body::Pong(Pong::default()));
        self.session.connection.say(Frame { request_id, body });
    }

    /// Asks for a request, as a client's body would.
    async fn ask(&self, request_id: u64) {
        let frame = Frame {
            request_id,
            body: Some(Body::Pong(Pong::default())),
        };
        let mut body = BytesMut::new();
        batch::push(&mut body, &frame).unwrap();
        self.session
            .send(body.freeze(), &self.metrics)
            .await
            .unwrap();
    }

    async fn receive(&self, after: u64, seconds: u64) -> Result<(u64, Vec<Frame>), ReceiveError> {
        let wait = Duration::from_secs(seconds);
        let draining = self.drain.subscribe();
        let mut body = self
            .session
            .receive(after, wait, &self.metrics, draining)
            .await?;
        let cursor = body.get_u64();
        let mut frames = Vec::new();
        while let Some(frame) = batch::pop(&mut body).unwrap() {
            frames.push(frame);
        }
        Ok((cursor, frames))
    }

    /// Starts a receive and lets it come to wait.
    async fn waiting(
        self: &Arc<Self>,
        after: u64,
    ) -> tokio::task::JoinHandle<Result<(u64, Vec<Frame>), ReceiveError>> {
        let this = self.clone();
        let waiting = tokio::spawn(async move { this.receive(after, 12).await });
        tokio::task::yield_now().await;
        waiting
    }
}

fn reason(frame: &Frame) -> Option<ErrorCode> {
    match &frame.body {
        Some(Body::Closing(closing)) => Some(closing.reason()),
        _ => None,
    }
}

#[tokio::test(start_paused = true)]
async fn frames_are_kept_until_their_cursor_comes_back() {
    let f = fixture().await;
    f.say(0);
    f.say(0);
    let (cursor, frames) = f.receive(0, 0).await.unwrap();
    assert_eq!((cursor, frames.len()), (2, 2));
    assert_eq!(f.receive(0, 0).await.unwrap().1.len(), 2);
    assert_eq!(f.receive(1, 0).await.unwrap().1.len(), 1);
    assert_eq!(f.receive(2, 0).await.unwrap(), (2, Vec::new()));
    assert_eq!(f.receive(1, 0).await, Err(ReceiveError::BadCursor));
    assert_eq!(f.receive(3, 0).await, Err(ReceiveError::BadCursor));
}

#[tokio::test(start_paused = true)]
async fn a_receive_waits_for_what_comes_and_no_longer_than_it_may() {
    let f = Arc::new(fixture().await);
    let waiting = f.waiting(0).await;
    f.say(0);
    assert_eq!(waiting.await.unwrap().unwrap().0, 1);
    let start = Instant::now();
    assert_eq!(f.receive(1, 1_000_000).await.unwrap().0, 1);
    assert_eq!(start.elapsed(), limits::POLL_WAIT);
}

#[tokio::test(start_paused = true)]
async fn a_waiting_receive_is_told_of_a_stop_after_its_answers() {
    let f = Arc::new(fixture().await);
    f.ask(7).await;
    let waiting = f.waiting(0).await;
    f.drain.send_replace(true);
    tokio::task::yield_now().await;
    assert!(!waiting.is_finished(), "a request is unanswered");
    f.say(7);
    let (cursor, frames) = waiting.await.unwrap().unwrap();
    assert_eq!(frames[0].request_id, 7);
    // The reason comes with the answer or with the next receive.
    let last = match frames.get(1) {
        Some(frame) => frame.clone(),
        None => f.receive(cursor, 12).await.unwrap().1.remove(0),
    };
    assert_eq!(reason(&last), Some(ErrorCode::Busy));
    assert_eq!(f.receive(2, 0).await, Err(ReceiveError::Ended));
}

#[tokio::test(start_paused = true)]
async fn the_end_is_said_once_and_then_the_session_is_over() {
    let f = fixture().await;
    f.session.connection.say(closing(ErrorCode::Displaced));
    f.session.connection.end(ErrorCode::Displaced);
    let (cursor, frames) = f.receive(0, 12).await.unwrap();
    assert_eq!(
        frames.iter().map(reason).collect::<Vec<_>>(),
        [Some(ErrorCode::Displaced)]
    );
    assert_eq!(f.receive(cursor, 0).await, Err(ReceiveError::Ended));
}

#[tokio::test(start_paused = true)]
async fn closing_wakes_a_waiting_receive_and_a_newer_one_displaces_it() {
    let f = Arc::new(fixture().await);
    let older = f.waiting(0).await;
    let newer = f.waiting(0).await;
    assert_eq!(older.await.unwrap(), Err(ReceiveError::Displaced));
    f.say(0);
    assert_eq!(newer.await.unwrap().unwrap().0, 1);
    let last = f.waiting(1).await;
    f.session.close();
    assert_eq!(last.await.unwrap(), Err(ReceiveError::Displaced));
    assert_eq!(f.receive(1, 0).await, Err(ReceiveError::Ended));
}

#[tokio::test(start_paused = true)]
async fn requests_are_taken_only_while_answers_are_received() {
    let f = fixture().await;
    let limit = u64::try_from(undertone_wire::limits::MAX_REQUESTS_IN_FLIGHT).unwrap();
    for id in 1..=limit {
        f.ask(id).await;
        f.say(id);
    }
    let (cursor, _) = f.receive(0, 0).await.unwrap();
    let mut body = BytesMut::new();
    let frame = Frame {
        request_id: 1_000,
        body: Some(Body::Pong(Pong::default())),
    };
    batch::push(&mut body, &frame).unwrap();
    let refused = f.session.send(body.freeze(), &f.metrics).await;
    assert_eq!(refused, Err(SendError::Busy), "answered but not received");
    f.receive(cursor, 0).await.unwrap();
    f.ask(1_000).await;
}

#[tokio::test(start_paused = true)]
async fn a_session_that_nobody_asks_about_is_abandoned() {
    let f = fixture().await;
    tokio::time::advance(limits::POLL_SESSION_IDLE / 2).await;
    f.receive(0, 0).await.unwrap();
    tokio::time::advance(limits::POLL_SESSION_IDLE / 2).await;
    assert!(!f.session.is_abandoned());
    tokio::time::advance(limits::POLL_SESSION_IDLE / 2).await;
    assert!(f.session.is_abandoned());
}

#[tokio::test(start_paused = true)]
async fn what_nobody_receives_is_bounded() {
    let f = fixture().await;
    for _ in 0..100 {
        let envelope = Bytes::from(vec![7; 65_536]);
        let body = Some(Body::Ephemeral(Ephemeral { envelope }));
        f.session.connection.say(Frame {
            request_id: 0,
            body,
        });
        f.receive(0, 0).await.unwrap();
    }
    let kept = f.receive(0, 0).await.unwrap().1.len();
    assert!(kept <= limits::OUTBOUND_EPHEMERAL_BYTES / 65_536, "{kept}");
}

#[tokio::test(start_paused = true)]
async fn a_session_that_was_given_up_is_over() {
    let f = fixture().await;
    f.say(0);
    let (cursor, _) = f.receive(0, 0).await.unwrap();
    for _ in 0..=limits::OUTBOUND_BYTES / 65_536 {
        let opaque = Bytes::from(vec![7; 65_536]);
        let body = Some(Body::Pong(Pong { opaque, time_ms: 0 }));
        f.session.connection.say(Frame {
            request_id: 0,
            body,
        });
    }
    assert_eq!(f.receive(cursor, 0).await, Err(ReceiveError::Ended));
    let counted = "undertone_relay_overrun_closed_total 1";
    assert!(f.metrics.render().contains(counted));
}
