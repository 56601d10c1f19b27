//! What an authentic message says, and what follows from it, by type and by how its sender stands.

use undertone_protocol::account::AccountId;
use undertone_protocol::content::{
    Acceptance, Body, Content, ContentHeader, Hlc, MessageId, Post, Timer, stream_hash,
};
use undertone_protocol::session::SessionId;
use undertone_protocol::time::Timestamp;
use zeroize::Zeroizing;

use super::event::Event;
use super::limits::{LATEST_CLOCK_MS, MAX_REQUEST_MESSAGES, MAX_STREAM_SEQ, VIEW_ONCE_KEEP_S};
use super::step::Step;
use super::view_once;
use crate::error::StepError;
use crate::store::{
    ContactId, ContactState, ConversationId, Inserted, MessageKind, MessageState, NewMessage,
    PeerDeviceId, Readable,
};

/// Why a message comes now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Arrival {
    /// It was sent.
    ByItself,
    /// It is sent again, because this device asked for it.
    AskedFor,
}

/// Who wrote, and where it belongs.
#[derive(Debug, Clone, Copy)]
pub(super) struct From {
    pub(super) device: PeerDeviceId,
    pub(super) contact: ContactId,
    pub(super) conversation: ConversationId,
    pub(super) state: ContactState,
    manifest_issued: Option<Timestamp>,
    arrival: Arrival,
}

impl Readable {
    /// A post, as it is shown to `reader`.
    pub(super) fn post(post: Post, reader: AccountId) -> Self {
        if post.view_once {
            return Self::view_once(&post, reader);
        }
        // What was parsed keeps its limits.
        let parts = post.parts().unwrap_or_default();
        Self {
            kind: MessageKind::Text,
            parts: (!parts.is_empty()).then_some(parts),
            timer: post.disappears_after.map(Timer::seconds),
            mentions_me: mentions(&post, reader),
            body: post.text,
            extra: None,
        }
    }

    /// Out of the text that is searched and shown in the list, until it is asked for. Who never asks does not keep it for ever.
    fn view_once(post: &Post, reader: AccountId) -> Self {
        Self {
            mentions_me: mentions(post, reader),
            kind: MessageKind::ViewOnce,
            body: String::new(),
            parts: None,
            timer: Some(VIEW_ONCE_KEEP_S),
            extra: Some(view_once::kept(post)),
        }
    }

    fn unsupported(encoded: &[u8]) -> Self {
        Self {
            kind: MessageKind::Unsupported,
            body: String::new(),
            parts: None,
            timer: None,
            extra: Some(encoded.to_vec()),
            mentions_me: false,
        }
    }
}

/// Whether a post names an account, or answers it.
pub(super) fn mentions(post: &Post, account: AccountId) -> bool {
    let answered = post.reply.iter().map(|reply| reply.author);
    let named = post.mentions.iter().map(|mention| mention.account);
    answered.chain(named).any(|about| about == account)
}

impl Step<'_> {
    /// The content of an envelope of an established session.
    pub(super) fn opened(
        &mut self,
        device: PeerDeviceId,
        session: SessionId,
        encoded: &[u8],
    ) -> Result<(), StepError> {
        self.core.heard.entry(device).or_default();
        self.reconsider_sending(session)?;
        // Authentic and malformed: the sender's software is at fault; nothing can be shown of it.
        let Ok(content) = Content::parse(encoded) else {
            return Ok(());
        };
        self.content_arrived_from(device, content, encoded, Arrival::ByItself)
    }

    /// The content of a first message.
    pub(super) fn content_arrived(
        &mut self,
        device: PeerDeviceId,
        content: Content,
    ) -> Result<(), StepError> {
        let mut encoded = Zeroizing::new(Vec::new());
        if content.encode(&mut encoded).is_err() {
            return Ok(());
        }
        self.core.heard.entry(device).or_default();
        self.content_arrived_from(device, content, &encoded, Arrival::ByItself)
    }

    pub(super) fn content_arrived_from(
        &mut self,
        device: PeerDeviceId,
        content: Content,
        encoded: &[u8],
        arrival: Arrival,
    ) -> Result<(), StepError> {
        let Some(from) = self.sender(device, arrival)? else {
            return Ok(());
        };
        let Content { header, body } = content;
        if header.stream_seq > MAX_STREAM_SEQ {
            return Ok(());
        }
        if header.stream_seq > 0 {
            let sender = self.peer(device)?.ok_or(StepError::Damaged)?.device;
            self.follow_stream(&from, sender, &header, stream_hash(encoded))?;
        }
        if from.state == ContactState::Blocked {
            return Ok(());
        }
        if header.stream_seq > 0 {
            self.core.heard.insert(device, true);
        }
        self.core.hlc.observe(header.hlc, self.now.wall);
        self.gossip(from.contact, header.manifest_version, &header.manifest_hash)?;
        let user_did_it = header.stream_seq > 0 || matches!(body, Body::ReadReceipt(_));
        if user_did_it && from.state == ContactState::Accepted {
            self.was_there(from.contact, header.hlc.time())?;
        }
        match body {
            Body::Nothing => Ok(()),
            Body::Text(text) => self.post_arrived(&from, &header, Post::text(text)),
            Body::Post(post) => self.post_arrived(&from, &header, post),
            Body::Unknown { .. } if header.stream_seq > 0 => {
                self.shown(&from, &header, Readable::unsupported(encoded))
            }
            // Typing and presence come as ephemeral messages or not at all.
            Body::Unknown { .. } | Body::Typing(_) | Body::Presence(_) => Ok(()),
            Body::Edit(_) | Body::Deletion(_) | Body::Reactions(_) => {
                self.changes_arrived(&from, &header, &body, encoded)
            }
            Body::Timer(timer) => self.timer_arrived(&from, &header, timer),
            Body::Profile(place) => self.profile_told(&from, &header, &place),
            // A stranger is owed nothing and told nothing.
            Body::DeliveryReceipt(_)
            | Body::ReadReceipt(_)
            | Body::ResendRequest(_)
            | Body::Unavailable(_)
            | Body::Acceptance(_)
                if from.state == ContactState::Requested =>
            {
                Ok(())
            }
            Body::DeliveryReceipt(receipt) => {
                self.confirmed(&from, &receipt.delivered)?;
                self.resend(&from, &receipt.missing)
            }
            Body::ReadReceipt(read) => self.read_by(&from, &read),
            Body::ResendRequest(missing) => self.resend(&from, &missing),
            Body::Unavailable(missing) => self.unavailable(&from, &missing),
            Body::Resent(resent) => self.resent(&from, &resent),
            Body::Acceptance(acceptance) => self.accepted_by(&from, &header, &acceptance),
        }
    }

    /// Whose device it is, and how he stands.
    pub(super) fn sender(
        &mut self,
        device: PeerDeviceId,
        arrival: Arrival,
    ) -> Result<Option<From>, StepError> {
        let Some(contact) = self.peer(device)?.map(|peer| peer.contact) else {
            return Ok(None);
        };
        Ok(self.contact(contact)?.map(|found| From {
            device,
            contact,
            conversation: found.conversation,
            state: found.row.state,
            manifest_issued: found.row.manifest_issued,
            arrival,
        }))
    }

    /// What a message brought is new: that is confirmed.
    pub(super) fn confirm(&mut self, from: &From, message: &MessageId) -> Result<(), StepError> {
        match from.arrival {
            Arrival::ByItself => self.owe_receipt(from.device, message),
            Arrival::AskedFor => self.owe_receipt_inside(from.device, message),
        }
    }

    fn post_arrived(
        &mut self,
        from: &From,
        header: &ContentHeader,
        post: Post,
    ) -> Result<(), StepError> {
        let reader = self.core.me.account;
        self.shown(from, header, Readable::post(post, reader))
    }

    fn shown(
        &mut self,
        from: &From,
        header: &ContentHeader,
        shown: Readable,
    ) -> Result<(), StepError> {
        if from.state == ContactState::Requested
            && self.tx.messages().count(from.conversation)? >= MAX_REQUEST_MESSAGES
        {
            return Ok(());
        }
        if from.state == ContactState::Invited {
            // Who answers has accepted, even if the acceptance itself was lost.
            self.become_accepted(from.contact)?;
        }
        let sender_device = self.peer(from.device)?.ok_or(StepError::Damaged)?.device;
        let inserted = self.tx.messages().insert(&NewMessage {
            conversation: from.conversation,
            message_id: header.message_id,
            clock: self.sorted_at(from, header.hlc),
            sender: Some(from.contact),
            sender_device,
            seq: header.stream_seq,
            kind: shown.kind,
            state: MessageState::Received,
            sent: header.hlc.time(),
            stored: self.now.wall,
            body: shown.body,
            parts: shown.parts,
            timer: shown.timer,
            extra: shown.extra,
            mentions_me: shown.mentions_me,
        })?;
        let Inserted::New(row) = inserted else {
            if from.state == ContactState::Requested {
                return Ok(());
            }
            return self.owe_receipt_again(from.device, &header.message_id);
        };
        let conversation = from.conversation;
        if shown.kind == MessageKind::ViewOnce {
            self.begin_timer(row, header.message_id, VIEW_ONCE_KEEP_S)?;
        }
        self.peer_typed(conversation);
        self.leaves_archive(conversation)?;
        self.emit(Event::MessageAdded {
            conversation,
            message: header.message_id,
        });
        self.early_changes(from, &header.message_id)?;
        if from.state == ContactState::Requested {
            return Ok(());
        }
        self.confirm(from, &header.message_id)
    }

    /// The clock that a message is sorted by: its own, clamped by its sender's manifest; before that was
    /// fetched, by this device's clock. Never beyond what a row number holds.
    pub(super) fn sorted_at(&self, from: &From, clock: Hlc) -> Hlc {
        clock
            .clamped(from.manifest_issued.unwrap_or(self.now.wall))
            .min(Hlc::at(Timestamp(LATEST_CLOCK_MS)))
    }

    /// The other side accepts this account's request.
    fn accepted_by(
        &mut self,
        from: &From,
        header: &ContentHeader,
        acceptance: &Acceptance,
    ) -> Result<(), StepError> {
        let row = self
            .tx
            .contacts()
            .get(from.contact)?
            .ok_or(StepError::Damaged)?;
        let secrets = (&acceptance.delivery_secret, &acceptance.profile_key);
        let news = self.learn_secrets(from.contact, header, secrets)?;
        self.learn_name(&row, from.conversation, &acceptance.name)?;
        if from.state == ContactState::Invited {
            self.become_accepted(from.contact)?;
        } else if !news {
            return self.owe_receipt_again(from.device, &header.message_id);
        }
        // The accepter repeats himself until he knows that it arrived.
        self.confirm(from, &header.message_id)
    }

    /// Tells every device of the step's senders apart once: when it was heard, whether that was an answer, and whether it
    /// waits for one.
    pub(super) fn flush_heard(&mut self) -> Result<(), StepError> {
        for (device, wrote) in std::mem::take(&mut self.core.heard) {
            let sending = self.core.sessions.sending(device);
            let answered = sending.is_none_or(|cached| cached.session.has_received());
            self.tx
                .peer_devices()
                .heard(device, answered, self.now.wall)?;
            if !answered {
                self.renew_unless_answered(device)?;
            }
            self.note_owed_step(device, wrote)?;
        }
        Ok(())
    }
}
