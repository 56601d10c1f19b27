//! Which connections exist: the own one while the client is online, the others on demand and until they idle.
//!
//! Invariant: each lane has a connection of its own, so that no relay sees two of them on one socket. A request is handed to
//! an open connection, or held until the attempt to open one succeeds or fails; every end of a connection is told to the
//! engine. Of a connection that is being closed nothing but its end is handed on: frames of it may have been lost, and what
//! comes behind them must not be taken as if they had not.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::time::Instant;
use undertone_protocol::relay_address::RelayAddress;
use undertone_wire::Frame;

use super::event::Connection;
use super::limits::{HELD_FRAMES, IDLE, LANES};
use crate::engine::{self, Input, Lane};
use crate::transport::{
    ConnectError, ConnectionClass, DisconnectCause, FrameSender, Inbox, InboxShare, Link,
    LinkEvent, LinkId, Report, Transport,
};

/// All connections of a client.
pub(super) struct Lanes {
    runtime: Handle,
    transport: Arc<Transport>,
    inbox: Inbox,
    own_relay: RelayAddress,
    online: bool,
    slots: HashMap<LinkId, Slot>,
    ids: HashMap<Lane, LinkId>,
    next_id: u64,
    refused: Vec<Lane>,
}

struct Slot {
    lane: Lane,
    link: Link,
    sender: Option<FrameSender>,
    /// Requests for the connection that is being opened.
    held: Vec<Frame>,
    unanswered: u64,
    /// Kept until then at least, for the next request or for its backoff.
    keep_until: Instant,
    /// Being closed for good reason; may be opened again when it is down. Until then what comes on it is dropped.
    closing: bool,
}

/// What a report says.
#[derive(Default)]
pub(super) struct News {
    /// To the engine.
    pub(super) input: Option<Input>,
    /// To be kept until the input was handled.
    pub(super) share: Option<InboxShare>,
    /// To the app, about the own connection.
    pub(super) connection: Option<Connection>,
}

impl Lanes {
    pub(super) fn new(
        runtime: Handle,
        transport: Transport,
        inbox: Inbox,
        own_relay: RelayAddress,
    ) -> Self {
        Self {
            runtime,
            transport: Arc::new(transport),
            inbox,
            own_relay,
            online: false,
            slots: HashMap::new(),
            ids: HashMap::new(),
            next_id: 0,
            refused: Vec::new(),
        }
    }

    pub(super) fn own_relay(&self) -> &RelayAddress {
        &self.own_relay
    }

    /// Opens the own connection and allows the others, or closes all.
    pub(super) fn set_online(&mut self, online: bool) {
        self.online = online;
        if online {
            self.slot(&Lane::Own);
        }
        for slot in self.slots.values() {
            slot.link.want(slot.is_wanted(online));
            slot.link.nudge();
        }
    }

    /// Cuts all waits short: the user did something.
    pub(super) fn nudge(&self) {
        for slot in self.slots.values() {
            slot.link.nudge();
        }
    }

    /// Every connection has to prove that it lives.
    pub(super) fn network_changed(&self) {
        self.transport.forget_blocked();
        for slot in self.slots.values() {
            slot.link.network_changed();
        }
    }

    /// Sends a frame, or holds it while its connection is opened.
    pub(super) fn request(&mut self, lane: &Lane, frame: Frame) {
        let online = self.online;
        let Some(slot) = self.slot(lane) else {
            self.refused.push(lane.clone());
            return;
        };
        slot.keep_until = slot.keep_until.max(Instant::now() + IDLE);
        slot.unanswered = slot.unanswered.saturating_add(1);
        let taken = match &slot.sender {
            Some(sender) if !slot.closing => sender.send(frame).is_ok(),
            _ if slot.held.len() < HELD_FRAMES => {
                slot.held.push(frame);
                true
            }
            _ => false,
        };
        slot.closing |= !taken;
        slot.link.want(slot.is_wanted(online));
    }

    /// Closes a connection. What still wants it opens it again when it is down.
    pub(super) fn disconnect(&mut self, lane: &Lane) {
        if let Some(slot) = self.ids.get(lane).and_then(|id| self.slots.get_mut(id)) {
            slot.closing = slot.sender.is_some();
            slot.link.want(slot.is_wanted(self.online));
        }
    }

    /// Closes every connection and drops what was held: the engine lost its memory of them, or goes.
    pub(super) fn abandon(&mut self) {
        self.refused.clear();
        for slot in self.slots.values_mut() {
            slot.held.clear();
            slot.unanswered = 0;
            slot.closing = slot.sender.is_some();
            slot.link.want(slot.is_wanted(self.online));
        }
    }

    /// Takes a link's report.
    pub(super) fn report(&mut self, report: Report) -> News {
        let Some(slot) = self.slots.get_mut(&report.link) else {
            return News::default();
        };
        let lane = slot.lane.clone();
        match report.event {
            LinkEvent::Connecting => slot.news(Connection::Connecting),
            LinkEvent::Up {
                hello,
                binding,
                sender,
            } => {
                for frame in slot.held.drain(..) {
                    // A connection that is gone already reports it next.
                    let _ = sender.send(frame);
                }
                slot.sender = Some(sender);
                News {
                    input: Some(Input::Connected {
                        lane,
                        hello: *hello,
                        binding,
                    }),
                    ..News::default()
                }
            }
            LinkEvent::Frame(_) if slot.closing => News::default(),
            LinkEvent::Frame(received) => {
                if received.frame.request_id != 0 {
                    slot.unanswered = slot.unanswered.saturating_sub(1);
                }
                let input = Input::Frame {
                    lane,
                    frame: received.frame,
                };
                News {
                    input: Some(input),
                    share: Some(received.share),
                    connection: None,
                }
            }
            LinkEvent::Down { cause, retry_in } => {
                slot.went_down(retry_in);
                let wanted = slot.is_wanted(self.online);
                slot.link.want(wanted);
                let state = if wanted {
                    Connection::Down { cause, retry_in }
                } else {
                    Connection::Offline
                };
                let input = Some(Input::Disconnected {
                    lane,
                    cause: for_engine(cause),
                });
                News {
                    input,
                    ..slot.news(state)
                }
            }
        }
    }

    /// Lanes for which there was no room, to be told to the engine: as out of reach, so that it tries them again later and
    /// not at once.
    pub(super) fn take_refused(&mut self) -> Vec<Input> {
        let refused = std::mem::take(&mut self.refused);
        let cause = engine::DisconnectCause::Unreachable;
        refused
            .into_iter()
            .map(|lane| Input::Disconnected { lane, cause })
            .collect()
    }

    /// Closes what idles. Returns when to look again.
    pub(super) fn sweep(&mut self, now: Instant) -> Option<Instant> {
        let mut gone = Vec::new();
        let mut next = None::<Instant>;
        for (id, slot) in self
            .slots
            .iter_mut()
            .filter(|(_, slot)| slot.lane != Lane::Own)
        {
            if slot.keep_until <= now {
                if slot.unanswered > 0 {
                    slot.keep_until = now + IDLE;
                } else if slot.sender.is_some() {
                    slot.closing = true;
                    slot.link.want(false);
                    slot.keep_until = now + IDLE;
                } else {
                    gone.push(*id);
                    continue;
                }
            }
            next = Some(next.map_or(slot.keep_until, |at| at.min(slot.keep_until)));
        }
        for id in gone {
            if let Some(slot) = self.slots.remove(&id) {
                self.ids.remove(&slot.lane);
            }
        }
        next
    }

    /// Whether every connection is closed.
    pub(super) fn all_down(&self) -> bool {
        self.slots.values().all(|slot| slot.sender.is_none())
    }

    /// The slot of a lane, made when there is none; `None` when there are too many.
    fn slot(&mut self, lane: &Lane) -> Option<&mut Slot> {
        if !self.ids.contains_key(lane) {
            if self.ids.len() >= LANES {
                return None;
            }
            self.next_id += 1;
            let id = LinkId(self.next_id);
            let (relay, class) = match lane {
                Lane::Own => (self.own_relay.clone(), ConnectionClass::Own),
                Lane::Anonymous(relay)
                | Lane::Lookup(relay)
                | Lane::Record(relay)
                | Lane::Profile(relay) => (relay.clone(), ConnectionClass::Anonymous),
            };
            let link = Link::spawn(
                &self.runtime,
                Arc::clone(&self.transport),
                relay,
                class,
                &self.inbox,
                id,
            );
            self.slots.insert(id, Slot::new(lane.clone(), link));
            self.ids.insert(lane.clone(), id);
        }
        self.ids.get(lane).and_then(|id| self.slots.get_mut(id))
    }
}

impl Slot {
    fn new(lane: Lane, link: Link) -> Self {
        let keep_until = Instant::now() + IDLE;
        Self {
            lane,
            link,
            sender: None,
            held: Vec::new(),
            unanswered: 0,
            keep_until,
            closing: false,
        }
    }

    fn is_wanted(&self, online: bool) -> bool {
        online
            && !self.closing
            && (self.lane == Lane::Own || self.sender.is_some() || !self.held.is_empty())
    }

    /// What was in flight or held is the engine's again.
    fn went_down(&mut self, retry_in: Option<Duration>) {
        self.sender = None;
        self.held.clear();
        self.unanswered = 0;
        self.closing = false;
        self.keep_until = Instant::now() + IDLE.max(retry_in.unwrap_or_default());
    }

    fn news(&self, state: Connection) -> News {
        News {
            connection: (self.lane == Lane::Own).then_some(state),
            ..News::default()
        }
    }
}

/// What the engine needs to know of a cause.
fn for_engine(cause: DisconnectCause) -> engine::DisconnectCause {
    use engine::DisconnectCause as Engine;
    match cause {
        DisconnectCause::Connect(ConnectError::Tls(_)) => Engine::Tls,
        DisconnectCause::Connect(ConnectError::UnsupportedVersion { .. }) => {
            Engine::UnsupportedVersion
        }
        DisconnectCause::Connect(ConnectError::BindingRefused | ConnectError::Violation(_))
        | DisconnectCause::Violation(_) => Engine::ProtocolViolation,
        DisconnectCause::Connect(
            ConnectError::Unreachable
            | ConnectError::Proxy
            | ConnectError::NotARelay { .. }
            | ConnectError::Busy
            | ConnectError::TimedOut(_),
        )
        | DisconnectCause::Lost
        | DisconnectCause::Silent => Engine::Unreachable,
        DisconnectCause::ClosedByRelay { reason, .. } => Engine::ClosedByRelay(reason),
        DisconnectCause::Requested | DisconnectCause::Replaced => Engine::Closed,
    }
}

#[cfg(test)]
#[path = "lanes_tests.rs"]
mod tests;
