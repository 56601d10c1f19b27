//! One client over HTTP long-poll: the same connection to the service as a WebSocket, carried by many requests.
//!
//! Frames going out are numbered from 1. Invariant: a frame waits in the connection's queue until a receive names a
//! cursor at or after it, so that a lost HTTP answer loses nothing; an answer counts as left only then, so that what is
//! kept is bounded as for any connection.

use std::time::Duration;

use bytes::{BufMut, Bytes, BytesMut};
use parking_lot::Mutex;
use prost::Message;
use tokio::{
    sync::{Notify, OwnedSemaphorePermit, watch},
    time::{Instant, timeout},
};
use undertone_wire::{ErrorCode, Frame, batch};

use super::{
    connection::Connection, limits, metrics::Metrics, outbound::Closed, sources::Place,
    websocket::closing,
};

/// A session of one client.
pub(crate) struct PollSession {
    connection: Connection,
    /// One of its source's, and one of all.
    _places: (Place, OwnedSemaphorePermit),
    cursors: Mutex<Cursors>,
    /// Wakes a receive that a newer one displaces.
    newer: Notify,
    /// Held by the receive that waits, so that no wake-up goes to one that was displaced.
    receiving: tokio::sync::Mutex<()>,
}

struct Cursors {
    /// Everything up to it was received.
    received: u64,
    /// The last that was given out.
    given: u64,
    /// Counts receives; an older one notices that it is no longer the newest.
    turn: u64,
    heard: Instant,
    /// The client ended the session.
    over: bool,
}

/// Why a receive has no frames to answer.
#[derive(Debug, PartialEq)]
pub(crate) enum ReceiveError {
    /// The cursor was never given out.
    BadCursor,
    /// A newer receive took over.
    Displaced,
    /// The session ended and everything in it was received.
    Ended,
}

/// Why frames were not taken. Those before the failing one were.
#[derive(Debug, PartialEq)]
pub(crate) enum SendError {
    /// The body is not a batch of requests.
    Malformed,
    /// Answers wait to be received, and no more requests are taken before they are.
    Busy,
}

impl PollSession {
    pub(crate) fn new(connection: Connection, places: (Place, OwnedSemaphorePermit)) -> Self {
        let cursors = Cursors {
            received: 0,
            given: 0,
            turn: 0,
            heard: Instant::now(),
            over: false,
        };
        Self {
            connection,
            _places: places,
            cursors: Mutex::new(cursors),
            newer: Notify::new(),
            receiving: tokio::sync::Mutex::default(),
        }
    }

    /// Hands in the requests of a body, in order.
    pub(crate) async fn send(&self, mut body: Bytes, metrics: &Metrics) -> Result<(), SendError> {
        self.note_life();
        while !body.is_empty() {
            let before = body.len();
            let frame = match batch::pop(&mut body) {
                Ok(Some(frame)) if frame.request_id != 0 => frame,
                Ok(_) | Err(_) => {
                    metrics.refused_frames.increment(1);
                    return Err(SendError::Malformed);
                }
            };
            let len = before - body.len();
            timeout(limits::POLL_WAIT, self.connection.room())
                .await
                .map_err(|_| SendError::Busy)?;
            metrics.frames_in.increment(1);
            metrics
                .bytes_in
                .increment(u64::try_from(len).unwrap_or(u64::MAX));
            self.connection.submit(frame, len).await;
        }
        Ok(())
    }

    /// Releases what came up to cursor `after`, and answers what comes after it: at once when something is there, else
    /// when something comes, else an empty batch after `wait`.
    pub(crate) async fn receive(
        &self,
        after: u64,
        wait: Duration,
        metrics: &Metrics,
        mut draining: watch::Receiver<bool>,
    ) -> Result<Bytes, ReceiveError> {
        let turn = self.take_turn(after, metrics)?;
        let until = Instant::now() + wait.min(limits::POLL_WAIT);
        let _receiving = self.receiving.lock().await;
        loop {
            let stopping = *draining.borrow_and_update();
            let answer = self.gather(turn, stopping, metrics)?;
            if answer.frames > 0 || Instant::now() >= until {
                metrics.frames_out.increment(answer.frames);
                metrics
                    .bytes_out
                    .increment(u64::try_from(answer.body.len()).unwrap_or(u64::MAX));
                return Ok(answer.body);
            }
            tokio::select! {
                () = self.connection.changed() => {}
                () = self.newer.notified() => {}
                () = tokio::time::sleep_until(until) => {}
                _ = draining.changed() => {}
            }
        }
    }

    /// Ends the session for its client; a receive that waits is told at once.
    pub(crate) fn close(&self) {
        let mut cursors = self.cursors.lock();
        cursors.over = true;
        cursors.turn += 1;
        self.newer.notify_one();
    }

    /// Whether nobody asked for so long that the client must have left.
    pub(crate) fn is_abandoned(&self) -> bool {
        self.cursors.lock().heard.elapsed() >= limits::POLL_SESSION_IDLE
    }

    fn note_life(&self) {
        self.connection.heard();
        self.cursors.lock().heard = Instant::now();
    }

    fn take_turn(&self, after: u64, metrics: &Metrics) -> Result<u64, ReceiveError> {
        self.note_life();
        let mut cursors = self.cursors.lock();
        if cursors.over {
            return Err(ReceiveError::Ended);
        }
        if after < cursors.received || after > cursors.given {
            return Err(ReceiveError::BadCursor);
        }
        while cursors.received < after {
            if !self.connection.release() {
                // What was given out is gone only if the relay gave the session up.
                metrics.overrun_closed.increment(1);
                return Err(ReceiveError::Ended);
            }
            cursors.received += 1;
        }
        cursors.turn += 1;
        self.newer.notify_one();
        Ok(cursors.turn)
    }

    /// As many of the frames that wait as one answer holds: the cursor as u64 big-endian, then the batch.
    fn gather(&self, turn: u64, draining: bool, metrics: &Metrics) -> Result<Answer, ReceiveError> {
        let mut cursors = self.cursors.lock();
        if cursors.turn != turn {
            return Err(ReceiveError::Displaced);
        }
        let (mut frames, mut bytes, mut answers) = (Vec::new(), 0, 0);
        let look = |frame: &Frame| {
            answers += usize::from(frame.request_id != 0);
            bytes += 4 + frame.encoded_len();
            if frames.is_empty() || bytes <= limits::POLL_ANSWER_BYTES {
                frames.push(frame.clone());
            }
        };
        let closed = self.connection.look(look);
        if closed == Some(Closed::Overrun) {
            metrics.overrun_closed.increment(1);
            return Err(ReceiveError::Ended);
        }
        if frames.is_empty() && closed.is_some() {
            return Err(ReceiveError::Ended);
        }
        if draining && closed.is_none() && self.connection.is_settled(answers) {
            // It comes with the next receive, or at once when nothing else does.
            self.connection
                .finish(closing(ErrorCode::Busy), ErrorCode::Busy);
        }
        let mut body = BytesMut::with_capacity(8 + bytes.min(limits::POLL_ANSWER_BYTES));
        cursors.given = cursors
            .given
            .max(cursors.received + u64::try_from(frames.len()).unwrap_or(u64::MAX));
        body.put_u64(cursors.received + u64::try_from(frames.len()).unwrap_or(u64::MAX));
        drop(cursors);
        for frame in &frames {
            // The service makes no frame that is too large to be sent.
            batch::push(&mut body, frame).map_err(|_| ReceiveError::Ended)?;
        }
        Ok(Answer {
            frames: u64::try_from(frames.len()).unwrap_or(u64::MAX),
            body: body.freeze(),
        })
    }
}

struct Answer {
    body: Bytes,
    frames: u64,
}

#[cfg(test)]
#[path = "poll_session_tests.rs"]
mod tests;
