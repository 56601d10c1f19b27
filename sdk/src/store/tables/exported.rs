//! Whole conversations, for what leaves the store as plain files and comes back from them.
//!
//! Invariant: pages follow each other without a hole as long as nothing is inserted behind the cursor, and a page costs three
//! queries, whatever is in it. Not its concern: the form of the files.

use std::collections::BTreeMap;

use super::conversations::{ConversationRow, Conversations};
use super::messages::{COLUMNS, MessageRow, Messages, OWN, Position, read, stored};
use super::reactions::{Reactions, emoji_of};
use super::revisions::Revision;
use super::{StoreError, exactly_one, page};
use crate::store::ids::{ContactId, ConversationId, MessageRowId, Uint};
use undertone_protocol::content::Hlc;
use undertone_protocol::time::Timestamp;

/// A conversation with what the list does not show of it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ExportedConversation {
    /// Its row.
    pub row: ConversationRow,
    /// When it was made.
    pub created: Timestamp,
    /// Up to where it was read.
    pub read: Hlc,
}

/// A message with everything that belongs to it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ExportedMessage {
    /// Its row.
    pub row: MessageRow,
    /// What it said before, oldest first.
    pub revisions: Vec<Revision>,
    /// What each person said of it last, this account first; also that everything was taken back.
    pub reactions: Vec<ExportedReaction>,
}

/// What one person said of a message last.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ExportedReaction {
    /// Who; `None` is this account.
    pub sender: Option<ContactId>,
    /// When, by the clock of whoever said it.
    pub clock: Hlc,
    /// None: everything was taken back.
    pub emoji: Vec<String>,
}

/// Where a page ends; the row's number tells those apart that claim one place.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ExportCursor {
    position: Position,
    row: MessageRowId,
}

impl ExportedMessage {
    /// The cursor that continues behind this message.
    #[must_use]
    pub fn cursor(&self) -> ExportCursor {
        ExportCursor {
            position: self.row.position(),
            row: self.row.id,
        }
    }
}

impl Conversations<'_> {
    /// The conversation with a contact, whole.
    pub fn exported(&self, contact: ContactId) -> Result<Option<ExportedConversation>, StoreError> {
        let Some(row) = self.of_contact(contact)? else {
            return Ok(None);
        };
        self.tx.one(
            "SELECT created_ms, read_clock FROM conversation WHERE id = ?1",
            [row.id],
            |found| {
                Ok(ExportedConversation {
                    row: row.clone(),
                    created: found.get::<_, Uint>(0)?.into(),
                    read: Hlc::from_packed(found.get::<_, Uint>(1)?.0),
                })
            },
        )
    }
}

impl Messages<'_> {
    /// Messages of a conversation behind a cursor, in the order of its timeline, without those of which nothing but the id is left.
    pub fn exported(
        &self,
        conversation: ConversationId,
        after: Option<ExportCursor>,
        limit: usize,
    ) -> Result<Vec<ExportedMessage>, StoreError> {
        let clock = after.map_or(-1, |after| {
            i64::try_from(stored(after.position.clock).0).unwrap_or(i64::MAX)
        });
        let device = after.map_or([0; 16], |after| *after.position.sender_device.as_bytes());
        let rows = self.tx.all(
            &format!(
                "SELECT {COLUMNS} FROM message m
                 WHERE m.conversation = ?1 AND (m.clock, m.sender_device, m.seq, m.id) > (?2, ?3, ?4, ?5) AND m.kind <> 4
                 ORDER BY m.clock, m.sender_device, m.seq, m.id LIMIT ?6"
            ),
            (
                conversation,
                clock,
                device,
                Uint(after.map_or(0, |after| after.position.seq)),
                after.map_or(0, |after| after.row.get()),
                page(limit),
            ),
            read,
        )?;
        let edited = rows.iter().filter(|row| row.edited.is_some());
        let mut revisions = self.revisions_of(&numbers(edited))?;
        let mut reactions = self.tx.reactions().of(&numbers(rows.iter()))?;
        let whole = |row: MessageRow| ExportedMessage {
            revisions: revisions.remove(&row.id).unwrap_or_default(),
            reactions: reactions.remove(&row.id).unwrap_or_default(),
            row,
        };
        Ok(rows.into_iter().map(whole).collect())
    }

    /// How many messages there are, those included of which nothing but the id is left.
    pub fn count_all(&self) -> Result<u64, StoreError> {
        Ok(self.tx.value::<Uint>("SELECT count(*) FROM message", [])?.0)
    }

    fn revisions_of(
        &self,
        rows: &str,
    ) -> Result<BTreeMap<MessageRowId, Vec<Revision>>, StoreError> {
        let found = self.tx.all(
            "SELECT message, clock, body, parts FROM revision
             WHERE message IN (SELECT value FROM json_each(?1)) ORDER BY message, clock",
            [rows],
            |row| {
                Ok((
                    row.get(0)?,
                    Revision {
                        clock: Hlc::from_packed(row.get::<_, Uint>(1)?.0),
                        body: row.get(2)?,
                        parts: row.get(3)?,
                    },
                ))
            },
        )?;
        Ok(grouped(found))
    }

    /// A message that was stored with its last text has had others before, as of an edit.
    pub fn set_edited(&self, row: MessageRowId, clock: Hlc) -> Result<(), StoreError> {
        exactly_one(self.tx.run(
            "UPDATE message SET edited_clock = ?2 WHERE id = ?1",
            (row, stored(clock)),
        )?)
    }

    /// What an edited message said before. [`StoreError::Constraint`] when something is known of that clock.
    pub fn insert_revision(
        &self,
        row: MessageRowId,
        revision: &Revision,
    ) -> Result<(), StoreError> {
        self.tx.insert(
            "INSERT INTO revision (message, clock, body, parts) VALUES (?1, ?2, ?3, ?4)",
            (row, stored(revision.clock), &revision.body, &revision.parts),
        )?;
        Ok(())
    }
}

impl Reactions<'_> {
    fn of(&self, rows: &str) -> Result<BTreeMap<MessageRowId, Vec<ExportedReaction>>, StoreError> {
        let found = self.tx.all(
            "SELECT message, sender, clock, emoji FROM reaction
             WHERE message IN (SELECT value FROM json_each(?1)) ORDER BY message, sender",
            [rows],
            |row| {
                let sender: ContactId = row.get(1)?;
                Ok((
                    row.get(0)?,
                    ExportedReaction {
                        sender: (sender.get() != OWN).then_some(sender),
                        clock: Hlc::from_packed(row.get::<_, Uint>(2)?.0),
                        emoji: emoji_of(&row.get::<_, String>(3)?),
                    },
                ))
            },
        )?;
        Ok(grouped(found))
    }
}

/// Rows as one parameter: a list in JSON.
fn numbers<'r>(rows: impl Iterator<Item = &'r MessageRow>) -> String {
    let numbers: Vec<String> = rows.map(|row| row.id.get().to_string()).collect();
    format!("[{}]", numbers.join(","))
}

fn grouped<T>(rows: Vec<(MessageRowId, T)>) -> BTreeMap<MessageRowId, Vec<T>> {
    let mut groups: BTreeMap<MessageRowId, Vec<T>> = BTreeMap::new();
    for (row, item) in rows {
        groups.entry(row).or_default().push(item);
    }
    groups
}
