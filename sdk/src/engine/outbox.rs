//! The outbox at work: the oldest row of each device is encrypted when its turn comes, sent until the
//! relay takes it, and what the relay says becomes a state of the message.
//!
//! Invariant: a row's envelope is made once and sent with the same id until it is taken, refused for good or
//! expired; only a fresh handshake turns it back into content. Which queue is next is in [`queues`](super::queues).

#![expect(
    clippy::wildcard_enum_match_arm,
    reason = "a frame of a kind that does not belong here is as good as none"
)]

use bytes::Bytes;
use undertone_wire as wire;
use undertone_wire::ErrorCode;
use undertone_wire::frame::Body;

use super::backoff;
use super::event::{DelayReason, Event};
use super::input::DisconnectCause;
use super::lane::Lane;
use super::limits::{REFETCH_FROM_MS, REFETCH_TO_MS};
use super::queues::{OnItsWay, Turn};
use super::requests::Purpose;
use super::sessions::NoSession;
use super::step::Step;
use super::timers::Timer;
use crate::error::StepError;
use crate::store::{
    ContactId, ContactState, Destination, FailureReason, MessageState, OutboxBody, OutboxHold,
    OutboxId, OutboxRow, PeerDeviceId,
};

impl Step<'_> {
    /// Sends whatever has its turn.
    pub(super) fn pump_outbox(&mut self) -> Result<(), StepError> {
        while let Some(device) = self.core.outbox.next_ready() {
            self.take_turn(device)?;
        }
        Ok(())
    }

    fn take_turn(&mut self, device: PeerDeviceId) -> Result<(), StepError> {
        let Some(mut row) = self.tx.outbox().of_device(device, 1)?.pop() else {
            self.core.outbox.remove(device);
            return Ok(());
        };
        let (Some(queue), Some(to)) = (self.core.outbox.get_mut(device), row.item.destination)
        else {
            return Ok(());
        };
        let lane = Lane::Anonymous(queue.relay.clone());
        if !self.core.lanes.is_usable(&lane, self.now.monotonic_ms)
            || !self.core.requests.has_room(&lane)
        {
            self.core.outbox.set(device, Turn::Blocked);
            return Ok(());
        }
        if let Some(until) = self.core.own.unchecked_until(self.now.monotonic_ms) {
            self.core.outbox.set(device, Turn::Blocked);
            self.core.timers.arm(Timer::Lanes, until);
            return Ok(());
        }
        if row.item.hold == OutboxHold::Acceptance && !self.is_accepted(row.item.contact)? {
            self.core.outbox.set(device, Turn::Held);
            return Ok(());
        }
        if self.awaits_greeting(device, &lane)? {
            return Ok(());
        }
        match &row.item.body {
            OutboxBody::Envelope(envelope) => {
                let envelope = Bytes::copy_from_slice(envelope);
                self.transmit(device, &row, envelope)
            }
            OutboxBody::Content(content) => {
                if !self.may_encrypt(row.item.contact, device)? {
                    return Ok(());
                }
                if row.item.shown && self.waits_for_fresh_session(device)? {
                    return Ok(());
                }
                match self.encrypt_row(&row, to.peer_device, content)? {
                    Ok((envelope_id, envelope)) => {
                        row.item.envelope_id = envelope_id;
                        self.transmit(device, &row, envelope.into())
                    }
                    Err(NoSession) => self.session_is_missing(device),
                }
            }
        }
    }

    fn is_accepted(&mut self, contact: ContactId) -> Result<bool, StepError> {
        Ok(self
            .contact(contact)?
            .is_some_and(|contact| contact.row.state == ContactState::Accepted))
    }

    /// Sends an envelope with the best right there is: a token, else work.
    fn transmit(
        &mut self,
        device: PeerDeviceId,
        row: &OutboxRow,
        envelope: Bytes,
    ) -> Result<(), StepError> {
        let (Some(queue), Some(to)) = (self.core.outbox.get(device), row.item.destination) else {
            return Ok(());
        };
        let (relay, refused) = (queue.relay.clone(), queue.refused_tokens);
        let lane = Lane::Anonymous(relay);
        let Some(bearer) = self
            .bearers(row.item.contact, &to.mailbox)?
            .into_iter()
            .nth(refused)
        else {
            return self.ask_for_work(device, &lane, envelope.len());
        };
        let right = wire::right::Right::Bearer(bearer);
        self.put_on_its_way(to, &lane, row, envelope, right);
        Ok(())
    }

    fn put_on_its_way(
        &mut self,
        to: Destination,
        lane: &Lane,
        row: &OutboxRow,
        envelope: Bytes,
        right: wire::right::Right,
    ) {
        let device = to.peer_device;
        let knocked = matches!(right, wire::right::Right::Work(_));
        if let Some(queue) = self.core.outbox.get_mut(device) {
            queue.tokens_changed = false;
        }
        let send = wire::Send {
            mailbox: Bytes::copy_from_slice(to.mailbox.as_bytes()),
            message_id: Bytes::copy_from_slice(row.item.envelope_id.as_bytes()),
            right: Some(wire::Right { right: Some(right) }),
            envelope,
            wake: row.item.wake,
            ephemeral: false,
        };
        self.request(lane, Purpose::Send(device, row.id), Body::Send(send));
        let on_its_way = OnItsWay {
            id: row.id,
            message: row.item.shown.then_some(row.item.message_id),
            knocked,
        };
        self.core.outbox.set(device, Turn::Sending(on_its_way));
    }

    /// Goes on after a nonce was found: the row is read again, because the step in which it was first looked
    /// at is long over.
    pub(super) fn transmit_with_work(
        &mut self,
        device: PeerDeviceId,
        work: wire::KnockWork,
    ) -> Result<(), StepError> {
        let Some(row) = self.tx.outbox().of_device(device, 1)?.pop() else {
            self.core.outbox.remove(device);
            return Ok(());
        };
        let (Some(queue), Some(to)) = (self.core.outbox.get(device), row.item.destination) else {
            return Ok(());
        };
        let lane = Lane::Anonymous(queue.relay.clone());
        let OutboxBody::Envelope(envelope) = &row.item.body else {
            self.core.outbox.set(device, Turn::Ready);
            return Ok(());
        };
        let envelope = Bytes::copy_from_slice(envelope);
        self.put_on_its_way(to, &lane, &row, envelope, wire::right::Right::Work(work));
        Ok(())
    }

    pub(super) fn send_answered(
        &mut self,
        device: PeerDeviceId,
        id: OutboxId,
        body: Body,
    ) -> Result<(), StepError> {
        let Some(queue) = self.core.outbox.get(device) else {
            return Ok(());
        };
        let Turn::Sending(sent) = queue.turn.clone() else {
            return Ok(());
        };
        if sent.id != id {
            return Ok(());
        }
        match body {
            Body::Sent(_) => self.taken(device, &sent),
            Body::Failure(failure) => self.refused(device, &sent, &failure),
            // Not an answer to a send: the relay is broken; as good as none.
            _ => self.send_failed(device, None),
        }
    }

    fn taken(&mut self, device: PeerDeviceId, sent: &OnItsWay) -> Result<(), StepError> {
        self.keep_taken(sent.id)?;
        if let Some(queue) = self.core.outbox.get_mut(device) {
            queue.failures = 0;
            queue.delay = None;
            let place = queue.refused_tokens;
            if !sent.knocked
                && place > 0
                && let Some(peer) = self.peer(device)?
            {
                self.token_taken(peer.contact, place)?;
            }
        }
        self.resumed(device)?;
        self.core.outbox.set(device, Turn::Ready);
        if let Some(message) = sent.message {
            self.advance_message(&message, MessageState::Sent)?;
            self.look_again_later(device)?;
            return Ok(());
        }
        self.more_receipts(device)
    }

    /// Unless a receipt comes first, the contact's manifest is fetched again after a random time: its devices
    /// may be others by now.
    fn look_again_later(&mut self, device: PeerDeviceId) -> Result<(), StepError> {
        let Some(contact) = self.peer(device)?.map(|peer| peer.contact) else {
            return Ok(());
        };
        if self
            .contact(contact)?
            .is_some_and(|found| found.row.silent_due.is_none())
        {
            let wait = backoff::between(REFETCH_FROM_MS, REFETCH_TO_MS, &mut self.rng);
            self.tx
                .contacts()
                .set_silent_due(contact, Some(self.now.wall.plus(wait)))?;
            self.core.contacts.changed(contact);
        }
        Ok(())
    }

    fn refused(
        &mut self,
        device: PeerDeviceId,
        sent: &OnItsWay,
        failure: &wire::Failure,
    ) -> Result<(), StepError> {
        let wait = backoff::asked(failure.retry_after_ms);
        match failure.code() {
            ErrorCode::Denied if !sent.knocked => self.token_refused(device),
            ErrorCode::Denied => self.postpone(device, DelayReason::TokenRefused, wait),
            ErrorCode::WorkRequired => self.more_work(device, sent, failure),
            ErrorCode::MailboxFull => self.postpone(device, DelayReason::MailboxFull, wait),
            ErrorCode::StorageFull => self.postpone(device, DelayReason::RelayStorageFull, wait),
            ErrorCode::UnsupportedVersion | ErrorCode::Unsupported => {
                self.postpone(device, DelayReason::RelayVersion, wait)
            }
            ErrorCode::TooLarge => self.give_up(device, sent, FailureReason::TooLarge),
            ErrorCode::Malformed => self.give_up(device, sent, FailureReason::RefusedByRelay),
            // Transient, or no answer that a relay should give here: neither loses the message.
            ErrorCode::RateLimited
            | ErrorCode::Busy
            | ErrorCode::Internal
            | ErrorCode::TimedOut
            | ErrorCode::Unspecified
            | ErrorCode::Ok
            | ErrorCode::NotAuthenticated
            | ErrorCode::BadSignature
            | ErrorCode::NotFound
            | ErrorCode::Conflict
            | ErrorCode::Displaced
            | ErrorCode::Closed => self.postpone(device, DelayReason::RelayBusy, wait),
        }
    }

    /// Harder work is done at once; a relay to which no work is enough, and no token, is left alone for a while.
    fn more_work(
        &mut self,
        device: PeerDeviceId,
        sent: &OnItsWay,
        failure: &wire::Failure,
    ) -> Result<(), StepError> {
        let Some(queue) = self.core.outbox.get_mut(device) else {
            return Ok(());
        };
        let done = queue.difficulty;
        queue.difficulty = failure.required_difficulty.max(done);
        if !sent.knocked {
            return self.token_refused(device);
        }
        if failure.required_difficulty > done {
            self.core.outbox.set(device, Turn::Ready);
            return Ok(());
        }
        let wait = backoff::asked(failure.retry_after_ms);
        self.postpone(device, DelayReason::RelayBusy, wait)
    }

    /// The next token is tried at once; behind the last one the manifest is looked at again (the mailbox may
    /// have moved) and work takes the token's place.
    fn token_refused(&mut self, device: PeerDeviceId) -> Result<(), StepError> {
        let Some(queue) = self.core.outbox.get_mut(device) else {
            return Ok(());
        };
        if std::mem::take(&mut queue.tokens_changed) {
            self.core.outbox.set(device, Turn::Ready);
            return Ok(());
        }
        queue.refused_tokens = queue.refused_tokens.saturating_add(1);
        let refused = queue.refused_tokens;
        self.core.outbox.set(device, Turn::Ready);
        if let Some(contact) = self.peer(device)?.map(|peer| peer.contact)
            && self
                .contact(contact)?
                .is_some_and(|contact| contact.secrets.tokens() <= refused)
        {
            self.delayed(device, DelayReason::TokenRefused)?;
            self.refetch_manifest(contact)?;
        }
        Ok(())
    }

    pub(super) fn postpone(
        &mut self,
        device: PeerDeviceId,
        reason: DelayReason,
        at_least: u64,
    ) -> Result<(), StepError> {
        let Some(queue) = self.core.outbox.get_mut(device) else {
            return Ok(());
        };
        let failures = queue.failures;
        queue.failures = failures.saturating_add(1);
        let wait = backoff::retry(failures, &mut self.rng).max(at_least);
        let until = self.now.monotonic_ms.saturating_add(wait);
        self.core.outbox.set(device, Turn::Waiting(until));
        self.core.timers.arm(Timer::Outbox, until);
        self.delayed(device, reason)
    }

    /// Tells the application once for each reason.
    pub(super) fn delayed(
        &mut self,
        device: PeerDeviceId,
        reason: DelayReason,
    ) -> Result<(), StepError> {
        let Some(queue) = self.core.outbox.get_mut(device) else {
            return Ok(());
        };
        if queue.delay.replace(reason) == Some(reason) {
            return Ok(());
        }
        if let Some(peer) = self.peer(device)? {
            self.tell_delay(peer.contact, reason);
        }
        Ok(())
    }

    /// Tells the application, and remembers it for whoever looks later.
    pub(super) fn tell_delay(&mut self, contact: ContactId, reason: DelayReason) {
        self.core.outbox.delays.insert(contact, reason);
        self.emit(Event::SendingDelayed { contact, reason });
    }

    /// A device was sent something: unless another one of its contact is waited for, sending to the contact goes on.
    fn resumed(&mut self, device: PeerDeviceId) -> Result<(), StepError> {
        if self.core.outbox.delays.is_empty() {
            return Ok(());
        }
        let Some(contact) = self.peer(device)?.map(|peer| peer.contact) else {
            return Ok(());
        };
        for other in self.active_devices(contact)? {
            let queue = self.core.outbox.get(other);
            if queue.is_some_and(|queue| queue.delay.is_some()) {
                return Ok(());
            }
        }
        if self.core.outbox.delays.remove(&contact).is_some() {
            self.emit(Event::SendingResumed { contact });
        }
        Ok(())
    }

    fn give_up(
        &mut self,
        device: PeerDeviceId,
        sent: &OnItsWay,
        reason: FailureReason,
    ) -> Result<(), StepError> {
        self.tx.outbox().remove(sent.id)?;
        self.core.outbox.set(device, Turn::Ready);
        if let Some(message) = sent.message
            && self.tx.outbox().remaining(&message)? == 0
        {
            self.advance_message(&message, MessageState::Failed(reason))?;
        }
        Ok(())
    }

    /// No answer: the same envelope again, later. The relay recognises its id.
    pub(super) fn send_failed(
        &mut self,
        device: PeerDeviceId,
        cause: Option<DisconnectCause>,
    ) -> Result<(), StepError> {
        match cause {
            None => self.postpone(device, DelayReason::RelayBusy, 0),
            Some(DisconnectCause::Closed) => {
                self.core.outbox.set(device, Turn::Ready);
                Ok(())
            }
            Some(cause) => {
                self.core.outbox.set(device, Turn::Blocked);
                let reason = match cause {
                    DisconnectCause::UnsupportedVersion | DisconnectCause::ProtocolViolation => {
                        DelayReason::RelayVersion
                    }
                    DisconnectCause::Closed
                    | DisconnectCause::Unreachable
                    | DisconnectCause::ClosedByRelay(_)
                    | DisconnectCause::Tls => DelayReason::RelayUnreachable,
                };
                self.delayed(device, reason)
            }
        }
    }

    /// Rows that no relay took for 30 days.
    pub(super) fn expire_outbox(&mut self) -> Result<(), StepError> {
        let Some(cut) = self
            .core
            .clock
            .aged_before(self.now, super::limits::MESSAGE_LIFETIME_MS)
        else {
            return Ok(());
        };
        loop {
            let rows = self
                .tx
                .outbox()
                .created_before(cut, super::limits::UPKEEP_ROWS)?;
            if rows.is_empty() {
                return Ok(());
            }
            for row in rows {
                self.tx.outbox().remove(row.id)?;
                if let Some(to) = row.item.destination {
                    self.core.outbox.set(to.peer_device, Turn::Ready);
                }
                if row.item.shown && self.tx.outbox().remaining(&row.item.message_id)? == 0 {
                    self.advance_message(&row.item.message_id, MessageState::Expired)?;
                }
            }
        }
    }
}
