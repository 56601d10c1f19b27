//! One client over HTTP long-poll: the same connection to the service as a WebSocket, carried by many requests.
//!
//! Frames going out are numbered from 1. Invariant: a frame is kept until a receive names a cursor at or after it, so
//! that a lost HTTP answer loses nothing; an answer counts as left only then, so that the kept frames are bounded by
//! the delivery window and the requests in flight.

use std::{collections::VecDeque, time::Duration};

use bytes::{BufMut, Bytes, BytesMut};
use parking_lot::Mutex;
use tokio::{
    sync::{Notify, watch},
    time::{Instant, timeout},
};
use undertone_wire::{ErrorCode, Frame, batch};

use super::{
    connection::Connection,
    limits,
    metrics::Metrics,
    outbound::{Closed, Next},
    sources::Place,
    websocket::closing,
};

/// A session of one client.
pub(crate) struct PollSession {
    connection: Connection,
    _place: Place,
    kept: Mutex<Kept>,
    /// Wakes a receive that a newer one displaces.
    newer: Notify,
    /// Held by the receive that waits, so that no wake-up goes to one that was displaced.
    receiving: tokio::sync::Mutex<()>,
}

struct Kept {
    /// The cursor before the first kept frame: everything up to it was received.
    base: u64,
    frames: VecDeque<KeptFrame>,
    /// Counts receives; an older one notices that it is no longer the newest.
    turn: u64,
    heard: Instant,
    /// The relay ended the session; the last kept frame says why.
    ended: bool,
}

struct KeptFrame {
    request_id: u64,
    bytes: Bytes,
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
    pub(crate) fn new(connection: Connection, place: Place) -> Self {
        let kept = Kept {
            base: 0,
            frames: VecDeque::new(),
            turn: 0,
            heard: Instant::now(),
            ended: false,
        };
        Self {
            connection,
            _place: place,
            kept: Mutex::new(kept),
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
        let turn = self.take_turn(after)?;
        let until = Instant::now() + wait.min(limits::POLL_WAIT);
        let _receiving = self.receiving.lock().await;
        loop {
            let answer = self.gather(turn, *draining.borrow_and_update())?;
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
        let mut kept = self.kept.lock();
        kept.ended = true;
        kept.frames.clear();
        kept.turn += 1;
        self.newer.notify_one();
    }

    /// Whether nobody asked for so long that the client must have left.
    pub(crate) fn is_abandoned(&self) -> bool {
        self.kept.lock().heard.elapsed() >= limits::POLL_SESSION_IDLE
    }

    fn note_life(&self) {
        self.connection.heard();
        self.kept.lock().heard = Instant::now();
    }

    fn take_turn(&self, after: u64) -> Result<u64, ReceiveError> {
        self.note_life();
        let mut kept = self.kept.lock();
        while kept.base < after {
            let frame = kept.frames.pop_front().ok_or(ReceiveError::BadCursor)?;
            kept.base += 1;
            self.connection.left(frame.request_id);
        }
        if after < kept.base {
            return Err(ReceiveError::BadCursor);
        }
        if kept.ended && kept.frames.is_empty() {
            return Err(ReceiveError::Ended);
        }
        kept.turn += 1;
        self.newer.notify_one();
        Ok(kept.turn)
    }

    /// Moves what waits into the kept frames, and writes as many of these as one answer holds.
    fn gather(&self, turn: u64, draining: bool) -> Result<Answer, ReceiveError> {
        let mut kept = self.kept.lock();
        if kept.turn != turn {
            return Err(ReceiveError::Displaced);
        }
        while !kept.ended {
            match self.connection.try_next() {
                Some(Next::Frame(frame)) => kept.keep(&frame),
                Some(Next::Closed(Closed::Told(_))) => kept.ended = true,
                Some(Next::Closed(Closed::Overrun)) => kept.end(ErrorCode::Busy),
                None if draining && self.connection.is_settled(kept.unreceived_answers()) => {
                    kept.end(ErrorCode::Busy);
                }
                None => break,
            }
        }
        Ok(kept.answer())
    }
}

struct Answer {
    body: Bytes,
    frames: u64,
}

impl Kept {
    fn keep(&mut self, frame: &Frame) {
        match frame.to_bytes() {
            Ok(bytes) => self.frames.push_back(KeptFrame {
                request_id: frame.request_id,
                bytes,
            }),
            Err(_) => self.end(ErrorCode::Internal),
        }
    }

    fn end(&mut self, reason: ErrorCode) {
        self.ended = true;
        if let Ok(bytes) = closing(reason).to_bytes() {
            self.frames.push_back(KeptFrame {
                request_id: 0,
                bytes,
            });
        }
    }

    fn unreceived_answers(&self) -> usize {
        self.frames
            .iter()
            .filter(|frame| frame.request_id != 0)
            .count()
    }

    /// The cursor as u64 big-endian, then the batch.
    fn answer(&self) -> Answer {
        let mut batch = BytesMut::new();
        let mut frames = 0;
        for frame in &self.frames {
            let Ok(len) = u32::try_from(frame.bytes.len()) else {
                break;
            };
            if frames > 0 && batch.len() + frame.bytes.len() > limits::POLL_ANSWER_BYTES {
                break;
            }
            batch.put_u32(len);
            batch.extend_from_slice(&frame.bytes);
            frames += 1;
        }
        let mut body = BytesMut::with_capacity(8 + batch.len());
        body.put_u64(self.base + frames);
        body.extend_from_slice(&batch);
        Answer {
            body: body.freeze(),
            frames,
        }
    }
}

#[cfg(test)]
#[path = "poll_session_tests.rs"]
mod tests;
