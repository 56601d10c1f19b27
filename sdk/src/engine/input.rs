//! What the outside world tells the engine. Everything that the engine knows of networks is here.

use std::fmt;

use undertone_wire as wire;

use super::lane::Lane;

/// One thing that happened outside.
#[derive(Clone)]
pub enum Input {
    /// A connection was opened and the relay greeted.
    Connected {
        /// Which connection.
        lane: Lane,
        /// The relay's greeting.
        hello: wire::Hello,
        /// What binds a login to this very connection, of the kind that `hello.channel_binding` announces.
        binding: wire::binding::BindingValue,
    },
    /// A connection is gone, or could not be opened. What was in flight on it returns to its queue.
    Disconnected {
        /// Which connection.
        lane: Lane,
        /// Why.
        cause: DisconnectCause,
    },
    /// A frame arrived.
    Frame {
        /// On which connection.
        lane: Lane,
        /// The frame, already within the limits of the wire.
        frame: wire::Frame,
    },
    /// The time that [`Engine::next_wake`](super::Engine::next_wake) named has come, or may have come.
    Timer,
}

/// Why a connection is gone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DisconnectCause {
    /// The driver closed it: idle, going offline, or because the engine asked.
    Closed,
    /// The relay could not be reached, or stopped answering.
    Unreachable,
    /// The relay closed it and said why.
    ClosedByRelay(wire::ErrorCode),
    /// The relay speaks another version of the protocol.
    UnsupportedVersion,
    /// What the relay sent is not a frame of this protocol.
    ProtocolViolation,
    /// TLS failed: an unknown certificate, or one that is not valid now (which a wrong clock causes too).
    Tls,
}

/// Shows what happened and on which connection; nothing of a frame, which may hold what gives a right.
impl fmt::Debug for Input {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Connected { lane, .. } => f.debug_tuple("Connected").field(lane).finish(),
            Self::Disconnected { lane, cause } => f
                .debug_tuple("Disconnected")
                .field(lane)
                .field(cause)
                .finish(),
            Self::Frame { lane, frame } => f
                .debug_tuple("Frame")
                .field(lane)
                .field(&frame.request_id)
                .finish(),
            Self::Timer => f.write_str("Timer"),
        }
    }
}
