//! The full-text index of messages: terms of their text, and terms of what they are filtered by.
//!
//! Invariant: an index has exactly what its view says of each message. So a message leaves the index before anything of it
//! changes, and enters it again behind that, in the same transaction. There are two: of all messages, and of those that
//! somebody reacted to, so that a reaction costs as much as the small one and not as the large one.

use super::StoreError;
use super::kinds::{ContentKind, kinds_of};
use super::messages::{Messages, OWN};
use crate::operation::Watch;
use crate::store::ids::{ContactId, ConversationId, MessageRowId, Uint};
use crate::store::limits::REBUILD_ROWS;

/// An index with the view that says what is in it.
struct Index {
    table: &'static str,
    view: &'static str,
}

const ALL: Index = Index {
    table: "message_fts",
    view: "message_text",
};
const REACTED: Index = Index {
    table: "reacted_fts",
    view: "reacted_text",
};

/// What the views write beside the text, counted: another count, and the index is built again.
pub(in crate::store) const META_VERSION: u32 = 2;

/// The term of all messages of a conversation, as the view `message_text` writes it.
pub(in crate::store) fn conversation_term(id: ConversationId) -> String {
    format!("\u{1}c{}", id.get())
}

/// See [`conversation_term`]; `None` is this account.
pub(in crate::store) fn sender_term(sender: Option<ContactId>) -> String {
    format!("\u{1}s{}", sender.map_or(OWN, ContactId::get))
}

/// The term of what has a kind, anywhere or in one conversation.
pub(in crate::store) fn kind_term(kind: ContentKind, of: Option<ConversationId>) -> String {
    let letter = match kind {
        ContentKind::Link => 'l',
        ContentKind::Media => 'm',
        ContentKind::File => 'f',
    };
    let of = of.map_or_else(String::new, |id| id.get().to_string());
    format!("\u{1}{letter}{of}")
}

/// The term of everything in the index of what somebody reacted to.
pub(in crate::store) const REACTED_TERM: &str = "\u{1}r";

/// The index of all messages, or that of those that somebody reacted to.
pub(in crate::store) fn index_table(reacted: bool) -> &'static str {
    if reacted { REACTED.table } else { ALL.table }
}

impl Messages<'_> {
    /// A message enters the index.
    pub(super) fn index(&self, row: MessageRowId) -> Result<(), StoreError> {
        self.enter(&ALL, row)?;
        self.enter(&REACTED, row)
    }

    /// Takes a message out of the index. The index needs exactly the text that was indexed.
    pub(super) fn unindex(&self, row: MessageRowId) -> Result<(), StoreError> {
        self.leave(&ALL, row)?;
        self.leave(&REACTED, row)
    }

    /// A message that somebody reacted to enters the index of those.
    pub(super) fn index_reacted(&self, row: MessageRowId) -> Result<(), StoreError> {
        self.enter(&REACTED, row)
    }

    /// A message that somebody reacted to leaves the index of those.
    pub(super) fn unindex_reacted(&self, row: MessageRowId) -> Result<(), StoreError> {
        self.leave(&REACTED, row)
    }

    fn enter(&self, index: &Index, row: MessageRowId) -> Result<(), StoreError> {
        let Index { table, view } = index;
        self.tx.run(
            &format!("INSERT INTO {table} (rowid, body, meta) SELECT id, body, meta FROM {view} WHERE id = ?1"),
            [row],
        )?;
        Ok(())
    }

    fn leave(&self, index: &Index, row: MessageRowId) -> Result<(), StoreError> {
        let Index { table, view } = index;
        self.tx.run(
            &format!(
                "INSERT INTO {table} ({table}, rowid, body, meta) SELECT 'delete', id, body, meta FROM {view} WHERE id = ?1"
            ),
            [row],
        )?;
        Ok(())
    }

    /// Whether what leaves an index is overwritten at once.
    pub(super) fn set_secure_delete(&self, on: bool) -> Result<(), StoreError> {
        for Index { table, .. } in [&ALL, &REACTED] {
            self.tx.run(
                &format!("INSERT INTO {table} ({table}, rank) VALUES ('secure-delete', ?1)"),
                [on],
            )?;
        }
        Ok(())
    }

    /// Merges an index into one segment, in which nothing is left of what left it.
    pub(super) fn merge_index(&self) -> Result<(), StoreError> {
        self.tell_indexes("optimize")
    }

    /// Finds out again what each message has, and builds the index again, page by page.
    pub(in crate::store) fn rebuild_index(&self, watch: &dyn Watch) -> Result<(), StoreError> {
        let total = self.tx.value::<Uint>("SELECT count(*) FROM message", [])?.0;
        self.tell_indexes("delete-all")?;
        let (mut done, mut after) = (0, 0);
        loop {
            watch.at(done, total)?;
            let (rows, last): (u64, Option<i64>) = self
                .tx
                .one(
                    "SELECT count(*), max(id) FROM (SELECT id FROM message WHERE id > ?1 ORDER BY id LIMIT ?2)",
                    (after, REBUILD_ROWS),
                    |row| Ok((row.get::<_, Uint>(0)?.0, row.get(1)?)),
                )?
                .unwrap_or_default();
            let Some(last) = last else { return Ok(()) };
            self.find_kinds(after, last)?;
            for Index { table, view } in [&ALL, &REACTED] {
                self.tx.run(
                    &format!(
                        "INSERT INTO {table} (rowid, body, meta)
                         SELECT id, body, meta FROM {view} WHERE id > ?1 AND id <= ?2"
                    ),
                    (after, last),
                )?;
            }
            (done, after) = (done + rows, last);
        }
    }

    /// Bytes of the pages that the index takes up. Reads all of them.
    pub fn index_bytes(&self) -> Result<u64, StoreError> {
        let [all, reacted] = [&ALL, &REACTED].map(|index| format!("{}_*", index.table));
        let bytes: Uint = self.tx.value(
            "SELECT sum(pgsize) FROM dbstat WHERE name GLOB ?1 OR name GLOB ?2",
            (all, reacted),
        )?;
        Ok(bytes.0)
    }

    fn tell_indexes(&self, command: &str) -> Result<(), StoreError> {
        for Index { table, .. } in [&ALL, &REACTED] {
            self.tx.run(
                &format!("INSERT INTO {table} ({table}) VALUES (?1)"),
                [command],
            )?;
        }
        Ok(())
    }

    /// Of the messages behind `after` up to `last`.
    fn find_kinds(&self, after: i64, last: i64) -> Result<(), StoreError> {
        let rows: Vec<(MessageRowId, i64, i64)> = self.tx.all(
            "SELECT id, body, parts, kinds FROM message WHERE kind = 1 AND id > ?1 AND id <= ?2",
            (after, last),
            |row| {
                let (body, parts): (String, Option<Vec<u8>>) = (row.get(1)?, row.get(2)?);
                Ok((row.get(0)?, row.get(3)?, kinds_of(&body, parts.as_deref())))
            },
        )?;
        for (row, _, kinds) in rows.into_iter().filter(|(_, known, found)| known != found) {
            self.tx
                .run("UPDATE message SET kinds = ?2 WHERE id = ?1", (row, kinds))?;
        }
        Ok(())
    }
}
