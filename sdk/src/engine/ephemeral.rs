//! Ephemeral messages: what is told beside the ratchet (SPEC.md, 24) to whoever is there now, and a relay hands on or forgets.
//!
//! Invariant: nothing waits for one, and nothing is stored for it but a session's reservation of numbers. Sent to accepted contacts
//! only. Not its concern: what they say, which is that of [`typing`](super::typing) and [`presence`](super::presence).

use bytes::Bytes;
use undertone_protocol::content::{Body as Says, Content};
use undertone_protocol::device::MailboxId;
use undertone_protocol::envelope::Envelope;
use undertone_protocol::relay_address::RelayAddress;
use undertone_protocol::tag_index::Lookup;
use undertone_wire as wire;
use undertone_wire::frame::Body;
use zeroize::Zeroizing;

use super::lane::Lane;
use super::requests::Purpose;
use super::step::Step;
use crate::error::StepError;
use crate::store::{ContactId, ContactState, PeerDeviceId, PeerDeviceState, SessionStep};

impl Step<'_> {
    /// Tells an accepted contact's devices something, those that are there.
    pub(super) fn tell_now(&mut self, contact: ContactId, body: Says) -> Result<(), StepError> {
        let now = self.now.monotonic_ms;
        if !self.is_in(contact, ContactState::Accepted)?
            || self.core.own.unchecked_until(now).is_some()
        {
            return Ok(());
        }
        let header = self.ephemeral_header();
        let mut content = Zeroizing::new(Vec::new());
        Content { header, body }
            .encode(&mut content)
            .map_err(|_| StepError::Damaged)?;
        for device in self.active_devices(contact)? {
            let row = self.tx.peer_devices().get(device)?;
            if let Some(row) = row.filter(|row| row.state == PeerDeviceState::Active) {
                let to = (device, row.keys.mailbox);
                self.send_ephemeral(contact, to, &row.relay, &content)?;
            }
        }
        Ok(())
    }

    /// Sends an ephemeral message if that is possible now, else nothing.
    fn send_ephemeral(
        &mut self,
        contact: ContactId,
        (device, mailbox): (PeerDeviceId, MailboxId),
        relay: &str,
        content: &[u8],
    ) -> Result<(), StepError> {
        let Ok(relay) = RelayAddress::parse(relay) else {
            return Ok(());
        };
        let lane = Lane::Anonymous(relay);
        if !self.core.lanes.is_usable(&lane, self.now.monotonic_ms)
            || !self.core.requests.has_room(&lane)
        {
            return Ok(());
        }
        let Some(bearer) = self.bearers(contact, &mailbox)?.into_iter().next() else {
            return Ok(());
        };
        let Some(envelope) = self.encrypt_ephemeral(device, content) else {
            return Ok(());
        };
        let right = wire::right::Right::Bearer(bearer);
        let send = wire::Send {
            mailbox: Bytes::copy_from_slice(mailbox.as_bytes()),
            message_id: Bytes::copy_from_slice(self.envelope_id().as_bytes()),
            right: Some(wire::Right { right: Some(right) }),
            envelope: envelope.into(),
            wake: false,
            ephemeral: true,
        };
        self.request(&lane, Purpose::Ephemeral, Body::Send(send));
        Ok(())
    }

    fn encrypt_ephemeral(&mut self, device: PeerDeviceId, content: &[u8]) -> Option<Vec<u8>> {
        let sessions = &mut self.core.sessions;
        let sending = sessions.sending(device)?;
        let id = sending.session.id();
        if !sending.session.has_received() {
            return None;
        }
        let (session, _) = sessions.open_with(&id)?;
        let mut envelope = Vec::new();
        let stored = session
            .encrypt_ephemeral(&mut self.rng, content, &mut envelope)
            .ok()?;
        if stored {
            sessions.dirty.entry(id).or_insert(SessionStep::Sent);
        }
        Some(envelope)
    }

    /// The relay hands on what is not stored.
    pub(super) fn ephemeral_arrived(&mut self, bytes: &[u8]) -> Result<(), StepError> {
        let Ok(envelope) = Envelope::parse(bytes) else {
            return Ok(());
        };
        let now = self.now.monotonic_ms;
        let Lookup::Ephemeral { session, number } =
            self.core.sessions.index.lookup(envelope.tag(), now)
        else {
            return Ok(());
        };
        let Some((session, device)) = self.core.sessions.open_with(&session) else {
            return Ok(());
        };
        let mut content = Zeroizing::new(Vec::new());
        let Ok(opened) = session.open_ephemeral(number, envelope, &mut content) else {
            return Ok(());
        };
        opened.commit();
        let Ok(Content { header, body }) = Content::parse(&content) else {
            return Ok(());
        };
        if header.stream_seq > 0 {
            return Ok(());
        }
        if let Says::Typing(on) = body {
            self.peer_types(device, on)?;
        } else if let Says::Presence(presence) = body {
            self.peer_is_there(device, presence)?;
        }
        Ok(())
    }
}
