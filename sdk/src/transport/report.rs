//! What connections tell whoever drives them, through one bounded queue.
//!
//! Invariant: frames that nobody has handled yet never hold more than [`INBOX_BYTES`] and [`INBOX_FRAMES`], over all
//! connections; beyond that their sockets are not read.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};
use undertone_wire::binding::BindingValue;
use undertone_wire::{Frame, Hello};

use super::error::DisconnectCause;
use super::frame_sender::FrameSender;
use super::limits::{INBOX_BYTES, INBOX_FRAMES};

/// Which [`Link`](super::Link) reports. Chosen by its owner.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct LinkId(pub u64);

/// One report.
#[derive(Debug)]
pub struct Report {
    /// Who.
    pub link: LinkId,
    /// What.
    pub event: LinkEvent,
}

/// What can happen to a link, in the order in which it does.
#[derive(Debug)]
pub enum LinkEvent {
    /// An attempt begins.
    Connecting,
    /// The relay greeted.
    Up {
        /// The greeting, of this client's protocol version.
        hello: Box<Hello>,
        /// The TLS exporter value or SHA-256 of the host name, as the greeting asks.
        binding: BindingValue,
        /// Sends on this very connection; it is of no use after the next `Down`.
        sender: FrameSender,
    },
    /// A frame came.
    Frame(Received),
    /// The connection ended, or an attempt failed.
    Down {
        /// Why.
        cause: DisconnectCause,
        /// When the next attempt begins by itself; `None` when only [`Link::nudge`](super::Link::nudge) begins one.
        retry_in: Option<Duration>,
    },
}

/// A frame and its share of the inbox.
#[derive(Debug)]
pub struct Received {
    /// The frame.
    pub frame: Frame,
    /// To be dropped when the frame was handled.
    pub share: InboxShare,
}

#[cfg(test)]
impl Received {
    /// A frame that came by itself.
    pub(crate) fn alone(frame: Frame) -> Self {
        let room = Arc::new(Semaphore::new(1));
        let share = InboxShare(room.try_acquire_owned().expect("there is room"));
        Self { frame, share }
    }
}

/// Room in the inbox, given back when dropped.
#[derive(Debug)]
pub struct InboxShare(#[expect(dead_code, reason = "held for its drop")] OwnedSemaphorePermit);

/// The receiving end of the queue.
pub type Reports = mpsc::Receiver<Report>;

/// The sending ends of the queue, for [`Link::spawn`](super::Link::spawn).
#[derive(Clone, Debug)]
pub struct Inbox {
    queue: mpsc::Sender<Report>,
    bytes: Arc<Semaphore>,
}

impl Inbox {
    /// A queue for all links of one client.
    pub fn new() -> (Self, Reports) {
        let (queue, reports) = mpsc::channel(INBOX_FRAMES);
        (
            Self {
                queue,
                bytes: Arc::new(Semaphore::new(INBOX_BYTES)),
            },
            reports,
        )
    }

    pub(super) fn reporter(&self, link: LinkId) -> Reporter {
        Reporter {
            link,
            inbox: self.clone(),
        }
    }
}

/// One link's way into the queue. It waits while the queue is full; when nobody listens any more, what is reported is lost
/// and the link is about to be dropped.
pub(super) struct Reporter {
    link: LinkId,
    inbox: Inbox,
}

impl Reporter {
    pub(super) async fn event(&self, event: LinkEvent) {
        let _ = self
            .inbox
            .queue
            .send(Report {
                link: self.link,
                event,
            })
            .await;
    }

    /// Hands on a frame that took `bytes` on the wire.
    pub(super) async fn frame(&self, frame: Frame, bytes: usize) {
        let share = u32::try_from(bytes.clamp(1, INBOX_BYTES)).unwrap_or(u32::MAX);
        if let Ok(share) = Arc::clone(&self.inbox.bytes)
            .acquire_many_owned(share)
            .await
        {
            self.event(LinkEvent::Frame(Received {
                frame,
                share: InboxShare(share),
            }))
            .await;
        }
    }
}
