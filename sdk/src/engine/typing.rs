//! Who is typing: told by ephemeral messages beside the ratchet (SPEC.md, 20.8 and 24), which a relay hands on or forgets.
//!
//! Invariant: nothing waits for it, nothing is stored for it but a session's reservation of numbers, and nothing is sent because
//! something came. Told to accepted contacts only; what they tell is shown for five seconds.

use std::collections::BTreeMap;

use bytes::Bytes;
use undertone_protocol::content::{Body as Says, Content};
use undertone_protocol::device::MailboxId;
use undertone_protocol::envelope::Envelope;
use undertone_protocol::relay_address::RelayAddress;
use undertone_protocol::tag_index::Lookup;
use undertone_wire as wire;
use undertone_wire::frame::Body;
use zeroize::Zeroizing;

use super::event::Event;
use super::lane::Lane;
use super::limits::{TYPING_ENDS_MS, TYPING_REFRESH_MS, TYPING_SHOWN_MS};
use super::meta;
use super::requests::Purpose;
use super::step::Step;
use super::timers::Timer;
use crate::error::StepError;
use crate::store::{
    ContactId, ContactState, ConversationId, PeerDeviceId, PeerDeviceState, SessionStep,
};

/// Who types where, monotonic ms.
#[derive(Debug, Default)]
pub(crate) struct Typing {
    /// Where this user types.
    own: BTreeMap<ConversationId, Own>,
    /// Where the other side is shown as typing, and until when.
    shown: BTreeMap<ConversationId, u64>,
}

impl Typing {
    /// Whether the other side of a conversation is shown as typing.
    pub(super) fn is_shown(&self, conversation: ConversationId) -> bool {
        self.shown.contains_key(&conversation)
    }
}

#[derive(Debug, Clone, Copy)]
struct Own {
    last_key: u64,
    last_told: u64,
}

impl Step<'_> {
    /// The user types in a conversation: to be called at each key. That he ended is found out.
    ///
    /// # Errors
    /// [`StepError`].
    pub fn typing(&mut self, conversation: ConversationId) -> Result<(), StepError> {
        let now = self.now.monotonic_ms;
        let own = self.core.typing.own.get(&conversation).copied();
        let is_due = own.is_none_or(|own| now.saturating_sub(own.last_told) >= TYPING_REFRESH_MS);
        let last_told = match own {
            Some(own) if !is_due => own.last_told,
            Some(_) | None => {
                self.tell_typing(conversation, true)?;
                now
            }
        };
        let own = Own {
            last_key: now,
            last_told,
        };
        self.core.typing.own.insert(conversation, own);
        let ends = now.saturating_add(TYPING_ENDS_MS);
        self.core.timers.arm(Timer::Typing, ends);
        Ok(())
    }

    /// Something was sent to a conversation: that shows that the typing ended.
    pub(super) fn typed(&mut self, conversation: ConversationId) {
        self.core.typing.own.remove(&conversation);
    }

    /// Who has not typed for a while has ended.
    pub(super) fn typing_due(&mut self) -> Result<(), StepError> {
        let now = self.now.monotonic_ms;
        let typing = &mut self.core.typing;
        let over = |own: &Own| now.saturating_sub(own.last_key) >= TYPING_ENDS_MS;
        let ended: Vec<ConversationId> = typing
            .own
            .extract_if(.., |_, own| over(own))
            .map(|(conversation, _)| conversation)
            .collect();
        let hidden: Vec<ConversationId> = typing
            .shown
            .extract_if(.., |_, until| *until <= now)
            .map(|(conversation, _)| conversation)
            .collect();
        for conversation in ended {
            self.tell_typing(conversation, false)?;
        }
        for conversation in hidden {
            self.emit(Event::Typing {
                conversation,
                typing: false,
            });
        }
        let typing = &self.core.typing;
        let own = typing.own.values();
        let own = own.map(|own| own.last_key.saturating_add(TYPING_ENDS_MS));
        let next = own.chain(typing.shown.values().copied()).min();
        if let Some(next) = next {
            self.core.timers.arm(Timer::Typing, next);
        }
        Ok(())
    }

    /// Whether contacts are told that the user types. Who tells nothing is told nothing.
    ///
    /// # Errors
    /// [`StepError`] when the store fails.
    pub fn set_typing_indicators(&mut self, on: bool) -> Result<(), StepError> {
        self.switch(meta::NO_TYPING, on)
    }

    fn tell_typing(&mut self, conversation: ConversationId, on: bool) -> Result<(), StepError> {
        let row = self.tx.conversations().get(conversation)?;
        let Some(contact) = row.and_then(|row| row.contact) else {
            return Ok(());
        };
        let now = self.now.monotonic_ms;
        if !self.is_on(meta::NO_TYPING)?
            || !self.is_in(contact, ContactState::Accepted)?
            || self.core.own.unchecked_until(now).is_some()
        {
            return Ok(());
        }
        let header = self.ephemeral_header();
        let mut content = Zeroizing::new(Vec::new());
        let body = Says::Typing(on);
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
        if let Says::Typing(on) = body
            && header.stream_seq == 0
        {
            self.peer_types(device, on)?;
        }
        Ok(())
    }

    fn peer_types(&mut self, device: PeerDeviceId, on: bool) -> Result<(), StepError> {
        let Some(contact) = self.peer(device)?.map(|peer| peer.contact) else {
            return Ok(());
        };
        if !self.is_on(meta::NO_TYPING)? || !self.is_in(contact, ContactState::Accepted)? {
            return Ok(());
        }
        let Some(conversation) = self.contact(contact)?.map(|found| found.conversation) else {
            return Ok(());
        };
        if !on {
            self.peer_typed(conversation);
            return Ok(());
        }
        let until = self.now.monotonic_ms.saturating_add(TYPING_SHOWN_MS);
        self.core.timers.arm(Timer::Typing, until);
        if self.core.typing.shown.insert(conversation, until).is_none() {
            self.emit(Event::Typing {
                conversation,
                typing: true,
            });
        }
        Ok(())
    }

    /// The other side has ended, or what it typed is there.
    pub(super) fn peer_typed(&mut self, conversation: ConversationId) {
        if self.core.typing.shown.remove(&conversation).is_some() {
            self.emit(Event::Typing {
                conversation,
                typing: false,
            });
        }
    }
}
