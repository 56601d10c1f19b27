//! What a committed step asks of the outside world.

use std::fmt;

use undertone_wire as wire;

use super::event::Event;
use super::lane::Lane;

/// One consequence of a step. Effects exist only after the step's commit is durable
/// ([`Step::commit`](super::Step::commit)), so that nothing leaves the device that a crash could take back.
#[derive(Clone)]
pub enum Effect {
    /// Send this frame. When the lane is not open, the driver opens it and sends the frame after the
    /// relay's greeting was handed in; when that fails it reports [`Input::Disconnected`](super::Input).
    Request {
        /// On which connection.
        lane: Lane,
        /// The frame.
        frame: wire::Frame,
    },
    /// Tell the application.
    Event(Event),
    /// Close this connection.
    Disconnect {
        /// Which connection.
        lane: Lane,
    },
}

/// Shows what is asked for and on which connection; nothing of a frame, which may hold what gives a right.
impl fmt::Debug for Effect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Request { lane, frame } => f
                .debug_tuple("Request")
                .field(lane)
                .field(&frame.request_id)
                .finish(),
            Self::Event(event) => f.debug_tuple("Event").field(event).finish(),
            Self::Disconnect { lane } => f.debug_tuple("Disconnect").field(lane).finish(),
        }
    }
}

#[cfg(test)]
#[path = "effect_tests.rs"]
mod tests;
