//! What is on its way: frames between devices and the relay, and the appointments of the simulation itself.
//!
//! A connection keeps its order and loses nothing until it is cut; then everything on its way in both directions is
//! gone, as with TCP. A lying relay is played on the way down (`Faults::*_delivery`).

use std::collections::BTreeMap;

use undertone::engine::Lane;
use undertone_relay::service::ConnectionId;
use undertone_wire::Frame;

/// A device of the world, by number.
pub(crate) type DeviceNumber = usize;

/// Something that will happen.
#[derive(Debug, Clone)]
pub(crate) enum Event {
    /// A frame reaches the relay.
    ToRelay { conn: ConnectionId, frame: Frame },
    /// A frame reaches a device.
    ToDevice {
        device: DeviceNumber,
        lane: Lane,
        conn: ConnectionId,
        frame: Frame,
    },
    /// A device tries again to reach its own mailbox.
    Reconnect { device: DeviceNumber },
    /// The relay's housekeeping.
    RelayTick,
}

impl Event {
    fn connection(&self) -> Option<ConnectionId> {
        match self {
            Self::ToRelay { conn, .. } | Self::ToDevice { conn, .. } => Some(*conn),
            Self::Reconnect { .. } | Self::RelayTick => None,
        }
    }
}

/// Everything on its way, by time and then by the order in which it was put there.
#[derive(Debug, Default)]
pub(crate) struct Network {
    coming: BTreeMap<(u64, u64), Event>,
    put: u64,
    /// When the last frame of a connection arrives, by direction: later ones may not overtake it.
    last_arrival: BTreeMap<(ConnectionId, bool), u64>,
}

impl Network {
    /// Puts an event that happens at `at` (ms since the beginning).
    pub(crate) fn put(&mut self, at: u64, event: Event) {
        let at = match (&event, event.connection()) {
            (_, None) => at,
            (event, Some(conn)) => {
                let last = self
                    .last_arrival
                    .entry((conn, matches!(event, Event::ToRelay { .. })))
                    .or_default();
                *last = at.max(*last);
                *last
            }
        };
        self.put += 1;
        self.coming.insert((at, self.put), event);
    }

    /// Puts a frame that does not keep its place on its connection: only a lying relay does that.
    pub(crate) fn put_out_of_order(&mut self, at: u64, event: Event) {
        self.put += 1;
        self.coming.insert((at, self.put), event);
    }

    /// When the next event happens.
    pub(crate) fn next_at(&self) -> Option<u64> {
        self.coming.keys().next().map(|(at, _)| *at)
    }

    /// Takes the next event.
    pub(crate) fn take(&mut self) -> Option<Event> {
        self.coming.pop_first().map(|(_, event)| event)
    }

    /// Loses what is on its way on a connection.
    pub(crate) fn cut(&mut self, conn: ConnectionId) {
        self.coming
            .retain(|_, event| event.connection() != Some(conn));
        self.last_arrival.remove(&(conn, true));
        self.last_arrival.remove(&(conn, false));
    }
}
