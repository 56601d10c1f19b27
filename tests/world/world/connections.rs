//! The connections of the world and the frames on them: what reaches the relay and the devices, and what the network does
//! to it on the way.
//!
//! Invariant: a connection is open on both sides or on neither; both hear of its end, unless one of them caused it.

use rand::RngExt;
use undertone::engine::{DisconnectCause, Input, Lane};
use undertone_relay::service::{ConnectionId, Output};
use undertone_wire::Frame;
use undertone_wire::frame::Body;

use super::{End, TICK_MS, World, relay_time};
use crate::device::{self, Device};
use crate::invariants;
use crate::network::{DeviceNumber, Event};

/// How long a frame takes when all take equally long, in milliseconds.
const EVEN_MS: u64 = 10;

impl World {
    pub(super) fn open(&mut self, device: DeviceNumber, lane: Lane) {
        if !self.connections_on(device, &lane).is_empty() {
            return;
        }
        self.observe(device, &lane, None);
        let (conn, outputs) = self.relay.open(relay_time(self.clock));
        self.connections.insert(conn, End { device, lane });
        self.carry_out(outputs);
    }

    pub(super) fn send_up(&mut self, device: DeviceNumber, lane: &Lane, frame: Frame) {
        if let Err(wrong) = invariants::relay_may_see(&frame, &self.secrets()) {
            panic!("{wrong}: {frame:?}\n{}", self.log.tail());
        }
        self.log.detail(
            self.clock.elapsed(),
            format_args!("{device} on {} sends {}", name_of(lane), seen(&frame)),
        );
        self.observe(device, lane, Some(&frame));
        for conn in self.connections_on(device, lane) {
            if let Err(wrong) = self.matters.carried(conn, &frame) {
                panic!("{wrong}\n{}", self.log.tail());
            }
            if self.rng.random_bool(self.faults.cut) {
                self.cut(conn);
                return;
            }
            let frame = across(&frame);
            let at = self.arrival();
            self.network.put(at, Event::ToRelay { conn, frame });
        }
    }

    fn observe(&mut self, device: DeviceNumber, lane: &Lane, frame: Option<&Frame>) {
        if let Some(tampering) = &mut self.tampering {
            tampering.observe(self.clock.elapsed(), device, name_of(lane), frame);
        }
    }

    fn secrets(&self) -> Vec<Vec<u8>> {
        self.devices.iter().flat_map(Device::secrets).collect()
    }

    fn arrival(&mut self) -> u64 {
        let delay = if self.faults.even {
            EVEN_MS
        } else if self.faults.longest_delay_ms > 0 && self.rng.random_bool(self.faults.delay) {
            self.rng.random_range(0..self.faults.longest_delay_ms)
        } else {
            self.rng.random_range(1..20)
        };
        self.clock.elapsed() + delay
    }

    pub(super) fn reach_relay(&mut self, conn: ConnectionId, frame: Frame) {
        let now = relay_time(self.clock);
        self.log.detail(
            self.clock.elapsed(),
            format_args!("the relay gets {}", seen(&frame)),
        );
        if self.rng.random_bool(self.faults.relay_crash) {
            self.log.note(self.clock.elapsed(), "the relay died");
            self.relay.frame_then_crash(now, conn, frame);
            self.assert_relay_keeps_what_it_may();
            self.cut_everybody();
            return;
        }
        let outputs = self.relay.frame(now, conn, frame);
        self.carry_out(outputs);
    }

    pub(super) fn assert_relay_keeps_what_it_may(&self) {
        let kept = self.relay.kept();
        if let Err(wrong) = invariants::relay_may_keep(&kept, self.devices.len(), &self.secrets()) {
            panic!("{wrong}\n{}", self.log.tail());
        }
    }

    pub(super) fn relay_tick(&mut self) {
        let alive = self.connections.keys().map(|conn| (*conn, ())).collect();
        let outputs = self.relay.tick(relay_time(self.clock), &alive);
        self.carry_out(outputs);
        self.network
            .put(self.clock.elapsed() + TICK_MS, Event::RelayTick);
    }

    fn carry_out(&mut self, outputs: Vec<Output>) {
        for output in outputs {
            match output {
                Output::Frame { connection, frame } => self.send_down(connection, frame),
                Output::Close {
                    connection: conn,
                    code,
                } => {
                    if let Some(end) = self.connections.remove(&conn) {
                        self.network.cut(conn);
                        let cause = DisconnectCause::ClosedByRelay(code);
                        self.lost(end, cause);
                    }
                }
            }
        }
    }

    fn send_down(&mut self, conn: ConnectionId, frame: Frame) {
        let Some(end) = self.connections.get(&conn).cloned() else {
            return;
        };
        if self.rng.random_bool(self.faults.cut) {
            self.cut(conn);
            return;
        }
        let passed = match &mut self.tampering {
            Some(tampering) => tampering.pass(end.device, frame),
            None => Some(frame),
        };
        let Some(frame) = passed else {
            return;
        };
        let mut frames = vec![frame];
        if let Some(Body::Deliver(deliver)) = &mut frames[0].body {
            if self.rng.random_bool(self.faults.drop_delivery) {
                self.log.note(
                    self.clock.elapsed(),
                    format_args!("a delivery to {} is withheld", end.device),
                );
                return;
            }
            if self.rng.random_bool(self.faults.corrupt_delivery) {
                let mut bytes = deliver.envelope.to_vec();
                let at = self.rng.random_range(0..bytes.len());
                bytes[at] ^= 1 << self.rng.random_range(0..8);
                deliver.envelope = bytes.into();
                self.log.note(
                    self.clock.elapsed(),
                    format_args!("a delivery to {} is corrupted", end.device),
                );
            }
            if self.rng.random_bool(self.faults.duplicate_delivery) {
                frames.push(frames[0].clone());
            }
        }
        for frame in frames {
            let is_delivery = matches!(frame.body, Some(Body::Deliver(_)));
            let frame = across(&frame);
            let at = self.arrival();
            let event = Event::ToDevice {
                device: end.device,
                lane: end.lane.clone(),
                conn,
                frame,
            };
            if is_delivery && self.rng.random_bool(self.faults.reorder_delivery) {
                self.network
                    .put_out_of_order(at + self.rng.random_range(0..2_000), event);
            } else {
                self.network.put(at, event);
            }
        }
    }

    pub(super) fn reach_device(
        &mut self,
        device: DeviceNumber,
        lane: Lane,
        conn: ConnectionId,
        frame: Frame,
    ) {
        if !self.connections.contains_key(&conn) {
            return;
        }
        self.log.detail(
            self.clock.elapsed(),
            format_args!("{device} on {} gets {}", name_of(&lane), seen(&frame)),
        );
        if let Some(Body::Hello(hello)) = &frame.body {
            let binding = device::binding();
            self.input(
                device,
                Input::Connected {
                    lane: lane.clone(),
                    hello: hello.clone(),
                    binding,
                },
            );
            // The device may have died of it, and its connections with it.
            if !self.connections.contains_key(&conn) {
                return;
            }
            for frame in self.devices[device].greeted(&lane) {
                self.send_up(device, &lane, frame);
            }
        } else {
            self.input(device, Input::Frame { lane, frame });
        }
    }

    pub(super) fn connections_of(&self, device: DeviceNumber) -> Vec<ConnectionId> {
        self.connections
            .iter()
            .filter(|(_, end)| end.device == device)
            .map(|(conn, _)| *conn)
            .collect()
    }

    pub(super) fn connections_on(&self, device: DeviceNumber, lane: &Lane) -> Vec<ConnectionId> {
        let on = self
            .connections
            .iter()
            .filter(|(_, end)| end.device == device && end.lane == *lane);
        on.map(|(conn, _)| *conn).collect()
    }

    /// The device closes a connection.
    pub(super) fn hang_up(&mut self, conn: ConnectionId) {
        if let Some(end) = self.connections.remove(&conn) {
            self.network.cut(conn);
            self.devices[end.device].forget_lane(&end.lane);
            let outputs = self.relay.close(relay_time(self.clock), conn);
            self.carry_out(outputs);
        }
    }

    /// The relay is another one than it was.
    pub(super) fn cut_everybody(&mut self) {
        for conn in self.connections.keys().copied().collect::<Vec<_>>() {
            self.cut(conn);
        }
    }

    /// The network takes a connection away from both sides.
    fn cut(&mut self, conn: ConnectionId) {
        if let Some(end) = self.connections.remove(&conn) {
            self.log.note(
                self.clock.elapsed(),
                format_args!("a connection of {} is cut", end.device),
            );
            self.network.cut(conn);
            let outputs = self.relay.close(relay_time(self.clock), conn);
            self.carry_out(outputs);
            self.lost(end, DisconnectCause::Unreachable);
        }
    }

    fn lost(&mut self, end: End, cause: DisconnectCause) {
        self.devices[end.device].forget_lane(&end.lane);
        if end.lane == Lane::Own {
            self.reconnect_soon(end.device);
        }
        self.input(
            end.device,
            Input::Disconnected {
                lane: end.lane,
                cause,
            },
        );
    }
}

fn name_of(lane: &Lane) -> &'static str {
    match lane {
        Lane::Own => "own",
        Lane::Anonymous(_) => "anonymous",
        Lane::Lookup(_) => "lookup",
        Lane::Record(_) => "record",
        Lane::Profile(_) => "profile",
    }
}

/// A frame for the trace: what it is, and what tells one from another.
fn seen(frame: &Frame) -> String {
    let id = frame.request_id;
    let text = match &frame.body {
        Some(Body::Send(send)) => format!("Send {:?} to {:?}", send.message_id, send.mailbox),
        Some(Body::Deliver(deliver)) => format!("Deliver {} {:?}", deliver.seq, deliver.message_id),
        Some(Body::ReplacePrekeys(_)) => "ReplacePrekeys".to_owned(),
        Some(body) => format!("{body:?}").chars().take(160).collect(),
        None => "nothing".to_owned(),
    };
    format!("{id} {text}")
}

/// A frame as the other side reads it from the bytes.
fn across(frame: &Frame) -> Frame {
    let bytes = frame.to_bytes().expect("frames keep to their limits");
    Frame::from_bytes(bytes).expect("what one side encodes, the other reads")
}
