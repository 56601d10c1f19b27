//! Messages that disappear: the timer of a conversation, and what becomes of messages that have one.
//!
//! Invariant: nothing disappears before its time by a clock that may be wrong. Within a process the monotonic clock counts; what was
//! read before a restart waits for a trusted time. What has disappeared is nowhere in the store but for its id, and the kept copy of it
//! is a tombstone.

use std::collections::BTreeMap;

use undertone_protocol::content::{Body, ContentHeader, Hlc, MessageId, Timer as Disappears};
use undertone_protocol::device::DeviceId;
use undertone_protocol::time::Timestamp;

use super::Core;
use super::content::From;
use super::event::Event;
use super::limits::{EXPIRY_RETRY_MS, MAX_REQUEST_MESSAGES, SECOND_MS, UPKEEP_ROWS};
use super::step::Step;
use super::timers::Timer;
use crate::error::{SendError, StepError};
use crate::store::{
    ContactId, ContactState, ConversationId, MessageKind, MessageRow, MessageRowId, MessageState,
    NewMessage, Readable,
};

/// In the store: the timer began when no time was trusted.
const UNKNOWN: Timestamp = Timestamp(0);

impl Readable {
    /// That the timer was set.
    pub(super) fn timer(seconds: Option<u32>) -> Self {
        Self {
            kind: MessageKind::TimerSet,
            body: String::new(),
            parts: None,
            timer: None,
            extra: Some(seconds.unwrap_or(0).to_be_bytes().to_vec()),
            mentions_me: false,
        }
    }
}

/// When messages whose timers began in this process are due, monotonic ms.
#[derive(Debug, Default)]
pub(crate) struct Disappearing(BTreeMap<MessageId, u64>);

impl Core {
    /// The timer of a message that began in this process ends without effect.
    pub(super) fn disappears_no_more(&mut self, message: &MessageId) {
        self.disappearing.0.remove(message);
    }
}

impl Step<'_> {
    /// What is written to a conversation from now on, by both sides, disappears so long after it was read; `None`: it stays.
    ///
    /// # Errors
    /// [`SendError`]; nothing is changed unless it is [`SendError::Step`].
    pub fn set_timer(
        &mut self,
        conversation: ConversationId,
        timer: Option<Disappears>,
    ) -> Result<(), SendError> {
        let contact = self.writable(conversation)?;
        self.ride_along(contact)?;
        let mut composed = self.compose_shown(conversation, Body::Timer(timer))?;
        composed.wake = false;
        let device = self.core.me.device_id();
        self.timer_set(conversation, (None, device), &composed.header, timer)?;
        self.queue(contact, &composed)?;
        Ok(())
    }

    /// A contact sets the timer of the conversation.
    pub(super) fn timer_arrived(
        &mut self,
        from: &From,
        header: &ContentHeader,
        timer: Option<Disappears>,
    ) -> Result<(), StepError> {
        let is_stranger = from.state == ContactState::Requested;
        if from.state == ContactState::Invited {
            self.become_accepted(from.contact)?;
        }
        if self.tx.messages().contains(&header.message_id)? {
            return match is_stranger {
                true => Ok(()),
                false => self.owe_receipt_again(from.device, &header.message_id),
            };
        }
        if is_stranger && self.tx.messages().count(from.conversation)? >= MAX_REQUEST_MESSAGES {
            return Ok(());
        }
        let device = self.peer(from.device)?.ok_or(StepError::Damaged)?.device;
        let mut sorted = *header;
        sorted.hlc = self.sorted_at(from, header.hlc);
        let sender = (Some(from.contact), device);
        self.timer_set(from.conversation, sender, &sorted, timer)?;
        if is_stranger {
            return Ok(());
        }
        self.confirm(from, &header.message_id)
    }

    fn timer_set(
        &mut self,
        conversation: ConversationId,
        (sender, sender_device): (Option<ContactId>, DeviceId),
        header: &ContentHeader,
        timer: Option<Disappears>,
    ) -> Result<(), StepError> {
        let seconds = timer.map(Disappears::seconds);
        self.tx
            .conversations()
            .set_timer(conversation, header.hlc, seconds)?;
        self.tx.messages().insert(&NewMessage {
            conversation,
            message_id: header.message_id,
            clock: header.hlc,
            sender,
            sender_device,
            seq: header.stream_seq,
            kind: MessageKind::TimerSet,
            state: match sender {
                Some(_) => MessageState::Received,
                None => MessageState::Pending,
            },
            sent: header.hlc.time(),
            stored: self.now.wall,
            body: String::new(),
            parts: None,
            timer: None,
            extra: Readable::timer(seconds).extra,
            mentions_me: false,
        })?;
        self.emit(Event::MessageAdded {
            conversation,
            message: header.message_id,
        });
        Ok(())
    }

    /// The timers of messages up to a clock begin: the user has read them.
    pub(super) fn begin_timers(
        &mut self,
        conversation: ConversationId,
        up_to: Hlc,
    ) -> Result<(), StepError> {
        loop {
            let rows = self
                .tx
                .messages()
                .unstarted(conversation, up_to, UPKEEP_ROWS)?;
            if rows.is_empty() {
                return Ok(());
            }
            for row in rows {
                self.begin_timer(row.row, row.message, row.seconds)?;
            }
        }
    }

    /// The timer of a message begins.
    pub(super) fn begin_timer(
        &mut self,
        row: MessageRowId,
        message: MessageId,
        seconds: u32,
    ) -> Result<(), StepError> {
        let ms = u64::from(seconds).saturating_mul(SECOND_MS);
        // Without a trusted time it is not known when: it begins anew when there is one, unless this process ends it before.
        let trusted = self.core.clock.trusted(self.now);
        let expires = trusted.map_or(UNKNOWN, |now| now.plus(ms));
        self.tx.messages().set_expiry(row, expires)?;
        let due = self.now.monotonic_ms.saturating_add(ms);
        self.core.disappearing.0.insert(message, due);
        self.core.timers.arm(Timer::Expiry, due);
        Ok(())
    }

    /// Messages that are due disappear.
    pub(super) fn expire_messages(&mut self) -> Result<(), StepError> {
        let now = self.now.monotonic_ms;
        let counted = &mut self.core.disappearing.0;
        let due: Vec<MessageId> = counted
            .extract_if(.., |_, at| *at <= now)
            .map(|(message, _)| message)
            .collect();
        for message in due {
            if let Some(row) = self.tx.messages().get(&message)? {
                self.remove(&row)?;
            }
        }
        if let Some(trusted) = self.core.clock.trusted(self.now) {
            loop {
                let rows = self.tx.messages().expired(trusted, UPKEEP_ROWS)?;
                if rows.is_empty() {
                    break;
                }
                for row in rows {
                    self.due_by(&row, trusted)?;
                }
            }
        }
        self.arm_expiry()
    }

    /// Looks again when the next one is due, or in a while when it is not known when that is.
    pub(super) fn arm_expiry(&mut self) -> Result<(), StepError> {
        let now = self.now.monotonic_ms;
        if let Some(next) = self.tx.messages().next_expiry()? {
            let wait = self
                .core
                .clock
                .trusted(self.now)
                .map_or(EXPIRY_RETRY_MS, |trusted| next.since(trusted));
            let wait = wait.clamp(SECOND_MS / 10, EXPIRY_RETRY_MS);
            self.core
                .timers
                .arm(Timer::Expiry, now.saturating_add(wait));
        }
        if let Some(next) = self.core.disappearing.0.values().min().copied() {
            self.core.timers.arm(Timer::Expiry, next);
        }
        Ok(())
    }

    /// A message is due by a trusted time, unless its timer began when none was: then it begins anew.
    fn due_by(&mut self, row: &MessageRow, now: Timestamp) -> Result<(), StepError> {
        let seconds = row.message.timer.unwrap_or_default();
        let ms = u64::from(seconds).saturating_mul(SECOND_MS);
        let began = row.expires.unwrap_or_default().minus(ms);
        if row.expires == Some(UNKNOWN) || began > now {
            return Ok(self.tx.messages().set_expiry(row.id, now.plus(ms))?);
        }
        self.remove(row)
    }
}
