//! Messages that this version could not read when they came, and what becomes of them when it can.

use super::kinds::kinds_of;
use super::messages::{COLUMNS, MessageKind, MessageRow, Messages, read};
use super::{StoreError, exactly_one, page};
use crate::store::ids::MessageRowId;

/// What a message that was kept unread says.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Readable {
    /// What it is.
    pub kind: MessageKind,
    /// Its text.
    pub body: String,
    /// What it has beside its text.
    pub parts: Option<Vec<u8>>,
    /// Seconds after which it disappears once it was read.
    pub timer: Option<u32>,
    /// What its kind keeps there.
    pub extra: Option<Vec<u8>>,
    /// Whether it names this account, or answers what this account wrote.
    pub mentions_me: bool,
}

impl Messages<'_> {
    /// A page of what is kept unread, in the order of its rows, behind `after`.
    pub fn unsupported(
        &self,
        after: Option<MessageRowId>,
        limit: usize,
    ) -> Result<Vec<MessageRow>, StoreError> {
        self.tx.all(
            &format!(
                "SELECT {COLUMNS} FROM message m WHERE m.kind = 2 AND m.id > ?1 ORDER BY m.id LIMIT ?2"
            ),
            (after.map_or(0, MessageRowId::get), page(limit)),
            read,
        )
    }

    /// A message that was kept unread can be read: index, list and counts follow.
    pub fn became_readable(&self, row: &MessageRow, now: &Readable) -> Result<(), StoreError> {
        exactly_one(self.tx.run(
            "UPDATE message SET kind = ?2, body = ?3, parts = ?4, timer_s = ?5, extra = ?6, mentions_me = ?7,
                 kinds = ?8 WHERE id = ?1 AND kind = 2",
            (
                row.id,
                now.kind,
                &now.body,
                &now.parts,
                now.timer,
                &now.extra,
                now.mentions_me,
                kinds_of(&now.body, now.parts.as_deref()),
            ),
        )?)?;
        self.index(row.id)?;
        let conversations = self.tx.conversations();
        let message = &row.message;
        conversations.message_changed(message.conversation, &message.message_id, &now.body)?;
        conversations.recount(message.conversation)
    }

    /// Whether a message names this account or answers it, which an edit can change.
    pub fn set_mentions_me(&self, row: &MessageRow, mentions_me: bool) -> Result<(), StoreError> {
        let changed = self.tx.run(
            "UPDATE message SET mentions_me = ?2 WHERE id = ?1 AND mentions_me <> ?2",
            (row.id, mentions_me),
        )?;
        match changed {
            0 => Ok(()),
            _ => self.tx.conversations().recount(row.message.conversation),
        }
    }
}
