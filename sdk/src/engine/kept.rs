//! What an older version could not read and kept: looked at again by one that reads more.
//!
//! Invariant: a version looks at each kept message once, a page a step. How far it came is in the store with the number of what it
//! reads ([`READABLE_CONTENT`]), so that it goes on after a restart, and another version begins anew. What can be read is then as if it
//! had been read when it came: row, index, list and counts. Only a receipt is not sent again, and a timer begins when the user reads it.

use undertone_protocol::content::{Body, Content, Post, READABLE_CONTENT, Timer as Disappears};
use undertone_protocol::device::DeviceId;

use super::content::{Arrival, From};
use super::event::Event;
use super::limits::UPKEEP_ROWS;
use super::meta;
use super::step::Step;
use super::timers::Timer;
use crate::error::StepError;
use crate::store::{MessageKind, MessageRow, MessageRowId, Readable};

/// Behind every row.
const DONE: MessageRowId = MessageRowId::new(i64::MAX);

impl Step<'_> {
    /// Looks at the next page of what was kept unread.
    pub(super) fn read_kept(&mut self) -> Result<(), StepError> {
        let after = self.kept_read_up_to()?;
        if after == Some(DONE) {
            return Ok(());
        }
        let rows = self.tx.messages().unsupported(after, UPKEEP_ROWS)?;
        for row in &rows {
            self.read_again(row)?;
        }
        let up_to = rows.last().map_or(DONE, |row| row.id);
        if up_to != DONE {
            // In a step of its own, so that whoever waits gets his turn.
            let next = self.now.monotonic_ms.saturating_add(1);
            self.core.timers.arm(Timer::Kept, next);
        }
        self.tx.meta().put(meta::KEPT_READ, &encode(up_to))?;
        Ok(())
    }

    /// Up to where this version has looked.
    fn kept_read_up_to(&self) -> Result<Option<MessageRowId>, StepError> {
        let bytes = self.tx.meta().get(meta::KEPT_READ)?;
        Ok(bytes.as_deref().and_then(decode))
    }

    fn read_again(&mut self, row: &MessageRow) -> Result<(), StepError> {
        let encoded = row.message.extra.as_deref().unwrap_or_default();
        let Ok(Content { header: _, body }) = Content::parse(encoded) else {
            return Ok(());
        };
        match body {
            Body::Unknown { .. } => Ok(()),
            Body::Text(text) => self.post_readable(row, Post::text(text)),
            Body::Post(post) => self.post_readable(row, post),
            Body::Edit(_) | Body::Deletion(_) | Body::Reactions(_) => {
                if let Some(from) = self.kept_from(row)? {
                    self.changes_of(&from, row.message.clock, &body, encoded)?;
                }
                self.remove(row)
            }
            Body::Timer(timer) => self.timer_readable(row, timer),
            // None of these is part of a stream: they are no messages.
            Body::Nothing
            | Body::DeliveryReceipt(_)
            | Body::Acceptance(_)
            | Body::ResendRequest(_)
            | Body::Unavailable(_)
            | Body::Resent(_)
            | Body::ReadReceipt(_)
            | Body::Profile(_)
            | Body::Typing(_)
            | Body::Presence(_) => self.remove(row),
        }
    }

    fn post_readable(&mut self, row: &MessageRow, post: Post) -> Result<(), StepError> {
        let mut readable = Readable::post(post, self.core.me.account);
        readable.mentions_me &= row.message.sender.is_some();
        self.readable(row, &readable)?;
        if let (MessageKind::ViewOnce, Some(seconds)) = (readable.kind, readable.timer) {
            self.begin_timer(row.id, row.message.message_id, seconds)?;
        }
        match self.kept_from(row)? {
            Some(from) => self.early_changes(&from, &row.message.message_id),
            None => Ok(()),
        }
    }

    fn timer_readable(
        &mut self,
        row: &MessageRow,
        timer: Option<Disappears>,
    ) -> Result<(), StepError> {
        let seconds = timer.map(Disappears::seconds);
        let message = &row.message;
        self.tx
            .conversations()
            .set_timer(message.conversation, message.clock, seconds)?;
        self.readable(row, &Readable::timer(seconds))
    }

    fn readable(&mut self, row: &MessageRow, readable: &Readable) -> Result<(), StepError> {
        self.tx.messages().became_readable(row, readable)?;
        self.emit(Event::MessageEdited {
            conversation: row.message.conversation,
            message: row.message.message_id,
        });
        Ok(())
    }

    /// Who wrote a kept message; nobody when it is an own one, or its device is forgotten.
    fn kept_from(&mut self, row: &MessageRow) -> Result<Option<From>, StepError> {
        let Some(contact) = row.message.sender else {
            return Ok(None);
        };
        let devices = self.tx.peer_devices().of_contact(contact)?;
        let wrote = |id: &DeviceId| *id == row.message.sender_device;
        match devices.into_iter().find(|device| wrote(&device.keys.id)) {
            Some(device) => self.sender(device.id, Arrival::ByItself),
            None => Ok(None),
        }
    }
}

/// `READABLE_CONTENT 2 ‖ row 8`.
fn encode(row: MessageRowId) -> [u8; 10] {
    let mut bytes = [0; 10];
    bytes[..2].copy_from_slice(&READABLE_CONTENT.to_be_bytes());
    bytes[2..].copy_from_slice(&row.get().to_be_bytes());
    bytes
}

/// Nothing when another version wrote it.
fn decode(bytes: &[u8]) -> Option<MessageRowId> {
    let (version, row) = bytes.split_first_chunk()?;
    let row = i64::from_be_bytes(*row.first_chunk()?);
    (u16::from_be_bytes(*version) == READABLE_CONTENT).then(|| MessageRowId::new(row))
}
