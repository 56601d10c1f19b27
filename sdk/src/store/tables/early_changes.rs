//! Changes of messages that are not here yet: they wait for them.

use super::{StoreError, Tx, table};
use crate::store::ids::{ContactId, at};
use undertone_protocol::content::MessageId;
use undertone_protocol::time::Timestamp;

table! {
    /// Changes of messages that are not here yet.
    EarlyChanges, early_changes
}

impl EarlyChanges<'_> {
    /// Keeps a change of a contact, by its encoded content. Beyond `limit` of them the contact's oldest go.
    pub fn keep(
        &self,
        contact: ContactId,
        target: &MessageId,
        content: &[u8],
        now: Timestamp,
        limit: usize,
    ) -> Result<(), StoreError> {
        self.tx.run(
            "INSERT INTO early_change (contact, target, content, received_ms) VALUES (?1, ?2, ?3, ?4)",
            (contact, target.as_bytes(), content, at(now)),
        )?;
        self.tx.run(
            "DELETE FROM early_change WHERE contact = ?1 AND id <= (
                 SELECT id FROM early_change WHERE contact = ?1 ORDER BY id DESC LIMIT 1 OFFSET ?2)",
            (contact, i64::try_from(limit).unwrap_or(i64::MAX)),
        )?;
        Ok(())
    }

    /// Takes what a contact said about a message that has come, oldest first: it is in the caller's hands now.
    pub fn take(&self, contact: ContactId, target: &MessageId) -> Result<Vec<Vec<u8>>, StoreError> {
        let contents = self.tx.all(
            "SELECT content FROM early_change WHERE target = ?2 AND contact = ?1 ORDER BY id",
            (contact, target.as_bytes()),
            |row| row.get(0),
        )?;
        if !contents.is_empty() {
            self.tx.run(
                "DELETE FROM early_change WHERE target = ?2 AND contact = ?1",
                (contact, target.as_bytes()),
            )?;
        }
        Ok(contents)
    }

    /// Forgets what came before a time. Returns how many.
    pub fn remove_before(&self, cut: Timestamp) -> Result<usize, StoreError> {
        self.tx
            .run("DELETE FROM early_change WHERE received_ms < ?1", [at(cut)])
    }
}
