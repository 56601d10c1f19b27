//! The sending half of an open connection, as its owner holds it.

use tokio::sync::mpsc;
use undertone_wire::Frame;

#[cfg(test)]
use super::limits::OUTGOING_FRAMES;

/// Sends frames on one connection, until it is down. When all clones are dropped the connection closes.
#[derive(Clone, Debug)]
pub struct FrameSender(pub(super) mpsc::Sender<Frame>);

/// The connection is down or its queue is full because the relay takes nothing. A `Down` report follows or is on its way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the connection takes no more frames")]
pub struct LinkGone;

impl FrameSender {
    /// A sender, and what it sent.
    #[cfg(test)]
    pub(crate) fn to_nobody() -> (Self, mpsc::Receiver<Frame>) {
        let (sender, sent) = mpsc::channel(OUTGOING_FRAMES);
        (Self(sender), sent)
    }

    /// Queues a frame.
    ///
    /// # Errors
    /// [`LinkGone`]; the frame was not sent.
    pub fn send(&self, frame: Frame) -> Result<(), LinkGone> {
        self.0.try_send(frame).map_err(|_| LinkGone)
    }
}
