//! Messages that are shown once: kept out of sight until the user asks for one, and gone when he was given it.
//!
//! Invariant: what is left of it is its place. The list, the search and the history never have it; its sender keeps no copy for whoever
//! has it.

use undertone_protocol::content::{MessageId, Post, Timer};
use undertone_protocol::primitives::codec::{DecodeError, Reader, Writer};

use super::event::Event;
use super::step::Step;
use crate::error::{ChangeError, StepError};
use crate::store::MessageKind;

/// What is kept of it until then: `u16 length ‖ text ‖ parts`.
pub(super) fn kept(post: &Post) -> Vec<u8> {
    let mut bytes = Vec::new();
    // What was parsed keeps its limits.
    let parts = post.parts().unwrap_or_default();
    if let Ok(writer) = Writer::new(&mut bytes).field_u16(post.text.as_bytes()) {
        writer.bytes(&parts);
    }
    bytes
}

fn read(kept: &[u8]) -> Result<Post, DecodeError> {
    let mut reader = Reader::new(kept);
    let text = str::from_utf8(reader.field_u16(usize::from(u16::MAX))?);
    let text = text.map_err(|_| DecodeError::InvalidValue)?;
    Post::from_parts(text, reader.rest()).map_err(|_| DecodeError::InvalidValue)
}

impl Step<'_> {
    /// Gives out a message that is shown once: it is nowhere any more then. Its sender is told that it was read.
    ///
    /// # Errors
    /// [`ChangeError`]: [`NotPossible`](ChangeError::NotPossible) when it was shown before, is not one that is shown once, or is an own
    /// one; nothing is changed unless it is [`ChangeError::Step`].
    pub fn view_once(&mut self, message: &MessageId) -> Result<Post, ChangeError> {
        let row = self.tx.messages().get(message)?;
        let row = row.ok_or(ChangeError::NoSuchMessage)?;
        if row.message.kind != MessageKind::ViewOnce {
            return Err(ChangeError::NotPossible);
        }
        let kept = row.message.extra.as_deref();
        let post = read(kept.ok_or(ChangeError::NotPossible)?).map_err(|_| StepError::Damaged)?;
        let timer = post.disappears_after.map(Timer::seconds);
        self.core.disappears_no_more(message);
        self.tx.messages().viewed(&row, timer)?;
        if let Some(seconds) = timer {
            self.begin_timer(row.id, *message, seconds)?;
        }
        if self.is_on(super::meta::NO_READ_RECEIPTS)? {
            self.owe_read_receipt(&row)?;
        }
        self.emit(Event::MessageEdited {
            conversation: row.message.conversation,
            message: *message,
        });
        self.emit(Event::ConversationChanged {
            conversation: row.message.conversation,
        });
        Ok(post)
    }
}
