//! Messages that their authors change: edits, with what was said before, and deletions.

use super::kinds::kinds_of;
use super::messages::{MessageKind, MessageRow, Messages, stored};
use super::{StoreError, exactly_one};
use crate::store::ids::Uint;
use undertone_protocol::content::{Hlc, MessageId};

/// What a message said at a time.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Revision {
    /// The clock of the message, or of the edit that said it.
    pub clock: Hlc,
    /// The text.
    pub body: String,
    /// What it had beside its text.
    pub parts: Option<Vec<u8>>,
}

impl Messages<'_> {
    /// Another text for a message, as of a clock. The newest one counts, whatever the order in which they come; the others are
    /// kept. Whether the edit was not known yet.
    pub fn edit(&self, row: &MessageRow, edit: &Revision) -> Result<bool, StoreError> {
        let shown = Revision {
            clock: row.edited.unwrap_or(row.message.clock),
            body: row.message.body.clone(),
            parts: row.message.parts.clone(),
        };
        if edit.clock == shown.clock || row.message.kind != MessageKind::Text {
            return Ok(false);
        }
        if edit.clock < shown.clock {
            return self.keep_revision(row, edit);
        }
        self.keep_revision(row, &shown)?;
        self.unindex(row.id)?;
        exactly_one(self.tx.run(
            "UPDATE message SET body = ?2, parts = ?3, edited_clock = ?4, kinds = ?5 WHERE id = ?1",
            (
                row.id,
                &edit.body,
                &edit.parts,
                stored(edit.clock),
                kinds_of(&edit.body, edit.parts.as_deref()),
            ),
        )?)?;
        self.index(row.id)?;
        self.tx.conversations().message_changed(
            row.message.conversation,
            &row.message.message_id,
            &edit.body,
        )?;
        Ok(true)
    }

    fn keep_revision(&self, row: &MessageRow, revision: &Revision) -> Result<bool, StoreError> {
        let kept = self.tx.run(
            "INSERT INTO revision (message, clock, body, parts) VALUES (?1, ?2, ?3, ?4) ON CONFLICT DO NOTHING",
            (row.id, stored(revision.clock), &revision.body, &revision.parts),
        )?;
        Ok(kept > 0)
    }

    /// What a message said before, oldest first.
    pub fn revisions(&self, row: &MessageRow) -> Result<Vec<Revision>, StoreError> {
        self.tx.all(
            "SELECT clock, body, parts FROM revision WHERE message = ?1 ORDER BY clock",
            [row.id],
            |row| {
                Ok(Revision {
                    clock: Hlc::from_packed(row.get::<_, Uint>(0)?.0),
                    body: row.get(1)?,
                    parts: row.get(2)?,
                })
            },
        )
    }

    /// Leaves of a message nothing but its place, because its author took it back. Whether it was there until now.
    pub fn retract(&self, row: &MessageRow) -> Result<bool, StoreError> {
        self.empty(row, MessageKind::Deleted)
    }

    /// A message that is shown once was shown: nothing is left of it but its place, for so many seconds if it has a timer. Whether it
    /// was there until now.
    pub fn viewed(&self, row: &MessageRow, timer: Option<u32>) -> Result<bool, StoreError> {
        if row.message.kind != MessageKind::ViewOnce || !self.empty(row, MessageKind::Viewed)? {
            return Ok(false);
        }
        exactly_one(self.tx.run(
            "UPDATE message SET timer_s = ?2 WHERE id = ?1",
            (row.id, timer),
        )?)?;
        Ok(true)
    }

    /// Leaves of a message nothing but its id, because the user does not want it any more. Whether it was there until now.
    pub fn remove_here(&self, row: &MessageRow) -> Result<bool, StoreError> {
        let removed = self.empty(row, MessageKind::Removed)?;
        if removed {
            self.tx
                .conversations()
                .messages_removed(row.message.conversation)?;
        }
        Ok(removed)
    }

    /// Whether nothing is left of a message but its place or its id.
    pub fn is_gone(&self, id: &MessageId) -> Result<bool, StoreError> {
        self.tx.value(
            "SELECT EXISTS (SELECT 1 FROM message WHERE message_id = ?1 AND kind IN (?2, ?3))",
            (id.as_bytes(), MessageKind::Deleted, MessageKind::Removed),
        )
    }

    /// No text, no earlier text, no reactions, no term of the index.
    fn empty(&self, row: &MessageRow, kind: MessageKind) -> Result<bool, StoreError> {
        if row.message.kind == MessageKind::Removed || row.message.kind == kind {
            return Ok(false);
        }
        self.unindex(row.id)?;
        exactly_one(self.tx.run(
            "UPDATE message SET kind = ?2, body = '', parts = NULL, extra = NULL, edited_clock = NULL,
                 timer_s = NULL, expires_ms = NULL, mentions_me = 0, kinds = 0 WHERE id = ?1",
            (row.id, kind),
        )?)?;
        self.tx
            .run("DELETE FROM revision WHERE message = ?1", [row.id])?;
        self.tx
            .run("DELETE FROM reaction WHERE message = ?1", [row.id])?;
        self.tx.conversations().message_changed(
            row.message.conversation,
            &row.message.message_id,
            "",
        )?;
        self.tx.conversations().recount(row.message.conversation)?;
        Ok(true)
    }
}
