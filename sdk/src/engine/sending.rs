//! Sending posts, and queueing content for the devices of a contact.
//!
//! Sending is a durable local act: when the step commits, the message is in the history and in the outbox.

use undertone_protocol::content::{
    Body, Content, ContentError, MAX_RESENT, MessageId, MissingMessage, Post, Resent, Timer,
};
use undertone_protocol::relay_address::RelayAddress;

use super::compose::Composed;
use super::event::Event;
use super::limits::{MAX_FOLLOW_UPS, MAX_PENDING_MESSAGES, MAX_TEXT_BYTES, UPKEEP_ROWS};
use super::step::Step;
use crate::error::{SendError, StepError};
use crate::store::{
    ContactId, ContactState, ConversationId, Destination, EnvelopeId, Inserted, MessageKind,
    MessageState, NewMessage, NewOutbox, NewRetained, OutboxBody, OutboxHold, PeerDeviceId,
    PeerDeviceState,
};

impl Step<'_> {
    /// Writes a text message to a conversation.
    ///
    /// # Errors
    /// [`SendError`]; nothing is changed unless it is [`SendError::Step`].
    pub fn send_text(
        &mut self,
        conversation: ConversationId,
        text: &str,
    ) -> Result<MessageId, SendError> {
        self.send_post(conversation, Post::text(text))
    }

    /// Writes a text with what is beside it to a conversation.
    ///
    /// # Errors
    /// [`SendError`]; nothing is changed unless it is [`SendError::Step`].
    pub fn send_post(
        &mut self,
        conversation: ConversationId,
        post: Post,
    ) -> Result<MessageId, SendError> {
        let mut post = post;
        if post.disappears_after.is_none()
            && let Some(row) = self.tx.conversations().get(conversation)?
        {
            post.disappears_after = row.timer.and_then(Timer::from_seconds);
        }
        check_post(&post)?;
        let contact = self.writable(conversation)?;
        Ok(self.queue_post(contact, conversation, post)?)
    }

    /// Who gets what is written to a conversation.
    pub(super) fn writable(
        &mut self,
        conversation: ConversationId,
    ) -> Result<ContactId, SendError> {
        let row = self
            .tx
            .conversations()
            .get(conversation)?
            .ok_or(SendError::NoSuchConversation)?;
        let contact = row.contact.ok_or(SendError::NoSuchConversation)?;
        self.check_may_write(contact)?;
        Ok(contact)
    }

    fn check_may_write(&mut self, contact: ContactId) -> Result<(), SendError> {
        match self.contact(contact)?.map(|contact| contact.row.state) {
            None => Err(SendError::NoSuchConversation),
            Some(ContactState::Requested) => Err(SendError::NotAccepted),
            Some(ContactState::Blocked) => Err(SendError::Blocked),
            Some(ContactState::Invited | ContactState::Accepted) => {
                if self.tx.outbox().pending_messages()? >= MAX_PENDING_MESSAGES {
                    return Err(SendError::OutboxFull);
                }
                Ok(())
            }
        }
    }

    /// Stores and queues a post that was checked.
    pub(super) fn queue_post(
        &mut self,
        contact: ContactId,
        conversation: ConversationId,
        post: Post,
    ) -> Result<MessageId, StepError> {
        let parts = post.parts().map_err(|_| StepError::Damaged)?;
        let once = post.view_once;
        let text = post.text.clone();
        let timer = post.disappears_after.map(Timer::seconds);
        // What is owed to the contact goes first: it would go soon anyway.
        self.ride_along(contact)?;
        let body = match parts.is_empty() {
            true => Body::Text(post.text),
            false => Body::Post(post),
        };
        let composed = self.compose_shown(conversation, body)?;
        let inserted = self.tx.messages().insert(&NewMessage {
            conversation,
            message_id: composed.id,
            clock: composed.header.hlc,
            sender: None,
            sender_device: self.core.me.device_id(),
            seq: composed.header.stream_seq,
            // What is shown once is kept for those who were not sent it yet, and shown to nobody here.
            kind: match once {
                true => MessageKind::ViewOnce,
                false => MessageKind::Text,
            },
            state: MessageState::Pending,
            sent: self.now.wall,
            stored: self.now.wall,
            body: if once { String::new() } else { text },
            parts: (!once && !parts.is_empty()).then_some(parts),
            timer,
            extra: None,
            mentions_me: false,
        })?;
        if let (Some(seconds), Inserted::New(row)) = (timer, inserted) {
            self.begin_timer(row, composed.id, seconds)?;
        }
        self.queue(contact, &composed)?;
        self.typed(conversation);
        self.draft_sent(conversation)?;
        self.emit(Event::MessageAdded {
            conversation,
            message: composed.id,
        });
        Ok(composed.id)
    }

    /// Queues content for all devices of a contact that are written to. While none is known it waits for the
    /// manifest.
    pub(super) fn queue(
        &mut self,
        contact: ContactId,
        composed: &Composed,
    ) -> Result<(), StepError> {
        let devices = self.active_devices(contact)?;
        if devices.is_empty() {
            self.insert_row(contact, None, composed)?;
            return self.want_manifest(contact);
        }
        for device in devices {
            self.queue_for(contact, device, composed)?;
        }
        Ok(())
    }

    /// Queues content for one device, if it is one that is written to.
    pub(super) fn queue_for(
        &mut self,
        contact: ContactId,
        device: PeerDeviceId,
        composed: &Composed,
    ) -> Result<(), StepError> {
        let row = self.tx.peer_devices().get(device)?;
        let Some(row) = row.filter(|row| row.state == PeerDeviceState::Active) else {
            return Ok(());
        };
        let to = Destination {
            peer_device: device,
            mailbox: row.keys.mailbox,
        };
        self.insert_row(contact, Some(to), composed)?;
        self.notice_queue(device, &row.relay);
        if composed.shown {
            self.written_to(device);
        }
        Ok(())
    }

    fn insert_row(
        &mut self,
        contact: ContactId,
        to: Option<Destination>,
        composed: &Composed,
    ) -> Result<(), StepError> {
        let hold = self.hold_for(contact)?;
        let item = self.new_row(contact, to, composed, hold);
        self.tx.outbox().insert(&item)?;
        Ok(())
    }

    /// A row of content with a fresh envelope id.
    pub(super) fn new_row(
        &mut self,
        contact: ContactId,
        destination: Option<Destination>,
        composed: &Composed,
        hold: OutboxHold,
    ) -> NewOutbox {
        NewOutbox {
            contact,
            destination,
            envelope_id: self.envelope_id(),
            message_id: composed.id,
            shown: composed.shown,
            encrypted_as: None,
            body: OutboxBody::Content(composed.bytes.to_vec()),
            hold,
            wake: composed.wake,
            created: self.now.wall,
        }
    }

    /// A row for a kept copy, to be sent once more.
    pub(super) fn kept_row(
        &mut self,
        contact: ContactId,
        to: Destination,
        kept: NewRetained,
    ) -> Option<NewOutbox> {
        let content = kept.content?;
        Some(NewOutbox {
            contact,
            destination: Some(to),
            envelope_id: self.envelope_id(),
            message_id: kept.message_id,
            shown: kept.shown,
            encrypted_as: None,
            body: OutboxBody::Content(content),
            hold: OutboxHold::None,
            wake: kept.shown,
            created: self.now.wall,
        })
    }

    /// A row for a kept copy that was asked for: it says what it answers, if there is room for that.
    pub(super) fn resent_row(
        &mut self,
        contact: ContactId,
        to: Destination,
        mut kept: NewRetained,
        missing: MissingMessage,
    ) -> Result<Option<NewOutbox>, StepError> {
        let content = match kept.content.take() {
            Some(content) => match Content::parse(&content) {
                // What answered another request answers this one.
                Ok(Content {
                    body: Body::Resent(resent),
                    ..
                }) => resent.content,
                Ok(_) | Err(_) => content,
            },
            None => return Ok(None),
        };
        kept.content = Some(if content.len() <= MAX_RESENT {
            let resent = Resent { missing, content };
            self.compose_hidden(Body::Resent(resent))?.bytes.to_vec()
        } else {
            content
        });
        Ok(self.kept_row(contact, to, kept))
    }

    pub(super) fn envelope_id(&mut self) -> EnvelopeId {
        let mut id = [0; 16];
        self.rng.fill_bytes(&mut id);
        EnvelopeId::from_bytes(id)
    }

    /// Tells the queues that something is queued for a device.
    pub(super) fn notice_queue(&mut self, device: PeerDeviceId, relay: &str) {
        if let Ok(relay) = RelayAddress::parse(relay) {
            self.core.outbox.add(device, &relay);
        }
    }

    /// Before acceptance an invite permits a few messages; what is beyond waits.
    fn hold_for(&mut self, contact: ContactId) -> Result<OutboxHold, StepError> {
        let Some(found) = self.contact(contact)? else {
            return Ok(OutboxHold::None);
        };
        if found.row.state != ContactState::Invited {
            return Ok(OutboxHold::None);
        }
        let conversation = found.conversation;
        // What this device wrote: a history that was imported does not count.
        let device = self.core.me.device_id();
        let written = self
            .stream(conversation, device)?
            .next_seq
            .saturating_sub(1);
        let beyond = written > MAX_FOLLOW_UPS;
        Ok(if beyond {
            OutboxHold::Acceptance
        } else {
            OutboxHold::None
        })
    }

    /// Content that waited for the contact's devices is queued for them.
    pub(super) fn address_waiting(&mut self, contact: ContactId) -> Result<(), StepError> {
        let devices = self.active_devices(contact)?;
        if devices.is_empty() {
            return Ok(());
        }
        loop {
            let rows = self.tx.outbox().waiting(contact, UPKEEP_ROWS)?;
            if rows.is_empty() {
                return Ok(());
            }
            for row in rows {
                self.tx.outbox().remove(row.id)?;
                for device in &devices {
                    let Some(peer) = self.tx.peer_devices().get(*device)? else {
                        continue;
                    };
                    let to = Destination {
                        peer_device: *device,
                        mailbox: peer.keys.mailbox,
                    };
                    let mut item = row.item.clone();
                    item.destination = Some(to);
                    item.envelope_id = self.envelope_id();
                    self.tx.outbox().insert(&item)?;
                    self.notice_queue(*device, &peer.relay);
                }
            }
        }
    }

    /// Moves a message to another state, and says so when that is new.
    pub(super) fn advance_message(
        &mut self,
        message: &MessageId,
        state: MessageState,
    ) -> Result<(), StepError> {
        if let Some(row) = self.tx.messages().advance(message, state)? {
            let conversation = row.message.conversation;
            self.emit(Event::MessageChanged {
                conversation,
                message: *message,
                state,
            });
        }
        Ok(())
    }
}

/// Whether a text can be sent.
pub(super) fn check_text(text: &str) -> Result<(), SendError> {
    check_post(&Post::text(text))
}

/// Whether a post can be sent.
pub(super) fn check_post(post: &Post) -> Result<(), SendError> {
    let is_empty = post.text.is_empty()
        && post.card.is_none()
        && post.location.is_none()
        && post.payload.is_none();
    if is_empty {
        return Err(SendError::Empty);
    }
    let parts = post.parts().map_err(|error| match error {
        ContentError::TooLong => SendError::TooLong,
        ContentError::Malformed | ContentError::NotUtf8 | ContentError::Version => {
            SendError::Malformed
        }
    })?;
    if post.text.len().saturating_add(parts.len()) > MAX_TEXT_BYTES {
        return Err(SendError::TooLong);
    }
    Ok(())
}
