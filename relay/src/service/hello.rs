//! The first frame on a connection.

use bytes::Bytes;
use undertone_wire::frame::Body;
use undertone_wire::limits::{
    DELIVERY_WINDOW, HEARTBEAT_MS, MAX_ENVELOPE_BYTES, MAX_FRAME_BYTES, MAX_RECIPIENTS,
    MAX_RECORD_BYTES, MAX_REQUESTS_IN_FLIGHT, RECONNECT_JITTER_MS,
};
use undertone_wire::{Hello, Limits, PROTOCOL_VERSION};

use super::batch::Batch;
use super::rates::Cell;
use super::session::Session;
use super::{ConnectionId, ConnectionInfo};

impl Batch<'_> {
    pub(super) fn handle_open(
        &mut self,
        conn: ConnectionId,
        info: ConnectionInfo,
        challenge: [u8; 32],
    ) {
        let session = Session {
            info,
            challenge,
            heard: self.now,
            requests: Cell::default(),
            login: None,
        };
        let before = self.service.sessions.insert(conn, session);
        self.undo.sessions.entry(conn).or_insert(before);
        let hello = Hello {
            protocol_version: PROTOCOL_VERSION,
            challenge: Bytes::copy_from_slice(&challenge),
            time_ms: self.now.0,
            store_epoch: self.storage.epoch().to_field(),
            channel_binding: info.binding.kind().into(),
            limits: Some(announced_limits()),
        };
        self.push(conn, 0, Body::Hello(hello));
    }
}

fn announced_limits() -> Limits {
    let bytes = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
    Limits {
        max_frame_bytes: bytes(MAX_FRAME_BYTES),
        max_envelope_bytes: bytes(MAX_ENVELOPE_BYTES),
        max_record_bytes: bytes(MAX_RECORD_BYTES),
        max_recipients: bytes(MAX_RECIPIENTS),
        max_requests_in_flight: bytes(MAX_REQUESTS_IN_FLIGHT),
        heartbeat_ms: HEARTBEAT_MS,
        reconnect_jitter_ms: RECONNECT_JITTER_MS,
        delivery_window: DELIVERY_WINDOW,
    }
}
